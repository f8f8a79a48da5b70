"""Small deliveries for tests: rows as dictionaries by lake name, written as the contract says."""

from __future__ import annotations

import csv
import datetime as dt
import io
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

import record
from data_contracts.conform import conform_source
from data_contracts.contract import Contract, load_contracts
from data_contracts.identity import Vault
from data_contracts.ledger import DeliveryLedger
from data_contracts.rules import NUMBERS

KEY = b"a key for tests, nothing else..."
assert len(KEY) == 32


def nhs_number(n: int) -> str:
    """The n-th valid number of the test range, skipping those whose check digit would be 10."""
    while len(_NUMBERS) <= n:
        stem = next(_STEMS)
        digits = [int(d) for d in str(stem)]
        check = 11 - sum(d * (10 - i) for i, d in enumerate(digits)) % 11
        if check != 10:
            _NUMBERS.append(f"{stem}{0 if check == 11 else check}")
    return _NUMBERS[n]


_STEMS = itertools.count(900_000_101)
_NUMBERS: list[str] = []

DEFAULTS: dict[str, dict[str, object]] = {
    "gp_registration": {
        "practice_code": "C81001",
        "start_date": "2000-01-01",
        "birth_month": "1940-05-15",
        "sex_code": "2",
        "lsoa_code": "E01013453",
        "sensitive_flag": "N",
    },
    "gp_event": {"practice_code": "C81001", "is_deleted": "N"},
    "apc": {
        "provider_code": "RTG",
        "episode_order": 1,
        "patient_class": "1",
        "admission_method": "21",
        "admission_source": "19",
        "spell_number": "S1",
        "main_specialty": "300",
        "treatment_function": "300",
    },
}


@dataclass
class World:
    """A home in a temporary folder, with what tests do to it."""

    home: Path

    def __post_init__(self) -> None:
        self.contracts = load_contracts()

    @property
    def inbox(self) -> Path:
        return self.home / "inbox"

    @property
    def lake(self) -> Path:
        return self.home / "lake"

    @property
    def vault(self) -> Path:
        return self.home / "vault"

    def deliver(
        self,
        source: str,
        received: str,
        rows: Sequence[Mapping[str, object]],
        *,
        historic: bool = False,
        name: str = "file.csv",
    ) -> Path:
        """Writes rows (lake names; ``nhs_number`` may be an integer for the n-th person)."""
        return self.deliver_text(source, received, text_of(self.contracts[source], rows), historic=historic, name=name)

    def deliver_text(
        self, source: str, received: str, text: str | bytes, *, historic: bool = False, name: str = "file.csv"
    ) -> Path:
        folder = self.inbox / source / received
        folder.mkdir(parents=True, exist_ok=True)
        if historic:
            (folder / "delivery.yaml").write_text("historic: true\n")
        path = folder / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def conform(self, *sources: str, marker: str | None = None) -> list[DeliveryLedger]:
        """Conforms the sources (all when none is named) and returns what was met."""
        entries = []
        with duckdb.connect() as con:
            for source in sources or self.contracts:
                entries += conform_source(
                    con,
                    self.contracts[source],
                    inbox=self.inbox,
                    lake=self.lake,
                    vault=Vault(self.vault, KEY),
                    marker=marker,
                )
        return entries

    def quarantine(self, source: str) -> pl.DataFrame:
        files = sorted((self.lake / "quarantine" / source).glob("*.parquet"))
        return pl.concat([pl.read_parquet(f) for f in files]) if files else pl.DataFrame()

    def connect(self, *sources: str) -> duckdb.DuckDBPyConnection:
        """Conforms and folds the sources; a connection with all histories and canonical tables open."""
        self.conform(*sources)
        con = duckdb.connect()
        for source in sources or self.contracts:
            record.update_history(con, self.contracts[source], lake=self.lake)
        record.open_histories(con, self.contracts.values(), lake=self.lake)
        for table in record.TABLES:
            record.build_table(con, table, lake=self.lake)
        return con


def text_of(contract: Contract, rows: Sequence[Mapping[str, object]]) -> str:
    """CSV text of rows, in the contract's order, delimiter and headings."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=contract.delimiter, lineterminator="\n")
    writer.writerow([c.header for c in contract.columns])
    for row in rows:
        full = {**DEFAULTS.get(contract.id, {}), **row}
        cells = []
        for column in contract.columns:
            value = full.get(column.name, "")
            if column.role in NUMBERS and isinstance(value, int):
                value = nhs_number(value)
            cells.append("" if value is None else value)
        writer.writerow(cells)
    return out.getvalue()


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)
