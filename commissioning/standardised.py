"""Rates of places made comparable: as if each had the ages of the European Standard Population, with intervals.

Directly standardised rates of people aged 65 and over, with Tiwari's gamma interval, which holds for small counts.
Source of the weights: European Standard Population 2013 (Eurostat). Source of the interval: Fay and Feuer 1997, Tiwari
2006; known from the literature, not verified at its source.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.stats import gamma

from commissioning.decomposition import Span
from commissioning.disclosure import RULES, Rules

STANDARD = Path(__file__).parent / "european_standard_population.csv"
PER: Final = 1000
FEWEST: Final = 10
"""Events that a standardised rate needs; an area with fewer is not shown."""
INDICATORS: Final = ("emergency_admissions", "ed_attendances", "sensitive_admissions", "fall_admissions")
AREAS: Final = ("place", "pcn", "deprivation")
COLUMNS: Final = {
    "indicator": "id of the indicator",
    "dimension": "place, pcn or deprivation",
    "area": "which one; All is the whole board",
    "start": "first day of the twelve months",
    "end": "first day after them",
    "rate": "per 1,000 people aged 65 and over and year, standardised for age; null where not shown",
    "lower": "lower end of the 95 % interval",
    "upper": "upper end of the 95 % interval",
    "compared": "higher or lower than the whole board where its rate lies outside the interval, else similar",
}


def direct_rate(
    events: npt.NDArray[np.float64], person_years: npt.NDArray[np.float64], weight: npt.NDArray[np.float64]
) -> tuple[float, float, float]:
    """The standardised rate with its 95 % interval, per person-year; all arrays by age.

    Ages without anyone take their weight out. NaN where nobody is there.

    >>> low, high = direct_rate(np.array([50.0]), np.array([1000.0]), np.array([1.0]))[1:]
    >>> round(low, 4), round(high, 4)
    (0.0371, 0.0659)
    """
    there = person_years > 0
    if not there.any():
        return float("nan"), float("nan"), float("nan")
    share = weight[there] / weight[there].sum()
    factor = share / person_years[there]
    rate = float((factor * events[there]).sum())
    variance = float((factor**2 * events[there]).sum())
    most = float(factor.max())
    lower = float(gamma.ppf(0.025, rate**2 / variance, scale=variance / rate)) if rate > 0 else 0.0
    top, spread = rate + most, variance + most**2
    upper = float(gamma.ppf(0.975, top**2 / spread, scale=spread / top))
    return rate, lower, upper


def rates(con: duckdb.DuckDBPyConnection, span: Span, rules: Rules = RULES) -> pl.DataFrame:
    """One row an indicator, area and twelve months, from the facts on the connection, ready to be published.

    An area with few events is not shown, and never one alone: the next smallest goes with it.
    """
    frames = [_rows(_by_age(con, i, d, span), (i, d), span, rules) for i in INDICATORS for d in AREAS]
    return pl.concat([pl.DataFrame(schema=schema()), *frames])


def schema() -> dict[str, Any]:
    """Columns and types of the table."""
    kinds: dict[str, Any] = {"start": pl.Date, "end": pl.Date, **dict.fromkeys(("rate", "lower", "upper"), pl.Float64)}
    return {c: kinds.get(c, pl.String) for c in COLUMNS}


def _rows(cells: pl.DataFrame, named: tuple[str, str], span: Span, rules: Rules) -> pl.DataFrame:
    standard = pl.read_csv(STANDARD).select("age_from", "weight")
    found = {}
    for area in ["All", *sorted(cells["area"].unique())]:
        own = cells if area == "All" else cells.filter(area=area)
        summed = own.group_by("age_from").agg(pl.col("events", "person_months").sum())
        found[area] = _one(standard.join(summed, on="age_from", how="left").fill_null(0), rules)
    hidden = _hidden({area: count for area, (count, _) in found.items() if area != "All"}, found["All"][0])
    board = found["All"][1][0]
    rows: list[tuple[Any, ...]] = []
    for area, (_, (rate, low, high)) in found.items():
        said = None if area == "All" else "lower" if high < board else "higher" if low > board else "similar"
        shown = (None,) * 4 if area in hidden else (rate, low, high, said)
        rows.append((*named, area, span.start, span.end, *shown))
    return pl.DataFrame(rows, schema=schema(), orient="row")


def _one(by_age: pl.DataFrame, rules: Rules) -> tuple[int, tuple[float, float, float]]:
    """Events, and rate with interval per 1,000 person-years, as coarse as a count that is rounded."""
    events = by_age["events"].to_numpy().astype(np.float64)
    years = by_age["person_months"].to_numpy() / 12
    rate, low, high = direct_rate(events, years, by_age["weight"].to_numpy().astype(np.float64))
    if not years.sum():
        return 0, (rate, low, high)
    step = rules.rounding * PER / float(years.sum())
    coarse = [round(round(PER * m / step) * step, 1) for m in (rate, low, high)]
    return int(events.sum()), (coarse[0], coarse[1], coarse[2])


def _hidden(counts: dict[str, int], board: int) -> set[str]:
    if board < FEWEST:
        return {"All", *counts}
    few = {area for area, count in counts.items() if count < FEWEST}
    if len(few) == 1 and len(counts) > 1:
        few.add(min((count, area) for area, count in counts.items() if area not in few)[1])
    return few


def _by_age(con: duckdb.DuckDBPyConnection, indicator: str, dimension: str, span: Span) -> pl.DataFrame:
    """Events and person-months by area and five-year age from 65; 90 and over is one."""
    counted = []
    for table, column in ((indicator, "events"), ("registered_people", "person_months")):
        counted.append(
            con.sql(
                f"""
                select {dimension} as area, age, cast(sum(value) as bigint) as {column}
                from mart_fact_{table}
                where month_start >= $start and month_start < $end and age >= 65
                group by {dimension}, age
                """,
                params={"start": span.start, "end": span.end},
            ).pl()
        )
    age_from = (pl.col("age") // 5 * 5).clip(upper_bound=90).cast(pl.Int64)
    return (
        pl.concat(counted, how="diagonal")
        .group_by("area", age_from=age_from)
        .agg(pl.col("events", "person_months").sum())
        .sort("area", "age_from")
    )
