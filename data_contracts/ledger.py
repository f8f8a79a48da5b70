"""One fate for every delivered record, kept in one small file a delivered file.

Fates: accepted, quarantined, superseded (a later version of the same key arrived), duplicate (the same again),
withheld (GP rows of a person who objects: type 1 opt-out), rejected (with its whole file). They add up to ``records``.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

STRAY = ("F01", "F02")
FATES = ("accepted", "quarantined", "superseded", "duplicate", "withheld", "rejected")


class AccountingError(RuntimeError):
    """The fates of a file's records do not add up to its records."""


@dataclass(frozen=True)
class DeliveryLedger:
    """What became of one delivered file.

    Attributes:
        fate: ``accepted`` (read; single rows may be quarantined), ``rejected`` (nothing was read) or ``resent``
            (the very same bytes came before: nothing was added).
        records: records after the header, malformed ones included; for a rejected file as far as countable.
        faults: rows by rule code, rejecting rules and warnings alike.
        sentinels: values that stand for "missing", by column.
        unmatched: accepted rows without a usable person.
        code, message: why the file was rejected, and what to do.
        sha256: name of everything made from the file: that of its bytes, unless the same bytes were read before and
            had to be read anew (``data_contracts.resend``); then ``bytes_sha256`` holds that of its bytes.
    """

    source: str
    file: str
    sha256: str
    delivery_id: int
    received: str
    historic: bool
    contract_version: str
    fate: str
    encoding: str = ""
    records: int = 0
    accepted: int = 0
    quarantined: int = 0
    superseded: int = 0
    duplicate: int = 0
    withheld: int = 0
    rejected: int = 0
    warned: int = 0
    unmatched: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    sentinels: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    code: str = ""
    message: str = ""
    bytes_sha256: str = ""

    @property
    def content(self) -> str:
        """SHA-256 of the bytes as delivered."""
        return self.bytes_sha256 or self.sha256

    def checked(self) -> DeliveryLedger:
        """Itself, when the fates add up.

        Raises:
            AccountingError: a record has no fate, or two.
        """
        total = sum(getattr(self, fate) for fate in FATES)
        if total != self.records:
            raise AccountingError(f"{self.source}/{self.file}: {self.records} records but {total} fates.")
        return self

    def write(self, lake: Path) -> Path:
        """Writes the entry under ``ledger/<source>/``; a resent or stray file never takes the name of the one read."""
        place = f"{self.received}-{hashlib.sha256(self.file.encode()).hexdigest()[:8]}"
        suffix = f"-resent-{place}" if self.fate == "resent" else "-stray" if self.code in STRAY else ""
        target = lake / "ledger" / self.source / f"{self.sha256[:16]}{suffix}.json"
        write_text_safely(target, json.dumps(dataclasses.asdict(self), indent=1, sort_keys=True))
        return target


def delivery_id_of(sha256: str) -> int:
    """A 48-bit integer that names a file by its content."""
    return int(sha256[:12], 16)


def read_entries(lake: Path, source: str | None = None) -> list[DeliveryLedger]:
    """Entries of one source or of all, oldest received first, as they stood after conform."""
    entries = []
    for path in (lake / "ledger").glob(f"{source or '*'}/*.json"):
        raw = json.loads(path.read_text(encoding="utf-8"))
        entries.append(DeliveryLedger(**{**raw, "notes": tuple(raw["notes"])}))
    return sorted(entries, key=lambda e: (e.received, e.source, e.file, e.sha256, e.fate))


def read_ledger(lake: Path, source: str | None = None) -> pl.DataFrame:
    """One row a delivered file, of one source or of all, with its fates as they stand now, the record's view included.

    A row accepted at conform may since have been superseded by a later version, or have turned out to say the same
    as an earlier one; those counts are moved here, so that the fates of a file always add up to its records.
    """
    moved: dict[int, Counter[str]] = {}
    for path in (lake / "history").glob(f"{source or '*'}/fate.json"):
        for delivery, fates in json.loads(path.read_text(encoding="utf-8")).items():
            moved.setdefault(int(delivery), Counter()).update(fates)
    rows = []
    for entry in read_entries(lake, source):
        row = dataclasses.asdict(entry) | {"notes": "; ".join(entry.notes), "sentinels": sum(entry.sentinels.values())}
        row["faults"] = ", ".join(f"{code} {n}" for code, n in sorted(entry.faults.items()))
        if entry.fate == "accepted":
            for fate, n in moved.get(entry.delivery_id, Counter()).items():
                row[fate] += n
                row["accepted"] -= n
        rows.append(row)
    schema = {
        f.name: pl.Int64 if f.type == "int" else pl.Boolean if f.type == "bool" else pl.String
        for f in dataclasses.fields(DeliveryLedger)
    } | {"sentinels": pl.Int64}
    return pl.DataFrame(rows, schema=schema).with_columns(pl.col("received").str.to_date())


def write_text_safely(target: Path, text: str) -> None:
    """Writes under another name, flushes to disk, renames: a reader sees the old file or the new one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    with partial.open("w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    partial.replace(target)


def newest_received(lake: Path) -> dt.date | None:
    """The latest received date of any accepted file, or None."""
    days = [dt.date.fromisoformat(e.received) for e in read_entries(lake) if e.fate == "accepted"]
    return max(days, default=None)
