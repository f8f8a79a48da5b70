"""Mondays: which weeks can be run, and which one is meant when none is named."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

from data_contracts.contract import load_contracts
from data_contracts.intake import find_files
from pipelines.errors import MistakeError
from pipelines.settings import read_settings
from pipelines.store import Store

FIRST_WEEK = dt.date(2024, 1, 1)
"""First Monday offered as a weekly partition; earlier weeks are never listed."""

WEEK_TAG = "anticipate/week"
"""The tag that names the week of a run, also of one without partitions, e.g. a training."""

LATEST_TAG = "anticipate/latest-week"
"""The tag of a run whose week nobody named: it is made only when something of that week could be read."""


def parse_week(text: str) -> dt.date:
    """The Monday written as YYYY-MM-DD.

    Raises:
        MistakeError: it is no date, or no Monday; the message names the Monday before.

    >>> parse_week("2026-01-05")
    datetime.date(2026, 1, 5)
    """
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        raise MistakeError(f"{text!r} is not a date; write the week as YYYY-MM-DD, a Monday.") from None
    if day.weekday() != 0:
        raise MistakeError(f"{text} is a {day:%A}; a week is named by its Monday, here {monday_on_or_before(day)}.")
    return day


def monday_on_or_before(day: dt.date) -> dt.date:
    """The latest Monday not after ``day``."""
    return day - dt.timedelta(days=day.weekday())


def received_dates(store: Store) -> list[dt.date]:
    """Every date on which something was received, in order: what could be read now and what the ledger knows."""
    marker = read_settings(store).inbox.marker
    waiting = (f.received for source in load_contracts() for f in find_files(store.inbox, source, marker))
    known = (_accepted_date(p) for p in store.lake.glob("ledger/*/*.json"))
    return sorted({d for d in (*waiting, *known) if d is not None})


def latest_week(store: Store) -> dt.date | None:
    """The latest Monday not after the newest received date; None when nothing was delivered."""
    received = received_dates(store)
    return monday_on_or_before(received[-1]) if received else None


def choose_week(store: Store, asked: str | None) -> dt.date:
    """The week to run: the one asked for, else the latest Monday not after the newest received date.

    Raises:
        MistakeError: nothing was delivered, or the week is no Monday, too early, or later than the deliveries allow.
    """
    received = received_dates(store)
    if not received:
        raise MistakeError(
            f"Nothing has been delivered to {store.inbox}; put files under <source>/<received YYYY-MM-DD>/."
        )
    latest = monday_on_or_before(received[-1])
    if asked is None:
        return latest
    week = parse_week(asked)
    if week < FIRST_WEEK:
        raise MistakeError(f"{week} is too early; the first week that can be run is {FIRST_WEEK}.")
    if week > latest + dt.timedelta(days=7):
        raise MistakeError(
            f"{week} is too late; the newest delivery was received on {received[-1]}, so {latest} can be run."
        )
    return week


def as_date(text: str) -> dt.date | None:
    """The date written as YYYY-MM-DD, or None."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None


def _accepted_date(path: Path) -> dt.date | None:
    entry = json.loads(path.read_text(encoding="utf-8"))
    return as_date(str(entry["received"])) if entry["fate"] == "accepted" else None
