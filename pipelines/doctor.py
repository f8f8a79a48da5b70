"""Looks over an installation and its home, and says for everything that is not as it should be how to mend it."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import json
import os
import re
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipelines.content import is_whole
from pipelines.errors import StopError
from pipelines.store import Store

State = Literal["good", "look", "problem"]
LOCK = Path(__file__).parents[1] / "requirements.lock"
_NETWORK = ("nfs", "cifs", "smb", "fuse.sshfs", "9p")
_WATCHED = ("duckdb", "polars", "dagster", "lightgbm", "scikit-learn", "numpy", "pyarrow")


@dataclass(frozen=True)
class Sign:
    """One thing looked at: its state, what was seen, and how to mend it."""

    about: str
    state: State
    says: str
    mend: str = ""


def examine(store: Store) -> list[Sign]:
    """Look at everything; writes nothing but a file that is gone again."""
    looks: tuple[Callable[[Store], Iterator[Sign]], ...] = (
        _python, _settings, _home, _disk, _private, _key, _contracts, _features, _lake, _models, _published, _dagster,
        _leftovers, _retention,
    )  # fmt: skip
    return [sign for look in looks for sign in look(store)]


def _python(_: Store) -> Iterator[Sign]:
    locked: dict[str, list[str]] = {}  # several versions of one library, for several versions of Python
    for name, version in re.findall(r"^([a-z0-9-]+)==(\S+)", LOCK.read_text(encoding="utf-8"), flags=re.MULTILINE):
        locked.setdefault(name, []).append(version)
    other = []
    for name in _WATCHED:
        try:
            here = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            here = "missing"
        if here not in locked.get(name, []):
            other.append(f"{name} {here}, locked {' or '.join(locked.get(name, []))}")
    version = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        yield Sign("installation", "problem", f"{version} is not supported.", "Use Python 3.11, 3.12 or 3.13.")
    elif other:
        yield Sign("installation", "look", f"{version}; {'; '.join(other)}.", "Run `make setup`.")
    else:
        yield Sign("installation", "good", f"{version}, libraries as locked.")


def _settings(store: Store) -> Iterator[Sign]:
    from pipelines.settings import FILE, read_settings

    try:
        read_settings(store)
    except StopError as problem:
        yield Sign(
            "settings", "problem", str(problem), "Mend the file; the page Settings of the handbook lists all keys."
        )
        return
    there = (store.home / FILE).exists()
    yield Sign("settings", "good", f"{FILE} is read." if there else f"No {FILE}: everything has its default.")


def _home(store: Store) -> Iterator[Sign]:
    if not store.home.exists():
        yield Sign("home", "look", f"{store.home} is not there yet.", "`anticipate demo` or a first delivery makes it.")
        return
    probe = store.home / ".doctor"
    try:
        probe.write_text("x", encoding="utf-8")
        probe.unlink()
    except OSError as problem:
        yield Sign(
            "home", "problem", f"{store.home} cannot be written: {problem.strerror}.", "Give the account rights."
        )
        return
    kind = _filesystem(store.home)
    if kind.startswith(_NETWORK):
        yield Sign("home", "problem", f"{store.home} lies on {kind}.", "Move it to a local disk, then `relocate`.")
    else:
        yield Sign("home", "good", f"{store.home} can be written, on {kind or 'a local disk'}.")


def _filesystem(path: Path) -> str:
    """Kind of the file system that holds a path; empty where the system does not tell."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return ""
    found = [line.split()[1:3] for line in mounts.read_text(encoding="utf-8").splitlines()]
    holding = [(place, kind) for place, kind in found if path.is_relative_to(place.replace("\\040", " "))]
    return max(holding, key=lambda held: len(held[0]), default=("", ""))[1]


