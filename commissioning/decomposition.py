"""Why bed days changed between two periods: an exact split into parts that add up to the whole. It claims no cause.

Bed days = people × share with each frailty band × admissions per person × midnights per admission, summed over groups
of age and sex. Each factor's part is its Shapley value: the mean change it makes over all orders in which the factors
could have moved from the first period to the second. The parts add up exactly, and no order is preferred.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import duckdb
import numpy as np
import numpy.typing as npt
import polars as pl

import sql
from commissioning.disclosure import RULES, Rules
from commissioning.published import Span, months_before, total

Array = npt.NDArray[np.float64]
FACTORS: Final = ("population", "frailty", "admissions", "midnights")
PARTS: Final[Mapping[str, str]] = {
    "population": "How many people there are, and their age and sex",
    "frailty": "Share of people with recorded frailty, at each age",
    "admissions": "Emergency admissions per person, at each age and frailty",
    "midnights_before_ready": "Midnights per admission, before the person was ready to leave",
    "midnights_after_ready": "Midnights per admission, after the person was ready to leave",
    "recording": "Recording: stays whose end is not recorded, and stays that fit no group in one of the periods",
}
COLUMNS: Final = {
    "comparison": "the two periods compared",
    "first_start": "first day of the first period",
    "first_end": "first day after the first period",
    "second_start": "first day of the second period",
    "second_end": "first day after the second period",
    "first_value": "midnights in the first period: the sum of the published figures",
    "second_value": "midnights in the second period, likewise",
    "part": "what changed",
    "meaning": "the part in words",
    "place": "order of the parts",
    "value": "midnights more or fewer through this part, rounded to 5; the parts add up to the difference",
}


@dataclass(frozen=True)
class Period:
    """One period by groups; all arrays have the shape (groups of age and sex, frailty bands).

    Attributes:
        people: person-months.
        admissions: emergency admissions.
        before_ready, after_ready: midnights of stays with a known end, before and after the discharge-ready date.
        other: midnights of stays without a known end.
    """

    people: Array
    admissions: Array
    before_ready: Array
    after_ready: Array
    other: float

    @property
    def total(self) -> float:
        """All midnights."""
        return float(self.before_ready.sum() + self.after_ready.sum()) + self.other


def decompose(first: Period, second: Period) -> dict[str, float]:
    """The change in midnights from the first period to the second, by `PARTS`; the values add up to it exactly.

    >>> one = np.ones((1, 1))
    >>> a = Period(10 * one, 5 * one, 20 * one, 5 * one, 0)
    >>> b = Period(20 * one, 10 * one, 40 * one, 10 * one, 0)
    >>> round(decompose(a, b)["population"], 6), round(decompose(a, b)["admissions"], 6)
    (25.0, 0.0)
    """
    usable = np.logical_and.reduce([p > 0 for x in (first, second) for p in (x.people, x.admissions)])
    one, two = _factors(first, usable), _factors(second, usable)
    parts = dict.fromkeys(PARTS, 0.0)
    for name in FACTORS:
        others = [f for f in FACTORS if f != name]
        for size in range(len(others) + 1):
            weight = math.factorial(size) * math.factorial(len(others) - size) / math.factorial(len(FACTORS))
            for moved in combinations(others, size):
                rest = [(two if f in moved else one)[f] for f in others]
                if name == "midnights":
                    for half in ("before_ready", "after_ready"):
                        parts[f"midnights_{half}"] += weight * _product([*rest, two[half] - one[half]])
                else:
                    parts[name] += weight * (_product([*rest, two[name]]) - _product([*rest, one[name]]))
    parts["recording"] = (second.other + _unplaced(second, usable)) - (first.other + _unplaced(first, usable))
    return parts


def _factors(period: Period, usable: npt.NDArray[np.bool_]) -> dict[str, Array]:
    people = period.people.sum(axis=1, keepdims=True)

    def ratio(top: Array, bottom: Array) -> Array:
        return np.divide(top, bottom, out=np.zeros(usable.shape), where=usable & (bottom > 0))

    before, after = (ratio(part, period.admissions) for part in (period.before_ready, period.after_ready))
    return {
        "population": np.broadcast_to(people, usable.shape),
        "frailty": ratio(period.people, np.broadcast_to(people, usable.shape)),
        "admissions": ratio(period.admissions, period.people),
        "midnights": before + after,
        "before_ready": before,
        "after_ready": after,
    }


def _product(factors: Sequence[Array]) -> float:
    return float(np.prod(np.stack(factors), axis=0).sum())


def _unplaced(period: Period, usable: npt.NDArray[np.bool_]) -> float:
    return float((period.before_ready + period.after_ready)[~usable].sum())


def whole_parts(parts: Mapping[str, float], total: int, step: int) -> dict[str, int]:
    """The parts as multiples of `step` that add up to `total`: rounded down, the largest remainders rounded up.

    >>> whole_parts({"a": 3.4, "b": 3.4, "c": 3.2}, 10, 5)
    {'a': 5, 'b': 5, 'c': 0}
    """
    scaled = {name: value / step for name, value in parts.items()}
    floor = {name: math.floor(value) for name, value in scaled.items()}
    missing = total // step - sum(floor.values())
    order = sorted(scaled, key=lambda name: (floor[name] - scaled[name], name))
    for at in range(abs(missing)):
        floor[order[at % len(order)] if missing > 0 else order[-1 - at % len(order)]] += 1 if missing > 0 else -1
    return {name: value * step for name, value in floor.items()}


def comparisons(settled_to: dt.date, begins: dt.date) -> list[tuple[str, Span, Span]]:
    """The pairs of periods that are published: months before `settled_to`, none before `begins`.

    The last twelve months and the twelve before; the last whole quarter and the same of the year before; each whole
    financial year and the one before.
    """
    found = [("Last twelve settled months and the twelve before", Span(months_before(settled_to, 12), settled_to))]
    quarter = months_before(settled_to, (settled_to.month - 1) % 3)
    found.append(("Last settled quarter and the same quarter a year before", Span(months_before(quarter, 3), quarter)))
    year = months_before(settled_to, (settled_to.month - 4) % 12)
    while months_before(year, 24) >= begins:
        name = f"Financial year {months_before(year, 12).year}/{year.year % 100:02d} and the one before"
        found.append((name, Span(months_before(year, 12), year)))
        year = months_before(year, 12)
    pairs = [(name, Span(months_before(s.start, 12), months_before(s.end, 12)), s) for name, s in found]
    return [(name, first, second) for name, first, second in pairs if first.start >= begins]


def monthly_groups(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Counts by month and group, before disclosure control, from the facts on the connection."""
    return con.sql(sql.load("marts/bed_day_group")).pl()


