"""What a home need not keep for ever: files older than the settings say, and released lists past their delete-by date.

What is computed from stays: typed rows, versions, ledgers, models, the audit log. Copies expire by their number
(``anticipate backup``), publications by theirs.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from data_contracts.ledger import DeliveryLedger, read_entries
from outreach.stored import SUFFIX
from pipelines.release.door import NOTE, audit_log, overdue
from pipelines.settings import Retention, read_settings
from pipelines.stages import list_folder, register_folder
from pipelines.store import Store
from pipelines.weeks import as_date

RECEIVED, LISTS, RELEASED = "received files", "workbooks and pages of lists", "released lists"
ANALYST, QUALITY, LOG = "analysts' pages", "quality pages and workbooks", "log files"
KINDS = (RECEIVED, LISTS, RELEASED, ANALYST, QUALITY, LOG)


@dataclass(frozen=True)
class Expired:
    """A file (a folder, for a released list) past its age, and which kind of thing it is."""

    kind: str
    path: Path


def expired(store: Store, today: dt.date) -> list[Expired]:
    """Everything past its declared age, in order of kind; kinds without an age stay for ever.

    Released lists are past theirs after the delete-by date that they carry. The newest file of every source stays: a
    release reads dates of birth in it.
    """
    ages = read_settings(store).retention
    found = [Expired(RECEIVED, p) for p in _received(store, _day(today, ages.received_days))]
    found += [Expired(LISTS, p) for p in _lists(store, _day(today, ages.lists_days))]
    found += [Expired(RELEASED, p) for p in overdue(store, today)]
    for kind, folder, days in _by_last_change(store, ages):
        before = _day(today, days)
        found += [Expired(kind, p) for p in sorted(folder.rglob("*")) if p.is_file() and _changed(p) < before]
    return found


def remove_expired(store: Store, now: dt.datetime) -> dict[str, int]:
    """Remove everything past its age; the caller holds the home.

    That a released list is gone is written to the audit log before it goes.

    Returns:
        How many of each kind were removed.
    """
    gone = expired(store, now.date())
    released = [e.path for e in gone if e.kind == RELEASED]
    if released:
        notes = [json.loads((folder / NOTE).read_text(encoding="utf-8")) for folder in released]
        audit_log(store).append([{"kind": "deleted", "release": note["release"]} for note in notes], now)
    for one in gone:
        shutil.rmtree(one.path) if one.path.is_dir() else one.path.unlink(missing_ok=True)
    return counted(gone)


def counted(found: Iterable[Expired]) -> dict[str, int]:
    """How many of each kind, nought included."""
    kinds = [e.kind for e in found]
    return {kind: kinds.count(kind) for kind in KINDS}


def _received(store: Store, before: dt.date) -> Iterator[Path]:
    folder = store.vault / "received"
    entries = sorted(read_entries(store.lake), key=lambda e: (e.source, e.received))
    spared = {e.sha256 for _, files in groupby(entries, key=lambda e: e.source) for e in _newest(list(files))}
    old = {e.sha256 for e in entries if e.received < before.isoformat()} - spared
    return (path for path in sorted(folder / sha256 for sha256 in old) if path.exists())


def _newest(entries: list[DeliveryLedger]) -> list[DeliveryLedger]:
    accepted = [e for e in entries if e.fate == "accepted"]
    return [e for e in accepted if e.received == accepted[-1].received] if accepted else []


def _lists(store: Store, before: dt.date) -> list[Path]:
    weeks = [p for folder in (list_folder(store), register_folder(store)) for p in folder.glob("week=*")]
    old = [p for p in weeks if (as_date(p.name.removeprefix("week=")) or dt.date.max) < before]
    return sorted(f for week in old for f in week.iterdir() if f.name.endswith((".xlsx", ".html", SUFFIX)))


def _by_last_change(store: Store, ages: Retention) -> tuple[tuple[str, Path, int | None], ...]:
    return (
        (ANALYST, store.analyst, ages.analyst_days),
        (QUALITY, store.home / "quality", ages.quality_days),
        (LOG, store.home / "log", ages.log_days),
    )


def _day(today: dt.date, days: int | None) -> dt.date:
    return dt.date.min if days is None else today - dt.timedelta(days=days)


def _changed(path: Path) -> dt.date:
    return dt.datetime.fromtimestamp(path.stat().st_mtime, tz=dt.UTC).date()