def _disk(store: Store) -> Iterator[Sign]:
    if not store.home.exists():
        return
    free = shutil.disk_usage(store.home).free
    lake = sum(p.stat().st_size for p in store.lake.rglob("*") if p.is_file())
    waiting = sum(p.stat().st_size for p in store.inbox.rglob("*") if p.is_file())
    needed = max(1 << 30, lake // 2 + 3 * waiting)
    says = f"{free / 1e9:.1f} GB free; the lake has {lake / 1e9:.2f} GB, the inbox {waiting / 1e9:.2f} GB."
    if free < needed:
        yield Sign("disk", "problem", says, f"Make room: {needed / 1e9:.1f} GB should be free before a run.")
    else:
        yield Sign("disk", "good", says)


def _private(store: Store) -> Iterator[Sign]:
    if os.name != "posix":
        return
    folders = [f for f in (store.vault, store.analyst) if f.exists()]
    open_ones = [f for f in folders if f.stat().st_mode & 0o077]
    files = [p for p in (store.vault / "person").glob("*.parquet") if p.stat().st_mode & 0o077]
    if open_ones or files:
        which = ", ".join(str(p) for p in (*open_ones, *files[:2]))
        yield Sign("permissions", "problem", f"Others can read {which}.", "Run `chmod -R go-rwx` on the vault.")
    elif folders:
        yield Sign("permissions", "good", "Vault and analyst folder are for their owner only.")
    if store.home.exists() and store.home.stat().st_uid == 0:
        says = "The home belongs to root."
        yield Sign("account", "look", says, "Run the product under an account of its own (docs/operations.md).")


def _key(store: Store) -> Iterator[Sign]:
    from data_contracts.identity import IdentityError, key_fingerprint, load_key

    mark = store.vault / "key_fingerprint"
    try:
        key = load_key(store.key_file)
    except IdentityError as problem:
        state: State = "problem" if mark.exists() else "look"
        mend = "Restore the key from its safe." if mark.exists() else "It is made at the first run."
        yield Sign("key", state, str(problem), mend)
        return
    if mark.exists() and mark.read_text(encoding="utf-8") != key_fingerprint(key):
        yield Sign("key", "problem", "It is not the key that this home was built with.", "Restore the right key.")
    elif store.key_file.is_relative_to(store.home):
        mend = "Keep a copy where keys are kept, apart from the home and its copies."
        yield Sign("key", "good", f"{key_fingerprint(key)}, in the home itself.", mend)
    else:
        yield Sign("key", "good", f"{key_fingerprint(key)}, outside the home.")


def _contracts(_: Store) -> Iterator[Sign]:
    from pipelines.sources import check_sources

    try:
        found = check_sources()
    except StopError as problem:
        yield Sign("contracts", "problem", str(problem), "Mend the contract; docs/contracts.md explains the words.")
        return
    bad = [f"{c.source}: {c.problem}" for c in found if c.problem]
    if bad:
        yield Sign("contracts", "problem", "; ".join(bad), "`anticipate source check` says more.")
    else:
        yield Sign("contracts", "good", f"{len(found)} contracts hold.")


def _features(_: Store) -> Iterator[Sign]:
    import features

    try:
        yield Sign("features", "good", f"{len(features.load_features().features)} features hold together.")
    except features.FeatureError as problem:
        yield Sign("features", "problem", str(problem), "Mend the declaration.")


def _lake(store: Store) -> Iterator[Sign]:
    from pipelines.lake_version import CURRENT, lake_version

    version = lake_version(store)
    if version is None:
        yield Sign("lake", "good", "Empty.")
    elif version > CURRENT:
        says = f"Version {version}; this release knows {CURRENT}."
        yield Sign("lake", "problem", says, "Install the newer release.")
    elif version < CURRENT:
        yield Sign(
            "lake", "look", f"Version {version} of {CURRENT}.", "The next run brings it up to date: copy it first."
        )
    else:
        yield Sign("lake", "good", f"Version {version}.")
    damaged = [p for p in store.lake.rglob("*.parquet") if not is_whole(p)]
    rebuilt = [p for p in damaged if p.is_relative_to(store.lake / "record")]
    if rebuilt:
        says = f"{len(rebuilt)} stored tables are damaged, e.g. {rebuilt[0]}."
        yield Sign("lake", "problem", says, "Run the week again: they are built anew.")
    if others := [p for p in damaged if p not in rebuilt]:
        says = f"{len(others)} files are damaged, e.g. {others[0]}."
        yield Sign("lake", "problem", says, "Bring them back from a copy (`anticipate backup` made them).")


def _models(store: Store) -> Iterator[Sign]:
    registry = store.models / "registry.json"
    if not registry.exists():
        yield Sign("models", "look", "No model is kept yet.", "A run with enough history trains one.")
        return
    try:
        json.loads(registry.read_text(encoding="utf-8"))
    except ValueError:
        yield Sign("models", "problem", f"{registry} cannot be read.", "Restore it from a copy.")
        return
    kept = [p for p in store.models.iterdir() if p.is_dir() and not p.name.startswith(".")]
    yield Sign("models", "good", f"{len(kept)} kept.")


def _published(store: Store) -> Iterator[Sign]:
    from pipelines.publish import ANALYST, WAREHOUSE, current_manifest

    manifest = current_manifest(store)
    if manifest is None:
        yield Sign("publication", "look", "Nothing is published yet.", "`anticipate run` publishes.")
        return
    if str(manifest["lake"]) != str(store.lake):
        yield Sign("publication", "problem", "It names a lake in another place.", "Run `anticipate relocate`.")
        return
    lost = [n for n in manifest["lake_files"] if not (store.lake / n).exists()]
    lost += [n for n in (WAREHOUSE, ANALYST) if not (store.current / n).exists()]
    if lost:
        yield Sign(
            "publication", "problem", f"{len(lost)} of its files are gone, e.g. {lost[0]}.", "Run the week again."
        )
    else:
        yield Sign("publication", "good", f"Week {manifest['week']}, all {len(manifest['lake_files'])} files there.")


def _dagster(store: Store) -> Iterator[Sign]:
    path = store.dagster_home / "history" / "runs.db"
    if not path.exists():
        yield Sign("Dagster", "look", "No run is in its storage.", "It is made anew by the next run; nothing is lost.")
        return
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as con:
            (found,) = con.execute("pragma quick_check").fetchone()
    except sqlite3.Error as problem:
        found = str(problem)
    if found == "ok":
        yield Sign("Dagster", "good", "Its storage can be read.")
    else:
        yield Sign(
            "Dagster", "problem", f"Its storage is damaged: {found}.", "Move the folder dagster away; run again."
        )


def _leftovers(store: Store) -> Iterator[Sign]:
    left = [*store.temporary.glob("*"), *store.lake.rglob(".*.partial"), *store.published.glob(".building*")]
    if left:
        yield Sign("leftovers", "look", f"{len(left)} unfinished files.", "The next run clears them away.")


def _retention(store: Store) -> Iterator[Sign]:
    from pipelines.retention import counted, expired

    try:
        found = counted(expired(store, dt.datetime.now(tz=dt.UTC).date()))
    except StopError:  # settings that cannot be read are told above
        return
    if said := ", ".join(f"{count:,} {kind}" for kind, count in found.items() if count):
        yield Sign("retention", "look", f"Past their age: {said}.", "`anticipate forget expired` removes them.")
