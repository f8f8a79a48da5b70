"""Clinical codes that are in no codelist in use: kept, counted, and the most frequent of each source named."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import polars as pl

import sql
from commissioning.disclosure import RULES
from data_contracts.codelist import load_codelists
from features.diagnoses import named_codes

if TYPE_CHECKING:
    import duckdb

SHOWN = 20
READS = (
    "gp_event",
    "medication",
    "ed_attendance",
    "community_assessment",
    "community_activity",
    "hospital_episode",
)


def unlisted_codes(con: duckdb.DuckDBPyConnection, week: dt.date) -> pl.DataFrame:
    """One row a source and code of no list: source, code (text), entries, people of the last year; the most first.

    Of hospital diagnoses, those that neither hospital score names; what a score names and does not count is not
    told. At most 20 a source, and none of fewer people than may be told. Empty where a table of the record is absent.
    """
    there = {name for (name,) in con.execute("select table_name from information_schema.tables").fetchall()}
    listed = {e.code.strip() for named in load_codelists().values() for e in named.entries}
    codes = sorted(listed | set(named_codes()))
    if not there.issuperset(READS):
        return pl.DataFrame(schema={"source": pl.String, "code": pl.String, "entries": pl.Int64, "people": pl.Int64})
    con.register("listed_code", pl.DataFrame({"code": codes}).to_arrow())
    try:
        found = con.sql(sql.load("quality/unlisted_code"), params={"index": week}).pl()
    finally:
        con.unregister("listed_code")
    return found.filter(pl.col("people") >= RULES.smallest).group_by("source", maintain_order=True).head(SHOWN)
