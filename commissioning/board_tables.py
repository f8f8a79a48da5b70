"""Tables that rest on several facts at once: why bed days changed, the reconciliation, standardised rates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import duckdb
import polars as pl

from commissioning import cost, decomposition, projection, reconciliation, standardised
from commissioning.disclosure import Rules
from commissioning.published import Span, total

SETTLED_AFTER_DAYS = 42
"""Days after which hospitals have finished coding; the contract of admitted care says the same."""


@dataclass(frozen=True)
class Known:
    """What the run knows when its facts have been counted and its indicators controlled.

    Attributes:
        covered_to: the last day that the hospital extract covers; None without one.
        counted: indicators whose facts are on the connection.
        frames: the published cells by table name.
    """

    data_date: dt.date
    covered_to: dt.date | None
    counted: Collection[str]
    frames: Mapping[str, pl.DataFrame]
    rules: Rules

    @property
    def settled_to(self) -> dt.date:
        """First day of the first month that still fills up."""
        return (self.data_date - dt.timedelta(days=SETTLED_AFTER_DAYS)).replace(day=1)

    @property
    def year(self) -> Span:
        """The last twelve settled months."""
        return Span(self.settled_to.replace(year=self.settled_to.year - 1), self.settled_to)


def board_tables(con: duckdb.DuckDBPyConnection, known: Known) -> dict[str, tuple[pl.DataFrame, Mapping[str, str]]]:
    """By table name a frame that may be published, and what its columns mean; empty where a fact is missing."""
    changed = pl.DataFrame(schema=decomposition.schema())
    stepped = pl.DataFrame(schema=reconciliation.schema())
    bed_days = known.frames.get("emergency_bed_days")
    if known.covered_to and {"registered_people", "emergency_admissions", "emergency_bed_days"} <= set(known.counted):
        groups = decomposition.monthly_groups(con)
        changed = decomposition.changes(groups, known.settled_to, known.rules, bed_days=bed_days)
        if (ours := total(bed_days, known.year)) is not None:
            given = {"data_date": known.data_date, "covered_to": known.covered_to}
            stepped = reconciliation.reconcile(con, known.year, ours, given, known.rules)
    return {
        "bed_day_change": (changed, decomposition.COLUMNS),
        "reconciliation": (stepped, reconciliation.COLUMNS),
        **from_published(known.frames, projection.growth_of(con, known.data_date), known.data_date),
    }


def from_published(
    frames: Mapping[str, pl.DataFrame], growth: pl.DataFrame, data_date: dt.date
) -> dict[str, tuple[pl.DataFrame, Mapping[str, str]]]:
    """The tables that are made from published cells alone, so that they tell nothing more than those do.

    Args:
        frames: the published cells by table name.
        growth: of the population, of `projection.growth_of`; it is about nobody in the record.
        data_date: the newest received date.
    """
    return {
        "standardised_rate": (standardised.rates(frames), standardised.COLUMNS),
        "projection": (projection.project(frames, growth, data_date), projection.COLUMNS),
        "cost_by_frailty": (cost.costs(frames), cost.COLUMNS),
    }
