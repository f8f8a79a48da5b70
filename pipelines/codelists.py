"""Codelists for those who keep them: what is wrong with one, what another version changes, and for how many people."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

import features
from data_contracts.codelist import (
    CodelistError,
    Entry,
    Listed,
    codelist_named,
    load_codelists,
    read_entries,
    refuse_damage,
    shipped_list,
)
from data_contracts.codelist_lint import Finding, lint
from features.declaration import DECLARED
from pipelines.errors import MistakeError, ProblemError
from pipelines.moved import moved
from pipelines.publish import current_manifest
from pipelines.stages import record_opened, sources_allowed
from pipelines.store import Store


@dataclass(frozen=True)
class Difference:
    """Two versions of one list: rows of the new one that the old one has not, and the other way round."""

    old: Listed
    new: Listed
    added: tuple[Entry, ...]
    removed: tuple[Entry, ...]


def findings(names: Iterable[str] | None = None) -> list[Finding]:
    """Findings in the lists in use, or in some of them.

    Raises:
        MistakeError: there is no list of a name, or one of the site's cannot be read.
    """
    try:
        lists = load_codelists()
        for name in names or ():
            codelist_named(name)
    except CodelistError as error:
        raise MistakeError(str(error)) from None
    return lint(lists, list(names) if names else None)


def difference(
    name: str, file: Path | None, *, code_column: str | None = None, only: dict[str, str] | None = None
) -> Difference:
    """A file against the list in use; without a file, the list in use against the one that is shipped.

    Raises:
        MistakeError: there is no such list or file, or the file is damaged.
    """
    try:
        in_use = codelist_named(name)
        if file is None:
            old, new = shipped_list(name), in_use
        else:
            if not file.is_file():
                raise MistakeError(f"There is no file {file}.")
            polarity = "measured" if {e.polarity for e in in_use.entries} == {"measured"} else "present"
            entries = read_entries(file, code_column=code_column, only=only)
            entries = tuple(e if e.polarity else Entry(e.line, e.code, e.label, polarity) for e in entries)
            refuse_damage(file, entries)
            old, new = in_use, Listed(name, file, "new", file.name, entries)
    except CodelistError as error:
        raise MistakeError(str(error)) from None
    had, has = {e.code for e in old.entries}, {e.code for e in new.entries}
    return Difference(
        old,
        new,
        tuple(e for e in new.entries if e.code not in had),
        tuple(e for e in old.entries if e.code not in has),
    )


def people_moved(store: Store, changed: Difference) -> tuple[dt.date, pl.DataFrame]:
    """For how many people each feature would change, on the newest published Monday.

    Every feature is computed twice from the record, with the old list and with the new one, so that a code which
    sets several features, or one that a value sets too, is counted as it is.

    Returns:
        the Monday; and one row a feature that changes for somebody (``pipelines.moved.moved``).

    Raises:
        ProblemError: nothing is published yet.
    """
    manifest = current_manifest(store)
    if manifest is None:
        raise ProblemError(f"Nothing is published in {store.home} yet; `anticipate run` does that.")
    week = dt.date.fromisoformat(manifest["week"])
    allowed = sources_allowed("direct_care_list", week)
    matrices: list[Path] = []
    with record_opened(store) as con, store.staging("codelist") as staging:
        for version, listed in (("old", changed.old), ("new", changed.new)):
            folder = _written(staging / f"{version}-lists", {**load_codelists(), listed.name: listed})
            declared = features.load_features(DECLARED, folder)
            matrices.append(
                features.build_matrix(con, [week], out=staging / version, sources_allowed=allowed, declared=declared)[
                    week
                ]
            )
        return week, moved(*matrices)


def _written(folder: Path, lists: dict[str, Listed]) -> Path:
    """The lists as files with plain columns."""
    folder.mkdir(parents=True)
    for name, listed in lists.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(
                [("code", "label", "polarity"), *((e.code, e.label, e.polarity) for e in listed.entries)]
            )
    return folder
