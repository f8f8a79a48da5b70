"""What one delivered file looks like from afar: counts alone, so that files can be compared without being read again.

A profile is made once a file (files are immutable and named by content) and kept in ``profile/<source>/`` of the lake.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from data_contracts.contract import Contract
from data_contracts.ledger import DeliveryLedger, read_entries, write_text_safely
from data_contracts.rules import literal, quoted

PRACTICE = "practice_code"
MOST_CODES = 60


@dataclass(frozen=True)
class FileProfile:
    """Counts of one accepted file.

    Attributes:
        rows: accepted rows; ``filled`` of them with a value, by column.
        codes: rows by code, for columns with a code set.
        practices: rows by practice, where rows carry one.
        first_event, last_event: the days covered, by the contract's event date.
        days_late: half of the rows came at most so many days after they happened (None for a historic file).
    """

    source: str
    delivery: str
    received: str
    historic: bool
    rows: int
    filled: dict[str, int] = field(default_factory=dict)
    codes: dict[str, dict[str, int]] = field(default_factory=dict)
    practices: dict[str, int] = field(default_factory=dict)
    first_event: str | None = None
    last_event: str | None = None
    days_late: int | None = None


def profiles(con: duckdb.DuckDBPyConnection, contract: Contract, *, lake: Path) -> list[FileProfile]:
    """Profiles of all accepted files of a source, oldest received first; those that are missing are made."""
    found = []
    for entry in read_entries(lake, contract.id):
        if entry.fate != "accepted":
            continue
        kept = lake / "profile" / contract.id / f"{entry.sha256[:16]}-{entry.contract_version}.json"
        if not kept.exists():
            made = _profile(con, contract, entry, lake)
            if made is None:
                continue
            write_text_safely(kept, json.dumps(dataclasses.asdict(made), sort_keys=True))
        found.append(FileProfile(**json.loads(kept.read_text(encoding="utf-8"))))
    return found


def _profile(
    con: duckdb.DuckDBPyConnection, contract: Contract, entry: DeliveryLedger, lake: Path
) -> FileProfile | None:
    path = lake / "conform" / contract.id / f"{entry.sha256[:16]}.parquet"
    if not path.exists():
        return None
    source = f"read_parquet({literal(str(path))})"
    there = {name for name, *_ in con.execute(f"describe select * from {source}").fetchall()}
    columns = [c for c in contract.stored if c.lake_name in there]
    event = contract.event_date if contract.event_date in there else None
    counted = ", ".join(f"count({quoted(c.lake_name)})" for c in columns)
    told: list[object] = [None, None, None]
    row = con.execute(f"select count(*), {counted} from {source}").fetchall()[0]
    if event:
        day, received = f"cast({quoted(event)} as date)", f"cast({literal(entry.received)} as date)"
        late = f"approx_quantile(date_diff('day', {day}, {received}), 0.5)"
        told = list(con.execute(f"select min({day}), max({day}), {late} from {source}").fetchall()[0])
    return FileProfile(
        source=contract.id,
        delivery=entry.sha256[:16],
        received=entry.received,
        historic=entry.historic,
        rows=int(row[0]),
        filled={c.lake_name: int(n) for c, n in zip(columns, row[1:], strict=True)},
        codes={c.lake_name: _count_by(con, source, c.lake_name) for c in columns if c.code_set},
        practices=_count_by(con, source, PRACTICE, limit=100_000) if PRACTICE in there else {},
        first_event=_day(told[0]),
        last_event=_day(told[1]),
        days_late=None if entry.historic or told[2] is None else int(str(told[2])),
    )


def _count_by(con: duckdb.DuckDBPyConnection, source: str, column: str, limit: int = MOST_CODES) -> dict[str, int]:
    name = quoted(column)
    rows = con.execute(
        f"select cast({name} as varchar), count(*) from {source} where {name} is not null "
        f"group by 1 order by 2 desc, 1 limit {limit}"
    ).fetchall()
    return {str(code): int(n) for code, n in rows}


def _day(value: object) -> str | None:
    return value.isoformat() if isinstance(value, dt.date) else None
