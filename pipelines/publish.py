"""Builds one publication out of sight and lets readers see it by renaming one symlink.

A publication is never changed after it is visible. Readers open its files read-only, and neither wait for a run nor
make one wait: an open session keeps the folder it opened, the next one finds the new folder.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from pipelines.content import content_hash, digest, read
from pipelines.store import Store

KEPT = 8
"""Publications that stay readable; older ones are removed after a swap."""

WAREHOUSE = "warehouse.duckdb"
ANALYST = "analyst.duckdb"
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Table:
    """One published table or view: its immutable Parquet files, what one row is, what its columns mean."""

    name: str
    files: tuple[Path, ...]
    description: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Contents:
    """Everything that goes into one publication.

    Attributes:
        week: the newest week that has a list.
        data_date: the newest received date that the marts rest on.
        warehouse: commissioning tables, copied in.
        analyst: record-level tables, as views over the lake files.
        files: relative name in the publication to the file or folder that is copied there.
        facts: what the manifest also says (model id, key fingerprint, …).
    """

    week: dt.date
    data_date: dt.date
    warehouse: tuple[Table, ...]
    analyst: tuple[Table, ...]
    files: Mapping[str, Path]
    facts: Mapping[str, Any]


def publish(store: Store, contents: Contents, *, run_id: str) -> dict[str, Any]:
    """Build ``published/<run id>/``, make it durable, swap ``current`` to it, remove what is too old.

    Returns:
        The manifest.
    """
    building = store.published / f".building-{run_id}"
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    _write_warehouse(building / WAREHOUSE, contents.warehouse)
    _write_analyst(building / ANALYST, contents.analyst)
    _copy_files(building, contents.files)
    manifest = _manifest(store, contents, run_id)
    (building / MANIFEST).write_text(json.dumps(manifest, indent=2, default=str) + "\n", encoding="utf-8")
    _make_durable(building)
    final = store.published / run_id
    shutil.rmtree(final, ignore_errors=True)
    building.rename(final)
    _swap(store, run_id)
    prune(store)
    return manifest


def publications(store: Store) -> list[dict[str, Any]]:
    """Manifests of all complete publications, oldest first."""
    found = []
    for path in store.published.glob(f"*/{MANIFEST}"):
        if not path.parent.is_symlink() and not path.parent.name.startswith("."):
            found.append(json.loads(path.read_text(encoding="utf-8")))
    return sorted(found, key=lambda m: int(m["sequence"]))


def current_manifest(store: Store) -> dict[str, Any] | None:
    """Manifest of the publication that readers see, or None before the first."""
    try:
        return dict(json.loads((store.current / MANIFEST).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def prune(store: Store, keep: int = KEPT) -> list[Path]:
    """Remove publications older than the newest ``keep``, then record files that none of those names.

    Only tables that the newest publication names are looked at, so a file of a stage that did not run stays.

    Returns:
        What was removed.
    """
    manifests = publications(store)
    if not manifests:
        return []
    removed = [store.published / m["run_id"] for m in manifests[:-keep]]
    visible = store.current.resolve()
    removed = [folder for folder in removed if folder != visible]
    for folder in removed:
        shutil.rmtree(folder)
    named = {store.lake / name for m in manifests[-keep:] for name in m["lake_files"]}
    newest = {(store.lake / name).parent for name in manifests[-1]["lake_files"]}
    folders = [f for f in newest if f.parent.name in ("record", "mart")]
    for path in (p for folder in folders for p in folder.glob("*.parquet") if p not in named):
        path.unlink()
        removed.append(path)
    return removed


def _write_warehouse(path: Path, tables: Iterable[Table]) -> None:
    with duckdb.connect(str(path)) as con:
        for table in tables:
            con.execute(f'create table "{table.name}" as select * from {read(table.files)}')
            _comment(con, "table", table)
        con.execute("checkpoint")


def _write_analyst(path: Path, tables: Iterable[Table]) -> None:
    with duckdb.connect(str(path)) as con:
        for table in tables:
            con.execute(f'create view "{table.name}" as select * from {read(table.files)}')
            _comment(con, "view", table)
        con.execute("checkpoint")
    path.chmod(0o600)


def _comment(con: duckdb.DuckDBPyConnection, kind: str, table: Table) -> None:
    present = {row[0] for row in con.sql(f'describe "{table.name}"').fetchall()}
    con.execute(f'comment on {kind} "{table.name}" is {_quoted(table.description)}')
    for name, text in table.columns.items():
        if name in present and text:
            con.execute(f'comment on column "{table.name}"."{name}" is {_quoted(text)}')


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _copy_files(building: Path, files: Mapping[str, Path]) -> None:
    for name, source in files.items():
        target = building / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy2(source, target)


def _manifest(store: Store, contents: Contents, run_id: str) -> dict[str, Any]:
    hashes: dict[str, dict[str, Any]] = {}
    with store.compute() as con:
        for part, tables in (("warehouse", contents.warehouse), ("analyst", contents.analyst)):
            for table in tables:
                rows, value = content_hash(con, table.files)
                hashes[f"{part}/{table.name}"] = {"rows": rows, "content": value}
    earlier = publications(store)
    files = {f for t in (*contents.analyst, *contents.warehouse) for f in t.files if f.is_relative_to(store.lake)}
    return {
        "sequence": int(earlier[-1]["sequence"]) + 1 if earlier else 1,
        "run_id": run_id,
        "week": contents.week.isoformat(),
        "data_date": contents.data_date.isoformat(),
        "published_at": dt.datetime.now(tz=dt.UTC).isoformat(timespec="seconds"),
        "content": digest({name: h["content"] for name, h in hashes.items()}),
        "tables": hashes,
        **contents.facts,
        "versions": {
            "python": platform.python_version(),
            **{p: version(p) for p in ("anticipate", "duckdb", "polars", "lightgbm", "scikit-learn", "dagster")},
        },
        "lake_files": sorted(f.relative_to(store.lake).as_posix() for f in files),
    }


def _make_durable(folder: Path) -> None:
    """Ask the disk to hold every file and folder before the publication can be seen."""
    for path in [*sorted(folder.rglob("*")), folder]:
        if path.is_symlink():
            continue
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _swap(store: Store, run_id: str) -> None:
    waiting = store.published / f".current-{run_id}"
    waiting.unlink(missing_ok=True)
    waiting.symlink_to(run_id, target_is_directory=True)
    waiting.replace(store.current)
    handle = os.open(store.published, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
