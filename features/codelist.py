"""Reads the codelists that event groups and deficits name: ``data_contracts/codelists/<group>.csv``."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from data_contracts import contract
from features.errors import FeatureError

FOLDER = contract.CODELISTS
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


@cache
def version(name: str) -> str:
    """Version of a shipped list, from ``reference/codelist.csv``; "unlisted" for one that is not there."""
    with (contract.REFERENCE / "codelist.csv").open(encoding="utf-8", newline="") as lines:
        return next((r["version"] for r in csv.DictReader(lines) if r["codelist"] == name), "unlisted")


def versions(folder: Path, names: Iterable[str]) -> str:
    """The versions of some lists in words, the most common first, for outputs that use them."""
    del folder
    counts = Counter(version(name) for name in names)
    return ", ".join(v for v, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])))


@cache
def read(folder: Path, name: str) -> Codelist:
    """The codes of ``<folder>/<name>.csv``: column ``code``, and ``polarity`` where the file has it.

    A code that says the opposite (absent, declined) or that only names a measurement is left out: its mere presence
    says nothing about the person. A list named for its polarity holds just such codes.

    Raises:
        FeatureError: the file is missing, empty, or a code is not a whole number.
    """
    path = folder / f"{name}.csv"
    if not path.is_file():
        raise FeatureError(f"codelist {name!r} is declared but {path} does not exist")
    codes: dict[int, bool] = {}
    measured: set[int] = set()
    with path.open(encoding="utf-8-sig", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), start=2):
            text = (row.get("code") or "").strip()
            if not text.isdigit():
                raise FeatureError(f"{path.name}, line {number}: {text!r} is not a code (damaged by a spreadsheet?)")
            polarity = (row.get("polarity") or "").strip()
            own = bool(polarity) and name.endswith(f"_{polarity}")
            if own or polarity in (*NOW, "history"):
                codes[int(text)] = codes.get(int(text), False) or own or polarity in NOW
            elif polarity == "measured":
                measured.add(int(text))
    if not codes and not measured:
        raise FeatureError(f"codelist {path.name} has no code that can be counted")
    now = tuple(sorted(code for code, is_now in codes.items() if is_now))
    return Codelist(name, tuple(sorted(codes)), now, tuple(sorted(measured)))
