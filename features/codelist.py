"""Reads the codelists that event groups and deficits name: ``data_contracts/codelists/<group>.csv``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from data_contracts import codelist
from data_contracts.contract import CODELISTS
from features.errors import FeatureError

FOLDER = CODELISTS
NOW = ("", "present", "temporary", "ended")


@dataclass(frozen=True)
class Codelist:
    """The codes of one concept group that mean what the group says, in order, without repeats.

    Attributes:
        codes: all of them, those that tell of the past ("history of a fall") too.
        now: those that tell of the day on which they are recorded.
        measured: those that mean nothing without their number; never counted as events.
    """

    name: str
    codes: tuple[int, ...]
    now: tuple[int, ...]
    measured: tuple[int, ...]


def versions(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """The version of each of some lists; "unlisted" for one that is neither shipped nor a site's.

    Raises:
        FeatureError: a list of the site cannot be used.
    """
    try:
        lists = codelist.load_codelists() if folder == FOLDER else {}
    except codelist.CodelistError as problem:
        raise FeatureError(str(problem)) from problem
    shipped = codelist.shipped_versions()
    return {n: lists[n].version if n in lists else shipped.get(n, "unlisted") for n in names}


def in_words(version_of: Mapping[str, str]) -> str:
    """Versions for outputs that use lists, the most common first."""
    counts = Counter(version_of.values())
    return ", ".join(sorted(counts, key=lambda version: (-counts[version], version)))


def read(folder: Path, name: str) -> Codelist:
    """The codes of a list: that of the site where it has one and the folder is the shipped one.

    A code that says the opposite (absent, declined) or that only names a measurement is left out: its mere presence
    says nothing about the person. A list named for its polarity holds just such codes.

    Raises:
        FeatureError: the file is missing, empty, or a code is damaged.
    """
    try:
        if folder == FOLDER:
            return _counted(codelist.codelist_named(name))
        return _read_file(folder / f"{name}.csv")
    except codelist.CodelistError as problem:
        raise FeatureError(str(problem)) from problem


@cache
def _read_file(path: Path) -> Codelist:
    if not path.is_file():
        raise FeatureError(f"codelist {path.stem!r} is declared but {path} does not exist")
    return _counted(codelist.Listed(path.stem, path, "", "", codelist.read_entries(path)))


@cache
def _counted(listed: codelist.Listed) -> Codelist:
    codes: dict[int, bool] = {}
    measured: set[int] = set()
    for entry in listed.entries:
        if not entry.code.isdigit():
            reason = codelist.damage_of(entry.code)
            raise FeatureError(f"{listed.path.name}, line {entry.line}: {entry.code!r} is not a code: {reason}")
        own = bool(entry.polarity) and listed.name.endswith(f"_{entry.polarity}")
        if own or entry.polarity in (*NOW, "history"):
            codes[int(entry.code)] = codes.get(int(entry.code), False) or own or entry.polarity in NOW
        elif entry.polarity == "measured":
            measured.add(int(entry.code))
    if not codes and not measured:
        raise FeatureError(f"codelist {listed.path.name} has no code that can be counted")
    now = tuple(sorted(code for code, is_now in codes.items() if is_now))
    return Codelist(listed.name, tuple(sorted(codes)), now, tuple(sorted(measured)))
