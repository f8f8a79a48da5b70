"""How results look to the people who read them: Markdown tables, column schemas, links to files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from data_contracts.contract import Contract

if TYPE_CHECKING:
    import polars as pl

MARKDOWN_ROWS = 50


def markdown(table: pl.DataFrame, rows: int = MARKDOWN_ROWS) -> str:
    """A Markdown table of the first ``rows`` rows; says so when there are more."""
    if table.is_empty():
        return "*nothing*"
    lines = ["| " + " | ".join(table.columns) + " |"]
    lines.append("|" + "|".join("---:" if kind.is_numeric() else "---" for kind in table.dtypes) + "|")
    lines += ["| " + " | ".join(_cell(v) for v in row) + " |" for row in table.head(rows).rows()]
    if len(table) > rows:
        lines.append(f"\n*{len(table) - rows:,} more rows*")
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")


def contract_schema(contract: Contract) -> dg.TableSchema:
    """Columns of the versions of a source, as declared in its contract."""
    columns = [
        dg.TableColumn(
            c.lake_name,
            c.lake_type,
            description=f"{c.description} (delivered as {c.header})".strip(),
            constraints=dg.TableColumnConstraints(nullable=not c.required),
        )
        for c in contract.stored
    ]
    columns += [
        dg.TableColumn("known_from", "date", "first day on which this version could have been known"),
        dg.TableColumn("known_until", "date", "day from which it no longer held; missing while it holds"),
        dg.TableColumn("delivery_id", "bigint", "the delivered file"),
        dg.TableColumn("row_index", "bigint", "place of the record in that file, from 0"),
    ]
    return dg.TableSchema(columns)


def code_reference(*paths: Path) -> dg.CodeReferencesMetadataValue:
    """Links from an asset to the files that declare it."""
    return dg.CodeReferencesMetadataValue(code_references=[dg.LocalFileCodeReference(file_path=str(p)) for p in paths])
