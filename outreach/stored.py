"""Keeps what a team reads as data beside the workbook, so that a release shows exactly the list that was made.

Pseudonymous: rows name people by their `person_id`. Read by the release and by the intake of returned workbooks only.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl

from outreach.row_id import id_in
from outreach.sheet import Cell, Column, Section, TeamSheet

ROWS = "rows.parquet"
SUFFIX = ".sheet.json"
ROW_SCHEMA = {
    "row_id": pl.String,
    "week": pl.Date,
    "team": pl.String,
    "sheet": pl.String,
    "person_id": pl.Int64,
}


def save_sheet(sheet: TeamSheet, path: Path) -> None:
    """Writes one team's sheet as JSON; dates as YYYY-MM-DD."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(dataclasses.asdict(sheet), default=str, ensure_ascii=False), encoding="utf-8")
    partial.replace(path)


def load_sheet(path: Path) -> TeamSheet:
    """The sheet as it was made."""
    raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    plain: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in raw.items() if k not in ("sections", "week")
    }
    return TeamSheet(
        **plain,
        week=dt.date.fromisoformat(raw["week"]),
        sections=tuple(_section(s) for s in raw["sections"]),
    )


def _section(raw: dict[str, Any]) -> Section:
    columns = tuple(Column(**c) for c in raw.pop("columns"))
    dates = {i for i, c in enumerate(columns) if c.kind == "date"}
    rows = tuple(tuple(_cell(v, is_date=i in dates) for i, v in enumerate(row)) for row in raw.pop("rows"))
    return Section(**{**raw, "people": tuple(raw["people"])}, columns=columns, rows=rows)


def _cell(value: Cell, *, is_date: bool) -> Cell:
    return dt.date.fromisoformat(str(value)) if is_date and value is not None else value


def rows_of(sheets: Iterable[TeamSheet]) -> pl.DataFrame:
    """Which row is about whom: one row an id and sheet, ordered by team, sheet and id."""
    found = [
        (id_in(str(row[0])), sheet.week, sheet.team, section.key, person)
        for sheet in sheets
        for section in sheet.sections
        for row, person in zip(section.rows, section.people or (None,) * len(section.rows), strict=True)
        if section.key != "detail"
    ]
    return pl.DataFrame(found, schema=ROW_SCHEMA, orient="row").sort("team", "sheet", "row_id")


def write_rows(sheets: Iterable[TeamSheet], out: Path) -> Path:
    """Writes `rows.parquet` beside the ledger."""
    path = out / ROWS
    partial = path.with_suffix(".partial")
    rows_of(sheets).write_parquet(partial, compression="zstd")
    partial.replace(path)
    return path


def read_rows(folder: Path | None) -> pl.DataFrame:
    """The rows of every week below the folder of lists."""
    files = sorted(folder.glob(f"week=*/{ROWS}")) if folder else []
    return pl.concat([pl.read_parquet(f) for f in files]) if files else pl.DataFrame(schema=ROW_SCHEMA)
