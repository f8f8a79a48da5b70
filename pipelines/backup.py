"""A copy of a home that holds together, made also while a run is writing, and a home made from such a copy.

The lake's files are named by content or by what was folded and never change; what changes are small files that name
them. The copy is taken against the direction in which a run writes: inbox first, then what names, last what is named.
So whatever the copy names is in it, and a delivery read meanwhile is in the copy's inbox still (the restored home finds
that it was seen).
The key is not copied: it belongs in another place.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import MistakeError, ProblemError
from pipelines.publish import publications
from pipelines.relocate import relocate
from pipelines.store import Store

NOTE = "backup.json"
TRIES = 3
_LEFT_OUT = ("tmp", "demo", ".writing.lock", ".writing.json")
_KEY = "vault/key"
# In the order of copying: what arrives, what readers see, what names, what is named.
_ORDER = (
    "inbox",
    "published",
    "model",
    "lake/list",
    "lake/mart",
    "lake/record",
    "lake/score",
    "lake/feature",
    "lake/history",
    "lake/ledger",
    "lake",
    "",
)


@dataclass(frozen=True)
class Copied:
    """A copy: where it lies, files, bytes, and how many files were the same as in the copy before (linked)."""

    folder: Path
    files: int
    size: int
    linked: int


def backup(store: Store, target: Path, *, keep: int | None = None) -> Copied:
    """Copy the home to a new folder below ``target``.

    Args:
        store: the home; nothing in it is changed, and no lock is taken.
        target: a folder, best on another disk; only its owner may read it.
        keep: copies to keep; older ones are removed once this one is complete.

    Raises:
        MistakeError: the folder lies in the home, or there is nothing to copy.
        ProblemError: the home changed too quickly to copy, three times.
    """
    if target.absolute().is_relative_to(store.home):
        raise MistakeError(f"{target} lies in the home itself; name a folder on another disk.")
    if not any(store.lake.glob("ledger/*")):
        raise MistakeError(f"There is nothing in {store.home} to copy.")
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = dt.datetime.now(tz=dt.UTC).strftime("%Y-%m-%dT%H%M%S.%fZ")
    building, final = target / f".{name}.partial", target / name
    earlier = complete_copies(target)
    try:
        for _ in range(TRIES):
            shutil.rmtree(building, ignore_errors=True)
            building.mkdir(mode=0o700)
            try:
                copied = _copy_all(store, building, earlier[-1] if earlier else None)
            except FileNotFoundError:  # removed by a run between listing and copying
                continue
            if not _missing(building):
                building.rename(final)
                for old in complete_copies(target)[: -(keep or len(earlier) + 1)]:
                    shutil.rmtree(old)
                return Copied(final, *copied)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    raise ProblemError(f"{store.home} changed while it was copied, {TRIES} times; try again when the run is over.")


def complete_copies(target: Path) -> list[Path]:
    """Complete copies below a folder, oldest first."""
    return sorted(p.parent for p in target.glob(f"*/{NOTE}") if not p.parent.name.startswith("."))


def _copy_all(store: Store, building: Path, before: Path | None) -> tuple[int, int, int]:
    known = json.loads((before / NOTE).read_text(encoding="utf-8"))["files"] if before else {}
    files: dict[str, dict[str, object]] = {}
    linked = 0
    for path in _in_order(store):
        relative = path.relative_to(store.home).as_posix()
        target = building / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            target.symlink_to(path.readlink())
            continue
        if relative.startswith("dagster/") and path.suffix == ".db":
            _copy_database(path, target)
        else:
            stamp = path.stat()
            same = known.get(relative)
            if same and before and (same["size"], same["time"]) == (stamp.st_size, stamp.st_mtime_ns):
                os.link(before / relative, target)
                files[relative] = same
                linked += 1
                continue
            shutil.copy2(path, target)
        stamp = target.stat()
        files[relative] = {"size": stamp.st_size, "time": stamp.st_mtime_ns, "sha256": _sha256(target)}
    (building / NOTE).write_text(json.dumps({"home": str(store.home), "files": files}, indent=1), encoding="utf-8")
    return len(files), sum(int(str(f["size"])) for f in files.values()), linked


def _in_order(store: Store) -> Iterator[Path]:
    done: set[Path] = set()
    for part in _ORDER:
        for folder, folders, names in os.walk(store.home / part):
            here = Path(folder)
            relative = here.relative_to(store.home).as_posix()
            folders[:] = sorted(
                f for f in folders if not _is_left_out(f"{relative}/{f}".removeprefix("./")) and not f.startswith(".")
            )
            links = [f for f in folders if (here / f).is_symlink()]
            for name in sorted([*names, *links]):
                path = here / name
                if path in done or name.endswith((".partial", "-wal", "-shm")):
                    continue
                if not _is_left_out(f"{relative}/{name}".removeprefix("./")):
                    done.add(path)
                    yield path


def _is_left_out(relative: str) -> bool:
    return relative.split("/", maxsplit=1)[0] in _LEFT_OUT or relative.startswith((_KEY, ".building"))


def _copy_database(path: Path, target: Path) -> None:
    with (
        closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as here,
        closing(sqlite3.connect(target)) as there,
    ):
        here.backup(there)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _missing(building: Path) -> list[str]:
    """Files that something in the copy names and that are not in it."""
    lost = []
    for manifest in publications(Store(building)):
        lost += [n for n in manifest["lake_files"] if not (building / "lake" / n).exists()]
    for pointer in (*building.glob("lake/record/*/current"), *building.glob("lake/mart/*/current")):
        if not (pointer.parent / pointer.read_text(encoding="utf-8").strip()).exists():
            lost.append(str(pointer))
    for state in building.glob("lake/history/*/state.json"):
        said = json.loads(state.read_text(encoding="utf-8"))
        named = (*said["version_files"], *said["closed_files"])
        lost += [n for n in named if not (state.parent / n).resolve().exists()]
    return lost


def restore(store: Store, copy: Path, *, key_file: Path | None = None) -> int:
    """Make a home from a copy, in an empty place; every file is compared with what was noted.

    Returns:
        How many files were restored.

    Raises:
        MistakeError: it is no complete copy, or something is in the home already.
        ProblemError: a file of the copy is damaged or missing.
    """
    if not (copy / NOTE).exists():
        raise MistakeError(f"{copy} is no complete copy of a home.")
    if store.home.exists() and any(store.home.iterdir()):
        raise MistakeError(f"{store.home} holds something already; name an empty place with --home.")
    noted = json.loads((copy / NOTE).read_text(encoding="utf-8"))["files"]
    bad = [n for n, f in noted.items() if not (copy / n).is_file() or _sha256(copy / n) != f["sha256"]]
    if bad:
        raise ProblemError(f"{len(bad)} files of the copy are damaged or missing, e.g. {bad[0]}; use another copy.")
    shutil.copytree(copy, store.home, symlinks=True, dirs_exist_ok=True, ignore=lambda _, __: {NOTE})
    if key_file:
        store.key_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copyfile(key_file, store.key_file)
        store.key_file.chmod(0o600)
    store.prepare()
    relocate(store)
    return len(noted)
