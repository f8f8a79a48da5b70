"""Published tables: rates from published figures, the order of rows, the meaning of columns, and the files."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from commissioning.control_chart import POINT_COLUMNS, SUMMARY_COLUMNS, Charted
from commissioning.declaration import A_YEAR, DIMENSIONS, ORDER, PERSON_DIMENSIONS, Cut, Indicator, Period
from commissioning.disclosure import ALL, PUBLISHED, SUPPRESSED

EXAMPLE_QUERIES = Path(__file__).parent / "example_query.yaml"
CATALOGUE = "catalogue.json"
NO_DATA = "no data"
SMALLEST_WHOLE = 50
"""A share of fewer than this is not said: rounding to 5 would move it by more than five points either way."""


PLAIN_TABLES: Mapping[str, str] = {
    "indicator": "One row an indicator: how it is defined.",
    "table_note": "One row a published table: what disclosure control did, and what may not be used.",
    "control_chart": "One row a period, charted indicator and Place: limits, and the rules that the point shows.",
    "signal": "One row a charted indicator and Place: whether its series changed by more than chance, in words.",
    "bed_day_change": "One row a comparison of two periods and part: why bed days changed; no cause is claimed.",
    "reconciliation": "One row a period and step: from the raw hospital total to our midnight emergency bed days.",
    "standardised_rate": "One row an indicator and area: age-standardised rate of the newest settled financial year.",
    "projection": "One row a measure, age group and year to 2030: what follows if today's rates go on.",
    "cost_by_frailty": "One row a frailty band and indicator: activity at unit cost, spend, cash; never added.",
    "example_query": "One row a question that the warehouse answers, with its SQL.",
    "restatement": "One row a figure that the release before showed otherwise: late deliveries restate it.",
}
"""Published tables that are no indicator's, each with what it is."""


@dataclass(frozen=True)
class MartTable:
    """One published table: its file, what one row is, what its columns mean, and what control did to it.

    Attributes:
        period: the period it is published by; null when even the coarsest would have been mostly suppressed.
        cells: how many cells it has; `suppressed` of them are not shown.
        not_allowed: sources behind it that may not be used for commissioning; it is then empty.
    """

    name: str
    indicator: str
    path: Path
    description: str
    columns: Mapping[str, str]
    period: Period | None
    cells: int
    suppressed: int
    not_allowed: tuple[str, ...] = ()

    @property
    def why(self) -> str:
        """What was suppressed, how much and why, or why there is nothing."""
        if self.not_allowed:
            named = ", ".join(self.not_allowed)
            return f"not allowed for this purpose: no agreement lets {named} be used for commissioning"
        if self.period is None:
            return "not published: even by year most of it would be suppressed"
        if not self.cells:
            return "no source: nothing that it counts has been delivered"
        return (
            f"by {self.period}; {self.suppressed:,} of {self.cells:,} cells are not shown: fewer than 8 people, one "
            "person with most of a sum, or to protect such a cell"
        )


@dataclass(frozen=True)
class MartReport:
    """What was built.

    Attributes:
        removed: people taken out by opt-out or sensitive flag, rounded; null when 1 to 7.
        covered_to: the last day that the hospital extract covers.
        open_nights: midnights of stays without a discharge, rounded; null when of 1 to 7 people.
    """

    data_date: dt.date
    tables: tuple[MartTable, ...]
    removed: int | None
    covered_to: dt.date | None
    open_nights: int | None
    folder: Path

    def table(self, name: str) -> MartTable:
        """The table of that name; raises `KeyError` when there is none."""
        return {t.name: t for t in self.tables}[name]


