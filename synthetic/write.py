"""Frames to files: lake columns to delivered headings, faults among the rows, pieces joined into whole files."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
import polars as pl
from numpy.typing import NDArray

from data_contracts.contract import Contract
from synthetic import faults
from synthetic.rng import U64

INTERNAL = ("_person", "_day", "_known")


@dataclass
class Piece:
    """Rows of one source and delivery by one worker, without a header; ``planted`` counts from its first row."""

    source: str
    received: dt.date
    path: Path
    header: str
    rows: int = 0
    planted: list[faults.Planted] = field(default_factory=list)


class PieceWriter:
    """Appends frames of one source and delivery to one piece."""

    def __init__(
        self, contract: Contract, received: dt.date, path: Path, *, rate: float, turn: int, ragged: bool = True
    ) -> None:
        """``turn`` is the number of the delivery in days after the historic one (0); it tells fault draws apart.

        ``ragged`` says whether a record may have a cell too many or too few.
        """
        self.contract, self.rate, self.turn, self.ragged = contract, rate, turn, ragged
        self.piece = Piece(contract.id, received, path, "")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: BinaryIO = path.open("wb")

    def append(self, frame: pl.DataFrame, keys: U64, spared: NDArray[np.bool_] | None = None) -> None:
        """Writes rows (all columns of the contract that the frame has) with their share of faults.

        Args:
            frame: rows keyed by lake column name, with ``_person``.
            keys: stream of each person, indexed by ``_person``.
            spared: people whose rows get no fault, indexed the same way.
        """
        names, out = delivered(frame, self.contract)
        self.piece.header = _line([self.contract.column(n).header for n in names], self.contract.delimiter)
        if not frame.height:
            return
        chosen: list[tuple[int, faults.Fault]] = []
        if self.rate > 0 and "_person" in frame.columns:
            person = frame["_person"].to_numpy()
            ordinal = np.arange(len(person)) - np.searchsorted(person, person, side="left")
            chosen = faults.plant(
                out, self.contract, keys[person], ordinal, rate=self.rate, turn=self.turn % 64, historic=self.turn == 0
            )
            if not self.ragged:
                chosen = [(at, fault) for at, fault in chosen if fault.code != "R01"]
            if spared is not None:
                chosen = [(at, fault) for at, fault in chosen if not spared[person[at]]]
        self._write(out, names, chosen)

    def _write(self, out: pl.DataFrame, names: list[str], chosen: list[tuple[int, faults.Fault]]) -> None:
        if not chosen:
            _csv(out, self._file, self.contract.delimiter)
            self.piece.rows += out.height
            return
        good, ends = _lines(out, self.contract.delimiter)
        lines = [bytes(good[ends[at] : ends[at + 1] - 1]).decode() for at, _ in chosen]
        done = 0
        for at, fault, text in faults.spoil_lines(lines, chosen, names, self.contract.delimiter, self.piece.received):
            upto = at + 1 if fault.where == faults.AFTER else at
            self._good(good[ends[done] : ends[upto]], upto - done)
            self._file.write(text.encode())
            self.piece.rows += 1
            planted = faults.Planted(self.piece.rows, fault.kind, fault.code, fault.column, fault.level)
            self.piece.planted.append(planted)
            done = at + 1 if fault.where != faults.BEFORE else at
        self._good(good[ends[done] :], out.height - done)

    def _good(self, text: memoryview, rows: int) -> None:
        if rows > 0:
            self._file.write(text)
            self.piece.rows += rows

    def close(self) -> Piece:
        """Ends the piece."""
        self._file.close()
        return self.piece


def delivered(frame: pl.DataFrame, contract: Contract) -> tuple[list[str], pl.DataFrame]:
    """Columns in contract order; a column that the simulator does not make is empty, or absent where it may be.

    Raises:
        ValueError: the frame has a column that the contract does not know.
    """
    unknown = set(frame.columns) - {c.name for c in contract.columns} - set(INTERNAL)
    if unknown:
        raise ValueError(f"{contract.id}: the contract has no column {sorted(unknown)}")
    names = [c.name for c in contract.columns if c.name in frame.columns or not c.optional_column]
    return names, frame.select(
        pl.col(n) if n in frame.columns else pl.lit(None, dtype=pl.String).alias(n) for n in names
    )


def join(pieces: list[Piece], target: Path) -> list[dict[str, object]]:
    """One file of all pieces under one header; returns what is planted in it, by row. Pieces are removed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    listed: list[dict[str, object]] = []
    before = 0
    with target.open("wb") as out:
        out.write(pieces[0].header.encode())
        for piece in pieces:
            with piece.path.open("rb") as source:
                while block := source.read(1 << 22):
                    out.write(block)
            listed += [asdict(p) | {"row": before + p.row} for p in piece.planted]
            before += piece.rows
            piece.path.unlink()
    return listed


