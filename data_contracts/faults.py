"""What was wrong with which record of a delivered file: the quarantine.

Records are numbered from 1 after the header, malformed ones included; the line number is the line of the file on which
the record starts. A value is shown only where its contract does not call it personal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

from data_contracts.numbering import lines_before, record_starts, record_starts_by_reader
from data_contracts.quoting import swallowing_cell, swallowing_quote
from data_contracts.readable import FileRejectedError
from data_contracts.rules import REMEDY, Check, literal
from data_contracts.statements import RawText, Statements


@dataclass(frozen=True)
class RecordNumbers:
    """Record and line number of the i-th well-formed row; plain arithmetic where nothing disturbs it."""

    well_formed: np.ndarray | None
    lines: np.ndarray | None
    malformed: np.ndarray

    def places(self) -> pl.DataFrame:
        """Of every well-formed row its index among them, its record number and its line; only where they are kept."""
        assert self.well_formed is not None
        return self._placed(self.well_formed).with_row_index("row_index").cast(pl.Int64)

    def malformed_places(self) -> pl.DataFrame:
        """Record numbers and lines of the malformed records."""
        return self._placed(self.malformed)

    def _placed(self, record: np.ndarray) -> pl.DataFrame:
        line = record + 1 if self.lines is None else self.lines[record]
        return pl.DataFrame({"row_number": record, "line_number": line}).cast(pl.Int64)


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
    if raw.readable.physical_lines == read + 1:  # every line is a record: no blank line, no line end within a cell
        malformed = lines_before(raw.readable.path, raw.malformed_at)
        return RecordNumbers(_all_but(malformed, read), None, malformed)
    for count, swallowing in ((record_starts, swallowing_quote), (record_starts_by_reader, swallowing_cell)):
        starts, lines = count(raw.readable, delimiter)
        if len(starts) != read + 1:
            continue
        if raw.readable.quotes and (line := swallowing(raw.readable, delimiter, raw.width)):
            raise FileRejectedError(
                "F11", f"A quote opened on line {line} holds the records after it: mend it and send the file again."
            )
        malformed = np.searchsorted(starts, np.array(raw.malformed_at, dtype=np.int64), side="right") - 1
        well_formed = _all_but(malformed, read)
        if len(well_formed) == raw.rows:
            return RecordNumbers(well_formed, lines, malformed)
    at = f" A quote is left open near line {_line_of(raw)}." if raw.malformed_at else ""
    raise FileRejectedError(
        "F11", f"The file holds {len(starts) - 1} records but {read} could be read.{at} Mend it and send it again."
    )


def _all_but(malformed: np.ndarray, read: int) -> np.ndarray:
    well = np.ones(read + 1, dtype=bool)
    well[0] = False  # the header
    well[malformed] = False
    return np.flatnonzero(well)


def _line_of(raw: RawText) -> int:
    with raw.readable.path.open("rb") as stream:
        return stream.read(raw.malformed_at[-1]).count(b"\n") + 1


def find_suspects(con: duckdb.DuckDBPyConnection, statements: Statements, accepted_path: Path) -> int:
    """Makes the temp table ``suspect``: rows that need a word, being not accepted or accepted with a warning.

    Rows that lost to another of the same key are not among them: ``loser`` names them.

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
        f"create or replace temp table suspect as {statements.with_names('suspect_index')} select * from named "
        "where row_index not in (select row_index from loser)"
    )
    con.unregister("suspect_index")
    return accepted


def list_faults(con: duckdb.DuckDBPyConnection, statements: Statements) -> None:
    """Makes the temp table ``fault`` (row_index, rule_no, value): every rule that a row of ``suspect`` breaks."""
    con.execute("create or replace temp table fault (row_index bigint, rule_no integer, value varchar)")
    if con.execute("select row_index from suspect limit 1").fetchall():
        con.execute(f"insert into fault {statements.faults}")


def write_quarantine(
    con: duckdb.DuckDBPyConnection, checks: Sequence[Check], numbers: RecordNumbers, target: Path
) -> dict[str, int]:
    """Writes what ``fault``, ``loser`` and the malformed records say: one row a record and rule, in order of record.

    Columns: row_number, line_number, column, rule, level, value (null where personal), message. Written by the
    database, so that a file in which every row is faulted needs no more memory than it is given.

    Returns:
        Rows by rule.
    """
    row, line, join = "row_index + 1", "row_index + 2", ""
    if numbers.well_formed is not None:
        row, line, join = "place.row_number", "place.line_number", "join place using (row_index)"
        con.register("place", numbers.places().to_arrow())
    con.register("rule", _rules(checks).to_arrow())
    con.register("malformed_record", numbers.malformed_places().to_arrow())
    con.execute(
        f"""copy (
        select {row} as row_number, {line} as line_number, "column", rule, level,
            case when shows then substr(value, 1, 60) end as value, message
        from fault join rule using (rule_no) {join}
        union all
        select {row}, {line}, '', rule, fate, null, message
        from loser join rule on level = fate {join}
        union all
        select row_number, line_number, '', rule, level, null, message
        from malformed_record join rule on rule = 'R01'
        order by row_number, "column", rule
        ) to {literal(str(target))} (format parquet, compression zstd)"""
    )
    for view in ("place", "rule", "malformed_record"):
        con.unregister(view)
    found = con.execute(f"select rule, count(*) from read_parquet({literal(str(target))}) group by rule order by rule")
    return dict(found.fetchall())


def _rules(checks: Sequence[Check]) -> pl.DataFrame:
    """What a rule says, by its number among the checks; without a number those that no check makes."""
    rows: list[tuple[int | None, str, str, str, bool, str]] = [
        (number, check.column, check.code, "reject row" if check.rejects else "warn", check.shows_value, check.message)
        for number, check in enumerate(checks)
    ]
    others = [("R01", "reject row"), ("K01", "duplicate"), ("K02", "superseded")]
    rows += [(None, "", code, level, False, REMEDY[code]) for code, level in others]
    return pl.DataFrame(rows, schema=_RULE_SCHEMA, orient="row")


_RULE_SCHEMA = {
    "rule_no": pl.Int32,
    "column": pl.String,
    "rule": pl.String,
    "level": pl.String,
    "shows": pl.Boolean,
    "message": pl.String,
}