def with_rates(indicator: Indicator, cut: Cut, frames: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Adds a rate or a share, both from published figures only: they tell nothing more than those do."""
    name = indicator.table(cut)
    if name not in frames:
        return _empty(indicator, cut)
    frame = frames[name]
    if indicator.denominator:
        # What is no trait of a person (length of stay, source of referral) is divided by all people.
        shared = tuple(d for d in cut.by if d in PERSON_DIMENSIONS)
        people = frames.get(indicator.whole(indicator.denominator, shared))
        if people is None:
            frame = frame.with_columns(population=pl.lit(None, pl.Int64))
        else:
            known = indicator.cells_among(people).select("start", *shared, population="published")
            frame = frame.join(known, on=["start", *shared], how="left", maintain_order="left")
        times = pl.col("period").replace_strict(A_YEAR, return_dtype=pl.Int64) if indicator.per_year else 1
        rate = pl.col("published") * times * indicator.rate_per / pl.col("population")
        frame = frame.with_columns(rate=pl.when(pl.col("population") > 0).then(rate.round(1)))
    if indicator.share_of:
        others = [d for d in cut.by if d != indicator.share_of]
        whole = frame.filter(pl.col(indicator.share_of) == ALL).select("start", *others, whole="published")
        part = (pl.col("published") * 100 / pl.col("whole")).round(0).clip(upper_bound=100).cast(pl.Int64)
        frame = (
            frame.join(whole, on=["start", *others], how="left", maintain_order="left")
            .with_columns(share_percent=pl.when(pl.col("whole") >= SMALLEST_WHOLE).then(part))
            .drop("whole")
        )
    return _in_order(frame.rename({"published": "value"}), cut).select(list(_columns(indicator, cut)))


def _empty(indicator: Indicator, cut: Cut) -> pl.DataFrame:
    kinds: dict[str, Any] = {"start": pl.Date, "provisional": pl.Boolean}
    kinds |= dict.fromkeys(("value", "population", "share_percent"), pl.Int64) | {"rate": pl.Float64}
    return pl.DataFrame(schema={c: kinds.get(c, pl.String) for c in _columns(indicator, cut)})


def _in_order(frame: pl.DataFrame, cut: Cut) -> pl.DataFrame:
    """By period, then by each dimension in reading order, `All` first."""
    by = []
    for dimension in cut.by:
        order = {v: i for i, v in enumerate(ORDER.get(dimension, (ALL,)))}
        by += [pl.col(dimension).replace_strict(order, default=len(order), return_dtype=pl.Int64), pl.col(dimension)]
    return frame.sort("start", *by)


def _columns(indicator: Indicator, cut: Cut) -> dict[str, str]:
    """Columns of a published table in order, each with its meaning."""
    columns = {"period": "month, quarter or financial year", "start": "first day of the period"}
    columns |= {d: DIMENSIONS[d] for d in cut.by}
    columns["value"] = f"{indicator.unit}, rounded to 5; null where suppressed or missing (see status)"
    if indicator.denominator:
        columns["population"] = f"{indicator.rate_of} at the start of the period, rounded to 5"
        columns["rate"] = f"value {indicator.rate_words} of population, from the rounded figures"
    if indicator.share_of:
        columns["share_percent"] = (
            f"part of all, in per cent, from the rounded figures; null where all are fewer than {SMALLEST_WHOLE}"
        )
    columns["status"] = (
        f"{PUBLISHED}; {SUPPRESSED}: too few people, or it would give away another cell; {NO_DATA}: nothing came"
    )
    columns["provisional"] = "the period is not over, or is still filling up"
    return columns


def write_table(
    out: Path,
    indicator: Indicator,
    cut: Cut,
    frame: pl.DataFrame,
    *,
    period: Period | None,
    not_allowed: tuple[str, ...] = (),
) -> MartTable:
    """Writes one cut and returns what it is."""
    name = indicator.table(cut)
    path = out / f"{name}.parquet"
    to_parquet(frame, path)
    return MartTable(
        name=name,
        indicator=indicator.id,
        path=path,
        description=f"{indicator.name} {cut.words}. {indicator.definition}",
        columns=_columns(indicator, cut),
        period=period,
        cells=len(frame),
        suppressed=len(frame.filter(pl.col("status") == SUPPRESSED)),
        not_allowed=not_allowed,
    )


def write_definitions(out: Path, indicators: tuple[Indicator, ...]) -> MartTable:
    """`indicator.parquet`: one row an indicator, its definition in full."""
    columns = {
        "indicator": "id; its tables begin with it",
        "name": "as it is said",
        "numerator": "what is counted",
        "denominator": "the indicator it is divided by, if any",
        "definition": "the rule",
        "source": "where it comes from",
        "unit": "of value",
        "direction": "what a change means",
        "caveat": "what to keep in mind",
        "provisional_days": "days after a period in which it still fills up",
    }
    rows = [{"indicator": i.id, **{c: getattr(i, c) for c in list(columns)[1:]}} for i in indicators]
    frame = pl.DataFrame(rows, schema_overrides={"denominator": pl.String}).select(list(columns))
    return write_plain(out, "indicator", frame, columns)


def write_example_queries(out: Path) -> MartTable:
    """`example_query.parquet`, from `example_query.yaml`."""
    columns = {"name": "short name", "question": "in words", "sql": "the SQL that answers it"}
    rows = yaml.safe_load(EXAMPLE_QUERIES.read_text(encoding="utf-8"))
    return write_plain(out, "example_query", pl.DataFrame(rows).select(list(columns)), columns)


def write_notes(out: Path, tables: list[MartTable]) -> MartTable:
    """`table_note.parquet`: one row a table, what was suppressed and why."""
    columns = {
        "table_name": "published table",
        "indicator": "its indicator",
        "period": "the period it is published by; null: not published, even years would be mostly suppressed",
        "cells": "how many cells it has, margins included",
        "suppressed": "how many are not shown",
        "note": "why they are not shown, or why the table is empty",
    }
    rows = [(t.name, t.indicator, t.period, t.cells, t.suppressed, t.why) for t in tables]
    kinds = {"period": pl.String, "cells": pl.Int64, "suppressed": pl.Int64}
    frame = pl.DataFrame(rows, schema={c: kinds.get(c, pl.String) for c in columns}, orient="row")
    return write_plain(out, "table_note", frame, columns)


def write_charts(out: Path, charts: list[Charted]) -> list[MartTable]:
    """`control_chart.parquet` (one row a point) and `signal.parquet` (one row a series)."""
    kinds: dict[str, Any] = {"start": pl.Date, "newest": pl.Date, "board": pl.Boolean, "season": pl.Boolean}
    kinds |= dict.fromkeys(("centre", "lower", "upper"), pl.Float64) | {"points": pl.Int64}
    written = []
    for name, columns, frames in (
        ("control_chart", POINT_COLUMNS, [c.points for c in charts]),
        ("signal", SUMMARY_COLUMNS, [c.summary for c in charts]),
    ):
        empty = pl.DataFrame(schema={c: kinds.get(c, pl.String) for c in columns})
        frame = pl.concat([empty, *frames], how="vertical_relaxed") if frames else empty
        written.append(write_plain(out, name, frame, columns))
    return written


def write_restated(
    out: Path, changed: list[tuple[str, str, tuple[Any, ...], int, int]], *, with_earlier: bool
) -> MartTable:
    """`restatement.parquet`; empty in the first release."""
    columns = {
        "indicator": "id of the indicator",
        "table_name": "published table",
        "period": "month, quarter or year; day where people are counted on one",
        "start": "first day of the period",
        "cell": "which cell of the table; empty for the whole",
        "before": "the figure in the release before",
        "now": "the figure in this release",
    }
    rows = [
        (indicator, name, key[0], key[1], ", ".join(str(v) for _, v in key[2:]), before, now)
        for indicator, name, key, before, now in changed
        if with_earlier
    ]
    kinds = {"start": pl.Date, "before": pl.Int64, "now": pl.Int64}
    frame = pl.DataFrame(rows, schema={c: kinds.get(c, pl.String) for c in columns}, orient="row")
    return write_plain(out, "restatement", frame.sort("indicator", "table_name", "start", "cell"), columns)


def write_plain(out: Path, name: str, frame: pl.DataFrame, columns: Mapping[str, str]) -> MartTable:
    """Writes one of `PLAIN_TABLES`."""
    path = out / f"{name}.parquet"
    to_parquet(frame, path)
    return MartTable(name, "", path, PLAIN_TABLES[name], columns, None, len(frame), 0)


def write_catalogue(out: Path, report: MartReport) -> None:
    """`catalogue.json`: everything about the tables except their rows, so that a folder explains itself."""
    said = {
        "data_date": report.data_date,
        "removed": report.removed,
        "covered_to": report.covered_to,
        "open_nights": report.open_nights,
        "tables": [{**vars(t), "path": t.path.name, "columns": dict(t.columns)} for t in report.tables],
    }
    (out / CATALOGUE).write_text(json.dumps(said, indent=1, default=str) + "\n", encoding="utf-8")


def read_catalogue(folder: Path) -> MartReport:
    """The report that `build_marts` returned, from the folder it wrote."""
    said: dict[str, Any] = json.loads((folder / CATALOGUE).read_text(encoding="utf-8"))
    covered_to = said["covered_to"]
    return MartReport(
        data_date=dt.date.fromisoformat(said["data_date"]),
        tables=tuple(
            MartTable(**{**t, "path": folder / t["path"], "not_allowed": tuple(t["not_allowed"])})
            for t in said["tables"]
        ),
        removed=said["removed"],
        covered_to=dt.date.fromisoformat(covered_to) if covered_to else None,
        open_nights=said["open_nights"],
        folder=folder,
    )


def to_parquet(frame: pl.DataFrame, path: Path) -> None:
    """Writes a table to a temporary name, then renames it."""
    partial = path.with_suffix(".partial")
    frame.write_parquet(partial, compression="zstd")
    partial.replace(path)
