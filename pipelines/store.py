"""The only place that knows where things lie and how a connection is made."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.errors import MistakeError

if TYPE_CHECKING:
    import duckdb

DEFAULT_HOME = "home"


@dataclass(frozen=True)
class Store:
    """Paths of one home. Making a ``Store`` touches nothing; ``prepare`` makes the folders."""

    home: Path

    @classmethod
    def at(cls, home: str | Path | None = None) -> Store:
        """The store at ``home``, else at ``ANTICIPATE_HOME``, else at ``./home``.

        Raises:
            MistakeError: that is an address in an object store, which cannot rename.
        """
        named = home or os.environ.get("ANTICIPATE_HOME") or DEFAULT_HOME
        if re.match(r"[a-z][a-z0-9+]+:/", str(named)):
            raise MistakeError(
                f"{named} is an address in an object store, which cannot rename: a home is a folder, on a local disk "
                "or a filesystem that all machines share."
            )
        return cls(Path(named).resolve())

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
    def analyst(self) -> Path:
        """Pages and tables about people that an analyst asked for; 0700, pseudonymous, never in an event log."""
        return self.home / "analyst"

    @property
    def checks(self) -> Path:
        """What every check found, one file a step of a run."""
        return self.lake / "check"

    @property
    def key_file(self) -> Path:
        """The pseudonymisation key: ``ANTICIPATE_KEY_FILE`` or ``vault/key/person.key``."""
        return Path(os.environ.get("ANTICIPATE_KEY_FILE") or self.vault / "key" / "person.key")

    @property
    def governance(self) -> Path:
        """Roles and approvals: read here, written by another account than the one that releases."""
        return self.home / "governance"

    @property
    def released(self) -> Path:
        """Lists with names, one folder a release; 0700. Apart from vault and inbox the only place with NHS numbers."""
        return self.home / "released"

    @property
    def audit_file(self) -> Path:
        """The audit chain; 0700."""
        return self.home / "audit" / "audit.jsonl"

    @property
    def audit_key_file(self) -> Path:
        """The audit chain's own key: ``ANTICIPATE_AUDIT_KEY_FILE`` or ``vault/key/audit.key``."""
        return Path(os.environ.get("ANTICIPATE_AUDIT_KEY_FILE") or self.vault / "key" / "audit.key")

    @property
    def audit_witness(self) -> Path:
        """Where head and length of the audit chain are told, outside the home: ``ANTICIPATE_AUDIT_WITNESS``."""
        named = os.environ.get("ANTICIPATE_AUDIT_WITNESS")
        return Path(named) if named else self.home.parent / f"{self.home.name}.audit-heads.jsonl"

    def prepare(self) -> Store:
        """Make the folders that must exist; the vault and the analyst folder for their owner only."""
        for folder in (self.inbox, self.lake, self.models, self.published, self.dagster_home, self.temporary):
            folder.mkdir(parents=True, exist_ok=True)
        for private in (self.vault, self.analyst):
            private.mkdir(parents=True, exist_ok=True, mode=0o700)
            private.chmod(0o700)
        return self

    def sweep(self) -> int:
        """Remove what a killed run left behind; only a writer that holds the lock may call it.

        What this process keeps from run to run (``own_prefix``) stays.

        Returns:
            How many leftovers were removed.
        """
        left = [p for p in self.temporary.glob("*") if not p.name.startswith(own_prefix())]
        left += self.published.glob(".*")
        left += [*self.lake.rglob(".*.partial"), *self.lake.rglob(".writing-*"), *self.vault.rglob("*.partial")]
        for path in left:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
        return len(left)

    @contextmanager
    def staging(self, name: str) -> Iterator[Path]:
        """A folder for unfinished work, on the same file system as its destination, gone afterwards."""
        self.temporary.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.temporary))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def compute(
        self, *, threads: int | None = None, memory_limit: str | None = None
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """A private in-memory connection for one step; spills to the home's temporary folder."""
        import duckdb

        self.temporary.mkdir(parents=True, exist_ok=True)
        con, spill = duckdb.connect(), tempfile.TemporaryDirectory(prefix="spill-", dir=self.temporary)
        try:
            con.execute(
                "set threads = ?", [threads or int(os.environ.get("ANTICIPATE_THREADS") or 0) or os.cpu_count()]
            )
            con.execute("set memory_limit = ?", [memory_limit or os.environ.get("ANTICIPATE_MEMORY", "8GB")])
            con.execute("set temp_directory = ?", [spill.name])
            con.execute("set preserve_insertion_order = false")
            yield con
        finally:
            con.close()
            spill.cleanup()


def own_prefix() -> str:
    """How the names of temporary folders begin that this process keeps for longer than a run."""
    return f"process-{os.getpid()}-"
