"""Builds one publication out of sight and lets readers see it by renaming one symlink.

A publication is never changed after it is visible. Readers open its files read-only, and neither wait for a run nor
make one wait: an open session keeps the folder it opened, the next one finds the new folder.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from pipelines.content import content_hash, digest, read
from pipelines.store import Store
from pipelines.warehouse import add_views
from pipelines.withholding import withhold
from record import files_in_use

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
        record: opens the record on the analyst file's connection, as views over exact lake files.
        meanings: what a column of the record means, by name.
        analyst: further record-level tables, as views over exact lake files.
        files: relative name in the publication to the file or folder that is copied there.
        facts: what the manifest also says (model id, key fingerprint, …).
    """

    week: dt.date
    data_date: dt.date
    warehouse: tuple[Table, ...]
    record: Callable[[duckdb.DuckDBPyConnection], None]
    meanings: Mapping[str, str]
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
    named = _write_analyst(building / ANALYST, contents)
    _copy_files(building, contents.files)
    manifest = _manifest(store, contents, run_id, named)
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
    """Remove publications older than the newest ``keep``, then files that neither they nor the lake name.

    Only ``lake/record/<table>/``, ``lake/mart/<table>/`` and ``lake/history/<source>/`` are looked at: their files are
    named by content, and named again by a pointer ``current`` or by the source's state while they hold. Everything
    else in the lake stays.

    Returns:
        What was removed.
    """
    manifests = publications(store)
    visible = store.current.resolve()
    removed = [store.published / m["run_id"] for m in manifests[:-keep] if store.published / m["run_id"] != visible]
    for folder in removed:
        shutil.rmtree(folder)
    named = {store.lake / name for m in publications(store) for name in m["lake_files"]}
    for pointer in [*store.lake.glob("record/*/current"), *store.lake.glob("mart/*/current")]:
        holds = pointer.parent / pointer.read_text(encoding="utf-8").strip()
        for path in (*pointer.parent.glob("*.parquet"), *pointer.parent.glob("*.html")):
            if path not in named and path != holds:
                path.unlink()
                removed.append(path)
    held = named | files_in_use(store.lake)
    for path in store.lake.glob("history/*/*.parquet"):
        if path not in held:
            path.unlink()
            removed.append(path)
    return removed


def _write_warehouse(path: Path, tables: Sequence[Table]) -> None:
    with duckdb.connect(str(path)) as con:
        for table in tables:
            con.execute(f'create table "{table.name}" as select * from {read(table.files)}')
        present = _columns(con)
        for table in tables:
            _comment(con, "table", table, present[table.name])
        add_views(con, tables)
        con.execute("checkpoint")


def _write_analyst(path: Path, contents: Contents) -> set[Path]:
    """Write the analyst file and return the files that its views name."""
    with duckdb.connect(str(path)) as con:
        contents.record(con)
        record = [Table(view, (), columns=contents.meanings) for view in _columns(con)]
        for table in contents.analyst:
            con.execute(f'create view "{table.name}" as select * from {read(table.files)}')
        withhold(con)
        present = _columns(con)
        for table in (*record, *contents.analyst):
            _comment(con, "view", table, present[table.name])
        for macro in _REFERENCE_MACROS:
            con.execute(macro)
        views = con.sql("select sql from duckdb_views() where not internal").fetchall()
        con.execute("checkpoint")
    path.chmod(0o600)
    return {Path(name) for (sql,) in views for name in re.findall(r"'(/[^']*\.parquet)'", sql)}


_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_REFERENCE_MACROS = (
    f"create macro person_ref(id) as array_to_string(list_transform(range(12, -1, -1), "
    f"lambda i: substr('{_ALPHABET}', ((id >> (5 * i)) & 31)::integer + 1, 1)), '')",
    f"create macro person_id_of(ref) as list_sum(list_transform(range(0, 13), "
    f"lambda i: (strpos('{_ALPHABET}', substr(upper(ref), i::integer + 1, 1)) - 1)::hugeint "
    f"* (32::hugeint ** (12 - i))::hugeint))::bigint",
)
"""So that an analyst can write `where person_id = person_id_of('…')` and `select person_ref(person_id)`."""


def _comment(con: duckdb.DuckDBPyConnection, kind: str, table: Table, present: Iterable[str]) -> None:
    if table.description:
        con.execute(f'comment on {kind} "{table.name}" is {_quoted(table.description)}')
    for name in present:
        if text := table.columns.get(name):
            con.execute(f'comment on column "{table.name}"."{name}" is {_quoted(text)}')


def _columns(con: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """Columns of every table and view of the file."""
    rows = con.sql(
        "select table_name, list(column_name) from duckdb_columns() where not internal group by 1"
    ).fetchall()
    return {str(name): list(columns) for name, columns in rows}


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _copy_files(building: Path, files: Mapping[str, Path]) -> None:
    for name, source in files.items():
        target = building / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(
                source, target, ignore=shutil.ignore_patterns("*.parquet", "*.sheet.json")
            )  # ledgers stay in the lake
        else:
            shutil.copy2(source, target)


def _manifest(store: Store, contents: Contents, run_id: str, named: set[Path]) -> dict[str, Any]:
    hashes: dict[str, dict[str, Any]] = {}
    with store.compute() as con:
        for part, tables in (("warehouse", contents.warehouse), ("analyst", contents.analyst)):
            for table in tables:
                rows, value = content_hash(con, table.files)
                hashes[f"{part}/{table.name}"] = {"rows": rows, "content": value}
    earlier = publications(store)
    named |= {f for table in contents.warehouse for f in table.files}
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
        "lake": str(store.lake),
        "lake_files": sorted(f.relative_to(store.lake).as_posix() for f in named if f.is_relative_to(store.lake)),
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
