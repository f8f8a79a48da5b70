"""Tables that rest on several facts at once: why bed days changed, the reconciliation, standardised rates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

import duckdb
import polars as pl

from commissioning import cost, decomposition, projection, reconciliation, standardised
from commissioning.decomposition import Span
from commissioning.disclosure import SUPPRESSED, Rules

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

    @cached_property
    def hidden(self) -> list[dt.date]:
        """First days of the periods whose bed days are not published: a total that held one would give it away."""
        whole = self.frames.get("emergency_bed_days")
        return [] if whole is None else whole.filter(pl.col("status") == SUPPRESSED)["start"].to_list()


def board_tables(con: duckdb.DuckDBPyConnection, known: Known) -> dict[str, tuple[pl.DataFrame, Mapping[str, str]]]:
    """By table name a frame that may be published, and what its columns mean; empty where a fact is missing."""
    there = set(known.counted)
    changed = pl.DataFrame(schema=decomposition.schema())
    stepped = pl.DataFrame(schema=reconciliation.schema())
    standard = pl.DataFrame(schema=standardised.schema())
    if known.covered_to and {"registered_people", "emergency_admissions", "emergency_bed_days"} <= there:
        groups = decomposition.monthly_groups(con)
        changed = decomposition.changes(groups, known.settled_to, known.rules, hidden=known.hidden)
        if not any(known.year.start <= day < known.year.end for day in known.hidden):
            given = {"data_date": known.data_date, "covered_to": known.covered_to}
            stepped = reconciliation.reconcile(con, known.year, given, known.rules)
    if known.covered_to and {"registered_people", *standardised.INDICATORS} <= there:
        standard = standardised.rates(con, known.year, known.rules)
    ahead = pl.DataFrame(schema=projection.schema())
    if known.covered_to:
        ahead = projection.project(con, known.settled_to, known.data_date, counted=known.counted, rules=known.rules)
    return {
        "bed_day_change": (changed, decomposition.COLUMNS),
        "reconciliation": (stepped, reconciliation.COLUMNS),
        "standardised_rate": (standard, standardised.COLUMNS),
        "projection": (ahead, projection.COLUMNS),
        "cost_by_frailty": (cost.costs(known.frames), cost.COLUMNS),
    }
