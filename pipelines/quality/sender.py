"""What to tell the sender of a file: a workbook with every row that was set aside or read with a warning.

By row number, line, column, rule, message and remedy. A value is shown only where the contract does not call it
personal, and never more than the sender sent: there is no pseudonym and nothing of any other file in it.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import xlsxwriter

from data_contracts.contract import load_contracts
from data_contracts.ledger import DeliveryLedger, read_entries
from pipelines.errors import MistakeError
from pipelines.store import Store

MOST_ROWS = 500_000
_COLUMNS = {
    "row_number": ("row", 10),
    "line_number": ("line", 10),
    "column": ("column", 26),
    "rule": ("rule", 8),
    "level": ("what became of the row", 24),
    "value": ("value", 24),
    "message": ("what is wrong", 60),
    "remedy": ("what to do", 60),
}
TO_DO = {
    "N00": "send the number where you hold it; without it the row is counted and belongs to nobody",
    "N01": "send all ten digits, as text: a leading nought must not be lost",
    "N02": "look the number up again and correct it at the source",
    "N03": "look the number up again: it is a placeholder, and nobody has it",
    "N04": "send the person's NHS number; leave it empty for a person who has none",
    "C01": "send the value; a row without it cannot be used",
    "C02": "send the date as YYYY-MM-DD, and only days that exist",
    "C03": "correct the date: it had not come yet when the file was received",
    "C04": "send a plain number, without unit, comma or sign of currency",
    "C05": "correct the value, or tell us that such values are right, so that the contract is changed",
    "C06": "send a code of the national list; the row was kept as sent",
    "C07": "send the value in the form that the contract gives",
    "C08": "export the code as text; do not open the file in a spreadsheet before sending it",
    "C09": "take the code from the system anew: a digit was changed on the way",
    "C10": "send the id of the concept, not of one of its descriptions",
    "R01": "close open quotes, and put values that hold the delimiter in quotes",
    "K01": "nothing, if it is the same record twice; else give each record a key of its own",
    "K02": "nothing: the later version was used",
}
"""What a sender does about each rule that every contract has."""
OWN_RULE = "correct it at the source, or tell us that it is right, so that the contract is changed"
_FATE = {
    "reject row": "set aside",
    "warn": "kept, with a warning",
    "duplicate": "left out: says the same again",
    "superseded": "left out: a later version is there",
}


def write_reports(store: Store, source: str, received: str | None = None) -> list[Path]:
    """One workbook for each file of a source with something to tell: of one day, or of the newest day.

    Raises:
        MistakeError: there is no such source, or it delivered nothing (that day).
    """
    if source not in load_contracts():
        raise MistakeError(f"There is no source {source!r}; `anticipate source list` names them.")
    entries = [e for e in read_entries(store.lake, source) if e.fate in ("accepted", "rejected")]
    day = received or max((e.received for e in entries), default=None)
    chosen = [e for e in entries if e.received == day]
    if not chosen:
        raise MistakeError(f"{source} delivered nothing{f' on {received}' if received else ' yet'}.")
    folder = store.home / "quality" / "errors"
    folder.mkdir(parents=True, exist_ok=True)
    return [_write(store, e, folder) for e in chosen if e.fate == "rejected" or e.faults]


def faults_of(store: Store, entry: DeliveryLedger) -> pl.DataFrame:
    """Rows of one file that were set aside or carry a warning, with what to do."""
    path = store.lake / "quarantine" / entry.source / f"{entry.sha256[:16]}.parquet"
    if not path.exists():
        return pl.DataFrame(schema=dict.fromkeys(_COLUMNS, pl.String))
    rows = pl.scan_parquet(path).head(MOST_ROWS).collect()
    return rows.with_columns(
        remedy=pl.col("rule").replace_strict(TO_DO, default=OWN_RULE, return_dtype=pl.String),
        level=pl.col("level").replace_strict(_FATE, default=pl.col("level"), return_dtype=pl.String),
    ).select(*_COLUMNS)


def _write(store: Store, entry: DeliveryLedger, folder: Path) -> Path:
    rows = faults_of(store, entry)
    target = folder / f"{entry.source}-{entry.received}-{entry.sha256[:8]}.xlsx"
    waiting = target.with_name(f".{target.name}.partial")
    with xlsxwriter.Workbook(waiting, {"constant_memory": True, "strings_to_formulas": False}) as book:
        bold, wrap = book.add_format({"bold": True}), book.add_format({"text_wrap": True, "valign": "top"})
        _about(book.add_worksheet("Summary"), entry, rows, bold, wrap)
        sheet = book.add_worksheet("Rows")
        sheet.freeze_panes(1, 0)
        for place, (heading, width) in enumerate(_COLUMNS.values()):
            sheet.set_column(place, place, width)
            sheet.write_string(0, place, heading, bold)
        for number, row in enumerate(rows.iter_rows(), 1):
            for place, value in enumerate(row):
                if isinstance(value, int):
                    sheet.write_number(number, place, value)
                elif value is not None:
                    sheet.write_string(number, place, value)
        if rows.height:
            sheet.autofilter(0, 0, rows.height, len(_COLUMNS) - 1)
    waiting.replace(target)
    return target


def _about(
    sheet: xlsxwriter.worksheet.Worksheet,
    entry: DeliveryLedger,
    rows: pl.DataFrame,
    bold: xlsxwriter.format.Format,
    wrap: xlsxwriter.format.Format,
) -> None:
    contract = load_contracts()[entry.source]
    told = [
        ("source", f"{contract.name} ({entry.source}), contract {entry.contract_version}"),
        ("file", entry.file),
        ("received", entry.received),
        ("result", "not read" if entry.fate == "rejected" else "read"),
        *([(entry.code, entry.message)] if entry.code else []),
        ("rows in the file", f"{entry.records:,}"),
        ("rows accepted", f"{entry.accepted:,}"),
        ("rows set aside", f"{entry.quarantined:,}"),
        ("rows with a warning", f"{entry.warned:,}"),
        ("rows without a person", f"{entry.unmatched:,}"),
        *(("note", note) for note in entry.notes),
    ]
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, 1, 12)
    sheet.set_column(2, 3, 70)
    for line, (what, value) in enumerate(told):
        sheet.write_string(line, 0, what, bold)
        sheet.write_string(line, 1, value)
    start = len(told) + 1
    for place, heading in enumerate(("rule", "rows", "what is wrong", "what to do")):
        sheet.write_string(start, place, heading, bold)
    by_rule = rows.group_by("rule", "remedy").agg(pl.len(), pl.col("message").min())
    counted = by_rule.sort("len", "rule", descending=[True, False])
    for line, (rule, remedy, count, message) in enumerate(counted.rows(), start + 1):
        sheet.write_string(line, 0, rule)
        sheet.write_number(line, 1, count)
        sheet.write_string(line, 2, message, wrap)
        sheet.write_string(line, 3, remedy, wrap)
    if rows.height >= MOST_ROWS:
        sheet.write_string(start + counted.height + 2, 0, f"Only the first {MOST_ROWS:,} rows are listed.", bold)
