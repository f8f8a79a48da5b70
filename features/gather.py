"""One pass over the record: the rows that some week can read, kept as small temporary tables in the connection.

Makes ``feature_span``, ``feature_event``, ``feature_amount``, ``feature_interval``, ``feature_item``,
``feature_diagnosis``, ``feature_deficit`` and ``feature_value``; ``release`` drops them. GP events are read once, into
``feature_entry``, which ``forget_entries`` drops. ``weeks_at_once`` makes ``feature_week``: the Mondays looked at
together.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence

import duckdb
import numpy as np
import polars as pl

import sql
from features import diagnoses, measurements, statements
from features.declaration import FeatureSet, Table
from features.points import point_rows
from features.substances import substance_rows

WINDOWS = (30, 90, 180, 365, 730)
ROW = "null::bigint as person_id, 0 as group_id, null::date as known_from, null::date as known_until"
EMPTY = {
    "event": f"select {ROW}, null::date as event_date, 0 as value where false",
    "amount": f"select {ROW}, null::date as event_date, 0 as value where false",
    "interval": f"select {ROW}, null::date as start_date, null::date as end_date, 0 as value where false",
    "measurement": f"select {ROW}, null::date as event_date, 0 as value where false",
    "item": f"select {ROW}, null::date as event_date, null::bigint as item where false",
}
EMPTY_DIAGNOSIS = (
    f"select {ROW}, null::varchar as provider_code, null::date as admitted, null::date as discharge_date, "
    "null::bigint as frailty_low, null::bigint as frailty_high, null::bigint as charlson where false"
)
EMPTY_VALUE = (
    "select null::bigint as person_id, null::bigint as rule_bit, null::date as readable_from, "
    "null::date as readable_until, 0 as said where false"
)
EMPTY_DEFICIT = (
    "select null::bigint as person_id, null::bigint as deficit_bit, null::date as happened, null::date as entered, "
    "null::date as readable_from, "
    "null::date as readable_until where false"
)
TABLES = (
    "feature_span",
    "feature_asked_code",
    "feature_entry",
    "feature_code",
    "feature_deficit_code",
    "feature_event",
    "feature_amount",
    "feature_interval",
    "feature_measurement",
    "feature_item",
    "feature_substance",
    "feature_point",
    "feature_deficit",
    "feature_measure_code",
    "feature_measure_unit",
    "feature_value_rule",
    "feature_value",
    "feature_icd10",
    "feature_diagnosis",
    "feature_week",
    "feature_status_group",
    "feature_day_group",
    "feature_run",
)


def present_tables(con: duckdb.DuckDBPyConnection, declared: FeatureSet, allowed: Collection[str] | None) -> list[str]:
    """Declared record tables that the connection has and that a source allowed for the purpose fills."""
    there = {name for (name,) in con.execute("select table_name from information_schema.tables").fetchall()}
    return [
        name
        for name, table in declared.tables.items()
        if name in there and (allowed is None or any(s in allowed for s in table.sources))
    ]


def gather(
    con: duckdb.DuckDBPyConnection, declared: FeatureSet, weeks: Sequence[dt.date], tables: Collection[str]
) -> None:
    """Keeps, for all ``weeks`` at once, the rows that belong to a declared group or deficit."""
    _keep_entries(con, declared, weeks, tables)
    codes = pl.DataFrame(
        statements.code_rows(declared, tables),
        schema={"code": pl.Int64, "group_id": pl.Int32, "value": pl.Int32, "lookback_days": pl.Int32},
        orient="row",
    )
    _keep(con, "feature_code", codes)
    for kind, empty in EMPTY.items():
        selects = [s for s in [statements.member_selects(declared, kind, tables)] if s]
        if kind == "event" and codes.height:
            selects.append(sql.load("features/coded_event"))
        rows_of_kind = "\nunion all\n".join(selects) or empty
        if kind == "item":
            rows_of_kind = _by_substance(con, rows_of_kind)
        _make(con, f"feature_{kind}", rows_of_kind)
    _keep_phenotype_groups(con, declared)
    _keep_diagnoses(con, declared, tables)
    _keep_deficits(con, declared, tables)


def _keep_entries(
    con: duckdb.DuckDBPyConnection, declared: FeatureSet, weeks: Sequence[dt.date], tables: Collection[str]
) -> None:
    """Reads the GP events once, for all that is asked of them; and keeps from when to when anything is read."""
    days = statements.uncoded_lookback(declared)
    since = None if days is None else min(weeks) - dt.timedelta(days=days)
    span = {"first_week": [min(weeks)], "last_week": [max(weeks)], "entries_from": pl.Series([since], dtype=pl.Date)}
    _keep(con, "feature_span", pl.DataFrame(span))
    if statements.ENTRIES in tables:
        measured = measurements.code_rows(declared)["code"].to_list() if declared.deficits else []
        _keep(con, "feature_asked_code", pl.DataFrame({"code": statements.asked_codes(declared, measured)}))
        _make(con, statements.ENTRY_TABLE, sql.load("features/entry_span"))


def _by_substance(con: duckdb.DuckDBPyConnection, issued: str) -> str:
    """The statement that takes products of one substance for one item, with the points of each."""
    _keep(con, "feature_substance", substance_rows())
    _keep(con, "feature_point", point_rows())
    con.execute(f"create or replace temporary view feature_issued as {issued}")
    return sql.load("features/item_span")


def _keep_diagnoses(con: duckdb.DuckDBPyConnection, declared: FeatureSet, tables: Collection[str]) -> None:
    _keep(con, "feature_icd10", diagnoses.code_rows())
    episodes = statements.member_selects(declared, "diagnosis", tables)
    if episodes:
        con.execute(f"create or replace temporary view feature_episode as {episodes}")
    _make(con, "feature_diagnosis", sql.load("features/diagnosis_span") if episodes else EMPTY_DIAGNOSIS)


def _keep_deficits(con: duckdb.DuckDBPyConnection, declared: FeatureSet, tables: Collection[str]) -> None:
    if declared.deficits and declared.deficit_table in tables:
        codes = pl.DataFrame(
            statements.deficit_rows(declared),
            schema={"code": pl.Int64, "deficit_bit": pl.Int64, "lookback_days": pl.Int32},
            orient="row",
        )
        _keep(con, "feature_deficit_code", codes)
        _make(con, "feature_deficit", sql.load("features/deficit_span"))
        _keep(con, "feature_measure_code", measurements.code_rows(declared))
        _keep(con, "feature_measure_unit", measurements.unit_rows())
        _keep(con, "feature_value_rule", measurements.rule_rows())
        _make(con, "feature_value", sql.load("features/value_span"))
    else:
        _make(con, "feature_deficit", EMPTY_DEFICIT)
        _make(con, "feature_value", EMPTY_VALUE)


def _keep_phenotype_groups(con: duckdb.DuckDBPyConnection, declared: FeatureSet) -> None:
    whole = {"group_id": pl.Int32}
    runs, days = statements.run_groups(declared), statements.day_groups(declared)
    _keep(con, "feature_status_group", pl.DataFrame(runs, schema=whole, orient="row"))
    _keep(con, "feature_day_group", pl.DataFrame(days, schema={**whole, "end_group_id": pl.Int32}, orient="row"))


def forget_entries(con: duckdb.DuckDBPyConnection) -> None:
    """Drops the GP events as they were read: what groups, deficits and rules need of them has been kept."""
    con.execute(f"drop table if exists {statements.ENTRY_TABLE}")


def weeks_at_once(con: duckdb.DuckDBPyConnection, weeks: Sequence[dt.date]) -> None:
    """Makes ``feature_week``: one row a Monday, with the first day of every window; and the statuses' runs."""
    starts = {f"start_{n}": [w - dt.timedelta(days=n) for w in weeks] for n in WINDOWS}
    _keep(con, "feature_week", pl.DataFrame({"week": list(weeks), **starts}))
    _make(con, "feature_run", sql.load("features/status_run"))


