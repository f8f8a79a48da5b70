"""What lies in the inbox, and which column of a file is which: files, their content's name, their headings."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

from data_contracts.contract import Contract
from data_contracts.readable import CHUNK, FileRejectedError, ReadableFile

PARTIAL_SUFFIXES = (".part", ".partial", ".tmp", ".filepart", ".crdownload", ".swp")
DONE = ".done"
"""How the name of a marker usually ends: an empty file that says that another one is complete. Never data."""
DELIVERY_NOTE, UNREADABLE_NOTE = "delivery.yaml", "F14"
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}


@dataclass(frozen=True)
class DeliveredFile:
    """One file in the inbox: where it lies, when it was received, whether its delivery was declared historic.

    ``historic`` is None where the note beside the file cannot be read.
    """

    source: str
    path: Path
    received: dt.date
    historic: bool | None


def find_files(inbox: Path, source: str, marker: str | None = None) -> list[DeliveredFile]:
    """Files of one source, oldest received first; names of files still being written are left alone.

    A folder whose name is no date is skipped here and reported by ``stray_files``. With a ``marker`` only files that
    are marked as complete are found (``is_marked``).
    """
    return [f for f in _all_files(inbox, source, marker) if is_marked(f.path, marker)]


def unmarked_files(inbox: Path, sources: Iterable[str], marker: str | None) -> list[Path]:
    """Files of these sources that still wait for their marker."""
    return [f.path for s in sorted(sources) for f in _all_files(inbox, s, marker) if not is_marked(f.path, marker)]


def is_marked(path: Path, marker: str | None) -> bool:
    """Whether a file is marked as complete; always, where no marker is asked for.

    Its own marker is called as the file with the marker behind (``extract.csv.done``) or in the place of its ending
    (``extract.done``); one for everything in the folder is called as the marker alone (``.done``).
    """
    return marker is None or (path.parent / marker).exists() or any(p.exists() for p in _own_markers(path, marker))


def remove_markers(path: Path, marker: str | None) -> None:
    """Removes a file's own markers, once it has been read; the folder's stays."""
    for own in _own_markers(path, marker) if marker else ():
        own.unlink(missing_ok=True)


def _own_markers(path: Path, marker: str) -> tuple[Path, Path]:
    return path.with_name(path.name + marker), path.with_name(path.stem + marker)


def _all_files(inbox: Path, source: str, marker: str | None) -> list[DeliveredFile]:
    found = []
    for folder in sorted(_dated_folders(inbox / source)):
        received = dt.date.fromisoformat(folder.name)
        historic = _is_historic(folder / DELIVERY_NOTE)
        for path in sorted(folder.iterdir()):
            if _is_delivery(path, marker):
                found.append(DeliveredFile(source, path, received, historic))
    return found


def stray_files(inbox: Path, sources: set[str], marker: str | None = None) -> list[tuple[Path, str, str]]:
    """Files that belong to no contract or lie outside a dated folder: (path, rule code, message)."""
    stray = []
    for path in sorted(p for p in inbox.rglob("*") if _is_delivery(p, marker)):
        parts = path.relative_to(inbox).parts
        if parts[0] not in sources:
            message = f"No contract is called {parts[0]!r}: move the file to one of {', '.join(sorted(sources))}."
            stray.append((path, "F01", message))
        elif len(parts) != 3 or _date(parts[1]) is None:
            stray.append((path, "F02", f"Expected inbox/{parts[0]}/YYYY-MM-DD/<file>, the day it was received."))
    return stray


def sha256_of(path: Path) -> str:
    """SHA-256 of the bytes as delivered: what makes a file the same file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_header(readable: ReadableFile, contract: Contract) -> tuple[list[str], int]:
    """Headings of a CSV file, and the number of empty lines above them.

    Raises:
        FileRejectedError: F04 nothing but blank lines, F06 another delimiter than the contract's, F11 an open quote.
    """
    line, above = _first_line(readable.path)
    if not line:
        raise FileRejectedError("F04", "The file is empty: send it again.")
    if line.count('"') % 2:
        raise FileRejectedError("F11", "A quote is left open in the headings: mend it and send the file again.")
    try:
        cells = next(csv.reader([line], delimiter=contract.delimiter))
    except csv.Error:  # a cell longer than any heading
        return [line], above
    if len(cells) == 1 and len(contract.columns) > 1:
        for other, word in DELIMITERS.items():
            known = {c.header.lower() for c in contract.columns} & {cell.strip().lower() for cell in line.split(other)}
            if other != contract.delimiter and (known or line.count(other) >= len(contract.columns) // 2):
                said = DELIMITERS.get(contract.delimiter, contract.delimiter)
                raise FileRejectedError("F06", f"The columns are separated by {word}; the contract says {said}.")
    return cells, above


def _first_line(path: Path) -> tuple[str, int]:
    """The first line that is not empty, as far as headings could reach, and the number of empty ones above it."""
    above = 0
    with path.open(encoding="utf-8", newline="") as stream:
        while line := stream.readline(CHUNK):
            if text := line.rstrip("\r\n"):
                return text, above
            above += 1
    return "", above


def match_header(cells: list[str], contract: Contract) -> tuple[dict[str, int], list[str]]:
    """Where each contract column stands in the file, and what should be said about the rest.

    Headings are compared without case, spaces and punctuation.

    Returns:
        Position by column name; warnings (extra columns, headings spelt otherwise).

    Raises:
        FileRejectedError: F05 a column is missing, F07 a heading occurs twice.
    """
    position: dict[str, int] = {}
    wanted = {_plain(h) for c in contract.columns for h in (c.header, *c.aliases)}
    for i, cell in enumerate(cells):
        plain = _plain(cell)
        if plain in position and plain in wanted:
            raise FileRejectedError("F07", f"The heading {cell.strip()!r} occurs twice.")
        position.setdefault(plain, i)
    if wanted.isdisjoint(position):  # nothing of the line is quoted: it may be a row about somebody
        first = ", ".join(c.header for c in contract.columns[:3])
        raise FileRejectedError(
            "F05", f"The first line holds no heading ({first} …): send the headings above the rows."
        )
    found, missing, warnings = {}, [], []
    for column in contract.columns:
        names = [_plain(h) for h in (column.header, *column.aliases)]
        hit = next((n for n in names if n in position), None)
        if hit is not None:
            found[column.name] = position[hit]
            if cells[position[hit]] != column.header:
                warnings.append(f"F09 heading {cells[position[hit]].strip()!r} was read as {column.header!r}")
        elif not column.optional_column:
            missing.append(column.header)
    if missing:
        seen = _named([c for i, c in enumerate(cells) if i not in found.values()])
        renamed = f"; was one renamed to {seen}?" if seen else "."
        raise FileRejectedError("F05", f"Missing column(s): {_named(missing)}{renamed}")
    extra = [cells[i].strip() for i in range(len(cells)) if i not in found.values()]
    if extra:
        warnings.append(f"F08 {len(extra)} column(s) not in the contract were left out: {_named(extra)}")
    return found, warnings


def _named(headings: list[str]) -> str:
    """A few headings for a message; what could be a person's number is not repeated."""
    sayable = [h.strip()[:40] for h in headings if h.strip() and not re.search(r"\d{5}", h)]
    return ", ".join(sayable[:5]) + (f" and {len(sayable) - 5} more" if len(sayable) > 5 else "")


def _dated_folders(folder: Path) -> list[Path]:
    return [p for p in folder.iterdir() if p.is_dir() and _date(p.name)] if folder.is_dir() else []


def _date(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) else None
    except ValueError:
        return None


def _is_delivery(path: Path, marker: str | None) -> bool:
    name = path.name.lower()
    no_data = (*PARTIAL_SUFFIXES, DONE, *([marker.lower()] if marker else []))
    return path.is_file() and not name.startswith(".") and name != DELIVERY_NOTE and not name.endswith(no_data)


def _is_historic(note: Path) -> bool | None:
    if not note.exists():
        return False
    try:
        content = yaml.safe_load(note.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        return None
    historic = content.get("historic", False) if isinstance(content, dict) else content or False
    return historic if isinstance(historic, bool) else None


def _plain(heading: str) -> str:
    return re.sub(r"[^a-z0-9]", "", heading.casefold())
