"""Makes Dagster's own SQLite files quick enough: hundreds of small events a run, each of which waits for the disk.

SQLite stays in write-ahead mode, which survives a crash in either setting. ``synchronous = normal`` asks the disk at
checkpoints instead of at every event (after a power cut the last events may be missing, never the file), and one idle
connection a file keeps SQLite from checkpointing whenever Dagster closes one of its own.
"""

from __future__ import annotations

import sqlite3
from functools import cache
from pathlib import Path

from sqlalchemy import event
from sqlalchemy.engine import Engine

_idle: dict[str, sqlite3.Connection] = {}


@cache
def hasten(folder: Path) -> None:
    """Apply to every SQLite file below ``folder`` that this process opens from now on."""

    @event.listens_for(Engine, "connect")
    def ease(connection: object, _: object) -> None:
        if not isinstance(connection, sqlite3.Connection):
            return
        file = next((row[2] for row in connection.execute("pragma database_list") if row[1] == "main"), "")
        if not file or not Path(file).is_relative_to(folder):
            return
        connection.execute("pragma synchronous = normal")
        if file not in _idle:
            _idle[file] = sqlite3.connect(file, check_same_thread=False)
            _idle[file].execute("select count(*) from sqlite_master").fetchone()


def release() -> None:
    """Close the idle connections; SQLite then folds its write-ahead files in."""
    while _idle:
        _idle.popitem()[1].close()
