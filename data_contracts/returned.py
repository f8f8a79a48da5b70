"""Reads a returned workbook: one line of text a row id, from whichever sheets hold it, before the contract judges it.

Only columns whose headings the contract names are read. Notes written beside a table, other sheets and whatever else
somebody put into the workbook are never looked at. A row is found by its id, so sheets may be sorted, cut or copied.
"""

from __future__ import annotations

import csv
import datetime as dt
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
from openpyxl import load_workbook
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException

from data_contracts.contract import REFERENCE, Contract

LARGEST = 20_000_000
HEADING_ROWS = 40
REFERENCE_LENGTH = 13
"""Length of a pseudonym as it is printed; one made of digits alone is still none of ours to read as a number."""

PLACE = "found_at"
"""The contract's column that says where a row was found."""


class WorkbookError(ValueError):
    """The workbook cannot be read; the message says what to do."""


@dataclass
class ReturnedRow:
    """One row id: what was read about it, by column of the contract, and from which cells."""

    values: dict[str, str] = field(default_factory=dict)
    cells: dict[str, str] = field(default_factory=dict)


def read_returned(path: Path, contract: Contract) -> tuple[list[ReturnedRow], list[str]]:
    """The rows of a returned workbook in order of sight, and what should be said about its headings.

    Of one row id on several sheets, each column is taken from the first sheet that has something in it; where two
    sheets say different things, the row appears twice, so that nothing is lost and the contract can say so.

    Raises:
        WorkbookError: it is too large, or no workbook.
    """
    if path.stat().st_size > LARGEST:
        raise WorkbookError("The workbook is larger than a list can be: send back the list itself.")
    try:
        with path.open("rb") as content:  # whatever the file is called: in the vault it has a name of its own
            book = load_workbook(content, read_only=False, data_only=True, keep_links=False)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise WorkbookError("The file cannot be read as an Excel workbook: send it again.") from error
    rows: dict[str, ReturnedRow] = {}
    order: list[ReturnedRow] = []
    notes: list[str] = []
    for sheet in book.worksheets:
        table = [[_text(c.value) for c in line] for line in sheet.iter_rows()]
        for row in _rows_of_sheet(sheet.title, table, contract, notes):
            identifier = row.values[contract.key[0]]
            before = rows.get(identifier)
            if before is None or any(before.values.get(k, v) != v for k, v in row.values.items() if k != PLACE):
                rows.setdefault(identifier, row)
                order.append(row)
            else:
                before.values |= {k: v for k, v in row.values.items() if k != PLACE}
                before.values[PLACE] += "; " + row.values[PLACE]
                before.cells |= {k: v for k, v in row.cells.items() if k not in before.cells}
    return order, notes


def write_text(rows: list[ReturnedRow], contract: Contract, target: Path) -> int:
    """Writes the rows as CSV under the contract's headings; returns the number of lines, headings included."""
    with target.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow([c.header for c in contract.columns])
        writer.writerows([[row.values.get(c.name, "") for c in contract.columns] for row in rows])
    return len(rows) + 1


def _rows_of_sheet(title: str, table: list[list[str]], contract: Contract, notes: list[str]) -> Iterator[ReturnedRow]:
    key = contract.column(contract.key[0])
    top = next((i for i, line in enumerate(table[:HEADING_ROWS]) if key.header in line), None)
    if top is None:
        return
    position = _positions(title, table, top, contract, notes)
    for number, line in enumerate(table[top + 1 :], start=top + 2):
        identifier = _identifier(line[position[key.name]])
        others = [line[at] for name, at in position.items() if name != key.name]
        if not identifier or not (re.fullmatch(key.pattern or ".+", identifier) or any(others)):
            continue  # an empty line, or words below the table
        row = ReturnedRow({key.name: identifier, PLACE: f"{title} row {number}"})
        row.cells[key.name] = f"{title}!{get_column_letter(position[key.name] + 1)}{number}"
        for name, at in position.items():
            value = _person_number(line[at]) if contract.column(name).role == "person" else line[at]
            if name != key.name and value:
                row.values[name] = value
                row.cells[name] = f"{title}!{get_column_letter(at + 1)}{number}"
        yield row


def _positions(title: str, table: list[list[str]], top: int, contract: Contract, notes: list[str]) -> dict[str, int]:
    """Where each column stands; a heading that somebody changed is found by the codes that stand under it."""
    heads = table[top]
    position = {
        c.name: heads.index(h)
        for c in contract.columns
        for h in (c.header, *c.aliases)
        if h in heads and c.name != PLACE
    }
    for column in contract.columns:
        if column.code_set and column.name not in position:
            codes = _codes(column.code_set)
            for at in range(len(heads)):
                under = {line[at] for line in table[top + 1 :]} - {""}
                if at not in position.values() and under and under <= codes:
                    position[column.name] = at
                    cell = f"{title}!{get_column_letter(at + 1)}{top + 1}"
                    notes.append(f"F09 heading in {cell} was changed and was read as {column.header!r}")
    return position


@cache
def _codes(name: str) -> set[str]:
    table = pl.read_csv(REFERENCE / "code_value.csv", infer_schema=False)
    return set(table.filter(pl.col("set") == name)["code"])


def _identifier(text: str) -> str:
    """The row id at the end of the cell; the contract judges it."""
    return " ".join(text.upper().split()).rsplit(" ", maxsplit=1)[-1]


def _person_number(text: str) -> str:
    """The first line of a cell when it is made of digits: an NHS number; a pseudonym is not one."""
    first = re.sub(r"[\s-]", "", text.split("\n", maxsplit=1)[0])
    return first if first.isdigit() and len(first) != REFERENCE_LENGTH else ""


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        return value.date().isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
