"""Rates of places made comparable: as if each had the ages of the European Standard Population, with intervals.

Directly standardised rates of people aged 65 and over (65 to 74, 75 to 84, 85 and over), with Tiwari's gamma interval,
which holds for small counts. They are made from published cells alone: nobody learns more from them than from those.
Source of the weights: European Standard Population 2013 (Eurostat). Source of the interval: Fay and Feuer 1997, Tiwari
2006; known from the literature, not verified at its source.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.stats import gamma

from commissioning.declaration import OLDER_AGES, table_name
from commissioning.disclosure import ALL
from commissioning.published import averaged, newest_year, summed

STANDARD = Path(__file__).parent / "european_standard_population.csv"
PER: Final = 1000
FEWEST: Final = 10
"""Events that a standardised rate needs; an area with fewer is not shown."""
INDICATORS: Final = ("emergency_admissions", "ed_attendances", "sensitive_admissions", "fall_admissions")
PEOPLE: Final = "registered_people"
AREAS: Final = ("place", "pcn", "deprivation")
COLUMNS: Final = {
    "indicator": "id of the indicator",
    "dimension": "place, pcn or deprivation",
    "area": "which one; All is the whole board",
    "start": "first day of the financial year",
    "end": "first day after them",
    "rate": "per 1,000 people aged 65 and over and year, standardised for age; null where a figure behind it is not "
    "shown",
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


def rates(frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """One row an indicator and area, over the newest settled year that its table makes up, from published cells alone.

    Args:
        frames: the published cells by table name, those by area and age among them.
    """
    found = [_rows(frames, indicator, dimension) for indicator in INDICATORS for dimension in AREAS]
    return pl.concat([pl.DataFrame(schema=schema()), *found])


def schema() -> dict[str, Any]:
    """Columns and types of the table."""
    kinds: dict[str, Any] = {"start": pl.Date, "end": pl.Date, **dict.fromkeys(("rate", "lower", "upper"), pl.Float64)}
    return {c: kinds.get(c, pl.String) for c in COLUMNS}


def _table(indicator: str, dimension: str) -> str:
    return table_name(indicator, (dimension, "age_band"))


def _rows(frames: Mapping[str, pl.DataFrame], indicator: str, dimension: str) -> pl.DataFrame:
    events, people = frames.get(_table(indicator, dimension)), frames.get(_table(PEOPLE, dimension))
    span = newest_year(events)
    if events is None or people is None or span is None:
        return pl.DataFrame(schema=schema())
    by = (dimension, "age_band")
    cells = summed(events, span, by).join(averaged(people, span, by), on=by, how="full", coalesce=True)
    cells = cells.filter(pl.col("age_band").is_in(list(OLDER_AGES))).sort(by)
    found = {str(area): _one(own) for (area,), own in cells.group_by(dimension, maintain_order=True)}
    board = found.pop(ALL, None)
    rows: list[tuple[Any, ...]] = []
    for area, rate in [(ALL, board), *found.items()]:
        said = None
        if board and rate and area != ALL:
            said = "lower" if rate[2] < board[0] else "higher" if rate[1] > board[0] else "similar"
        rows.append((indicator, dimension, area, span.start, span.end, *(rate or (None,) * 3), said))
    return pl.DataFrame(rows, schema=schema(), orient="row")


def _one(cells: pl.DataFrame) -> tuple[float, float, float] | None:
    """Rate with interval per 1,000 people and year; None where a cell is not shown, or with too few events."""
    weight = cells["age_band"].replace_strict(_weights(), return_dtype=pl.Float64)
    known = cells["total"].null_count() == 0 and cells["mean"].null_count() == 0
    if not known or len(cells) < len(OLDER_AGES) or cells["total"].sum() < FEWEST:
        return None
    found = direct_rate(cells["total"].cast(pl.Float64).to_numpy(), cells["mean"].to_numpy(), weight.to_numpy())
    rate, low, high = (round(PER * r, 1) for r in found)
    return rate, low, high


@cache
def _weights() -> dict[str, float]:
    """The standard population of each age band."""
    standard = pl.read_csv(STANDARD)
    return {
        band: float(standard.filter(pl.col("age_from").is_between(low, high, closed="left"))["weight"].sum())
        for band, (low, high) in OLDER_AGES.items()
    }