def rows(con: duckdb.DuckDBPyConnection, statement: str) -> pl.DataFrame:
    """Result of ``sql/features/<statement>.sql``."""
    return con.sql(sql.load(f"features/{statement}")).pl()


def release(con: duckdb.DuckDBPyConnection) -> None:
    """Drops what ``gather`` and ``weeks_at_once`` made."""
    for table in TABLES:
        con.execute(f"drop table if exists {table}")
    for view in ("feature_episode", "feature_issued"):
        con.execute(f"drop view if exists {view}")


def newest_known(
    con: duckdb.DuckDBPyConnection, declared: FeatureSet, table: str, weeks: Sequence[dt.date]
) -> pl.DataFrame:
    """Columns week, teller, newest: the newest day of which the teller had made anything known.

    The teller is a practice, the district where the person lived as known on that day, or null for any other table.
    Looks back no further than silence could be told apart: ``silent_after_days`` before the first week.
    """
    spec = declared.tables[table]
    column, source = _teller(spec)
    told = con.sql(
        f"select {column}::varchar as teller, t.known_from, min(t.{spec.date}) as earliest from {source} "
        "where t.known_from between $start and $last group by all",
        params={"start": min(weeks) - dt.timedelta(days=spec.silent_after_days), "last": max(weeks)},
    ).pl()
    calendar = pl.DataFrame({"week": list(weeks)})
    return (
        calendar.join(told, how="cross")
        .filter((pl.col("known_from") <= pl.col("week")) & (pl.col("earliest") < pl.col("week")))
        .group_by("week", "teller")
        .agg(pl.col("known_from").max().alias("newest"))
    )


def _teller(table: Table) -> tuple[str, str]:
    """Column that says who tells of a row, and the tables to read it from."""
    if table.district:
        return "a.authority_code", (
            f"{table.name} as t inner join person as p on p.person_id = t.person_id and p.known_from <= t.known_from "
            "and (p.known_until is null or p.known_until > t.known_from) "
            "inner join place as a on a.lsoa_code = p.lsoa_code"
        )
    return "t.practice_code" if table.practice else "null", f"{table.name} as t"


def with_area(con: duckdb.DuckDBPyConnection, population: pl.DataFrame) -> pl.DataFrame:
    """The population with what ``sql/features/area.sql`` says of the address; null where it is in no area."""
    return population.join(rows(con, "area"), on="lsoa_code", how="left", validate="m:1")


def heard_from(newest: pl.DataFrame | None, week: dt.date, table: Table, people: pl.DataFrame) -> np.ndarray:
    """For each person, whether the table had told anything new not too long before the week; None: no such table."""
    if newest is None:
        return np.zeros(people.height, dtype=bool)
    limit = week - dt.timedelta(days=table.silent_after_days)
    lively = newest.filter((pl.col("week") == week) & (pl.col("newest") >= limit))
    if not (table.practice or table.district):
        return np.full(people.height, lively.height > 0)
    own = people["district" if table.district else "practice_code"]
    return own.is_in(lively["teller"].drop_nulls().to_list()).fill_null(value=False).to_numpy()


def _keep(con: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame) -> None:
    con.register("feature_incoming", frame.to_arrow())
    _make(con, name, "select * from feature_incoming")
    con.unregister("feature_incoming")


def _make(con: duckdb.DuckDBPyConnection, name: str, select: str) -> None:
    con.execute(f"create or replace temporary table {name} as {select}")
