"""What follows by 2030 if people of each age go on as now: projected population × today's rates, with a band.

No forecast of services. The band joins two things: chance in today's count, and the rates of the two years before, as
if either came back. Without a population projection the numbers of people stay as they are, and each row says so.
Today's counts are published cells: the projection tells nothing more than those do.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import duckdb
import polars as pl

import sql
from commissioning.declaration import OLDER_AGES, load_indicators, table_name
from commissioning.disclosure import RULES
from commissioning.published import Span, months_before, newest_year, summed

LAST_YEAR: Final = 2030
OLDER, YOUNGER = "65 and over", "18 to 64"
COLUMNS: Final = {
    "measure": "what is projected",
    "ages": "18 to 64, or 65 and over",
    "year": "calendar year; the first is the one that the projection starts from",
    "value": "rounded to 5, from today's published counts by age; null where not shown",
    "lower": "lower end: today's count by chance, or the lower rate of the two years before",
    "upper": "upper end, likewise",
    "note": "why there is no figure, and what the population rests on",
}
WITH_PROJECTION: Final = "population projection of the board's councils, as delivered"
WITHOUT: Final = "no population projection was delivered: the numbers of people stay as they are"
NOT_SHOWN: Final = "one of the published counts that it rests on is not shown"
NO_SOURCE: Final = "no source: none was delivered, or not yet for a whole year"
GROWN_AGES: Final = {YOUNGER: (20, 65), **OLDER_AGES}
"""Ages whose growth an age band has; five-year groups begin at 20."""


@dataclass(frozen=True)
class Measure:
    """One line of the projection.

    Attributes:
        indicator: whose published cells are counted.
        where: dimensions narrowed to some values.
        ages: age groups, each a line; cut by `age_group`, whose older part is spread over the age bands as all that
            the indicator counts is. None: people of 65 and over, cut by `age_band`.
    """

    name: str
    indicator: str
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ages: tuple[str, ...] | None = None

    @property
    def table(self) -> str:
        """The published table that it is counted from."""
        return table_name(self.indicator, ("age_group" if self.ages else "age_band", *self.where))


MEASURES: Final = (
    Measure(
        "People with moderate or severe frailty recorded",
        "registered_people",
        {"frailty_band": ("Moderate", "Severe")},
    ),
    Measure("People with a recorded dementia diagnosis", "dementia_people"),
    Measure("People recorded as housebound", "housebound_people"),
    Measure("Emergency admissions in a year", "emergency_admissions"),
    Measure("Emergency bed days in a year", "emergency_bed_days"),
    *(
        Measure(f"{words}, arranged by councils", "care_packages", {"care_type": (kind,)}, (YOUNGER, OLDER))
        for words, kind in (
            ("Supported living", "Community supported living"),
            ("Extra care housing", "Extra care housing"),
            ("Shared Lives", "Shared Lives"),
            ("Long-term residential care", "Long term residential care"),
            ("Long-term nursing care", "Long term nursing care"),
        )
    ),
)


def project(frames: Mapping[str, pl.DataFrame], growth: pl.DataFrame, data_date: dt.date) -> pl.DataFrame:
    """One row a measure, age group and year, from published cells and the population projection alone.

    Args:
        frames: published cells by table name.
        growth: of `growth_of`.
        data_date: what still filled up then is not used.
    """
    rows: list[tuple[Any, ...]] = []
    counted = {i.id: i for i in load_indicators()}
    for measure in MEASURES:
        own = counted[measure.indicator]
        if measure.indicator in frames or measure.table in frames:
            settled = data_date - dt.timedelta(days=own.provisional_days)
            rows += _rows(_Counted(measure, frames, settled, snapshot=own.snapshot, measured=own.measure), growth)
    return pl.DataFrame(rows, schema=schema(), orient="row")


def schema() -> dict[str, Any]:
    """Columns and types of the table."""
    numbers = dict.fromkeys(("year", "value", "lower", "upper"), pl.Int64)
    return {c: numbers.get(c, pl.String) for c in COLUMNS}


def growth_of(con: duckdb.DuckDBPyConnection, data_date: dt.date) -> pl.DataFrame:
    """People of each age band and year as a multiple of those of the first year; about nobody in the record.

    Args:
        con: connection with `population_projection`.
        data_date: no projection known later is read.

    Returns:
        `age_band`, `year`, `growth`; empty without a projection.
    """
    given = {"data_date": data_date, "last_year": LAST_YEAR}
    counted = con.sql(sql.load("marts/population_growth"), params=given).pl()
    band: pl.Expr = pl.lit(None, pl.String)
    for name, (low, high) in GROWN_AGES.items():
        band = pl.when(pl.col("age_from").is_between(low, high, closed="left")).then(pl.lit(name)).otherwise(band)
    summed_up = counted.group_by(band.alias("age_band"), "year").agg(pl.col("population", "first_population").sum())
    return (
        summed_up.filter(pl.col("age_band").is_not_null(), pl.col("first_population") > 0)
        .select("age_band", "year", growth=pl.col("population") / pl.col("first_population"))
        .sort("age_band", "year")
    )


@dataclass(frozen=True)
class _Counted:
    """One measure's published counts, of the newest settled year and of the years before."""

    measure: Measure
    frames: Mapping[str, pl.DataFrame]
    settled: dt.date
    snapshot: bool
    measured: str

    @cached_property
    def span(self) -> Span | None:
        """The newest settled twelve months, or the period whose first day is the newest settled one."""
        frame = self.frames.get(self.measure.table)
        if frame is None or not self.snapshot:
            return newest_year(frame)
        days = frame.filter(pl.col("start") <= self.settled)["start"]
        return None if days.is_empty() else _day(days.max())  # type: ignore[arg-type]

    def by_age(self, back: int = 0) -> dict[str, int | None]:
        """Counts by the table's own ages so many years back; None where one is not shown; empty without a table."""
        frame = self.frames.get(self.measure.table)
        if frame is None or self.span is None:
            return {}
        for dimension, values in self.measure.where.items():
            frame = frame.filter(pl.col(dimension).is_in(values))
        return _totals(frame, self._shifted(back), "age_group" if self.measure.ages else "age_band", self.snapshot)

    def shares(self) -> dict[str, float]:
        """How all that the indicator counts of people of 65 and over is spread over the age bands."""
        frame = self.frames.get(table_name(self.measure.indicator, ("age_band",)))
        found = {} if frame is None else _totals(frame, self._shifted(0), "age_band", self.snapshot)
        older = {band: found.get(band) or 0 for band in OLDER_AGES}
        whole = sum(older.values())
        return {band: count / whole for band, count in older.items()} if whole else {}

    def _shifted(self, back: int) -> Span:
        assert self.span is not None
        return Span(months_before(self.span.start, 12 * back), months_before(self.span.end, 12 * back))

    def by_chance(self, now: int) -> float:
        """Two standard errors of the year's figure, as a part of it: of a count, or by how the periods of it vary."""
        if self.measured != "sum" or self.span is None:
            return 1.96 / math.sqrt(now)
        inside = pl.col("start").is_between(self.span.start, self.span.end, closed="left")
        ages = pl.col("age_band").is_in(list(OLDER_AGES))
        own = self.frames[self.measure.table].filter(inside, ages).group_by("start").agg(pl.col("published").sum())
        spread = own["published"].std()
        return 1.96 * float(spread) * math.sqrt(len(own)) / now if isinstance(spread, float) else 1.0


