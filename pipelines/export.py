"""Takes published tables out as CSV, Parquet and one Excel workbook with a sheet of definitions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pipelines.errors import MistakeError
from pipelines.query import reading
from pipelines.store import Store
from pipelines.warehouse import SCHEMA

if TYPE_CHECKING:
    import duckdb
    import polars as pl

FORMATS: Final = ("csv", "parquet", "xlsx")
WORKBOOK: Final = "commissioning.xlsx"
LONGEST_SHEET: Final = 31
"""Characters that Excel allows in the name of a sheet."""


def export(
    store: Store, folder: Path, *, indicators: Sequence[str] = (), formats: Sequence[str] = FORMATS
) -> list[Path]:
    """Write published tables of the current publication.

    Args:
        store: the home.
        folder: where to; made when it is not there.
        indicators: ids whose tables are wanted; none: all tables.
        formats: of `FORMATS`.

    Returns:
        What was written.

    Raises:
        MistakeError: an indicator or a format does not exist.
    """
    if unknown := set(formats) - set(FORMATS):
        raise MistakeError(f"There is no format {', '.join(sorted(unknown))}; there are {', '.join(FORMATS)}.")
    with reading(store) as con:
        tables = _tables(con, indicators)
        frames = {name: con.sql(f'select * from {SCHEMA}."{name}"').pl() for name in tables}
        definitions = con.sql(f"select * from {SCHEMA}.indicator").pl()
        columns = con.sql(
            "select table_name, column_name, comment from duckdb_columns() "
            f"where schema_name = '{SCHEMA}' order by table_name, column_index"
        ).pl()
        notes = con.sql(f"select * from {SCHEMA}.table_note").pl()
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, frame in frames.items():
        if "csv" in formats:
            frame.write_csv(written_path := folder / f"{name}.csv")
            written.append(written_path)
        if "parquet" in formats:
            frame.write_parquet(written_path := folder / f"{name}.parquet")
            written.append(written_path)
    if "xlsx" in formats:
        written.append(_workbook(folder / WORKBOOK, frames, definitions, notes, columns))
    return written


def _tables(con: duckdb.DuckDBPyConnection, indicators: Sequence[str]) -> list[str]:
    known = con.sql(f"select table_name, indicator from {SCHEMA}.table_note order by table_name").fetchall()
    ids = {indicator for _, indicator in known}
    if unknown := sorted(set(indicators) - ids):
        raise MistakeError(f"There is no indicator {', '.join(unknown)}; there are {', '.join(sorted(ids))}.")
    if indicators:
        return [table for table, indicator in known if indicator in indicators]
    views = con.sql(f"select view_name from duckdb_views() where schema_name = '{SCHEMA}' order by 1").fetchall()
    return [name for (name,) in views if name != "figure"]


def _workbook(
    path: Path, frames: dict[str, pl.DataFrame], definitions: pl.DataFrame, notes: pl.DataFrame, columns: pl.DataFrame
) -> Path:
    """Definitions first, then what was suppressed, then a sheet a table; a suppressed figure is written `*`."""
    import xlsxwriter

    with xlsxwriter.Workbook(str(path), {"constant_memory": False}) as book:
        head = book.add_format({"bold": True, "bg_color": "#F2F5F7", "text_wrap": True, "valign": "top"})
        wrap = book.add_format({"text_wrap": True, "valign": "top"})
        day = book.add_format({"num_format": "dd/mm/yyyy"})
        for name, frame in (("Definitions", definitions), ("Suppression", notes), ("Columns", columns)):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, frame.columns, head)
            for at, row in enumerate(frame.iter_rows(), start=1):
                sheet.write_row(at, 0, ["" if v is None else v for v in row], wrap)
            sheet.set_column(0, len(frame.columns) - 1, 32)
            sheet.freeze_panes(1, 1)
        for number, (name, frame) in enumerate(frames.items(), start=1):
            sheet = book.add_worksheet(_sheet_name(name, number))
            sheet.write(0, 0, name, head)
            sheet.write_row(1, 0, frame.columns, head)
            for column, key in enumerate(frame.columns):
                sheet.write_column(2, column, _cells(frame, key), day if frame.schema[key].is_temporal() else None)
            sheet.set_column(0, max(len(frame.columns) - 1, 0), 18)
            sheet.freeze_panes(2, 0)
    return path


def _cells(frame: pl.DataFrame, column: str) -> list[object]:
    values = frame[column].to_list()
    if column == "value" and "status" in frame.columns:
        return [
            "*" if s == "suppressed" else "" if v is None else v for v, s in zip(values, frame["status"], strict=True)
        ]
    return ["" if v is None else v for v in values]


def _sheet_name(name: str, number: int) -> str:
    """Unique, and as long as Excel allows.

    >>> _sheet_name("emergency_bed_days_by_place_and_frailty_band", 7)
    '7 emergency_bed_days_by_place_a'
    """
    return f"{number} {name}"[:LONGEST_SHEET]
