"""Removes a person, or what one source delivered in a period, from every place of a home, and proves it by a search.

A person's rows go from vault, received files, lake and features; list ledgers keep a row under a random id that leads
nowhere; workbooks and pages that name them are removed (the ledgers still say that somebody was shown).
The audit chain cannot be changed without breaking it, and keeps a reference whose number is no longer known here.
What a sender delivers again is read again: they must be told.
"""

from __future__ import annotations

import datetime as dt
import gzip
import io
import json
import secrets
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from data_contracts.contract import load_contracts
from data_contracts.identity import parse_person_ref
from data_contracts.ledger import read_entries, write_text_safely
from data_contracts.rules import literal, quoted
from models.registry import write_manifest
from pipelines import journal
from pipelines.errors import MistakeError
from pipelines.publish import publications
from pipelines.search import Wanted, condition, search
from pipelines.stages import build_record
from pipelines.store import Store
from record import all_tables, update_history

NOTE = "removed.json"
_LISTED = ("lake/list/",)
_GIVEN_OUT = ("lake/list/", "lake/register/", "published/", "released/", "analyst/", "quality/")
_PAGES = (".xlsx", ".html", ".json", ".csv", ".md", ".txt")


@dataclass(frozen=True)
class Removal:
    """What was removed: files rewritten, files deleted, files that still name the person, models to be trained anew."""

    rewritten: int
    deleted: int
    remaining: tuple[str, ...]
    models: tuple[str, ...] = ()
    rows: int = 0


def forget_person(store: Store, reference: str, *, reason: str) -> Removal:
    """Remove one person; only a writer that holds the home may call it.

    Args:
        store: the home.
        reference: 13 letters and digits, as on a list, or an NHS number.
        reason: the decision behind it, e.g. a reference number; kept without the person.

    Raises:
        MistakeError: nobody has that reference.
    """
    wanted = _who(store, reference)
    found = search(store.home, wanted)
    if not found:
        raise MistakeError(f"Nothing in {store.home} is about {reference}.")
    stand_in = secrets.randbits(62)
    rewritten = deleted = rows = 0
    with store.compute() as con:
        for path in found:
            relative = path.relative_to(store.home).as_posix()
            if path.suffix == ".parquet":
                rows += _without_rows(con, path, wanted, stand_in if relative.startswith(_LISTED) else None)
                rewritten += 1
                if path.is_relative_to(store.models):  # what a model keeps beside itself does not decide its id
                    write_manifest(path.parent, path.parent.name)
            elif relative.startswith("vault/received/"):
                if _without_lines(path, wanted):
                    rewritten += 1
            elif path.suffix in _PAGES and relative.startswith(_GIVEN_OUT):
                path.unlink()
                deleted += 1
    _forget_in_databases(store, wanted)
    left = [p for p in search(store.home, wanted) if p != store.audit_file]
    remaining = tuple(p.relative_to(store.home).as_posix() for p in left)
    models = tuple(sorted(p.name for p in store.models.iterdir() if (p / "about.json").exists()))
    _note(store, {"what": "person", "reason": reason, "rows": rows, "models": models})
    return Removal(rewritten, deleted, remaining, models, rows)


def _who(store: Store, reference: str) -> Wanted:
    vault = [str(p) for p in sorted((store.vault / "person").glob("*.parquet"))]
    known = pl.concat([pl.read_parquet(f) for f in vault]) if vault else pl.DataFrame({"number": [], "person_id": []})
    tidy = reference.replace(" ", "").replace("-", "")
    if tidy.isdigit() and len(tidy) == 10:
        rows = known.filter(pl.col("number") == tidy)
        if rows.is_empty():
            raise MistakeError("The vault does not know that number.")
        return Wanted(int(rows["person_id"][0]), tidy)
    try:
        person_id = parse_person_ref(reference)
    except ValueError as problem:
        raise MistakeError(str(problem)) from None
    numbers = known.filter(pl.col("person_id") == person_id)["number"].to_list()
    return Wanted(person_id, numbers[0] if numbers else None)


def _without_rows(con: duckdb.DuckDBPyConnection, path: Path, wanted: Wanted, stand_in: int | None) -> int:
    """Rewrite a Parquet file without the person's rows, or with another id in them; the number of rows."""
    source = f"read_parquet({literal(str(path))})"
    described = con.execute(f"describe select * from {source}").fetchall()
    mine = " or ".join(c for name, kind, *_ in described for c in condition(name, kind, wanted))
    if not mine:
        return 0
    ((rows,),) = con.execute(f"select count(*) from {source} where {mine}").fetchall()
    if stand_in is None:
        select = f"select * from {source} where not coalesce({mine}, false)"
    else:
        changed = f"case when {mine} then {stand_in} else person_id end as person_id"
        select = f"select * replace ({changed}) from {source} order by person_id"
    waiting = path.with_name(f".{path.name}.partial")
    con.execute("set preserve_insertion_order = true")
    con.execute(f"copy ({select}) to {literal(str(waiting))} (format parquet, compression zstd)")
    waiting.chmod(path.stat().st_mode & 0o777)
    waiting.replace(path)
    return int(rows)


def _without_lines(path: Path, wanted: Wanted) -> bool:
    """Rewrite a received text file without the person's records, as plain text under the same name."""
    if wanted.number is None:
        return False
    raw = path.read_bytes()
    if raw.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            raw = archive.read(archive.namelist()[0])
    elif raw.startswith(b"\x1f\x8b"):
        raw = gzip.decompress(raw)
    try:
        text, encoding = raw.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        text, encoding = raw.decode("latin-1"), "latin-1"
    pattern = wanted.pattern
    kept = "".join(record for record in _records(text) if not pattern.search(record.encode()))
    waiting = path.with_name(f".{path.name}.partial")
    waiting.write_bytes(kept.encode(encoding))
    waiting.chmod(path.stat().st_mode & 0o777)
    waiting.replace(path)
    return True


