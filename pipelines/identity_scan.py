"""Looks for identities where none may be: in the warehouse, the lists and the pages, before they are published."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import duckdb
import polars as pl

from data_contracts.identity import check_nhs_numbers
from pipelines.content import read
from pipelines.publish import Contents, Table

PERSON_COLUMNS = {"person_id", "nhs_number", "household_id"}
_TEN_DIGITS = re.compile(r"(?<![\w.])\d{3}[ -]?\d{3}[ -]?\d{4}(?![\w.])")
_READ = {".html", ".json", ".md", ".csv", ".txt"}


def identities_in(contents: Contents) -> list[str]:
    """Sentences about what was found; empty when nothing was. A number itself is never repeated.

    Ten digits count when they pass modulus 11 and lie in a range that is issued or reserved for artificial people.
    """
    found = []
    with duckdb.connect() as con:
        for table in contents.warehouse:
            found += _in_table(con, table)
    for name, path in contents.files.items():
        if numbers := _numbers_in(_texts(path)):
            found.append(f"{name} holds {numbers} NHS numbers")
    return found


def numbers_in_folder(folder: Path, known: Collection[str] | None = None) -> int:
    """How many distinct NHS numbers any file below a folder holds: text, workbooks, Parquet, SQLite and logs alike.

    Args:
        folder: a folder or a file.
        known: only these numbers count, e.g. those of the vault; None: every run of ten digits that can be one.
    """
    texts = list(_texts(folder))
    with duckdb.connect() as con:
        for file in [folder] if folder.is_file() else sorted(p for p in folder.rglob("*") if p.is_file()):
            if file.suffix == ".parquet":
                texts += _parquet_texts(con, file)
            elif file.suffix not in (*_READ, ".xlsx"):
                texts.append(file.read_bytes().decode("latin-1"))
    if known is None:
        return _numbers_in(texts)
    wanted = set(known)
    return len({n for text in texts for m in _TEN_DIGITS.findall(text) if (n := re.sub(r"[ -]", "", m)) in wanted})


def _parquet_texts(con: duckdb.DuckDBPyConnection, file: Path) -> list[str]:
    described = con.sql(f"describe select * from {read([file])}").fetchall()
    texts = []
    for name, kind, *_ in described:
        kept = {"VARCHAR": f'length("{name}") >= 10', "BIGINT": f'"{name}" between 1000000000 and 9999999999'}.get(kind)
        if kept:
            rows = con.sql(f'select distinct "{name}"::varchar from {read([file])} where {kept}').fetchall()
            texts += [text for (text,) in rows]
    return texts


def _in_table(con: duckdb.DuckDBPyConnection, table: Table) -> list[str]:
    described = con.sql(f"describe select * from {read(table.files)}").fetchall()
    found = [f"{table.name} has a column {name}" for name, *_ in described if name in PERSON_COLUMNS]
    for name, kind, *_ in described:
        if kind == "VARCHAR":
            distinct = con.sql(
                f'select distinct "{name}" from {read(table.files)} where "{name}" is not null'
            ).fetchall()
            if numbers := _numbers_in(text for (text,) in distinct):
                found.append(f"{table.name}.{name} holds {numbers} NHS numbers")
    return found


def _texts(path: Path) -> Iterator[str]:
    """The text of a page or workbook, or of those in a folder."""
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.suffix in _READ:
            yield file.read_text(encoding="utf-8")
        elif file.suffix == ".xlsx":
            with zipfile.ZipFile(file) as book:
                for name in book.namelist():
                    if name.startswith(("xl/sharedStrings", "xl/worksheets/")) and name.endswith(".xml"):
                        yield book.read(name).decode("utf-8")


def _numbers_in(texts: Iterable[str]) -> int:
    """How many distinct runs of ten digits are NHS numbers."""
    candidates = {re.sub(r"[ -]", "", m) for text in texts for m in _TEN_DIGITS.findall(text)}
    if not candidates:
        return 0
    checked = check_nhs_numbers(pl.Series("raw", sorted(candidates)))
    return int(checked["fault"].is_null().sum())
