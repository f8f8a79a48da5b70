"""What was wrong with which record of a delivered file: the quarantine.

Records are numbered from 1 after the header, malformed ones included; the line number is the line of the file on which
the record starts. A value is shown only where its contract does not call it personal.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

from data_contracts.intake import FileRejectedError
from data_contracts.numbering import record_starts, record_starts_by_reader
from data_contracts.quoting import swallowing_cell, swallowing_quote
from data_contracts.rules import REMEDY, Check, literal
from data_contracts.statements import RawText, Statements

QUARANTINE_SCHEMA = {
    "row_number": pl.Int64,
    "line_number": pl.Int64,
    "column": pl.String,
    "rule": pl.String,
    "level": pl.String,
    "value": pl.String,
    "message": pl.String,
}


@dataclass(frozen=True)
class RecordNumbers:
    """Record and line number of the i-th well-formed row; plain arithmetic where nothing disturbs it."""

    well_formed: np.ndarray | None
    lines: np.ndarray | None
    malformed: np.ndarray

    def of(self, row_index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Record numbers and line numbers of well-formed rows, given their 0-based index among the well-formed."""
        record = row_index + 1 if self.well_formed is None else self.well_formed[row_index]
        return record, (record + 1 if self.lines is None else self.lines[record])


def number_records(raw: RawText, delimiter: str) -> RecordNumbers:
    """Numbers the records, and checks that what was read and what lies in the file agree.

    Raises:
        FileRejectedError: F11, they do not, or a stray quote has made one cell of many records.
    """
    if raw.readable.encoding == "parquet":
        return RecordNumbers(None, None, np.zeros(0, dtype=np.int64))
    if not raw.malformed_at and raw.readable.physical_lines == raw.rows + 1:
        return RecordNumbers(None, None, np.zeros(0, dtype=np.int64))
    read = raw.rows + len(raw.malformed_at)
    for count, swallowing in ((record_starts, swallowing_quote), (record_starts_by_reader, swallowing_cell)):
        starts, lines = count(raw.readable, delimiter)
        if len(starts) != read + 1:
            continue
        if raw.readable.quotes and (line := swallowing(raw.readable, delimiter, raw.width)):
            raise FileRejectedError(
                "F11", f"A quote opened on line {line} holds the records after it: mend it and send the file again."
            )
        malformed = np.searchsorted(starts, np.array(raw.malformed_at, dtype=np.int64), side="right") - 1
        well_formed = np.setdiff1d(np.arange(1, read + 1), malformed)
        if len(well_formed) == raw.rows:
            return RecordNumbers(well_formed, lines, malformed)
    at = f" A quote is left open near line {_line_of(raw)}." if raw.malformed_at else ""
    raise FileRejectedError(
        "F11", f"The file holds {len(starts) - 1} records but {read} could be read.{at} Mend it and send it again."
    )


def _line_of(raw: RawText) -> int:
    with raw.readable.path.open("rb") as stream:
        return stream.read(raw.malformed_at[-1]).count(b"\n") + 1


def find_suspects(con: duckdb.DuckDBPyConnection, statements: Statements, accepted_path: Path) -> int:
    """Makes the temp table ``suspect``: rows that need a word, being not accepted or accepted with a warning.

    Rows that lost to another of the same key are spoken of by ``list_losers``.

    Returns:
        The number of accepted rows.
    """
    quiet = np.zeros(statements.raw.rows, dtype=bool)
    accepted = 0
    reader = con.sql(
        f"select row_index, warning_flag from read_parquet({literal(str(accepted_path))})"
    ).to_arrow_reader(1 << 20)
    for batch in reader:
        index, warned = batch.column(0).to_numpy(), batch.column(1).to_numpy(zero_copy_only=False)
        quiet[index[~warned]] = True
        accepted += len(index)
    suspects = np.flatnonzero(~quiet)
    if not len(suspects):  # the statement over all columns is not worth its planning
        con.execute("create or replace temp table suspect (row_index bigint)")
        return accepted
    con.register("suspect_index", pl.DataFrame({"row_index": suspects}).to_arrow())
    con.execute(
        f"create or replace temp table suspect as {statements.with_names} select * from named where row_index in "
        "(select row_index from suspect_index) and row_index not in (select row_index from loser)"
    )
    con.unregister("suspect_index")
    return accepted


def list_faults(con: duckdb.DuckDBPyConnection, statements: Statements, numbers: RecordNumbers) -> pl.DataFrame:
    """Every rule that a row of ``suspect`` breaks: one row a row and rule, as ``QUARANTINE_SCHEMA``."""
    if not con.execute("select row_index from suspect limit 1").fetchall():
        return pl.DataFrame(schema=QUARANTINE_SCHEMA)
    parts = []
    for check, sql in statements.faults():
        found = con.sql(sql).pl()
        if len(found):
            record, line = numbers.of(found["row_index"].to_numpy())
            parts.append(_fault_frame(record, line, check, found["value"]))
    return pl.concat(parts) if parts else pl.DataFrame(schema=QUARANTINE_SCHEMA)


def _fault_frame(record: np.ndarray, line: np.ndarray, check: Check, value: pl.Series) -> pl.DataFrame:
    level = "reject row" if check.rejects else "warn"
    return pl.DataFrame({"row_number": record, "line_number": line, "value": value}).select(
        pl.col("row_number").cast(pl.Int64),
        pl.col("line_number").cast(pl.Int64),
        column=pl.lit(check.column),
        rule=pl.lit(check.code),
        level=pl.lit(level),
        value=pl.col("value").cast(pl.String).str.slice(0, 60),
        message=pl.lit(check.message),
    )


def list_losers(con: duckdb.DuckDBPyConnection, numbers: RecordNumbers) -> pl.DataFrame:
    """Rows that say the same again (K01) or an older version of the same key (K02)."""
    losers = con.sql("select row_index, fate from loser").pl()
    record, line = numbers.of(losers["row_index"].to_numpy())
    rule = pl.when(pl.col("fate") == "duplicate").then(pl.lit("K01")).otherwise(pl.lit("K02"))
    return (
        losers.with_columns(row_number=pl.Series(record, dtype=pl.Int64), line_number=pl.Series(line, dtype=pl.Int64))
        .with_columns(rule=rule)
        .select(
            "row_number",
            "line_number",
            column=pl.lit(""),
            rule="rule",
            level="fate",
            value=pl.lit(None, dtype=pl.String),
            message=pl.col("rule").replace_strict(REMEDY, return_dtype=pl.String),
        )
    )


def list_malformed(numbers: RecordNumbers) -> pl.DataFrame:
    """Records that could not be read as rows at all (R01)."""
    record = numbers.malformed
    line = numbers.lines[record] if numbers.lines is not None else record
    check = Check("R01", "", "", True, REMEDY["R01"], False)
    return _fault_frame(record, line, check, pl.Series([None] * len(record), dtype=pl.String))
