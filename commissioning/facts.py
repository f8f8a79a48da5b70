"""Counts per person and month, set-wise in SQL, and their sums by cut, before disclosure control."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

import sql
from commissioning import housebound
from commissioning.declaration import ADMISSION_GROUPS, Cut, Indicator, Period, code_flags, frailty_codes
from commissioning.disclosure import ALL
from commissioning.provider_type import provider_types

PURPOSE = "commissioning"
BANK_HOLIDAYS = Path(__file__).parent / "bank_holiday.csv"
SATURDAY = 6
HOUSEBOUND = "housebound_level"
MONTHS_BEFORE = 3
"""Months before the calendar for which levels are kept: a stay carries the level of the month it began in."""
PERIOD_START: dict[Period, str] = {
    "month": "month_start",
    "quarter": "quarter_start",
    "year": "year_start",
}


def months_to(data_date: dt.date, count: int) -> pl.DataFrame:
    """The calendar: the months up to and with that of the data date, oldest first.

    Returns:
        One row a month: `month_start`, `next_month`, `quarter_start`, `year_start` (financial, 1 April).
    """
    last = data_date.replace(day=1)
    starts = pl.select(pl.date_range(pl.lit(last).dt.offset_by(f"-{count - 1}mo"), pl.lit(last), "1mo")).to_series()
    start = pl.col("month_start")
    return pl.DataFrame({"month_start": starts}).with_columns(
        next_month=start.dt.offset_by("1mo"),
        quarter_start=start.dt.truncate("1q"),
        year_start=start.dt.offset_by("-3mo").dt.truncate("1y").dt.offset_by("3mo"),
    )


def working_days(first: dt.date, last: dt.date) -> pl.DataFrame:
    """One row a day, Sundays and bank holidays too: `day`, and `number`, how many working days there were up to it."""
    closed = pl.read_csv(BANK_HOLIDAYS, try_parse_dates=True)["day"].to_list()
    day = pl.col("day")
    return pl.DataFrame({"day": pl.date_range(first, last, eager=True)}).with_columns(
        number=((day.dt.weekday() < SATURDAY) & ~day.is_in(closed)).cast(pl.Int64).cum_sum()
    )


def prepare(con: duckdb.DuckDBPyConnection, data_date: dt.date, months: pl.DataFrame, policy: pl.DataFrame) -> int:
    """Makes the temporary tables that the facts read.

    Returns:
        How many people are taken out by opt-out or sensitive flag.
    """
    con.register("opt_out_policy", policy.to_arrow())
    con.register("mart_month", months.to_arrow())
    con.register("mart_workday", working_days(months["month_start"][0], data_date).to_arrow())
    con.register("provider_type", provider_types().to_arrow())
    con.register("admission_group", pl.read_csv(ADMISSION_GROUPS, infer_schema=False).to_arrow())
    flags = pl.DataFrame(code_flags(), schema=["code_group", "code", "said_flag"], orient="row")
    con.register("code_flag", flags.to_arrow())
    bands = pl.DataFrame(frailty_codes(), schema=["code", "band"], orient="row")
    con.register("frailty_code", bands.to_arrow())
    asked = sorted({*flags["code"], *bands["code"], *housebound.codes()})
    con.register("mart_code", pl.DataFrame({"code": asked}, schema={"code": pl.Int64}).to_arrow())
    _table(con, "opted_out", "purpose/opted_out", index=data_date, purpose=PURPOSE)
    _table(con, "mart_removed", "marts/removed", data_date=data_date)
    return _one(con, "select count(*) from mart_removed")


def gather(con: duckdb.DuckDBPyConnection, indicators: tuple[Indicator, ...], data_date: dt.date) -> dict[str, Any]:
    """Makes one temporary table a fact, `mart_fact_<indicator>`, with the attributes of its people as known then.

    Returns:
        `covered_to`, the last day that the hospital extract covers (null without one), `open_nights` (midnights of
        stays without a discharge) and `open_people` (people behind them).
    """
    covered_to = con.sql(sql.load("marts/covered_to"), params={"data_date": data_date}).fetchall()[0][0]
    _table(con, "coded_gp_event", "marts/coded_gp_event")
    _table(con, "frailty_status", "marts/frailty_status")
    _table(con, "mart_span", "marts/attribute_span", data_date=data_date)
    levels_from = _keep_levels(con, indicators)
    _table(con, "coded_event", "marts/coded_event", data_date=data_date)
    for indicator in (i for i in indicators if not i.part_of):
        statement = f"marts/{indicator.fact}"
        given = {"data_date": data_date, "covered_to": covered_to, "ages": indicator.ages, **indicator.parameters}
        parameters = {name: value for name, value in given.items() if f"${name}" in sql.load(statement)}
        if indicator.measure == "people":
            _table(con, f"mart_fact_{indicator.id}", statement, **parameters)
            continue
        _table(con, "mart_raw", statement, **parameters)
        by_level = HOUSEBOUND in _dimensions(indicator)
        placed = "mart_placed" if by_level else f"mart_fact_{indicator.id}"
        _table(con, placed, "marts/fact_attribute", ages=indicator.ages)
        con.execute(
            f"create or replace temp table mart_seen_{indicator.id} as select distinct month_start from mart_raw"
        )
        if by_level:
            _table(con, f"mart_fact_{indicator.id}", "marts/fact_housebound", levels_from=levels_from)
    return {"covered_to": covered_to, **_open_stays(con, indicators)}


def _keep_levels(con: duckdb.DuckDBPyConnection, indicators: tuple[Indicator, ...]) -> dt.date | None:
    """Makes `mart_housebound`, empty where no cut asks for it; returns the first month that it knows."""
    first, last = con.sql("select min(month_start), max(month_start) from mart_month").fetchall()[0]
    if not any(HOUSEBOUND in _dimensions(i) for i in indicators):
        con.register(housebound.TABLE, pl.DataFrame(schema=housebound.SCHEMA).to_arrow())
        return None
    begin = pl.lit(first).dt.offset_by(f"-{MONTHS_BEFORE}mo")
    months = pl.select(pl.date_range(begin, pl.lit(last), "1mo")).to_series().to_list()
    housebound.keep_levels(con, months)
    return months[0]


def _dimensions(indicator: Indicator) -> set[str]:
    return {d for cut in indicator.cuts for d in cut.by}


def _open_stays(con: duckdb.DuckDBPyConnection, indicators: tuple[Indicator, ...]) -> dict[str, int]:
    for indicator in indicators:
        if indicator.fact == "emergency_bed_day":
            nights, people = con.sql(
                "select coalesce(sum(open_value), 0), count(distinct person_id) filter (where open_value > 0) "
                f"from mart_fact_{indicator.id}"
            ).fetchall()[0]
            return {"open_nights": int(nights), "open_people": int(people)}
    return {"open_nights": 0, "open_people": 0}


def sum_by(con: duckdb.DuckDBPyConnection, indicator: Indicator, cut: Cut, period: Period) -> pl.DataFrame:
    """The cells of one cut that hold anyone, with all margins.

    Returns:
        One row a cell: `start`, the dimensions (`All` in a margin), `value`, `people`, `largest`; in order.
    """
    dimensions = "".join(f", {d}" for d in cut.by)
    sets = dict.fromkeys([(), *((d,) for d in cut.by), tuple(cut.by)])
    person = [] if indicator.measure == "people" else ["person_id"]
    grouping = ", ".join(f"({', '.join(('start', *person, *s))})" for s in sets)
    margins = "".join(f", coalesce({d}, '{ALL}') as {d}" for d in cut.by)
    only = "where f.month_start = " + f"m.{PERIOD_START[period]}" if indicator.snapshot else ""
    # A row of people is already a count of people who stand nowhere else; any other row belongs to one person.
    behind = (
        "sum(value) as people, 1 as largest"
        if indicator.measure == "people"
        else "count(*) filter (where value > 0) as people, max(value) as largest"
    )
    return con.sql(
        f"""
        with counted as (
            select m.{PERIOD_START[period]} as start, f.*
            from mart_fact_{indicator.id} as f
            inner join mart_month as m on m.month_start = f.month_start
            {only}
        ),
        each as (
            select start, sum(value) as value{margins}
            from counted
            group by grouping sets ({grouping})
        ),
        cells as (
            select start, sum(value) as value, {behind}{dimensions}
            from each
            group by start{dimensions}
        )
        select
            start,
            cast(value as bigint) as value,
            cast(people as bigint) as people,
            cast(largest as bigint) as largest{dimensions}
        from cells
        order by start{dimensions}
        """
    ).pl()


def months_with_data(con: duckdb.DuckDBPyConnection, indicator: Indicator) -> set[dt.date]:
    """Months in which anything at all was recorded, before anyone is taken out or placed."""
    table = "mart_fact" if indicator.measure == "people" else "mart_seen"
    found = con.sql(f"select distinct month_start from {table}_{indicator.id}").fetchall()
    return {month for (month,) in found}


def release(con: duckdb.DuckDBPyConnection) -> None:
    """Drops every temporary table of the marts: nothing about a person stays behind."""
    names = con.sql(
        "select table_name from information_schema.tables where table_type = 'LOCAL TEMPORARY' "
        "and (left(table_name, 5) = 'mart_' or left(table_name, 10) = 'phenotype_' "
        "or table_name in ('opted_out', 'frailty_status', 'coded_event', 'coded_gp_event'))"
    ).fetchall()
    for (name,) in names:
        con.execute(f'drop table "{name}"')


def read_policy(path: Path) -> pl.DataFrame:
    """The opt-out policy table."""
    return pl.read_csv(path, infer_schema=False).with_columns(pl.col("effective_from").str.to_date())


def _table(con: duckdb.DuckDBPyConnection, name: str, statement: str, **parameters: Any) -> None:
    con.execute(f"create or replace temp table {name} as {sql.load(statement)}", parameters)


def _one(con: duckdb.DuckDBPyConnection, query: str) -> int:
    return int(con.sql(query).fetchall()[0][0])
