"""Stray quotes: finding the one that makes a single cell of many records, and reading the lines without any.

What belongs here: what to do when quotes in a text do not pair as its sender meant them. What does not: counting
records (``numbering``) and reading cells (DuckDB).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from data_contracts.numbering import rows_by_reader
from data_contracts.readable import CHUNK, ReadableFile

MOST_LINES, MOST_SHARE = 10, 0.01
"""How many lines, or what share of a longer file's, may be given up to read the others."""


def swallowing_quote(readable: ReadableFile, delimiter: str, width: int) -> int | None:
    """Line of the first quote that holds whole records until the next quote, or None.

    A cell may run over several lines, but not with as many delimiters as the records would have that lie between its
    first and its last line: two stray quotes do that, and all records between them would be one cell.

    Args:
        readable: a text with quotes.
        delimiter: between the cells.
        width: number of cells of a record.
    """
    # Quotes are numbered from 1: between an odd one and the next lies a quoted region, named by that odd number.
    opened, line_ends, cell_ends = 0, [], []
    with readable.path.open("rb") as stream:
        while block := stream.read(CHUNK * 16):
            data = np.frombuffer(block, dtype=np.uint8)
            region = np.cumsum(data == 34, dtype=np.int64) + opened
            opened = int(region[-1])
            line_ends.append(region[(data == 10) & (region & 1 == 1)])
            inside = region[(data == ord(delimiter)) & (region & 1 == 1)]
            cell_ends.append(inside[np.isin(inside, [region[0], opened, *np.unique(line_ends[-1])])])
    long, lines = np.unique(np.concatenate(line_ends), return_counts=True)
    cells = np.concatenate(cell_ends)
    cells = np.bincount(np.searchsorted(long, cells[np.isin(cells, long)]), minlength=len(long))
    full = long[cells >= np.maximum(lines - 1, 1) * (width - 1)]
    return _line_of_quote(readable.path, int(full[0])) if len(full) else None


def _line_of_quote(path: Path, number: int) -> int:
    line = 1
    with path.open("rb") as stream:
        while block := stream.read(CHUNK * 16):
            if (here := block.count(b'"')) >= number:
                at = np.flatnonzero(np.frombuffer(block, dtype=np.uint8) == 34)[number - 1]
                return line + block.count(b"\n", 0, int(at))
            number, line = number - here, line + block.count(b"\n")
    return line


def swallowing_cell(readable: ReadableFile, delimiter: str, width: int) -> int | None:
    """The same as ``swallowing_quote`` where a quote stands inside an unquoted cell."""
    for line, cells in rows_by_reader(readable, delimiter):
        for cell in cells:
            if "\n" in cell and cell.count(delimiter) >= max(cell.count("\n") - 1, 1) * (width - 1):
                return line
    return None


def blot_quoted_lines(readable: ReadableFile, target: Path) -> ReadableFile | None:
    """A copy in which no line with a quote, but for the headings, can be read as a record, and the others stand alone.

    Every byte keeps its place, so that what cannot be read is numbered as in the file.

    Returns:
        The copy; None where more would be given up than is worth it.
    """
    blotted = 0
    with readable.path.open("rb") as stream, target.open("wb") as out:
        while not (line := stream.readline()).strip(b"\r\n") and line:
            out.write(line)
        out.write(line)
        while block := stream.read(CHUNK * 16) + stream.readline():
            data = np.frombuffer(block, dtype=np.uint8).copy()
            ends = np.append(np.flatnonzero(data == 10), len(data))
            hit = np.unique(np.searchsorted(ends, np.flatnonzero(data == 34)))
            blotted += len(hit)
            if blotted > max(MOST_LINES, MOST_SHARE * readable.physical_lines):
                return None
            for i in hit:
                data[ends[i - 1] + 1 if i else 0 : ends[i]] = ord("?")
            out.write(data.tobytes())
    return ReadableFile(target, readable.encoding, readable.physical_lines, quotes=False)
