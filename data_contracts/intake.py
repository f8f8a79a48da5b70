"""From the bytes of a delivered file to text that DuckDB can read, or one sentence that says why not.

A plain, UTF-8, evenly ended file is read where it lies. Anything else (gzip, zip, a byte-order mark, Windows or Latin-1
encoding, mixed line ends) is streamed once to a temporary UTF-8 file, never held in memory.
"""

from __future__ import annotations

import codecs
import csv
import datetime as dt
import gzip
import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import yaml

from data_contracts.contract import Contract

CHUNK = 1 << 20
PARTIAL_SUFFIXES = (".part", ".partial", ".tmp", ".filepart", ".crdownload", ".swp")
STILL_BEING_WRITTEN = "F10"
DELIVERY_NOTE = "delivery.yaml"
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}


class FileRejectedError(Exception):
    """A file that cannot be read as its contract says. ``code`` is the rule, the text what to do about it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class DeliveredFile:
    """One file in the inbox: where it lies, when it was received, whether its delivery was declared historic."""

    source: str
    path: Path
    received: dt.date
    historic: bool


@dataclass(frozen=True)
class ReadableFile:
    """A delivered file made readable.

    Attributes:
        path: UTF-8 text or Parquet; the delivered file itself where nothing had to change.
        encoding: as met.
        physical_lines: line ends in the text, the last line counted even without one; 0 for Parquet.
        quotes: whether any double quote occurs (a record may then run over several lines).
    """

    path: Path
    encoding: str
    physical_lines: int
    quotes: bool


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
    if contract.format == "parquet" or magic == b"PAR1":
        return ReadableFile(path, "parquet", 0, False)
    survey = _survey(_chunks(path, magic)) if magic[:2] not in (b"\x1f\x8b", b"PK") else None
    if survey and survey.plain:
        readable = ReadableFile(path, "utf-8", survey.lines, survey.quotes)
    else:
        readable = _tidy_copy(path, magic, scratch / "delivered.csv", survey)
    if path.stat().st_size != size:
        raise FileRejectedError(
            STILL_BEING_WRITTEN, "The file is still being written: it will be read when it is complete."
        )
    return readable


def read_header(readable: ReadableFile, contract: Contract) -> list[str]:
    """Headings of a CSV file.

    Raises:
        FileRejectedError: F06 another delimiter than the contract's.
    """
    with readable.path.open(encoding="utf-8", newline="") as stream:
        line = stream.readline()
    cells = next(csv.reader([line.rstrip("\r\n")], delimiter=contract.delimiter))
    if len(cells) == 1 and len(contract.columns) > 1:
        for other, word in DELIMITERS.items():
            if other != contract.delimiter and line.count(other) >= len(contract.columns) // 2:
                wanted = DELIMITERS.get(contract.delimiter, contract.delimiter)
                raise FileRejectedError("F06", f"The columns are separated by {word}; the contract says {wanted}.")
    return cells


def match_header(cells: list[str], contract: Contract) -> tuple[dict[str, int], list[str]]:
    """Where each contract column stands in the file, and what should be said about the rest.

    Headings are compared without case, spaces and punctuation.

    Returns:
        Position by column name; warnings (extra columns, headings spelt otherwise).

    Raises:
        FileRejectedError: F05 a column is missing, F07 a heading occurs twice.
    """
    position: dict[str, int] = {}
    for i, cell in enumerate(cells):
        plain = _plain(cell)
        if plain in position and plain:
            raise FileRejectedError("F07", f"The heading {cell!r} occurs twice.")
        position.setdefault(plain, i)
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
        seen = ", ".join(repr(c.strip()[:40]) for c in cells[:8])
        raise FileRejectedError(
            "F05", f"Missing column(s): {', '.join(missing)}. The file's first line has {seen}: was it renamed?"
        )
    extra = [cells[i].strip() for i in range(len(cells)) if i not in found.values()]
    if extra:
        named = ", ".join(e[:40] for e in extra[:5]) + (" …" if len(extra) > 5 else "")
        warnings.append(f"F08 {len(extra)} column(s) not in the contract were left out: {named}")
    return found, warnings


def record_starts(readable: ReadableFile) -> tuple[np.ndarray, np.ndarray]:
    """Where every record of a CSV text starts, counted by this module and not by the database.

    A record ends at a line end outside double quotes; lines without a character are no records. The header is record
    0, so record ``n`` after the header is element ``n``.

    Returns:
        Byte offsets and line numbers (1-based), one element a record.
    """
    ends, in_quotes, offset = [np.array([-1])], 0, 0
    line_ends = [np.array([-1])]
    with readable.path.open("rb") as stream:
        while block := stream.read(CHUNK * 16):
            data = np.frombuffer(block, dtype=np.uint8)
            newline = np.flatnonzero(data == 10)
            line_ends.append(newline + offset)
            if readable.quotes:
                parity = (np.cumsum(data == 34, dtype=np.int64) + in_quotes) & 1
                newline = newline[parity[newline] == 0]
                in_quotes = int(parity[-1])
            ends.append(newline + offset)
            offset += len(data)
        stream.seek(max(offset - 1, 0))
        if stream.read(1) != b"\n":
            ends.append(np.array([offset]))
    end = np.concatenate(ends)
    start, length = end[:-1] + 1, np.diff(end) - 1
    lines = np.searchsorted(np.concatenate(line_ends)[1:], start, side="left") + 1
    keep = (length > 1) | ((length == 1) & ~_is_carriage_return(readable.path, start, length))
    return start[keep], lines[keep]


def _is_carriage_return(path: Path, start: np.ndarray, length: np.ndarray) -> np.ndarray:
    flags = np.zeros(len(start), dtype=bool)
    with path.open("rb") as stream:
        for i in np.flatnonzero(length == 1):
            stream.seek(int(start[i]))
            flags[i] = stream.read(1) == b"\r"
    return flags


@dataclass(frozen=True)
class _Survey:
    lines: int
    quotes: bool
    utf8: bool
    plain: bool


def _survey(chunks: Iterator[bytes]) -> _Survey:
    decoder = codecs.getincrementaldecoder("utf-8")()
    lines = crlf = 0
    quotes = lone_cr = nul = False
    utf8, last, first = True, b"", True
    for chunk in chunks:
        if first and chunk.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            utf8 = chunk.startswith(codecs.BOM_UTF8)
            return _Survey(0, True, utf8, plain=False)
        first = False
        lines += chunk.count(b"\n")
        quotes = quotes or b'"' in chunk
        nul = nul or b"\x00" in chunk
        if b"\r" in chunk or last == b"\r":
            crlf += chunk.count(b"\r\n") + (last == b"\r" and chunk.startswith(b"\n"))
            lone_cr = lone_cr or chunk.count(b"\r") - chunk.endswith(b"\r") > chunk.count(b"\r\n")
        if utf8 and not (chunk.isascii() and decoder.getstate()[0] == b""):
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                utf8 = False
        last = chunk[-1:]
    even = not lone_cr and not nul and last != b"\r" and crlf in (0, lines)
    return _Survey(lines + (last != b"\n"), quotes, utf8, plain=utf8 and even)


def _tidy_copy(path: Path, magic: bytes, target: Path, survey: _Survey | None) -> ReadableFile:
    survey = survey or _survey(_chunks(path, magic))
    if _starts_with_utf16(path, magic):
        raise FileRejectedError("F03", "The file is UTF-16: save it as UTF-8 and send it again.")
    encoding = "utf-8-sig" if survey.utf8 else "cp1252"
    decoder = codecs.getincrementaldecoder(encoding)(
        errors="latin1_for_undefined" if encoding == "cp1252" else "strict"
    )
    newline = io.IncrementalNewlineDecoder(None, translate=True)
    lines, quotes, last = 0, False, "\n"
    with target.open("w", encoding="utf-8", newline="") as out:
        for chunk in _with_end(_chunks(path, magic)):
            text = newline.decode(decoder.decode(chunk, final=not chunk), final=not chunk)
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
    """The text's bytes, decompressed, a megabyte at a time."""
    try:
        with _opened(path, magic) as stream:
            while chunk := stream.read(CHUNK):
                yield chunk
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise FileRejectedError(
            "F03", f"The compressed file is truncated or damaged ({error}): send it again."
        ) from error


