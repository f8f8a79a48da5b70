"""The sentence that says what a series shows to someone who cannot see its chart, and how a period is said."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl

from commissioning.tables import NO_DATA


def in_words(rows: pl.DataFrame, column: str, unit: str) -> str:
    """The text alternative: first and last settled figure, highest and lowest."""
    known = rows.filter(pl.col(column).is_not_null() & ~pl.col("provisional"))
    if known.is_empty():
        return "No figure is published for a settled period."
    period = known["period"][0]
    first, last = known.row(0, named=True), known.row(-1, named=True)
    high = known.sort(column, "start").row(-1, named=True)
    low = known.sort(column, "start").row(0, named=True)

    def said(row: dict[str, Any]) -> str:
        return f"{row[column]:,} {unit} in {period_name(period, row['start'])}"

    missing = [period_name(period, start) for start in rows.filter(pl.col("status") == NO_DATA)["start"]]
    gaps = f" No data for {', '.join(missing)}." if missing else ""
    return f"From {said(first)} to {said(last)}; highest {said(high)}, lowest {said(low)}.{gaps}"


def period_name(period: str, start: dt.date) -> str:
    """A period as it is said.

    >>> period_name("month", dt.date(2025, 11, 1)), period_name("quarter", dt.date(2025, 10, 1))
    ('Nov 2025', 'Oct to Dec 2025')
    >>> period_name("year", dt.date(2025, 4, 1))
    '2025/26'
    """
    if period == "month":
        return f"{start:%b %Y}"
    if period == "quarter":
        return f"{start:%b} to {start.replace(month=start.month + 2):%b %Y}"
    return f"{start.year}/{(start.year + 1) % 100:02d}"


def span(start: dt.date, end: dt.date) -> str:
    """Whole months from a first day to before another.

    >>> span(dt.date(2025, 1, 1), dt.date(2026, 1, 1))
    'Jan 2025 to Dec 2025'
    """
    return f"{start:%b %Y} to {end - dt.timedelta(days=1):%b %Y}"
