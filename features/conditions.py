"""Checks what a declaration says about a record table: columns that exist, codes that the contracts know.

A misspelt code selects nothing and looks like an honest zero; so every code in a condition is looked up in the code set
that the contract names for its column.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

import sql
from data_contracts.contract import load_contracts
from data_contracts.rules import code_set
from features.errors import FeatureError
from record import statement as record_statement

if TYPE_CHECKING:
    from features.declaration import FeatureSet, Member, Table


def output_columns(statement: str) -> list[str]:
    """Names of the columns that a statement under ``sql/`` returns."""
    stage, _, name = statement.partition("/")
    text = record_statement(name) if stage == "record" else sql.load(statement)
    query = sqlglot.parse_one(text, read="duckdb")
    assert isinstance(query, exp.Query)
    return list(query.named_selects)


def check_tables(declared: FeatureSet) -> None:
    """Raises ``FeatureError`` when a declared table or a member reads a column or a code that does not exist."""
    for table in declared.tables.values():
        for column in (table.date, table.end):
            if column and column not in _columns(table.name):
                raise FeatureError(f"tables.yaml: the record table {table.name!r} has no column {column!r}")
    for group in declared.groups.values():
        for member in group.members:
            _check_member(group.name, declared.tables[member.table], member)


def _check_member(group: str, table: Table, member: Member) -> None:
    value = 0 if member.value is None else member.value
    text = f"select {value}, {member.date or table.date} from {table.name} where {member.where or 'true'}"
    query = sqlglot.parse_one(text, read="duckdb")
    for column in query.find_all(exp.Column):
        if column.name not in _columns(table.name):
            raise FeatureError(f"group {group!r}: the record table {table.name!r} has no column {column.name!r}")
    for comparison in (*query.find_all(exp.EQ), *query.find_all(exp.In)):
        column = comparison.this
        known = _codes(table, column.name) if isinstance(column, exp.Column) else None
        for literal in comparison.find_all(exp.Literal):
            if known is not None and literal.is_string and literal.name not in known:
                raise FeatureError(f"group {group!r}: {literal.name!r} is no code of {column.name!r}")


@cache
def _columns(table: str) -> tuple[str, ...]:
    try:
        return tuple(output_columns(f"record/{table}"))
    except FileNotFoundError as problem:
        raise FeatureError(f"tables.yaml: there is no record table {table!r}") from problem


@cache
def _codes(table: Table, column: str) -> frozenset[str] | None:
    """Codes of the set that a contract names for the column: the table's own contracts first, then any other."""
    contracts = load_contracts()
    ordered = [*(contracts[s] for s in table.sources), *contracts.values()]
    for contract in ordered:
        for declared in contract.columns:
            if declared.name == column and declared.code_set:
                return frozenset(code_set(declared.code_set))
    return None
