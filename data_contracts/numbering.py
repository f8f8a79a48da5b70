"""Where the records of a delivered text start, counted from its bytes and not by the database.

What belongs here: record and line numbers of a CSV text. What does not: reading cells (DuckDB does).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from data_contracts.readable import CHUNK, ReadableFile

csv.field_size_limit(1 << 26)


def record_starts(readable: ReadableFile, _delimiter: str) -> tuple[np.ndarray, np.ndarray]:
    """Where every record of a CSV text starts.

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


def lines_before(path: Path, offsets: Sequence[int]) -> np.ndarray:
    """How many line ends lie before each byte offset; the offsets ascend."""
    found, at, seen = [], 0, 0
    with path.open("rb") as stream:
        for offset in offsets:
            while at < offset and (block := stream.read(min(CHUNK * 16, offset - at))):
                at, seen = at + len(block), seen + block.count(b"\n")
            found.append(seen)
    return np.array(found, dtype=np.int64)


def _is_carriage_return(path: Path, start: np.ndarray, length: np.ndarray) -> np.ndarray:
    flags = np.zeros(len(start), dtype=bool)
    with path.open("rb") as stream:
        for i in np.flatnonzero(length == 1):
            stream.seek(int(start[i]))
            flags[i] = stream.read(1) == b"\r"
    return flags


def record_starts_by_reader(readable: ReadableFile, delimiter: str) -> tuple[np.ndarray, np.ndarray]:
    """The same as ``record_starts`` where a quote stands inside an unquoted cell (slower: one pass in Python)."""
    lines = np.fromiter((line for line, _ in rows_by_reader(readable, delimiter)), dtype=np.int64)
    return _line_starts(readable.path)[lines - 1], lines


def rows_by_reader(readable: ReadableFile, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of every record; none after a cell beyond any bound."""
    line = 1
    with readable.path.open(encoding="utf-8", newline="") as stream:
        reader = csv.reader(stream, delimiter=delimiter, strict=False)
        with suppress(csv.Error):
            for cells in reader:
                if cells:
                    yield line, cells
                line = reader.line_num + 1


def _line_starts(path: Path) -> np.ndarray:
    starts, offset = [np.array([0])], 0
    with path.open("rb") as stream:
        while block := stream.read(CHUNK * 16):
            starts.append(np.flatnonzero(np.frombuffer(block, dtype=np.uint8) == 10) + offset + 1)
            offset += len(block)
    return np.concatenate(starts)
