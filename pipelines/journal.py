"""The structured log: one JSON object a line, with run, job and asset, and no value of anybody's record."""

from __future__ import annotations

import datetime as dt
import json
import os

from pipelines.store import Store

ALLOWED = ("level", "run", "job", "week", "what", "step", "asset", "rows", "check", "seconds")


def write(store: Store, **said: object) -> None:
    """Append one line to ``log/anticipate-YYYY-MM.jsonl``; only the words of ``ALLOWED`` can be said."""
    unknown = set(said) - set(ALLOWED)
    if unknown:
        raise ValueError(f"The log does not take {sorted(unknown)}.")
    now = dt.datetime.now(tz=dt.UTC)
    folder = store.home / "log"
    folder.mkdir(parents=True, exist_ok=True)
    line = json.dumps({"at": now.isoformat(timespec="seconds"), "level": "info", **said}, default=str)
    handle = os.open(folder / f"anticipate-{now:%Y-%m}.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
    try:
        os.write(handle, line.encode() + b"\n")  # one write: lines of two processes do not mix
    finally:
        os.close(handle)