def _day(day: dt.date) -> Span:
    return Span(day, months_before(day, -1))


def _totals(frame: pl.DataFrame, span: Span, by: str, snapshot: bool) -> dict[str, int | None]:
    """Sums over a span, or counts of its first day, by one dimension."""
    if snapshot:
        every = pl.col("published").null_count() == 0
        found = frame.filter(start=span.start).group_by(by).agg(total=pl.when(every).then(pl.col("published").sum()))
        return dict(found.iter_rows())
    return dict(summed(frame, span, (by,)).iter_rows())


def _rows(counted: _Counted, growth: pl.DataFrame) -> list[tuple[Any, ...]]:
    measure, now = counted.measure, counted.by_age()
    note = WITHOUT if growth.is_empty() else WITH_PROJECTION
    years = [None] if growth.is_empty() else sorted(growth["year"].unique())
    rows: list[tuple[Any, ...]] = []
    for ages in measure.ages or (OLDER,):
        own = _parts(counted, ages, now)
        total = None if own is None else round(sum(own.values()))
        if own is None or not total:
            hidden = own is None and counted.span is not None
            rows.append((measure.name, ages, None, None, None, None, NOT_SHOWN if hidden else NO_SOURCE))
            continue
        low, high = _spread(counted, ages, total)
        for year in years:
            value = _grown(own, growth, year)
            rows.append((measure.name, ages, year, *(_to_five(v) for v in (value, value * low, value * high)), note))
    return rows


def _parts(counted: _Counted, ages: str, totals: Mapping[str, int | None]) -> dict[str, float] | None:
    """One age group's count by age band; None where it is not shown."""
    if counted.measure.ages is None:
        bands = [totals.get(band, 0) for band in OLDER_AGES]
        return None if None in bands or not totals else dict(zip(OLDER_AGES, map(float, bands), strict=True))  # type: ignore[arg-type]
    found = totals.get(ages, 0 if totals else None)
    if found is None:
        return None
    return {b: found * s for b, s in counted.shares().items()} if ages == OLDER and counted.shares() else {ages: found}


def _to_five(value: float) -> int:
    return math.floor(value / RULES.rounding + 0.5) * RULES.rounding


def _grown(parts: Mapping[str, float], growth: pl.DataFrame, year: int | None) -> float:
    factor = {} if year is None else dict(growth.filter(year=year).select("age_band", "growth").iter_rows())
    return sum(value * factor.get(band, 1.0) for band, value in parts.items())


def _spread(counted: _Counted, ages: str, now: int) -> tuple[float, float]:
    """Lowest and highest multiple of today: by chance, and by the years before."""
    chance = counted.by_chance(now)
    earlier = []
    for back in (1, 2):
        own = _parts(counted, ages, counted.by_age(back))
        if own and sum(own.values()):
            earlier.append(sum(own.values()) / now)
    return max(min(1 - chance, *earlier, 1.0), 0.0), max(1 + chance, *earlier, 1.0)
