"""Why somebody is housebound, in one word, as far as a council wrote the main reason for the support that it arranges.

No other source tells it: a GP code says that somebody is housebound, and not why. What may never be printed as a reason
(mental illness, learning disability, alcohol) is not told apart: the record tells it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

import duckdb
import polars as pl

import sql
from outreach import wording
from outreach.facts import dated

BEGINNINGS: Final = {
    "Physical support": wording.CAUSE_PHYSICAL,
    "Sensory support": wording.CAUSE_PHYSICAL,
    "Support with memory": wording.CAUSE_MEMORY,
    "Mental health": wording.CAUSE_OTHER,
    "Learning disability": wording.CAUSE_OTHER,
    "Social support: Substance": wording.CAUSE_OTHER,
}
"""How a main reason for support begins, and what is said of it; any other is no cause of being housebound."""


def causes(con: duckdb.DuckDBPyConnection, week: dt.date, people: Sequence[int]) -> pl.DataFrame:
    """What is said of the cause, for the people of whom a council wrote one.

    Args:
        con: a connection with the record's tables; without `care_event` nothing is known of anybody.
        week: the Monday.
        people: whom a register shows.

    Returns:
        `person_id`, `cause` (text with its date); people of whom nothing is known have no row.
    """
    there = con.sql("select 1 from information_schema.tables where table_name = 'care_event'").fetchall()
    if not there:
        return pl.DataFrame(schema={"person_id": pl.Int64, "cause": pl.String})
    asked = pl.DataFrame({"person_id": sorted(set(people))}, schema={"person_id": pl.Int64})
    con.register("asked_person", asked.to_arrow())
    try:
        found = con.sql(sql.load("outreach/support_reason"), params={"index": week}).pl()
    finally:
        con.unregister("asked_person")
    reason = pl.col("primary_support_reason")
    kind = pl.coalesce(*(pl.when(reason.str.starts_with(b)).then(pl.lit(said)) for b, said in BEGINNINGS.items()))
    told = found.with_columns(kind=kind).drop_nulls("kind")
    return told.select("person_id", cause=pl.format(wording.CAUSE, "kind", dated("event_date")))
