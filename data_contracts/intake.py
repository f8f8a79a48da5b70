"""From the bytes of a delivered file to text that DuckDB can read, or one sentence that says why not.

A plain, UTF-8, evenly ended file is read where it lies. Anything else (gzip, zip, a byte-order mark, Windows or Latin-1
encoding, mixed line ends) is streamed once to a temporary UTF-8 file, never held in memory.
"""

from __future__ import annotations

import codecs
import csv
import datetime as dt
import errno
import gzip
import hashlib
import io
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import yaml

from data_contracts.contract import Contract
from data_contracts.returned import WorkbookError, read_returned, write_text

CHUNK = 1 << 20
MOST_UNPACKED, LEAST_BOUND = 200, 1 << 28  # a compressed file may unpack to so many times its size, or so many bytes
PARTIAL_SUFFIXES = (".part", ".partial", ".tmp", ".filepart", ".crdownload", ".swp")
STILL_BEING_WRITTEN = "F10"
DELIVERY_NOTE, UNREADABLE_NOTE = "delivery.yaml", "F14"
GZIP, ZIP, OLD_EXCEL = (b"\x1f\x8b",), (b"PK\x03\x04", b"PK\x05\x06"), (b"\xd0\xcf\x11\xe0",)
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}


class FileRejectedError(Exception):
    """A file that cannot be read as its contract says. ``code`` is the rule, the text what to do about it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class DeliveredFile:
    """One file in the inbox: where it lies, when it was received, whether its delivery was declared historic.

    ``historic`` is None where the note beside the file cannot be read.
    """

    source: str
    path: Path
    received: dt.date
    historic: bool | None


@dataclass(frozen=True)
class ReadableFile:
    """A delivered file made readable.

    Attributes:
        path: UTF-8 text or Parquet; the delivered file itself where nothing had to change.
        encoding: as met.
        physical_lines: line ends in the text, the last line counted even without one; 0 for Parquet.
        quotes: whether any double quote occurs (a record may then run over several lines).
        notes: what should be said about how it was read.
    """

    path: Path
    encoding: str
    physical_lines: int
    quotes: bool
    notes: tuple[str, ...] = ()


def find_files(inbox: Path, source: str) -> list[DeliveredFile]:
    """Files of one source, oldest received first; names of files still being written are left alone.

    A folder whose name is no date is skipped here and reported by ``stray_files``.
    """
    found = []
    for folder in sorted(_dated_folders(inbox / source)):
        received = dt.date.fromisoformat(folder.name)
        historic = _is_historic(folder / DELIVERY_NOTE)
        for path in sorted(folder.iterdir()):
            if _is_delivery(path):
                found.append(DeliveredFile(source, path, received, historic))
    return found


def stray_files(inbox: Path, sources: set[str]) -> list[tuple[Path, str, str]]:
    """Files that belong to no contract or lie outside a dated folder: (path, rule code, message)."""
    stray = []
    for path in sorted(p for p in inbox.rglob("*") if _is_delivery(p)):
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


def make_readable(path: Path, contract: Contract, scratch: Path) -> ReadableFile:
    """Checks encoding and compression and writes a tidy copy where one is needed.

    Args:
        path: the file as delivered.
        contract: decides CSV or Parquet.
        scratch: folder for the copy.

    Raises:
        FileRejectedError: F03 unreadable bytes, F04 empty file, F10 still being written.
    """
    size = path.stat().st_size
    if size == 0:
        raise FileRejectedError("F04", "The file is empty: send it again.")
    with path.open("rb") as stream:
        magic = stream.read(4)
    if magic.startswith(OLD_EXCEL):
        raise FileRejectedError("F03", "The file is an Excel workbook: save it as CSV and send that.")
    if contract.format == "xlsx":
        return _from_workbook(path, contract, scratch / "delivered.csv")
    if contract.format == "parquet" or magic == b"PAR1":
        return ReadableFile(path, "parquet", 0, False)
    survey = _survey(_chunks(path, magic)) if not magic.startswith(GZIP + ZIP) else None
    if survey and survey.plain:
        readable = ReadableFile(path, "utf-8", survey.lines, survey.quotes)
    else:
        readable = _tidy_copy(path, magic, scratch / "delivered.csv", survey)
    if path.stat().st_size != size:
        raise FileRejectedError(
            STILL_BEING_WRITTEN, "The file is still being written: it will be read when it is complete."
        )
    return readable


def _from_workbook(path: Path, contract: Contract, target: Path) -> ReadableFile:
    try:
        rows, notes = read_returned(path, contract)
    except WorkbookError as error:
        raise FileRejectedError("F03", str(error)) from error
    if not rows:
        raise FileRejectedError(
            "F05", "No sheet of the workbook holds a table with row ids: send back the list itself."
        )
    lines = write_text(rows, contract, target)
    return ReadableFile(target, "utf-8", lines, quotes=True, notes=tuple(notes))


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


@dataclass(frozen=True)
class _Survey:
    lines: int
    quotes: bool
    utf8: bool
    plain: bool


def _survey(chunks: Iterator[bytes]) -> _Survey:
    decoder = codecs.getincrementaldecoder("utf-8")()
    lines = crlf = 0
    quotes = lone_cr = nul = mark = False
    utf8, last, edge = True, b"", b""
    for chunk in chunks:
        if not last and chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return _Survey(0, True, utf8=False, plain=False)
        mark = mark or codecs.BOM_UTF8 in chunk or codecs.BOM_UTF8 in edge + chunk[:2]
        lines += chunk.count(b"\n")
        quotes = quotes or b'"' in chunk
        nul = nul or b"\x00" in chunk
        if b"\r" in chunk or last == b"\r":
            crlf += chunk.count(b"\r\n") + (last == b"\r" and chunk.startswith(b"\n"))
            lone_cr = lone_cr or chunk.count(b"\r") - chunk.endswith(b"\r") > chunk.count(b"\r\n")
        utf8 = utf8 and _goes_on_as_utf8(decoder, chunk)
        last, edge = chunk[-1:], chunk[-2:]
    utf8 = utf8 and _goes_on_as_utf8(decoder, b"")
    even = not lone_cr and not nul and not mark and last != b"\r" and crlf in (0, lines)
    return _Survey(lines + (last != b"\n"), quotes, utf8, plain=utf8 and even)


def _goes_on_as_utf8(decoder: codecs.IncrementalDecoder, chunk: bytes) -> bool:
    if chunk.isascii() and chunk and decoder.getstate()[0] == b"":
        return True
    try:
        decoder.decode(chunk, final=not chunk)
    except UnicodeDecodeError:
        return False
    return True


def _tidy_copy(path: Path, magic: bytes, target: Path, survey: _Survey | None) -> ReadableFile:
    survey = survey or _survey(_chunks(path, magic))
    if _starts_with_utf16(path, magic):
        raise FileRejectedError("F03", "The file is UTF-16: save it as UTF-8 and send it again.")
    encoding = "utf-8" if survey.utf8 else "cp1252"
    decoder = codecs.getincrementaldecoder(encoding)(
        errors="latin1_for_undefined" if encoding == "cp1252" else "strict"
    )
    newline = io.IncrementalNewlineDecoder(None, translate=True)
    lines, quotes, last = 0, False, "\n"
    with target.open("w", encoding="utf-8", newline="") as out:
        for chunk in _with_end(_chunks(path, magic)):
            text = newline.decode(decoder.decode(chunk, final=not chunk), final=not chunk)
            text = text.replace("\ufeff", "")  # a byte-order mark, also where files were laid end to end
            if "\x00" in text:
                raise FileRejectedError("F03", "The file holds zero bytes: it is damaged or is no text file.")
            lines += text.count("\n")
            quotes = quotes or '"' in text
            last = text[-1:] or last
            out.write(text)
    return ReadableFile(target, encoding, lines + (last != "\n"), quotes)


def _latin1_for_undefined(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error("latin1_for_undefined", _latin1_for_undefined)


def _chunks(path: Path, magic: bytes) -> Iterator[bytes]:
    """The text's bytes, decompressed, a megabyte at a time, up to what an extract could unpack to."""
    most, unpacked = max(LEAST_BOUND, MOST_UNPACKED * path.stat().st_size), 0
    try:
        with _opened(path, magic) as stream:
            while chunk := stream.read(CHUNK):
                unpacked += len(chunk)
                if unpacked > most:
                    raise FileRejectedError(
                        "F03", f"The file unpacks to more than {MOST_UNPACKED} times its size: no extract does."
                    )
                yield chunk
    except _DAMAGED as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):  # the disk, not the file
            raise
        raise FileRejectedError("F03", "The compressed file is truncated or damaged: send it again.") from error


