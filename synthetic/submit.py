"""Monthly resubmission: which version of a fact each monthly return carries, and from when it can be known.

CSDS and MHSDS are sent for a calendar month three weeks after it ends and refreshed a month later; an open referral is
sent again every month. The history keeps the months in which something changed; deliveries after it send them all.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import polars as pl

from synthetic import rng
from synthetic.life import Life
from synthetic.rng import F64, I64

PRIMARY_DAYS, REFRESH_DAYS = 21, 53  # after the end of the month; judged from the submission calendar
SHOWN_FIRST_IN_REFRESH = 0.03


@dataclass(frozen=True)
class Submitted:
    """Versions: ``row`` points to the fact, ``end_day`` is the last day of the month told, ``known`` when it counts."""

    row: I64
    start_day: I64
    end_day: I64
    known: I64
    submission: I64

    def columns(self, life: Life) -> dict[str, object]:
        """The columns that every submitted table has."""
        return {
            "effective_from": life.date(self.known),
            "submission_id": self.submission,
            "period_start": life.date(self.start_day),
            "period_end": life.date(self.end_day),
        }


def month_of(life: Life, day: I64) -> I64:
    """Calendar month of each day, counted from January 1970."""
    first = np.datetime64(life.first_day)
    return (first + day.astype("timedelta64[D]")).astype("datetime64[M]").astype(np.int64)


def month_start(life: Life, month: I64) -> I64:
    """First day of each calendar month, from the first day of the world."""
    return (month.astype("datetime64[M]").astype("datetime64[D]") - np.datetime64(life.first_day)).astype(np.int64)


def versions(life: Life, person: I64, opened: I64, closed: I64, word: str) -> Submitted:
    """Which months tell of facts that are open from ``opened`` to ``closed`` (equal for a point in time).

    Args:
        life: the lives.
        person: whose fact.
        opened: day; ``closed`` may lie beyond the span.
        closed: last day on which the fact still changes.
        word: source, so that late rows are drawn apart.
    """
    first, last = month_of(life, opened), month_of(life, np.minimum(closed, life.world.days - 1))
    count = np.maximum(last - first, 0) + 1
    row = np.repeat(np.arange(len(person)), count)
    month = first[row] + np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    start, end = month_start(life, month), month_start(life, month + 1) - 1
    u: F64 = rng.uniform(life.key(person), "submitted " + word, opened)[row]
    late = (u < SHOWN_FIRST_IN_REFRESH) & (month == first[row])
    changed = (u > 0.90) & (month == first[row])
    edge = (month == first[row]) | (month == last[row])
    primary = ~late & (edge | (end + PRIMARY_DAYS > life.history))
    refresh = late | changed | (end + REFRESH_DAYS > life.history)
    parts = []
    for mask, lag, kind in ((primary, PRIMARY_DAYS, 1), (refresh, REFRESH_DAYS, 2)):
        known = end[mask] + lag
        keep = known <= life.world.days
        parts.append((row[mask][keep], start[mask][keep], end[mask][keep], known[keep], month[mask][keep] * 10 + kind))
    merged = [np.concatenate(c) for c in zip(*parts, strict=True)]
    order = np.lexsort((merged[3], merged[0]))
    return Submitted(*(c[order] for c in merged))


def seen_by(day: I64, version: Submitted, far: int) -> I64:
    """A closing day as a version tells it: ``far`` while it lies after the month told."""
    closing = day[version.row]
    return np.where(closing <= version.end_day, closing, far)


def quarter_ends(first: dt.date, last: dt.date) -> list[dt.date]:
    """Ends of calendar quarters between two dates."""
    months = pl.date_range(first.replace(day=1), last, "1mo", eager=True)
    ends = months.dt.month_end()
    return [d for d in ends.to_list() if d.month % 3 == 0 and d <= last]
