"""One writer per home: whoever comes second is told who holds it."""

from __future__ import annotations

import datetime as dt
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from pipelines.errors import LockedError

_held: dict[Path, int] = {}


def holder(home: Path) -> str:
    """Who wrote their name beside the lock, in words; "another process" when the note cannot be read."""
    try:
        note = json.loads(_note(home).read_text(encoding="utf-8"))
        return f"{note['doing']} (process {note['pid']} on {note['host']}, since {note['since']})"
    except (OSError, ValueError, KeyError):
        return "another process"


@contextmanager
def writing(home: Path, doing: str) -> Iterator[None]:
    """Hold the home for writing; a second hold inside the same process joins the first.

    The operating system lets go when the process ends, however it ends, so a killed run never leaves a home locked.

    Args:
        home: the home to hold.
        doing: what the holder is doing, told to whoever comes second.

    Raises:
        LockedError: another process holds it; the message says who.
    """
    home = home.absolute()
    if _held.get(home, 0):
        _held[home] += 1
        try:
            yield
        finally:
            _held[home] -= 1
        return
    home.mkdir(parents=True, exist_ok=True)
    lock = FileLock(str(home / ".writing.lock"), thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise LockedError(f"{home} is being written by {holder(home)}; try again when it has finished.") from None
    try:
        _note(home).write_text(json.dumps(_who(doing)), encoding="utf-8")
        _held[home] = 1
        yield
    finally:
        _held.pop(home, None)
        _note(home).unlink(missing_ok=True)
        lock.release()


def _note(home: Path) -> Path:
    return home / ".writing.json"


def _who(doing: str) -> dict[str, object]:
    now = dt.datetime.now(tz=dt.UTC).astimezone().isoformat(sep=" ", timespec="seconds")
    return {"doing": doing, "pid": os.getpid(), "host": socket.gethostname(), "since": now}
