"""What came back from teams: uptake, yield, what could not be taken and where it stands, the safety incident list."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from data_contracts.contract import load_contracts
from data_contracts.ledger import DeliveryLedger, read_entries
from data_contracts.returned import ReturnedRow, WorkbookError, read_returned
from outreach.feedback import incidents, read_feedback, results
from outreach.ledger import ledgers
from outreach.stored import read_rows
from pipelines.stages import list_folder, record_opened, register_folder
from pipelines.store import Store

SOURCE = "outreach_feedback"


@dataclass(frozen=True)
class Reported:
    """What came back, as known now.

    Attributes:
        results: one row a week and team (`outreach.feedback.results`).
        faults: what could not be taken: file, cell or row, what is wrong.
        incidents: the safety incident list, pseudonymous.
    """

    results: pl.DataFrame
    faults: pl.DataFrame
    incidents: pl.DataFrame


def feedback_now(store: Store) -> Reported:
    """Everything that teams have sent back so far."""
    rows = pl.concat([read_rows(list_folder(store)), read_rows(register_folder(store))])
    on = _newest(store)
    with record_opened(store) as con:
        told = read_feedback(con, on, rows)
        dead = con.execute("select distinct person_id from death where known_until is null").fetchall()
    files = {e.delivery_id: e.file for e in read_entries(store.lake, SOURCE) if e.fate == "accepted"}
    named = pl.col("delivery_id").replace_strict(files, default="", return_dtype=pl.String)
    own = told.faults.select(file=named, at="found_at", wrong="fault")
    return Reported(
        results(rows, told.answers),
        pl.concat([own, _set_aside(store)]).sort("file", "at", "wrong"),
        incidents(told, pl.Series("person_id", [int(p) for (p,) in dead], dtype=pl.Int64)),
    )


def _newest(store: Store) -> dt.date:
    received = [dt.date.fromisoformat(e.received) for e in read_entries(store.lake)]
    return max([*received, *(week for week, _ in ledgers(list_folder(store)))], default=dt.date(2000, 1, 1))


def _set_aside(store: Store) -> pl.DataFrame:
    """What the contract did not take, by cell: the workbook is looked at again, in the vault."""
    schema = {"file": pl.String, "at": pl.String, "wrong": pl.String}
    found: list[tuple[str, str, str]] = []
    for entry in read_entries(store.lake, SOURCE):
        if entry.fate == "rejected":
            found.append((entry.file, "", entry.message))
        found += [(entry.file, "", note) for note in entry.notes]
        if entry.fate == "accepted":
            found += [(entry.file, *told) for told in _rows_set_aside(store, entry)]
    return pl.DataFrame(found, schema=schema, orient="row")


def _rows_set_aside(store: Store, entry: DeliveryLedger) -> list[tuple[str, str]]:
    """Cell and fault of each row of one file that was not taken, or taken with a warning."""
    contract = load_contracts()[SOURCE]
    quarantine = store.lake / "quarantine" / SOURCE / f"{entry.sha256[:16]}.parquet"
    received = store.vault / "received" / entry.sha256
    if not quarantine.exists():
        return []
    listed = pl.read_parquet(quarantine).filter(pl.col("rule") != "N00")
    told = listed.select("row_number", "column", "rule", "message").rows()
    try:
        rows = read_returned(received, contract)[0] if received.exists() else []
    except WorkbookError:
        rows = []
    names = {c.header: c.name for c in contract.columns}
    places = [_cell(rows[n - 1], names.get(c, c)) if n <= len(rows) else f"row {n}, {c}" for n, c, _, _ in told]
    return [(place, f"{rule} {message}") for place, (_, _, rule, message) in zip(places, told, strict=True)]


def _cell(row: ReturnedRow, column: str) -> str:
    return row.cells.get(column) or row.values.get("found_at", "")
