"""What follows by 2030 if people of each age and sex go on as now: projected population × today's rates, with a band.

No forecast of services. The band joins two things: chance in today's count, and the rates of the two years before, as
if either came back. Without a population projection the numbers of people stay as they are, and each row says so.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

import duckdb
import polars as pl

import sql
from commissioning.disclosure import RULES, Rules

LAST_YEAR: Final = 2030
COLUMNS: Final = {
    "measure": "what is projected",
    "ages": "18 to 64, or 65 and over",
    "year": "calendar year; the first is the one that the projection starts from",
    "value": "rounded to 5, from today's rates by age and sex; null where not shown",
    "lower": "lower end: today's count by chance, or the lower rate of the two years before",
    "upper": "upper end, likewise",
    "note": "why there is no figure, and what the population rests on",
}
WITH_PROJECTION: Final = "population projection of the board's councils, as delivered"
WITHOUT: Final = "no population projection was delivered: the numbers of people stay as they are"


@dataclass(frozen=True)
class Measure:
    """One line of the projection: an indicator's fact, counted on a day or over a year."""

    name: str
    fact: str
    snapshot: bool
    where: str = "true"
    ages: tuple[str, ...] = ("65 and over",)


MEASURES: Final = (
    Measure(
        "People with moderate or severe frailty recorded",
        "registered_people",
        True,
        "frailty_band in ('Moderate', 'Severe')",
    ),
    Measure("People with a recorded dementia diagnosis", "dementia_people", True),
    Measure("People recorded as housebound", "housebound_people", True),
    Measure("Emergency admissions in a year", "emergency_admissions", False),
    Measure("Emergency bed days in a year", "emergency_bed_days", False),
    *(
        Measure(
            f"{words}, arranged by councils",
            "care_packages",
            True,
            f"care_type = '{kind}'",
            ("18 to 64", "65 and over"),
        )
        for words, kind in (
            ("Supported living", "Community supported living"),
            ("Extra care housing", "Extra care housing"),
            ("Shared Lives", "Shared Lives"),
            ("Long-term residential care", "Long term residential care"),
            ("Long-term nursing care", "Long term nursing care"),
        )
    ),
)


def project(
    con: duckdb.DuckDBPyConnection,
    settled_to: dt.date,
    data_date: dt.date,
    *,
    counted: Collection[str],
    rules: Rules = RULES,
) -> pl.DataFrame:
    """One row a measure, age group and year, ready to be published.

    Args:
        con: connection with the facts of the marts and `population_projection`.
        settled_to: first day of the first month that is not settled.
        data_date: no projection known later is read.
        counted: indicators whose facts are on the connection.
        rules: of disclosure control.
    """
    growth = growth_of(con, data_date)
    rows: list[tuple[Any, ...]] = []
    for measure in MEASURES:
        if measure.fact in counted:
            rows += _rows(_by_group(con, measure, settled_to), measure, growth, rules)
    return pl.DataFrame(rows, schema=schema(), orient="row")


def schema() -> dict[str, Any]:
    """Columns and types of the table."""
    numbers = dict.fromkeys(("year", "value", "lower", "upper"), pl.Int64)
    return {c: numbers.get(c, pl.String) for c in COLUMNS}


def growth_of(con: duckdb.DuckDBPyConnection, data_date: dt.date) -> pl.DataFrame:
    """People of each five-year age, sex and year as a multiple of those of the first year.

    Returns:
        `age_from`, `sex_code`, `year`, `growth`; empty without a projection.
    """
    given = {"data_date": data_date, "last_year": LAST_YEAR}
    counted = con.sql(sql.load("marts/population_growth"), params=given).pl()
    return counted.filter(pl.col("first_population") > 0).select(
        "age_from", "sex_code", "year", growth=pl.col("population") / pl.col("first_population")
    )


def _by_group(con: duckdb.DuckDBPyConnection, measure: Measure, settled_to: dt.date) -> pl.DataFrame:
    """Counts by age group, five-year age, sex and year back (0 the last): on the last settled day, or over the year."""
    monthly = con.sql(
        f"""
        select month_start, age, coalesce(sex_code, '') as sex_code, cast(sum(value) as bigint) as value,
            cast(sum(value * value) as bigint) as squares
        from mart_fact_{measure.fact}
        where age >= 18 and {measure.where}
        group by month_start, age, coalesce(sex_code, '')
        """
    ).pl()
    parts = []
    for back in range(3):
        end = settled_to.replace(year=settled_to.year - back)
        start = pl.lit(end).dt.offset_by("-1mo" if measure.snapshot else "-12mo")
        inside = (pl.col("month_start") >= start) & (pl.col("month_start") < end)
        parts.append(monthly.filter(inside).with_columns(years_back=pl.lit(back)))
    old = pl.col("age") >= 65
    return (
        pl.concat(parts)
        .with_columns(
            ages=pl.when(old).then(pl.lit("65 and over")).otherwise(pl.lit("18 to 64")),
            age_from=(pl.col("age") // 5 * 5).clip(upper_bound=90).cast(pl.Int64),
        )
        .group_by("years_back", "ages", "age_from", "sex_code")
        .agg(pl.col("value", "squares").sum())
        .sort("years_back", "ages", "age_from", "sex_code")
    )


def _rows(groups: pl.DataFrame, measure: Measure, growth: pl.DataFrame, rules: Rules) -> list[tuple[Any, ...]]:
    now = groups.filter(years_back=0)
    totals = {ages: int(now.filter(ages=ages)["value"].sum()) for ages in measure.ages}
    note = WITHOUT if growth.is_empty() else WITH_PROJECTION
    years = [0] if growth.is_empty() else sorted(growth["year"].unique())
    rows: list[tuple[Any, ...]] = []
    few = any(0 < total < rules.smallest for total in totals.values())
    for ages in measure.ages:
        if few or not totals[ages]:
            why = "fewer than 8 people in one of the age groups" if few else "no source: none was delivered"
            rows.append((measure.name, ages, None, None, None, None, why))
            continue
        low, high = _spread(groups.filter(ages=ages), own_rows=measure.fact != "registered_people")
        for year in years:
            value = _grown(now.filter(ages=ages), growth, year)
            shown = [math.floor(v / rules.rounding + 0.5) * rules.rounding for v in (value, value * low, value * high)]
            rows.append((measure.name, ages, year or None, *shown, note))
    return rows


def _grown(now: pl.DataFrame, growth: pl.DataFrame, year: int) -> float:
    factors = growth.filter(year=year).select("age_from", "sex_code", "growth")
    joined = now.join(factors, on=["age_from", "sex_code"], how="left").with_columns(pl.col("growth").fill_null(1.0))
    return float((joined["value"] * joined["growth"]).sum())


def _spread(groups: pl.DataFrame, *, own_rows: bool) -> tuple[float, float]:
    """Lowest and highest multiple of today: by chance (two standard errors of a sum), and by the years before."""
    by_year = dict(groups.group_by("years_back").agg(pl.col("value").sum()).iter_rows())
    now = by_year[0]
    # A row is one stay of a month, or one person: long stays make a count of nights vary more than one of people.
    squares = groups.filter(years_back=0)["squares"].sum() if own_rows else now
    chance = 1.96 * math.sqrt(squares) / now
    earlier = [by_year[back] / now for back in (1, 2) if by_year.get(back)]
    return min(1 - chance, *earlier, 1.0), max(1 + chance, *earlier, 1.0)
