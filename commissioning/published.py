"""Sums of published figures: whatever is made from them tells an attacker nothing that the tables do not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import polars as pl

from commissioning.declaration import A_YEAR

MONTHS_IN: Final = {period: 12 // times for period, times in A_YEAR.items()}


@dataclass(frozen=True)
class Span:
    """Whole months, from `start` to before `end`."""

    start: dt.date
    end: dt.date

    @property
    def months(self) -> int:
        """How many."""
        return (self.end.year - self.start.year) * 12 + self.end.month - self.start.month


def months_before(day: dt.date, months: int) -> dt.date:
    """The first of a month so many months earlier."""
    total = day.year * 12 + day.month - 1 - months
    return dt.date(total // 12, total % 12 + 1, 1)


def newest_year(frame: pl.DataFrame | None) -> Span | None:
    """The newest twelve settled months that the periods of a published table make up; None without them."""
    if frame is None or frame.filter(~pl.col("provisional")).is_empty():
        return None
    last = frame.filter(~pl.col("provisional"))
    end = months_before(last["start"].max(), -MONTHS_IN[last["period"][0]])  # type: ignore[arg-type]
    start = months_before(end, 12)
    return Span(start, end) if start in last["start"] else None


def summed(frame: pl.DataFrame, span: Span, by: Collection[str] = ()) -> pl.DataFrame:
    """Sums over a span, by some of the table's dimensions; the others must have been narrowed to one value.

    Returns:
        One row a combination, in order: the dimensions, and `total`: null where one of the figures is not shown, or
        where the table's periods do not make up the span.
    """
    inside = frame.filter(pl.col("start").is_between(span.start, span.end, closed="left"))
    months = MONTHS_IN[frame["period"][0]] if len(frame) else 1
    whole = span.start in inside["start"] and span.months % months == 0
    every = pl.col("published").count() == (span.months // months if whole else -1)
    added = pl.when(every).then(pl.col("published").sum()).alias("total")
    return inside.group_by(*by).agg(added).sort(*by) if by else inside.select(added)


def total(frame: pl.DataFrame | None, span: Span) -> int | None:
    """The sum of a series over a span; None as `summed` says, or without a table."""
    if frame is None or frame.is_empty():
        return None
    found: int | None = summed(frame, span)["total"][0]
    return found


def averaged(frame: pl.DataFrame, span: Span, by: Collection[str]) -> pl.DataFrame:
    """Means of counts on the first days of a span's periods.

    Returns:
        One row a combination, in order: the dimensions, and `mean`, null where one of the counts is not shown.
    """
    inside = frame.filter(pl.col("start").is_between(span.start, span.end, closed="left"))
    every = pl.col("published").null_count() == 0
    return inside.group_by(*by).agg(mean=pl.when(every).then(pl.col("published").mean())).sort(*by)
