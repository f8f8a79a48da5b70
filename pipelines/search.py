"""Looks through every file of a home for one person: their NHS number, their reference, their row id.

Text, workbooks, compressed files, databases and Parquet alike; used to prove that nothing was left behind.
"""

from __future__ import annotations

import gzip
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from data_contracts.identity import person_ref
from data_contracts.rules import literal, quoted

CHUNK = 1 << 24


@dataclass(frozen=True)
class Wanted:
    """Who is looked for: the row id and, where the vault knew it, the number."""

    person_id: int
    number: str | None

    @property
    def pattern(self) -> re.Pattern[bytes]:
        """The number with or without spaces or hyphens, the reference, the row id as text."""
        words = [person_ref(self.person_id), str(self.person_id)]
        if self.number:
            n = self.number
            words.append(f"{n[:3]}[ -]?{n[3:6]}[ -]?{n[6:]}")
        return re.compile("|".join(words).encode())


def search(home: Path, wanted: Wanted) -> list[Path]:
    """Files below a folder that hold anything of the person, in order."""
    with duckdb.connect() as con:
        con.execute("set threads = 2")
        return [
            path
            for path in sorted(home.rglob("*"))
            if path.is_file() and not path.is_symlink() and _holds(con, path, wanted)
        ]


def _holds(con: duckdb.DuckDBPyConnection, path: Path, wanted: Wanted) -> bool:
    if path.suffix == ".parquet":
        return _in_parquet(con, path, wanted)
    if path.suffix == ".duckdb":
        return _in_database(path, wanted)
    pattern = wanted.pattern
    return any(pattern.search(part) for part in _bytes(path))


def _bytes(path: Path) -> Iterator[bytes]:
    """The content, decompressed, in overlapping parts so that nothing is missed at a seam."""
    with path.open("rb") as raw:
        magic = raw.read(4)
    if magic.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(path) as book:
            for name in book.namelist():
                yield book.read(name)
        return
    if magic == b"PAR1":  # a received file keeps no ending
        yield b""
        return
    edge = b""
    with gzip.open(path, "rb") if magic.startswith(b"\x1f\x8b") else path.open("rb") as stream:
        while part := stream.read(CHUNK):
            yield edge + part
            edge = part[-64:]


def _in_parquet(con: duckdb.DuckDBPyConnection, path: Path, wanted: Wanted) -> bool:
    source = f"read_parquet({literal(str(path))})"
    conditions = []
    for name, kind, *_ in con.execute(f"describe select * from {source}").fetchall():
        conditions += condition(name, kind, wanted)
    if not conditions:
        return False
    return bool(con.execute(f"select 1 from {source} where {' or '.join(conditions)} limit 1").fetchall())


def _in_database(path: Path, wanted: Wanted) -> bool:
    """Tables are looked into; views show lake files, which are looked into themselves."""
    with duckdb.connect(str(path), read_only=True) as con:
        columns = con.execute(
            "select table_name, column_name, data_type from duckdb_columns() where table_name in "
            "(select table_name from duckdb_tables())"
        ).fetchall()
        for table, name, kind in columns:
            for holds in condition(name, kind, wanted):
                if con.execute(f"select 1 from {quoted(table)} where {holds} limit 1").fetchall():
                    return True
    return False


def condition(name: str, kind: str, wanted: Wanted) -> list[str]:
    """SQL conditions under which a column of that type holds the person; none for a type that cannot."""
    if kind in ("BIGINT", "HUGEINT", "UBIGINT"):
        found = [f"{quoted(name)} = {wanted.person_id}"]
        return [*found, f"{quoted(name)} = {wanted.number}"] if wanted.number else found
    if kind == "VARCHAR":
        return [f"regexp_matches({quoted(name)}, {literal(wanted.pattern.pattern.decode())})"]
    return []