def period_of(groups: pl.DataFrame, span: Span) -> Period:
    """The groups summed over a span."""
    frame = groups.filter(pl.col("month_start").is_between(span.start, span.end, closed="left"))
    names = sorted(groups["age_sex"].unique())
    bands = sorted(groups["frailty_band"].unique())

    def grid(column: str) -> Array:
        array = np.zeros((len(names), len(bands)))
        summed = frame.group_by("age_sex", "frailty_band").agg(pl.col(column).sum())
        for name, band, value in summed.iter_rows():
            array[names.index(name), bands.index(band)] = value
        return array

    nights, after, ended = grid("nights"), grid("after_ready_nights"), grid("ended_nights")
    return Period(grid("people"), grid("admissions"), ended - after, after, float((nights - ended).sum()))


def changes(
    groups: pl.DataFrame, settled_to: dt.date, rules: Rules = RULES, *, bed_days: pl.DataFrame | None
) -> pl.DataFrame:
    """One row a comparison and part, ready to be published: all of the whole board, none of few people.

    The two figures compared are sums of published ones; only how the difference is parted is counted anew.

    Args:
        groups: of `monthly_groups`.
        settled_to: first day of the first month that is not settled.
        rules: of disclosure control.
        bed_days: the published bed days of the whole board; a period that holds one not shown is not compared.
    """
    rows: list[tuple[object, ...]] = []
    held = groups.filter(pl.col("nights") > 0)["month_start"]
    begins = held.min() if len(held) else None
    pairs = comparisons(settled_to, months_before(begins, -1)) if isinstance(begins, dt.date) else []
    for name, first, second in pairs:
        one, two = period_of(groups, first), period_of(groups, second)
        first_value, second_value = total(bed_days, first), total(bed_days, second)
        few = min(one.admissions.sum(), two.admissions.sum()) < FEW_ADMISSIONS * rules.smallest
        if first_value is None or second_value is None or few:
            continue
        shown = whole_parts(decompose(one, two), second_value - first_value, rules.rounding)
        spans = (first.start, first.end, second.start, second.end)
        rows += [
            (name, *spans, first_value, second_value, part, PARTS[part], place, shown[part])
            for place, part in enumerate(PARTS, start=1)
        ]
    return pl.DataFrame(rows, schema=schema(), orient="row")


def schema() -> dict[str, Any]:
    """Columns and types of the table."""
    kinds: dict[str, Any] = {c: pl.Date for c in COLUMNS if c.endswith(("_start", "_end"))}
    kinds |= dict.fromkeys(("first_value", "second_value", "place", "value"), pl.Int64)
    return {c: kinds.get(c, pl.String) for c in COLUMNS}


FEW_ADMISSIONS: Final = 10
"""Admissions for each person that the rule of few people takes for granted: stricter than need be."""
