"""Reads what is published: SQL over the warehouse or the analyst file; waits for no run and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from pipelines.errors import MistakeError, ProblemError
from pipelines.publish import ANALYST, WAREHOUSE
from pipelines.store import Store

if TYPE_CHECKING:
    import polars as pl


@contextmanager
def reading(store: Store, *, analyst: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection to the current publication.

    The folder is resolved once, so a swap in the middle of a session changes nothing for it. SQL can reach no file
    but the publication's own and, for the analyst file, the lake.

    Raises:
        ProblemError: nothing is published yet.
    """
    path = store.current.resolve() / (ANALYST if analyst else WAREHOUSE)
    if not path.exists():
        raise ProblemError(
            f"Nothing is published in {store.home} yet; `anticipate run` or `anticipate demo` does that."
        )
    con = duckdb.connect(str(path), read_only=True)
    try:
        if analyst:
            con.execute("set allowed_directories = ?", [[str(store.lake), str(store.lake.resolve())]])
        con.execute("set enable_external_access = false")
        con.execute("set lock_configuration = true")
        yield con
    finally:
        con.close()


def query(store: Store, sql: str, *, analyst: bool = False) -> pl.DataFrame:
    """The result of one SELECT. A ``person_id`` column comes back as 13-character person references.

    Raises:
        MistakeError: the SQL is not one reading statement, or DuckDB refuses it; the message is its first line.
        ProblemError: nothing is published yet.
    """
    with reading(store, analyst=analyst) as con:
        try:
            statements = con.extract_statements(sql)
            if len(statements) != 1 or statements[0].type.name != "SELECT":
                raise MistakeError("Only one SELECT can be asked at a time; nothing can be changed here.")
            table: pl.DataFrame = con.sql(statements[0].query).pl()
        except duckdb.Error as error:
            raise MistakeError(_first_line(error, con)) from None
    return with_references(table)


def with_references(table: pl.DataFrame) -> pl.DataFrame:
    """The table with every ``person_id`` written for people: 19 digits survive neither Excel nor a telephone call."""
    import polars as pl

    from data_contracts.identity import person_ref

    if "person_id" not in table.columns or not table["person_id"].dtype.is_integer():
        return table
    known = table["person_id"].drop_nulls().unique()
    written = {i: person_ref(i) for i in known.to_list()}
    return table.with_columns(pl.col("person_id").replace_strict(written, default=None, return_dtype=pl.String))


def write_table(table: pl.DataFrame, *, csv: Path | None = None, parquet: Path | None = None) -> list[Path]:
    """Write a result to the files asked for, and return them."""
    written = []
    for path, write in ((csv, table.write_csv), (parquet, table.write_parquet)):
        if path is not None:
            if not path.absolute().parent.is_dir():
                raise MistakeError(f"There is no folder {path.absolute().parent} to write {path.name} in.")
            write(path)
            written.append(path)
    return written


def _first_line(error: duckdb.Error, con: duckdb.DuckDBPyConnection) -> str:
    line = str(error).strip().splitlines()[0]
    if isinstance(error, duckdb.CatalogException):
        tables = [row[0] for row in con.sql("show tables").fetchall()]
        return f"{line} Published here: {', '.join(tables) or 'nothing'}."
    return line
