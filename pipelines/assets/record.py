"""Record: the canonical tables, made by one statement each from what every source said and when it said so."""

import re
from collections.abc import Iterator
from pathlib import Path

import dagster as dg

import sql
from data_contracts.contract import load_contracts
from pipelines import stages
from pipelines.assets.conform import key_of as conform_key
from pipelines.presentation import code_reference
from pipelines.resources import Writer
from record import all_tables, plain_tables, statement

GROUP = "record"
OWNERS = ["team:data-management"]
_TABLES = all_tables()
_PLAIN = plain_tables()
_READS = re.compile(r"\b(?:from|join)\s+([a-z_0-9]+)")


def table_key(table: str) -> dg.AssetKey:
    """``record/<table>``."""
    return dg.AssetKey(["record", table])


def _header(statement: str) -> str:
    """The comment that opens a statement: grain, inputs, meaning."""
    lines = []
    for line in statement.lstrip().splitlines():
        if not line.startswith("--"):
            break
        lines.append(line.removeprefix("--").strip())
    return " ".join(lines)


def _reads(table: str) -> list[dg.AssetKey]:
    """What the statement of a table reads: the versions of a source, and other canonical tables."""
    names = set(_READS.findall(statement(table).lower()))
    sources = [conform_key(c) for c in load_contracts().values() if f"{c.id}_history" in names]
    return sources + [table_key(t) for t in _TABLES if t in names and t != table]


def _declared_in(table: str) -> Path:
    """The statement of a table, or the contract that implies it."""
    return _PLAIN[table].path if table in _PLAIN else sql.FOLDER / "record" / f"{table}.sql"


def _table_spec(table: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        table_key(table),
        deps=_reads(table),
        group_name=GROUP,
        owners=OWNERS,
        kinds={"sql", "duckdb"},
        description=_header(statement(table)),
        metadata={"dagster/code_references": code_reference(_declared_in(table))},
    )


@dg.multi_asset(name="record", specs=[_table_spec(t) for t in _TABLES], can_subset=True)
def record(context: dg.AssetExecutionContext, writer: Writer) -> Iterator[dg.MaterializeResult]:
    """Build the selected canonical tables."""
    selected = set(context.selected_asset_keys)
    for table, columns in stages.build_record(writer.store, [t for t in _TABLES if table_key(t) in selected]):
        yield dg.MaterializeResult(
            asset_key=table_key(table.name),
            metadata={
                "dagster/row_count": table.rows,
                "dagster/column_schema": dg.TableSchema([dg.TableColumn(n, k.lower()) for n, k in columns]),
                "stored as": dg.MetadataValue.path(str(table.path)) if table.path else "a view over the versions",
            },
        )