# What gzip and zip readers raise for bytes that are not what they should be.
_DAMAGED = (
    EOFError,
    OSError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    struct.error,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
)


def _opened(path: Path, magic: bytes) -> IO[bytes]:
    if magic.startswith(GZIP):
        return gzip.open(path, "rb")  # type: ignore[return-value]
    if magic.startswith(ZIP):
        archive = zipfile.ZipFile(path)
        if "[Content_Types].xml" in archive.namelist():
            raise FileRejectedError("F03", "The file is an Excel workbook: save it as CSV and send that.")
        members = [m for m in archive.infolist() if not m.is_dir() and not m.filename.startswith("__MACOSX/")]
        if len(members) != 1:
            raise FileRejectedError("F03", f"The zip holds {len(members)} files: send one file in each zip.")
        return archive.open(members[0])
    return path.open("rb")


def _with_end(chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield from chunks
    yield b""


def _starts_with_utf16(path: Path, magic: bytes) -> bool:
    first = next(_chunks(path, magic), b"")
    return first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))


def _dated_folders(folder: Path) -> list[Path]:
    return [p for p in folder.iterdir() if p.is_dir() and _date(p.name)] if folder.is_dir() else []


def _date(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) else None
    except ValueError:
        return None


def _is_delivery(path: Path) -> bool:
    name = path.name.lower()
    return path.is_file() and not name.startswith(".") and name != DELIVERY_NOTE and not name.endswith(PARTIAL_SUFFIXES)


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
