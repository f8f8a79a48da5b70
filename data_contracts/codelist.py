"""Codelists as files: those shipped, and official ones that a site puts in their place.

A site names its lists in ``codelists.yaml`` of its folder (``data_contracts.site``); the files lie beside it in
``codelists/``. Columns may be named as OpenCodelists or TRUD name them:

```
diabetes:
  file: primary_care_domain.txt       comma or tab separated
  version: 2025-08-01
  origin: NHS England primary care refset DM_COD, from TRUD
  licence: Open Government Licence v3.0
  only: {Cluster_ID: DM_COD}          rows of a file that holds many lists
  code_column: SNOMED_code            only where it is not recognised
  label_column: SNOMED_code_description
  polarity: present                   or measured, for a list of measurements
```

A shipped list with one of these names is replaced as a whole. A file that a spreadsheet has damaged is refused with
row and reason, never read in part.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from data_contracts import site
from data_contracts.contract import CODELISTS, REFERENCE
from data_contracts.rules import verhoeff_holds
from data_contracts.words import refused_in

CODE_COLUMNS = (
    "code",
    "snomedcode",
    "conceptid",
    "snomedctconceptid",
    "snomedctcode",
    "sctid",
    "conceptcode",
    "dmdid",
    "id",
)
LABEL_COLUMNS = (
    "label",
    "term",
    "snomedcodedescription",
    "codedescription",
    "preferredterm",
    "fullyspecifiedname",
    "fsn",
    "description",
    "name",
    "display",
)
SHAPE = "[1-9][0-9]{5,17}"
STARTER = "starter"
"""How the version of a shipped list begins: a starter set, not for patients."""

DESCRIBED = {"file", "version", "origin", "licence", "only", "code_column", "label_column", "polarity"}


class CodelistError(ValueError):
    """A codelist cannot be used as it is; the message names file, row, reason and remedy."""


@dataclass(frozen=True)
class Entry:
    """One row: the line in its file, the code as text, its words, its polarity and note."""

    line: int
    code: str
    label: str
    polarity: str
    note: str = ""


@dataclass(frozen=True)
class Listed:
    """One codelist and where it comes from. ``own``: a site has put it in the place of the shipped one."""

    name: str
    path: Path
    version: str
    origin: str
    entries: tuple[Entry, ...]
    own: bool = False


def load_codelists() -> dict[str, Listed]:
    """Every codelist in use, by name: shipped, or the site's own in its place.

    Raises:
        CodelistError: the site's declaration or one of its files cannot be read.
    """
    declared = _declaration()
    stamp = site.stamp(*(p for p in _files(declared) if p.exists()))
    return _load(declared, stamp)


def codelist_named(name: str) -> Listed:
    """The list of that name in use; raises ``CodelistError`` when there is none."""
    lists = load_codelists()
    if name not in lists:
        raise CodelistError(f"There is no codelist {name!r}; the names are those of data_contracts/codelists.")
    return lists[name]


def read_entries(
    path: Path,
    *,
    code_column: str | None = None,
    label_column: str | None = None,
    only: dict[str, str] | None = None,
    polarity: str | None = None,
) -> tuple[Entry, ...]:
    """Rows of a file whose columns may be named in any of the usual ways; nothing is checked but that they are there.

    Raises:
        CodelistError: no column of codes is recognised, or a column that is named is not there.
    """
    text = _text(path)
    head = text.split("\n", 1)[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter="\t" if "\t" in head else ",")
    columns = list(reader.fieldnames or ())
    code = _column(path, columns, code_column, CODE_COLUMNS)
    if code is None:
        raise CodelistError(f"{path.name}: none of its columns ({', '.join(columns)}) is known as one of codes.")
    label = _column(path, columns, label_column, LABEL_COLUMNS)
    for name in only or {}:
        _column(path, columns, name, ())
    return tuple(
        Entry(
            reader.line_num,
            (row.get(code) or "").strip(),
            (row.get(label) or "").strip() if label else "",
            polarity or (row.get("polarity") or "").strip(),
            (row.get("note") or "").strip(),
        )
        for row in reader
        if all(str(row.get(name)).strip() == str(value) for name, value in (only or {}).items())
    )


def damage_of(code: str) -> str:
    """What is wrong with the shape of a code, in words; empty when nothing is."""
    if re.fullmatch(SHAPE, code):
        if not verhoeff_holds([code], [True])[0]:
            return (
                "its last digits were rounded away by a spreadsheet, which keeps 15"
                if len(code) >= 16 and code.endswith("00")
                else "its check digit does not hold"
            )
        return {"0": "", "1": "it is the id of a description, not of a concept"}.get(
            code[-2], "it is the id of a relation, not of a concept"
        )
    if re.fullmatch(r"[0-9]+([.,][0-9]+)?[eE]\+?[0-9]+", code):
        return "a spreadsheet has turned it into scientific notation"
    if re.fullmatch(r"[0-9]+\.0*", code):
        return "a spreadsheet has turned it into a decimal"
    if not code:
        return "it is empty"
    return "it has the wrong length" if code.isdigit() else "it is not a number"


def shipped_list(name: str) -> Listed:
    """The list as it is shipped, whatever the site has put in its place."""
    path = CODELISTS / f"{name}.csv"
    return Listed(name, path, shipped_versions().get(name, "unlisted"), "shipped", read_entries(path))


@cache
def shipped_versions() -> dict[str, str]:
    """Version of every shipped list."""
    with (REFERENCE / "codelist.csv").open(encoding="utf-8", newline="") as lines:
        return {row["codelist"]: row["version"] for row in csv.DictReader(lines)}


def versions_in_words(names: Iterable[str]) -> tuple[str, ...]:
    """The lists of these names in use, a sentence a version, for every output that uses them; the most common first.

    A list whose name holds a word that may not reach people is counted, not named.

    Raises:
        CodelistError: there is no list of a name.
    """
    by_version: dict[str, list[str]] = {}
    for name in sorted(set(names)):
        by_version.setdefault(codelist_named(name).version, []).append(name.replace("_", " "))
    said = []
    for version, lists in sorted(by_version.items(), key=lambda item: (-len(item[1]), item[0])):
        named = [name for name in lists if not refused_in(name)]
        more = f" and {len(lists) - len(named)} more" * (len(named) < len(lists))
        starter = " A starter set: its bands are not comparable with published ones." * version.startswith(STARTER)
        said.append(f"Codelists of version {version}: {', '.join(named)}{more}.{starter}")
    return tuple(said)


def _declaration() -> str:
    place = site.folder()
    path = place / "codelists.yaml" if place else None
    return path.read_text(encoding="utf-8") if path and path.exists() else ""


def _documents(declared: str) -> dict[str, dict[str, Any]]:
    document = yaml.safe_load(declared) if declared else {}
    if not isinstance(document, dict) or not all(isinstance(d, dict) for d in document.values()):
        raise CodelistError("codelists.yaml: under each name of a list stand file, version and origin.")
    return document


def _files(declared: str) -> list[Path]:
    place = site.folder() or Path()
    return [place / "codelists" / str(d.get("file", "")) for d in _documents(declared).values()]


@cache
def _load(declared: str, _: site.Stamp) -> dict[str, Listed]:
    lists = {path.stem: shipped_list(path.stem) for path in sorted(CODELISTS.glob("*.csv"))}
    for (name, document), path in zip(_documents(declared).items(), _files(declared), strict=True):
        lists[name] = _own(name, document, path, lists)
    return lists


def _own(name: str, document: dict[str, Any], path: Path, shipped: dict[str, Listed]) -> Listed:
    where = f"codelists.yaml: {name}"
    if name not in shipped:
        raise CodelistError(f"{where}: the product has no list of this name to put another in the place of.")
    if unknown := sorted(set(document) - DESCRIBED):
        raise CodelistError(f"{where}: {unknown[0]!r} is not known; known are {', '.join(sorted(DESCRIBED))}.")
    if missing := [k for k in ("file", "version", "origin") if not document.get(k)]:
        raise CodelistError(f"{where}: say {' and '.join(missing)}.")
    if not path.is_file():
        raise CodelistError(f"{where}: there is no file {path}.")
    measured = {e.polarity for e in shipped[name].entries} == {"measured"}
    entries = read_entries(
        path,
        code_column=document.get("code_column"),
        label_column=document.get("label_column"),
        only=document.get("only"),
        polarity=document.get("polarity") or ("measured" if measured else "present"),
    )
    refuse_damage(path, entries)
    return Listed(name, path, str(document["version"]), str(document["origin"]), entries, own=True)


def refuse_damage(path: Path, entries: tuple[Entry, ...]) -> None:
    """Raises ``CodelistError`` with the row and the reason when a code is not what it was."""
    if not entries:
        raise CodelistError(f"{path.name}: no row is left; does `only` name what the file holds?")
    found = [(e.line, e.code, damage_of(e.code)) for e in entries]
    damaged = [(line, code, says) for line, code, says in found if says]
    if damaged:
        line, code, says = damaged[0]
        others = len(damaged) - 1
        more = f" {others} more {'row is' if others == 1 else 'rows are'} damaged." if others else ""
        raise CodelistError(
            f"{path.name}, line {line}: {code!r} is not a code: {says}.{more} "
            "Take the file again from its origin, and do not open it in a spreadsheet."
        )


def _text(path: Path) -> str:
    raw = path.read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252")


def _column(path: Path, columns: list[str], named: str | None, known: tuple[str, ...]) -> str | None:
    if named is not None:
        if named not in columns:
            raise CodelistError(f"{path.name}: it has no column {named!r}, but {', '.join(columns)}.")
        return named
    plain = {re.sub(r"[^a-z0-9]", "", c.lower()): c for c in reversed(columns)}
    return next((plain[k] for k in known if k in plain), None)
