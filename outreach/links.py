"""People whose NHS number changed: what was written under the old one belongs to the person of the new one."""

from __future__ import annotations

import datetime as dt

import duckdb
import polars as pl

import sql

LINK_SCHEMA = {"person_id": pl.Int64, "linked_person_id": pl.Int64}


def linked(con: duckdb.DuckDBPyConnection, index: dt.date) -> pl.DataFrame:
    """Persons that stand for somebody else, as known on a day: `person_id`, `linked_person_id`.

    Empty where no change of number was delivered.
    """
    there = con.sql("select 1 from information_schema.tables where table_name = 'person_link'").fetchall()
    if not there:
        return pl.DataFrame(schema=LINK_SCHEMA)
    return con.sql(sql.load("outreach/linked"), params={"index": index}).pl().cast(LINK_SCHEMA)


def present_first(table: pl.DataFrame, links: pl.DataFrame) -> pl.DataFrame:
    """The rows of people under their present number before those under an earlier one, each in order of person."""
    earlier = pl.col("person_id").is_in(links["person_id"].implode())
    return table.sort(earlier, "person_id")


def follow(table: pl.DataFrame, links: pl.DataFrame, column: str = "person_id", *, once: bool = False) -> pl.DataFrame:
    """A table with each person as known now.

    Args:
        table: anything with `column`, a person (null: nobody).
        links: from :func:`linked`.
        column: the person to follow.
        once: the table has one row a person; where two rows become one person's, the first stays.
    """
    moved = table.with_columns(pl.col(column).replace(dict(links.iter_rows())))
    return moved.unique(column, keep="first", maintain_order=True) if once else moved
