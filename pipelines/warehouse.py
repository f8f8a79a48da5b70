"""What commissioners ask: the schema ``commissioning`` of the warehouse, one documented view a published table.

``commissioning.figure`` holds the figures of all indicators in one long shape. Nothing here is about one person.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import duckdb

from commissioning import load_indicators
from commissioning.declaration import DIMENSIONS

if TYPE_CHECKING:
    from pipelines.publish import Table

SCHEMA = "commissioning"
FIGURE = "figure"
_FIGURE_IS = "One row a published cell of any indicator; a dimension that the table does not have is null."
_FIGURE_COLUMNS = {
    "indicator": "id of the indicator; see commissioning.indicator",
    "table_name": "published table that the cell stands in",
    "period": "month, quarter or financial year",
    "start": "first day of the period",
    **DIMENSIONS,
    "value": "rounded to 5; null where suppressed or missing (see status)",
    "population": "people whom the rate is of, at the start of the period, where there is a rate",
    "rate": "value per so many of population, as the indicator's table says",
    "share_percent": "part of all, in per cent, where the indicator is a share",
    "status": "published, suppressed or no data",
    "provisional": "the period is not over, or is still filling up",
}


def add_views(con: duckdb.DuckDBPyConnection, tables: Iterable[Table]) -> None:
    """Makes the schema over tables that are there, with a comment on every view and column.

    Args:
        con: the warehouse, its tables made.
        tables: what is in it, with what it means.
    """
    tables = list(tables)
    con.execute(f"create schema {SCHEMA}")
    con.execute("begin")
    for table in tables:
        con.execute(f'create view {SCHEMA}."{table.name}" as select * from main."{table.name}"')
        _comment(con, table.name, table.description, table.columns)
    of_indicator = {i.table(cut): i.id for i in load_indicators() for cut in i.cuts}
    parts = [t for t in tables if t.name in of_indicator]
    if not parts:
        con.execute("commit")
        return
    first = ", ".join(f"cast(null as {_kind(c)}) as {c}" for c in _FIGURE_COLUMNS)
    union = [f"select {first} where false"]
    union += [
        f"select '{of_indicator[t.name]}' as indicator, '{t.name}' as table_name, * from main.\"{t.name}\""
        for t in parts
    ]
    con.execute(f"create view {SCHEMA}.{FIGURE} as {' union all by name '.join(union)}")
    _comment(con, FIGURE, _FIGURE_IS, _FIGURE_COLUMNS)
    con.execute("commit")


def _kind(column: str) -> str:
    kinds = {"start": "date", "value": "bigint", "population": "bigint", "rate": "double", "share_percent": "bigint"}
    return {**kinds, "provisional": "boolean"}.get(column, "varchar")


def _comment(con: duckdb.DuckDBPyConnection, name: str, description: str, columns: Mapping[str, str]) -> None:
    if description:
        con.execute(f"comment on view {SCHEMA}.\"{name}\" is '{_escaped(description)}'")
    for column, text in columns.items():
        con.execute(f'comment on column {SCHEMA}."{name}"."{column}" is \'{_escaped(text)}\'')


def _escaped(text: str) -> str:
    return text.replace("'", "''")
