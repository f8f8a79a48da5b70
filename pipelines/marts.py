"""Builds the commissioning tables of a week, and keeps them in the lake under names of their content."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_contracts.ledger import read_ledger, write_text_safely
from pipelines.publish import Table
from pipelines.stages import known_to, list_folder, record_at_scale, register_folder, sources_allowed
from pipelines.store import Store
from pipelines.training import data_date

CATALOGUE = "catalogue.json"
RELEASES = "release"
"""Folder of the lake with what earlier releases showed and the truth behind it: record-level care, never published."""
DELIVERY = "delivery"
_DELIVERY_COLUMNS = {
    "source": "the contract's id",
    "file": "name of the file as delivered",
    "received": "date of its folder in the inbox",
    "fate": "accepted, rejected (nothing was read) or resent (the same content came before)",
    "records": "records after the header; the counts that follow add up to it",
    "accepted": "typed and kept",
    "quarantined": "set aside with a reason",
    "superseded": "a later version of the same key arrived",
    "duplicate": "the same again",
    "withheld": "left out: the person objects",
    "rejected": "not read, with the whole file",
    "warned": "accepted with a warning",
    "unmatched": "accepted, of nobody registered or without a usable number",
    "code": "why the file was rejected",
}


@dataclass(frozen=True)
class MartsBuilt:
    """What one call did.

    Attributes:
        tables: every commissioning table that is current now.
        rows: rows of each, by name.
        notes: one line a table: period, cells, how many are suppressed.
        built: false when tables of a later date stand and were left alone.
    """

    data_date: dt.date
    tables: tuple[Table, ...]
    rows: dict[str, int]
    notes: tuple[dict[str, object], ...]
    built: bool


def build_week_marts(store: Store, week: dt.date) -> MartsBuilt:
    """Build every declared table as known on the week's data date; tables of a later date are not replaced by it."""
    from commissioning import PageHeading, build_marts, write_dashboard
    from commissioning.releases import RELEASE

    date = data_date(store, week)
    standing = _catalogue(store)
    if standing and dt.date.fromisoformat(standing["data_date"]) > date:
        return _built(store, built=False)
    with record_at_scale(store) as con, store.staging("mart") as staging:
        report = build_marts(
            con,
            data_date=date,
            out=staging,
            ledgers=list_folder(store),
            registers=register_folder(store),
            sources_allowed=sources_allowed("commissioning", week),
            earlier=_releases(store, before=date),
        )
        _remember(store, staging / RELEASE, date)
        page = write_dashboard(report, staging / "dashboard.html", heading=PageHeading(known_to=known_to(store, week)))
        entries: list[dict[str, object]] = [
            {
                "name": t.name,
                "file": _settle(store, t.name, t.path),
                "description": t.description,
                "columns": dict(t.columns),
                "note": {"table": t.name, "period": t.period or "", "cells": t.cells, "suppressed": t.suppressed},
            }
            for t in report.tables
        ]
        entries.append(_delivery(store, staging, week))
        catalogue = {
            "data_date": date.isoformat(),
            "week": week.isoformat(),
            "dashboard": _settle(store, "dashboard", page),
            "tables": entries,
        }
    text = json.dumps(catalogue, indent=1)
    write_text_safely(store.lake / "mart" / CATALOGUE, text + "\n")
    return _built(store, built=True)


def _releases(store: Store, *, before: dt.date) -> list[Path]:
    """What earlier releases remember, newest first; one of the same date is replaced and is no earlier one."""
    found = sorted((store.lake / RELEASES).glob("*.parquet"), reverse=True)
    return [path for path in found if dt.date.fromisoformat(path.stem) < before]


def _remember(store: Store, built: Path, date: dt.date) -> None:
    """Keep the cells of a release with the truth behind them, for its owner only; forget those no longer needed."""
    from commissioning.releases import REMEMBERED

    folder = store.lake / RELEASES
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    built.chmod(0o600)
    built.replace(folder / f"{date}.parquet")
    for old in sorted(folder.glob("*.parquet"), reverse=True)[REMEMBERED + 1 :]:
        old.unlink()


def current_marts(store: Store) -> tuple[Table, ...]:
    """The commissioning tables that are current, with what they mean."""
    return tuple(
        Table(t["name"], (store.lake / "mart" / t["name"] / t["file"],), t["description"], t["columns"])
        for t in (_catalogue(store) or {"tables": []})["tables"]
    )


def current_dashboard(store: Store) -> Path:
    """The commissioners' page that is current."""
    return store.lake / "mart" / "dashboard" / str((_catalogue(store) or {})["dashboard"])


def marts_data_date(store: Store) -> dt.date | None:
    """The date that the current tables rest on."""
    standing = _catalogue(store)
    return dt.date.fromisoformat(standing["data_date"]) if standing else None


def _built(store: Store, *, built: bool) -> MartsBuilt:
    import pyarrow.parquet as pq

    standing = _catalogue(store) or {}
    tables = current_marts(store)
    rows = {t.name: pq.read_metadata(t.files[0]).num_rows for t in tables}
    notes = tuple(t["note"] for t in standing["tables"] if t["note"])
    return MartsBuilt(dt.date.fromisoformat(standing["data_date"]), tables, rows, notes, built)


def _catalogue(store: Store) -> dict[str, Any] | None:
    path = store.lake / "mart" / CATALOGUE
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _settle(store: Store, name: str, built: Path) -> str:
    """Move a table or page to ``mart/<name>/<content>`` and point ``current`` at it."""
    content = hashlib.sha256(built.read_bytes()).hexdigest()[:16]
    folder = store.lake / "mart" / name
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{content}{built.suffix}"
    built.replace(target)
    write_text_safely(folder / "current", target.name)
    return target.name


def _delivery(store: Store, staging: Path, week: dt.date) -> dict[str, object]:
    """One row a file received by the Monday: what was delivered and what became of it; no person is in it."""
    import polars as pl

    ledger = read_ledger(store.lake).filter(pl.col("received") <= week)
    path = staging / f"{DELIVERY}.parquet"
    ledger.select(list(_DELIVERY_COLUMNS)).sort("source", "received", "file", "fate").write_parquet(path)
    return {
        "name": DELIVERY,
        "file": _settle(store, DELIVERY, path),
        "description": "One row a delivered file: what became of each of its records.",
        "columns": _DELIVERY_COLUMNS,
        "note": None,
    }
