"""Which delivered sources stand behind a statement, and how those that may not be used are kept out.

Derived from the statements themselves: what a mart reads is written nowhere else, so it cannot be forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache
from typing import Final

import duckdb

import sql
from commissioning import housebound

EXEMPT: Final = ("death", "opt_out")
"""They say who must not be counted, whatever their source may otherwise be used for."""
BASE: Final = ("registration", "person", "organisation", "place")
DIMENSION_TABLES: Final = {
    "frailty_band": ("gp_event",),
    "residence": ("person",),
    "housebound_level": housebound.tables(),
}
FACT_TABLES: Final = {
    "register_person": (*housebound.tables(), "care_home"),
}
"""Record tables behind a fact that was counted from what another room had already made of them."""
_READ = re.compile(r"\b(?:from|join)\s+([a-z_][a-z0-9_]*)")


@cache
def _statements() -> frozenset[str]:
    return frozenset(sql.statements())


@cache
def tables_read(statement: str) -> frozenset[str]:
    """Record tables that a statement names, directly or through another statement of the marts.

    >>> sorted(tables_read("marts/coded_person"))
    ['gp_event']
    """
    text = re.sub(r"--[^\n]*", "", sql.load(statement))
    found: set[str] = set()
    for name in _READ.findall(text):
        if f"record/{name}" in _statements():
            found.add(name)
        elif f"marts/{name}" in _statements() and f"marts/{name}" != statement:
            found |= tables_read(f"marts/{name}")
    return frozenset(found)


@cache
def sources_of(table: str) -> frozenset[str]:
    """Sources that fill a record table.

    >>> sorted(sources_of("inpatient_spell")), sorted(sources_of("registration"))
    (['apc'], ['gp_registration'])
    """
    text = re.sub(r"--[^\n]*", "", sql.load(f"record/{table}"))
    found: set[str] = set()
    for name in _READ.findall(text):
        if name.endswith("_history"):
            found.add(name.removesuffix("_history"))
        elif name != table and f"record/{name}" in _statements():
            found |= sources_of(name)
    return frozenset(found)


def sources_behind(fact: str, dimensions: Collection[str]) -> frozenset[str]:
    """Sources behind the published table of a fact by these dimensions.

    >>> sorted(sources_behind("emergency_admission", ()))
    ['apc', 'gp_registration', 'organisation']
    """
    tables = {*BASE, *tables_read(f"marts/{fact}"), *FACT_TABLES.get(fact, ())} - set(EXEMPT)
    for dimension in dimensions:
        tables |= set(DIMENSION_TABLES.get(dimension, ()))
    return frozenset(s for table in tables for s in sources_of(table))


def shadow(con: duckdb.DuckDBPyConnection, allowed: Collection[str]) -> list[str]:
    """Hides every record table that a source without permission fills behind an empty one of the same shape.

    Args:
        con: connection on which the record is open; the empty tables are temporary and are seen first.
        allowed: sources whose contract allows the purpose.

    Returns:
        The tables hidden; `unshadow` brings them back.
    """
    there = {
        str(name)
        for (name,) in con.sql(
            "select table_name from information_schema.tables where table_schema = 'main'"
        ).fetchall()
    }
    hidden = []
    for statement in sql.statements():
        table = statement.removeprefix("record/")
        if statement == table or table in EXEMPT or table not in there:
            continue
        if sources_of(table) - set(allowed):
            con.execute(f'create or replace temp table "{table}" as select * from main."{table}" where false')
            hidden.append(table)
    return hidden


def unshadow(con: duckdb.DuckDBPyConnection, hidden: Collection[str]) -> None:
    """Brings hidden tables back."""
    for table in hidden:
        con.execute(f'drop table temp."{table}"')
