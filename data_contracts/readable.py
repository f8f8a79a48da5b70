"""From the bytes of a delivered file to text that DuckDB can read, or one sentence that says why not.

A plain, UTF-8, evenly ended file is read where it lies. Anything else (gzip, zip, a byte-order mark, Windows or Latin-1
encoding, mixed line ends) is streamed once to a temporary UTF-8 file, never held in memory.
"""

from __future__ import annotations

import codecs
import errno
import gzip
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from data_contracts.contract import Contract
from data_contracts.returned import WorkbookError, read_returned, write_text

CHUNK = 1 << 20
MOST_UNPACKED, LEAST_BOUND = 200, 1 << 28  # a compressed file may unpack to so many times its size, or so many bytes
STILL_BEING_WRITTEN = "F10"
GZIP, ZIP, OLD_EXCEL = (b"\x1f\x8b",), (b"PK\x03\x04", b"PK\x05\x06"), (b"\xd0\xcf\x11\xe0",)


class FileRejectedError(Exception):
    """A file that cannot be read as its contract says. ``code`` is the rule, the text what to do about it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


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
                raise FileRejectedError(
                    "F03", "The file holds NUL characters: it is damaged, or is no text file. Send it again."
                )
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