def _csv(frame: pl.DataFrame, target: BinaryIO | io.StringIO, delimiter: str) -> None:
    frame.write_csv(target, include_header=False, separator=delimiter, time_format="%H:%M:%S")


def _lines(frame: pl.DataFrame, delimiter: str) -> tuple[memoryview, NDArray[np.int64]]:
    """A frame as text, written once, and where each row begins in it; the last number is the end.

    Raises:
        ValueError: a cell holds the end of a line; the simulator writes none.
    """
    buffer = io.BytesIO()
    _csv(frame, buffer, delimiter)
    text = buffer.getbuffer()
    ends = np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n")) + 1
    if len(ends) != frame.height:
        raise ValueError("A cell of a row to be delivered holds the end of a line.")
    return text, np.concatenate([[0], ends])


def _line(cells: list[str], delimiter: str) -> str:
    buffer = io.StringIO()
    pl.DataFrame([cells], orient="row").write_csv(buffer, include_header=False, separator=delimiter)
    return buffer.getvalue()


def pack(path: Path, how: str) -> Path:
    """Wraps a finished text file as some senders do; returns the file that takes its place.

    Args:
        path: UTF-8 text.
        how: ``gzip``, ``zip``, ``bom`` (byte-order mark), ``cp1252`` (Windows) or ``crlf`` (Windows line ends).

    Raises:
        ValueError: the word is none of these.
    """
    text = path.read_bytes()
    if how == "gzip":
        target = path.with_suffix(path.suffix + ".gz")
        target.write_bytes(gzip.compress(text, 6, mtime=0))
    elif how == "zip":
        target = path.with_suffix(".zip")
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo(path.name, (1980, 1, 1, 0, 0, 0)), text, zipfile.ZIP_DEFLATED)
    elif how in ("bom", "cp1252", "crlf"):
        changed = {
            "bom": lambda: b"\xef\xbb\xbf" + text,
            "cp1252": lambda: text.decode("utf-8").encode("cp1252"),
            "crlf": lambda: text.replace(b"\n", b"\r\n"),
        }
        path.write_bytes(changed[how]())
        return path
    else:
        raise ValueError(f"No way of packing is called {how!r}.")
    path.unlink()
    return target


def as_parquet(path: Path, delimiter: str) -> Path:
    """The same table as Parquet, every cell as the text it was; the text file is removed.

    Records with a cell too many or too few have no place in such a file: do not plant any (see ``PieceWriter``).
    """
    target = path.with_suffix(".parquet")
    frame = pl.read_csv(path, separator=delimiter, infer_schema=False)
    frame.write_parquet(target, compression="zstd", row_group_size=1 << 18, statistics=False)
    path.unlink()
    return target


def break_file(good: Path, how: str, delimiter: str) -> Path:
    """A copy of a good text file, beside it, that no reader can use.

    Args:
        good: the text file; left as it is.
        how: ``truncated gzip``, ``another delimiter``, ``headings missing``, ``empty file``, ``two files in a zip``,
            ``a heading twice``, ``an Excel workbook`` or ``UTF-16``.
        delimiter: of the good file.
    """
    text = good.read_bytes()
    first, _, rest = text.partition(b"\n")
    other = b"|" if delimiter != "|" else b";"
    cells = first.split(delimiter.encode())
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as held:
        for name in ("part-1.csv", "part-2.csv"):
            held.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), text, zipfile.ZIP_DEFLATED)
    packed = gzip.compress(text, 6, mtime=0)
    ways = {
        "truncated gzip": (".csv.gz", packed[: len(packed) * 2 // 3]),
        "another delimiter": (".csv", text.replace(delimiter.encode(), other)),
        "headings missing": (".csv", rest),
        "empty file": (".csv", b""),
        "two files in a zip": (".zip", archive.getvalue()),
        "a heading twice": (".csv", delimiter.encode().join([cells[0], cells[0], *cells[2:]]) + b"\n" + rest),
        "an Excel workbook": (".csv", bytes.fromhex("d0cf11e0a1b11ae1") + text[:4096]),
        "UTF-16": (".csv", text.decode("utf-8").encode("utf-16")),
    }
    ending, spoilt = ways[how]
    target = good.with_name(good.name.removesuffix(".csv") + "-broken" + ending)
    target.write_bytes(spoilt)
    return target
