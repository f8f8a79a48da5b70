"""The only place that knows where things lie and how a connection is made."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

DEFAULT_HOME = "home"


@dataclass(frozen=True)
class Store:
    """Paths of one home. Making a ``Store`` touches nothing; ``prepare`` makes the folders."""

    home: Path

    @classmethod
    def at(cls, home: str | Path | None = None) -> Store:
        """The store at ``home``, else at ``ANTICIPATE_HOME``, else at ``./home``."""
        return cls(Path(home or os.environ.get("ANTICIPATE_HOME") or DEFAULT_HOME).absolute())

    @property
    def inbox(self) -> Path:
        """Deliveries as they came: ``inbox/<source>/<received YYYY-MM-DD>/<file>``."""
        return self.home / "inbox"

    @property
    def vault(self) -> Path:
        """Identity and received files; 0700; written by conform, read by release."""
        return self.home / "vault"

    @property
    def lake(self) -> Path:
        """Pseudonymous Parquet between assets."""
        return self.home / "lake"

    @property
    def models(self) -> Path:
        """Content-addressed model folders and the registry."""
        return self.home / "model"

    @property
    def published(self) -> Path:
        """Publication folders and the symlink ``current``."""
        return self.home / "published"

    @property
    def current(self) -> Path:
        """The publication that readers see."""
        return self.published / "current"

    @property
    def dagster_home(self) -> Path:
        """Dagster's own storage."""
        return self.home / "dagster"

    @property
    def temporary(self) -> Path:
        """Spill and staging; nothing here is ever read by a reader."""
        return self.home / "tmp"

    @property
    def key_file(self) -> Path:
        """The pseudonymisation key: ``ANTICIPATE_KEY_FILE`` or ``vault/key/person.key``."""
        return Path(os.environ.get("ANTICIPATE_KEY_FILE") or self.vault / "key" / "person.key")

    def prepare(self) -> Store:
        """Make the folders that must exist, the vault for its owner only."""
        for folder in (self.inbox, self.lake, self.models, self.published, self.dagster_home, self.temporary):
            folder.mkdir(parents=True, exist_ok=True)
        self.vault.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.vault.chmod(0o700)
        return self

    @contextmanager
    def compute(self, *, threads: int | None = None, memory_limit: str | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
        """A private in-memory connection for one step; spills to the home's temporary folder."""
        self.temporary.mkdir(parents=True, exist_ok=True)
        con = duckdb.connect()
        try:
            con.execute("set threads = ?", [threads or int(os.environ.get("ANTICIPATE_THREADS", 0)) or os.cpu_count()])
            con.execute("set memory_limit = ?", [memory_limit or os.environ.get("ANTICIPATE_MEMORY", "8GB")])
            con.execute("set temp_directory = ?", [str(self.temporary)])
            con.execute("set preserve_insertion_order = false")
            yield con
        finally:
            con.close()