def _opened(path: Path, magic: bytes) -> IO[bytes]:
    if magic[:2] == b"\x1f\x8b":
        return gzip.open(path, "rb")  # type: ignore[return-value]
    if magic[:2] == b"PK":
        archive = zipfile.ZipFile(path)
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


def _is_historic(note: Path) -> bool:
    if not note.exists():
        return False
    content = yaml.safe_load(note.read_text(encoding="utf-8")) or {}
    return bool(content.get("historic", False))


def _plain(heading: str) -> str:
    return re.sub(r"[^a-z0-9]", "", heading.casefold())


def record_starts_by_reader(readable: ReadableFile) -> tuple[np.ndarray, np.ndarray]:
    """The same as ``record_starts`` where a quote stands inside an unquoted cell (slower: one pass in Python)."""
    with readable.path.open("rb") as stream:
        text = stream.read()
    line_start = np.concatenate([[0], np.flatnonzero(np.frombuffer(text, dtype=np.uint8) == 10) + 1])
    first_lines, line = [], 1
    with readable.path.open(encoding="utf-8", newline="") as stream:
        reader = csv.reader(stream, strict=False)
        for cells in reader:
            if cells:
                first_lines.append(line)
            line = reader.line_num + 1
    lines = np.array(first_lines, dtype=np.int64)
    return line_start[lines - 1], lines