def _records(text: str) -> list[str]:
    """Lines put together where a quote goes on over several."""
    if '"' not in text:
        return text.splitlines(keepends=True)
    records, waiting, quotes = [], "", 0
    for line in text.splitlines(keepends=True):
        waiting += line
        quotes += line.count('"')
        if quotes % 2 == 0:
            records.append(waiting)
            waiting, quotes = "", 0
    return [*records, waiting] if waiting else records


def _forget_in_databases(store: Store, wanted: Wanted) -> None:
    """The analyst files hold views, and one table of people withheld."""
    for path in store.published.glob("*/analyst.duckdb"):
        if path.parent.is_symlink():
            continue
        with duckdb.connect(str(path)) as con:
            tables = con.execute(
                "select table_name from duckdb_columns() where column_name = 'person_id' and table_name in "
                "(select table_name from duckdb_tables())"
            ).fetchall()
            for (table,) in tables:
                con.execute(f"delete from {quoted(table)} where person_id = {wanted.person_id}")
            con.execute("checkpoint")


def forget_period(store: Store, source: str, first: dt.date, last: dt.date, *, reason: str) -> Removal:
    """Remove what one source delivered between two days, and fold what is left anew; the caller holds the home.

    What was computed from it for past weeks (features, scores, lists) stays as it was given out. Publications that
    still name removed files are removed; run a week to publish anew.

    Raises:
        MistakeError: there is no such source, or nothing of it was received then.
    """
    contract = load_contracts().get(source)
    if contract is None:
        raise MistakeError(f"There is no source {source!r}; `anticipate source list` names them.")
    chosen = [e for e in read_entries(store.lake, source) if first.isoformat() <= e.received <= last.isoformat()]
    if not chosen:
        raise MistakeError(f"Nothing of {source} was received from {first} to {last}.")
    gone = [path for entry in chosen for path in _files_of(store, source, entry.sha256, entry.content)]
    gone += [p for e in chosen for p in (store.lake / "ledger" / source).glob(f"{e.sha256[:16]}*.json")]
    for path in gone:
        path.unlink(missing_ok=True)
    with store.compute() as con:
        update_history(con, contract, lake=store.lake)
    for _ in build_record(store, all_tables()):
        pass
    _remove_unnamed(store, source)
    digests = [e.sha256[:16] for e in chosen]
    remaining = tuple(
        p.relative_to(store.home).as_posix() for p in store.home.rglob("*") if any(d in p.name for d in digests)
    )
    _note(store, {"what": f"{source} received {first} to {last}", "reason": reason, "files": len(chosen)})
    return Removal(0, len(gone), remaining, (), sum(e.records for e in chosen))


def _files_of(store: Store, source: str, sha256: str, content: str) -> list[Path]:
    short = sha256[:16]
    found = [store.lake / part / source / f"{short}.parquet" for part in ("conform", "quarantine")]
    found += [store.vault / "received" / name for name in {sha256, content}]
    found += list((store.lake / "profile" / source).glob(f"{short}-*.json"))
    found += list((store.home / "quality" / "errors").glob(f"{source}-*-{sha256[:8]}.xlsx"))
    return [path for path in found if path.exists()]


def _remove_unnamed(store: Store, source: str) -> None:
    """Old versions and stored tables that the fold no longer names, and publications that still show them."""
    import shutil

    state = store.lake / "history" / source / "state.json"
    named: set[Path] = set()
    if state.exists():
        said = json.loads(state.read_text(encoding="utf-8"))
        named = {(state.parent / n).resolve() for n in (*said["version_files"], *said["closed_files"])}
    for path in (store.lake / "history" / source).glob("*.parquet"):
        if path.resolve() not in named:
            path.unlink()
    for pointer in store.lake.glob("record/*/current"):
        holds = pointer.read_text(encoding="utf-8").strip()
        for path in pointer.parent.glob("*.parquet"):
            if path.name != holds:
                path.unlink()
    for manifest in publications(store):
        if any(not (store.lake / name).exists() for name in manifest["lake_files"]):
            if store.current.is_symlink() and store.current.resolve() == store.published / manifest["run_id"]:
                store.current.unlink()
            shutil.rmtree(store.published / manifest["run_id"])


def removals(store: Store) -> list[dict[str, object]]:
    """What was removed from this home and when, without saying whom."""
    path = store.lake / NOTE
    return list(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else []


def _note(store: Store, said: dict[str, object]) -> None:
    now = dt.datetime.now(tz=dt.UTC).isoformat(timespec="seconds")
    write_text_safely(store.lake / NOTE, json.dumps([*removals(store), {"at": now, **said}], indent=1, default=str))
    journal.write(store, what="removed on request")


def sentences(done: Removal) -> Sequence[str]:
    """What is said at the terminal."""
    said = [f"{done.rewritten} files rewritten, {done.deleted} removed; {done.rows:,} rows are gone."]
    if done.remaining:
        said.append(f"Still named in: {', '.join(done.remaining[:5])}.")
    else:
        said.append("A search of every file found nothing more.")
    if done.models:
        said.append(f"Train anew, because they may have learnt from this person: {', '.join(done.models)}.")
    return [*said, "Copies keep what they hold until they expire. Tell the senders, or it comes back."]
