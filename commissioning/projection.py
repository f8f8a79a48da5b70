"""What follows by 2030 if people of each age and sex go on as now: projected population × today's rates, with a band.

No forecast of services. The band joins two things: chance in today's count, and the rates of the two years before, as
if either came back. Without a population projection the numbers of people stay as they are, and each row says so.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import Any, Final

import duckdb
import polars as pl

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
    con: duckdb.DuckDBPyConnection, settled_to: dt.date, data_date: dt.date, rules: Rules = RULES
) -> pl.DataFrame:
    """One row a measure, age group and year, ready to be published.

    Args:
        con: connection with the facts of the marts and `population_projection`.
        settled_to: first day of the first month that is not settled.
        data_date: no projection known later is read.
        rules: of disclosure control.
    """
    names = con.sql("select table_name from duckdb_tables() where temporary").fetchall()
    there = {str(name) for (name,) in names}
    growth = growth_of(con, data_date)
    rows: list[tuple[Any, ...]] = []
    for measure in MEASURES:
        if f"mart_fact_{measure.fact}" in there:
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
    return con.sql(
        """
        with counted as (
            select
                least(cast(regexp_extract(age_band, '^[0-9]+') as integer) // 5 * 5, 90) as age_from,
                sex_code,
                year,
                sum(population) as population
            from population_projection
            where known_from <= $data_date and (known_until is null or known_until > $data_date) and year <= $last_year
            group by all
        ),
        first_year as (select age_from, sex_code, population from counted where year = (select min(year) from counted))
        select
            cast(c.age_from as bigint) as age_from,
            c.sex_code,
            cast(c.year as bigint) as year,
            cast(c.population as double) / f.population as growth
        from counted as c
        inner join first_year as f on f.age_from = c.age_from and f.sex_code = c.sex_code and f.population > 0
        order by all
        """,
        params={"data_date": data_date, "last_year": LAST_YEAR},
    ).pl()


def _by_group(con: duckdb.DuckDBPyConnection, measure: Measure, settled_to: dt.date) -> pl.DataFrame:
    """Counts by age group, five-year age, sex and year back (0 the last): on the last settled day, or over the year."""
    within = (
        "month_start = end_month - interval 1 month"
        if measure.snapshot
        else "month_start >= end_month - interval 12 month and month_start < end_month"
    )
    return con.sql(
        f"""
        with back as (
            select unnest([0, 1, 2]) as years_back
        ),
        ending as (
            select years_back, cast($settled as date) - years_back * interval 1 year as end_month from back
        )
        select
            e.years_back,
            case when f.age < 65 then '18 to 64' else '65 and over' end as ages,
            cast(least(f.age // 5 * 5, 90) as bigint) as age_from,
            coalesce(f.sex_code, '') as sex_code,
            cast(sum(f.value) as bigint) as value,
            cast(sum(f.value * f.value) as bigint) as squares
        from mart_fact_{measure.fact} as f
        inner join ending as e on {within}
        where f.age >= 18 and {measure.where}
        group by all
        order by all
        """,
        params={"settled": settled_to},
    ).pl()


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
