"""After a home was moved or restored elsewhere: let the analyst files name the lake where it lies now."""

from __future__ import annotations

import json
import re
import shutil
from graphlib import TopologicalSorter
from pathlib import Path

import duckdb

from pipelines.errors import ProblemError
from pipelines.publish import ANALYST, MANIFEST, publications
from pipelines.store import Store


def relocate(store: Store) -> int:
    """Rewrite the views of every publication that names another lake; only a writer that holds the home may do so.

    Returns:
        How many publications were rewritten.

    Raises:
        ProblemError: a file that a publication names is not in the lake.
    """
    rewritten = 0
    for manifest in publications(store):
        before, now = str(manifest["lake"]), str(store.lake)
        if before == now:
            continue
        missing = [name for name in manifest["lake_files"] if not (store.lake / name).exists()]
        if missing:
            raise ProblemError(
                f"{len(missing)} files of publication {manifest['run_id'][:8]} are missing: {missing[0]}, …"
            )
        folder = store.published / manifest["run_id"]
        _rewrite(folder / ANALYST, before, now)
        _write_manifest(folder / MANIFEST, {**manifest, "lake": now})
        rewritten += 1
    return rewritten


def _rewrite(path: Path, before: str, now: str) -> None:
    waiting = path.with_name(f".{path.name}.partial")
    shutil.copy2(path, waiting)
    with duckdb.connect(str(waiting)) as con:
        views = con.sql("select view_name, sql, comment from duckdb_views() where not internal order by all").fetchall()
        comments = con.sql(
            "select table_name, column_name, comment from duckdb_columns() where not internal and comment is not null"
        ).fetchall()
        for sql in _sources_first({name: sql for name, sql, _ in views}):
            con.execute(sql.replace("CREATE VIEW", "create or replace view", 1).replace(f"'{before}/", f"'{now}/"))
        for name, _, comment in views:
            if comment:
                con.execute(f'comment on view "{name}" is {_quoted(comment)}')
        for name, column, comment in comments:
            con.execute(f'comment on column "{name}"."{column}" is {_quoted(comment)}')
        con.execute("checkpoint")
    waiting.replace(path)


def _sources_first(views: dict[str, str]) -> list[str]:
    """The statements, each after those whose views it reads: none may be read where the lake no longer lies."""
    words = {name: set(re.findall(r"\w+", re.sub(r"'[^']*'", "", sql))) - {name} for name, sql in views.items()}
    order = TopologicalSorter({name: words[name] & views.keys() for name in views}).static_order()
    return [views[name] for name in order]


def _write_manifest(path: Path, manifest: dict[str, object]) -> None:
    waiting = path.with_name(f".{path.name}.partial")
    waiting.write_text(json.dumps(manifest, indent=2, default=str) + "\n", encoding="utf-8")
    waiting.replace(path)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
