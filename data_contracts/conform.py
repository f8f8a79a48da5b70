"""From a delivered file to typed rows and a quarantine, every record accounted for.

One file at a time: make it readable, read every column as text, judge distinct identifiers and codes once, then type
and check all rows in two set-based statements. Good rows go to ``conform/<source>/``, what was wrong with the others
to ``quarantine/<source>/``, the counts to ``ledger/<source>/``; only then does the file move to the vault.
"""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

from data_contracts import intake, ledger, withheld
from data_contracts.contract import Column, Contract
from data_contracts.identity import identify, pseudonyms
from data_contracts.intake import DeliveredFile, FileRejectedError, ReadableFile
from data_contracts.ledger import DeliveryLedger, delivery_id_of
from data_contracts.rules import (
    REMEDY,
    Check,
    checks_of,
    is_looked_up,
    is_sentinel,
    judge_codes,
    known_value,
    literal,
    lookup_alias,
    quoted,
    spoils_value,
    text_of,
    value_of,
)

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
class Rooms:
    """Where conform reads and writes."""

    inbox: Path
    lake: Path
    vault: Path


@dataclass(frozen=True)
class _Raw:
    """A file as text: ``table`` in Parquet with ``row_index``, and what could not be read as records."""

    path: Path
    present: tuple[Column, ...]
    rows: int
    readable: ReadableFile
    malformed_at: tuple[int, ...]
    notes: tuple[str, ...]


def conform_source(
    con: duckdb.DuckDBPyConnection, contract: Contract, *, inbox: Path, lake: Path, vault: Path, key: bytes
) -> list[DeliveryLedger]:
    """Reads every new file of one source.

    Args:
        con: a private connection; its temporary tables are used and dropped.
        contract: the source.
        inbox: deliveries as they came; accepted files leave it.
        lake: where typed rows, quarantine and ledger go.
        vault: where NHS numbers and received files go.
        key: the pseudonymisation key.

    Returns:
        One entry a file met in this call, resent and rejected files included.
    """
    rooms = Rooms(inbox, lake, vault)
    known = {e.sha256: e for e in ledger.read_entries(lake, contract.id)}
    entries = []
    for file in intake.find_files(inbox, contract.id):
        entry = _conform_file(con, contract, file, rooms, key, known)
        known.setdefault(entry.sha256, entry)
        entries.append(entry)
    return entries


def record_stray_files(contracts: dict[str, Contract], *, inbox: Path, lake: Path) -> list[DeliveryLedger]:
    """Enters files that belong to no source, so that nothing lies in the inbox unnoticed."""
    entries = []
    for path, code, message in intake.stray_files(inbox, set(contracts)):
        sha256 = intake.sha256_of(path)
        entry = DeliveryLedger(
            source=path.relative_to(inbox).parts[0],
            file=path.name,
            sha256=sha256,
            delivery_id=delivery_id_of(sha256),
            received="1970-01-01",
            historic=False,
            contract_version="",
            fate="rejected",
            code=code,
            message=message,
        )
        entry.write(lake)
        entries.append(entry)
    return entries


def _conform_file(
    con: duckdb.DuckDBPyConnection,
    contract: Contract,
    file: DeliveredFile,
    rooms: Rooms,
    key: bytes,
    known: dict[str, DeliveryLedger],
) -> DeliveryLedger:
    sha256 = intake.sha256_of(file.path)
    blank = DeliveryLedger(
        source=contract.id,
        file=file.path.name,
        sha256=sha256,
        delivery_id=delivery_id_of(sha256),
        received=file.received.isoformat(),
        historic=file.historic,
        contract_version=contract.version,
        fate="accepted",
    )
    before = known.get(sha256)
    if before is not None and before.fate == "rejected" and before.contract_version == contract.version:
        return before
    if before is not None and before.fate == "accepted":
        message = f"The same file was received on {before.received} as {before.file}: nothing was added."
        entry = dataclasses.replace(blank, fate="resent", message=message)
    else:
        with _scratch(rooms) as scratch:
            try:
                entry = _read_file(con, contract, file, blank, rooms, key, scratch)
            except FileRejectedError as problem:
                entry = dataclasses.replace(blank, fate="rejected", code=problem.code, message=str(problem))
    if entry.code == "F10":
        return entry
    entry.checked().write(rooms.lake)
    if entry.fate != "rejected":
        _move_to_vault(file.path, sha256, rooms.vault)
    return entry


def _read_file(
    con: duckdb.DuckDBPyConnection,
    contract: Contract,
    file: DeliveredFile,
    blank: DeliveryLedger,
    rooms: Rooms,
    key: bytes,
    scratch: Path,
) -> DeliveryLedger:
    raw = _as_text(con, contract, file.path, scratch)
    numbers = _record_numbers(raw)
    _judge_distinct_values(con, contract, raw, rooms.vault, key)
    objecting = withheld.note_objections(con, contract, raw.path, file.received, rooms.lake)
    statement = _Statements(contract, raw, file, objecting=objecting)
    for step in statement.find_losers:
        con.execute(step)
    name = f"{blank.sha256[:16]}.parquet"
    accepted_path = scratch / name
    con.execute(
        f"copy ({statement.accepted(blank.delivery_id)}) to {literal(str(accepted_path))} (format parquet, compression zstd)"
    )
    accepted, suspects = _suspects(con, accepted_path, raw.rows, objecting)
    faults = _faults(con, statement, suspects, numbers)
    counts = _counts(con, contract, raw, objecting, accepted_path)
    fates = dict(con.execute("select fate, count(*) from loser group by fate").fetchall())
    malformed = _malformed_faults(raw, numbers)
    faults = pl.concat([faults, _loser_faults(con, numbers), malformed]).sort("row_number", "column", "rule")
    refused_rows = raw.rows - accepted - counts.withheld - sum(fates.values())
    entry = dataclasses.replace(
        blank,
        encoding=raw.readable.encoding,
        records=raw.rows + len(raw.malformed_at),
        accepted=accepted,
        quarantined=refused_rows + len(raw.malformed_at),
        duplicate=fates.get("duplicate", 0),
        superseded=fates.get("superseded", 0),
        withheld=counts.withheld,
        warned=counts.warned,
        unmatched=counts.unmatched,
        faults=dict(sorted(faults["rule"].value_counts().iter_rows())),
        sentinels=counts.sentinels,
        notes=raw.notes if raw.rows or raw.malformed_at else (*raw.notes, "F12 the file has headings and no rows"),
    ).checked()
    _keep(accepted_path, rooms.lake / "conform" / contract.id / name)
    quarantined = scratch / f"quarantine-{name}"
    faults.write_parquet(quarantined)
    _keep(quarantined, rooms.lake / "quarantine" / contract.id / name)
    return entry


def _as_text(con: duckdb.DuckDBPyConnection, contract: Contract, path: Path, scratch: Path) -> _Raw:
    readable = intake.make_readable(path, contract, scratch)
    target = scratch / "raw.parquet"
    if readable.encoding == "parquet":
        header, source, malformed_table = _parquet_source(con, readable.path)
    else:
        header = intake.read_header(readable, contract)
        source, malformed_table = _csv_source(readable.path, contract, len(header)), "malformed"
    position, notes = intake.match_header(header, contract)
    present = tuple(c for c in contract.columns if c.name in position)
    chosen = ", ".join(f"cast(c{position[c.name]} as varchar) as {quoted(c.name)}" for c in present)
    con.execute("set preserve_insertion_order = true")
    try:
        con.execute(f"copy (select {chosen} from {source}) to {literal(str(target))} (format parquet, compression lz4)")
    except duckdb.Error as error:
        first = str(error).splitlines()[0][:160]
        raise FileRejectedError("F03", f"The file cannot be read as {contract.format}: {first}") from error
    rows = _one(con, f"select count(*) from read_parquet({literal(str(target))})")
    malformed_at: tuple[int, ...] = ()
    if malformed_table:
        bad = con.execute(f"select distinct line_byte_position from {malformed_table} order by 1").fetchall()
        con.execute("drop table malformed; drop table malformed_scan")
        malformed_at = tuple(p - 1 if p > 0 else 0 for (p,) in bad)
    return _Raw(target, present, rows, readable, malformed_at, tuple(notes))


def _csv_source(path: Path, contract: Contract, width: int) -> str:
    columns = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(width))
    return (
        f"read_csv({literal(str(path))}, columns = {{{columns}}}, auto_detect = false, header = true, "
        f"delim = {literal(contract.delimiter)}, quote = '\"', escape = '\"', strict_mode = true, "
        "store_rejects = true, rejects_table = 'malformed', rejects_scan = 'malformed_scan')"
    )


def _parquet_source(con: duckdb.DuckDBPyConnection, path: Path) -> tuple[list[str], str, None]:
    try:
        names = [row[0] for row in con.execute(f"describe select * from read_parquet({literal(str(path))})").fetchall()]
    except duckdb.Error as error:
        raise FileRejectedError("F03", "The file cannot be read as Parquet: send it again.") from error
    renamed = ", ".join(f"{quoted(n)} as c{i}" for i, n in enumerate(names))
    return names, f"(select {renamed} from read_parquet({literal(str(path))}))", None


@dataclass(frozen=True)
class _RecordNumbers:
    """Record and line number of the i-th well-formed row; plain arithmetic where nothing disturbs it."""

    well_formed: np.ndarray | None
    lines: np.ndarray | None
    malformed: np.ndarray

    def of(self, row_index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        record = row_index + 1 if self.well_formed is None else self.well_formed[row_index]
        return record, (record + 1 if self.lines is None else self.lines[record])


def _record_numbers(raw: _Raw) -> _RecordNumbers:
    """Numbers the records, and checks that what was read and what lies in the file agree.

    Raises:
        FileRejectedError: F11, they do not.
    """
    if raw.readable.encoding == "parquet":
        return _RecordNumbers(None, None, np.zeros(0, dtype=np.int64))
    if not raw.malformed_at and raw.readable.physical_lines == raw.rows + 1:
        return _RecordNumbers(None, None, np.zeros(0, dtype=np.int64))
    read = raw.rows + len(raw.malformed_at)
    for count in (intake.record_starts, intake.record_starts_by_reader):
        starts, lines = count(raw.readable)
        if len(starts) == read + 1:
            malformed = np.searchsorted(starts, np.array(raw.malformed_at, dtype=np.int64), side="right") - 1
            well_formed = np.setdiff1d(np.arange(1, read + 1), malformed)
            if len(well_formed) == raw.rows:
                return _RecordNumbers(well_formed, lines, malformed)
    at = f" A quote is left open near line {_line_of(raw)}." if raw.malformed_at else ""
    raise FileRejectedError(
        "F11", f"The file holds {len(starts) - 1} records but {read} could be read.{at} Mend it and send it again."
    )


def _line_of(raw: _Raw) -> int:
    with raw.readable.path.open("rb") as stream:
        return stream.read(raw.malformed_at[-1]).count(b"\n") + 1


def _judge_distinct_values(
    con: duckdb.DuckDBPyConnection, contract: Contract, raw: _Raw, vault: Path, key: bytes
) -> None:
    """Makes one small table a looked-up column: ``raw`` text, ``value``, ``fault``."""
    for column in filter(is_looked_up, raw.present):
        distinct = con.sql(
            f"select distinct {text_of(column)} as raw from read_parquet({literal(str(raw.path))}) where raw is not null"
        ).pl()["raw"]
        if column.role == "person":
            judged = identify(con, distinct, domain=contract.domain, key=key, vault=vault).rename(
                {"person_id": "value"}
            )
        elif column.role == "local_id":
            values = pseudonyms(key, f"local:{column.name}", distinct)
            judged = pl.DataFrame({"raw": distinct, "value": values}).with_columns(fault=pl.lit(None, dtype=pl.String))
        else:
            judged = judge_codes(distinct)
        con.register("judged", judged.to_arrow())
        con.execute(f"create or replace temp table {lookup_alias(column)} as select * from judged")
        con.unregister("judged")


class _Statements:
    """The SQL of one file, derived from its contract and the columns it has."""

    def __init__(self, contract: Contract, raw: _Raw, file: DeliveredFile, *, objecting: bool) -> None:
        self.contract, self.raw, self.historic = contract, raw, file.historic
        self.received = literal(file.received.isoformat())
        present = {c.name for c in raw.present}
        self.checks = checks_of(contract, present)
        self.person = contract.person
        self.reject = " or ".join(f"({c.fails})" for c in self.checks if c.rejects) or "false"
        self.warn = " or ".join(f"({c.fails})" for c in self.checks if not c.rejects) or "false"
        self.objecting = objecting

    def typed(self, only: set[str] | None = None) -> str:
        """CTE ``checked``: row_index, ``t_``, ``v_`` of every column (or of those named), looked-up values joined."""
        columns = [c for c in self.raw.present if only is None or c.name in only]
        texts = ", ".join(f"{text_of(c)} as {quoted(f't_{c.name}')}" for c in columns)
        values = ", ".join(f"{value_of(c)} as {quoted(f'v_{c.name}')}" for c in columns)
        lookups = [c for c in columns if is_looked_up(c)]
        joins = " ".join(
            f"left join {lookup_alias(c)} on tidied.{quoted(f't_{c.name}')} = {lookup_alias(c)}.raw" for c in lookups
        )
        faults = "".join(f", {lookup_alias(c)}.fault as {quoted(f'fault_{c.name}')}" for c in lookups)
        return (
            f"with tidied as (select file_row_number as row_index, {texts} "
            f"from read_parquet({literal(str(self.raw.path))}, file_row_number = true)), "
            f"checked as (select tidied.*, {values}{faults} from tidied {joins})"
        )

    def condition(self, sql: str) -> str:
        """A check's condition over ``checked``: looked-up faults and lake names resolved."""
        for c in self.raw.present:
            if is_looked_up(c):
                sql = sql.replace(f"{lookup_alias(c)}.fault", quoted(f"fault_{c.name}"))
        return sql.replace("$received", self.received)

    def stored_value(self, column: Column) -> str:
        """SQL of what is stored: the typed value, or missing where it breaks a rule that spoils it."""
        if column.name not in {c.name for c in self.raw.present}:
            return f"cast(null as {column.lake_type})"
        value = quoted(f"v_{column.name}")
        spoiling = [c for c in self.checks if c.column == column.header and spoils_value(c) and not c.rejects]
        if spoiling and not is_looked_up(column):
            bad = " or ".join(f"({self.condition(c.fails)})" for c in spoiling)
            value = f"case when {bad} then null else {value} end"
        return f"cast({value} as {column.lake_type})"

    @property
    def objectors(self) -> str:
        """Condition that leaves out rows of people who object, before anything else is said about them."""
        if not self.objecting or self.person is None:
            return "true"
        return f"coalesce({quoted(f'v_{self.person.name}')} not in (select person_id from objecting), true)"

    @property
    def with_names(self) -> str:
        """The ``checked`` rows with lake names as well, so that a contract's own rules can be read on them."""
        named = ", ".join(f"{self.stored_value(c)} as {quoted(c.lake_name)}" for c in self.contract.stored)
        return f"{self.typed()}, named as (select *, {named} from checked where {self.objectors})"

    @property
    def known_from(self) -> str:
        """SQL of the day a row could first be known: as declared in a historic delivery, else not before it came."""
        received = f"cast({self.received} as date)"
        if self.contract.known_date is None:
            return received
        declared = known_value(self.contract.known_date)
        return f"{'least' if self.historic else 'greatest'}(coalesce({declared}, {received}), {received})"

    def accepted(self, delivery_id: int) -> str:
        """Good rows in file order: row_index, stored columns, warning_flag, known_from, delivery_id."""
        stored = ", ".join(quoted(c.lake_name) for c in self.contract.stored)
        return (
            f"{self.with_names} select row_index, {stored}, "
            f"coalesce({self.condition(self.warn)}, false) as warning_flag, {self.known_from} as known_from, "
            f"cast({delivery_id} as bigint) as delivery_id "
            f"from named where not coalesce({self.condition(self.reject)}, false) "
            "and row_index not in (select row_index from loser)"
        )

    @property
    def find_losers(self) -> tuple[str, ...]:
        """Statements that make the temp table ``loser`` (row_index, fate): rows that say the same again or an older version of the same key."""
        names = list(self.contract.key)
        if self.historic and self.contract.version_column:  # a history holds all versions: none is lost here
            names.append(self.contract.version_column)
        columns = [c for name in names if (c := self.contract.column(name)) in self.raw.present]
        key = [quoted(f"v_{c.name}") for c in columns]
        named_key = ", ".join(f"{k} as k{i}" for i, k in enumerate(key))
        repeated = (
            f"{self.typed({c.name for c in columns})} select {named_key} from checked group by all having count(*) > 1"
        )
        same = " and ".join(f"named.{k} is not distinct from repeated.k{i}" for i, k in enumerate(key))
        version = f"{quoted(self.contract.version_column)} desc nulls last, " if self.contract.version_column else ""
        stored = [quoted(c.lake_name) for c in self.contract.stored]
        alike = " and ".join(f"c.{s} is not distinct from w.{s}" for s in stored)
        partition = ", ".join(key)
        return (
            f"create or replace temp table repeated as {repeated}",
            f"create or replace temp table candidate as {self.with_names} select row_index, {', '.join(stored)}, "
            f"row_number() over (partition by {partition} order by {version}row_index desc) as place, "
            f"dense_rank() over (order by {partition}) as key_number "
            f"from named join repeated on {same} where not coalesce({self.condition(self.reject)}, false)",
            "create or replace temp table loser as select c.row_index, "
            f"case when {alike} then 'duplicate' else 'superseded' end as fate "
            "from candidate c join candidate w on w.key_number = c.key_number and w.place = 1 where c.place > 1",
        )

    def faults(self) -> Iterator[tuple[Check, str]]:
        """For every check the SQL that lists row_index and value of the suspect rows that break it."""
        by_header = {c.header: c for c in self.raw.present}
        for check in self.checks:
            column = by_header.get(check.column)
            value = quoted(f"t_{column.name}") if column and check.shows_value else "cast(null as varchar)"
            yield check, f"select row_index, {value} as value from suspect where {self.condition(check.fails)}"


def _suspects(
    con: duckdb.DuckDBPyConnection, accepted_path: Path, rows: int, objecting: bool
) -> tuple[int, np.ndarray]:
    """Number of accepted rows, and the rows that need a word: not accepted, or accepted with a warning."""
    quiet = np.zeros(rows, dtype=bool)
    accepted = 0
    reader = con.sql(
        f"select row_index, warning_flag from read_parquet({literal(str(accepted_path))})"
    ).to_arrow_reader(1 << 20)
    for batch in reader:
        index, warned = batch.column(0).to_numpy(), batch.column(1).to_numpy(zero_copy_only=False)
        quiet[index[~warned]] = True
        accepted += len(index)
    return accepted, np.flatnonzero(~quiet)


def _faults(
    con: duckdb.DuckDBPyConnection,
    statement: _Statements,
    suspects: np.ndarray,
    numbers: _RecordNumbers,
) -> pl.DataFrame:
    if not len(suspects):
        return pl.DataFrame(schema=QUARANTINE_SCHEMA)
    con.register("suspect_index", pl.DataFrame({"row_index": suspects}).to_arrow())
    con.execute(
        f"create or replace temp table suspect as {statement.with_names} select * from named "
        "where row_index in (select row_index from suspect_index) and row_index not in (select row_index from loser)"
    )
    con.unregister("suspect_index")
    parts = []
    for check, sql in statement.faults():
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


def _loser_faults(con: duckdb.DuckDBPyConnection, numbers: _RecordNumbers) -> pl.DataFrame:
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


def _malformed_faults(raw: _Raw, numbers: _RecordNumbers) -> pl.DataFrame:
    record = numbers.malformed
    line = numbers.lines[record] if numbers.lines is not None else record
    check = Check("R01", "", "", True, REMEDY["R01"], False)
    return _fault_frame(record, line, check, pl.Series([None] * len(record), dtype=pl.String))


@dataclass(frozen=True)
class _Counts:
    withheld: int
    warned: int
    unmatched: int
    sentinels: dict[str, int]


def _counts(
    con: duckdb.DuckDBPyConnection, contract: Contract, raw: _Raw, objecting: bool, accepted_path: Path
) -> _Counts:
    held_back = 0
    source = f"read_parquet({literal(str(raw.path))})"
    if objecting and contract.person is not None:
        lookup = lookup_alias(contract.person)
        held_back = _one(
            con,
            f"select count(*) from {source} r join {lookup} p on {text_of(contract.person)} = p.raw "
            "where p.value in (select person_id from objecting)",
        )
    marked = [c for c in raw.present if c.sentinels]
    sentinels: dict[str, int] = {}
    if marked:
        sums = ", ".join(f"count(*) filter (where {is_sentinel(c)})" for c in marked)
        row = con.execute(f"select {sums} from {source}").fetchall()[0]
        sentinels = {c.header: n for c, n in zip(marked, row, strict=True) if n}
    unmatched = "person_id is null" if contract.person is not None else "false"
    warned, without = con.execute(
        f"select count(*) filter (where warning_flag), count(*) filter (where {unmatched}) "
        f"from read_parquet({literal(str(accepted_path))})"
    ).fetchall()[0]
    return _Counts(held_back, warned, without, sentinels)


def _move_to_vault(path: Path, sha256: str, vault: Path) -> None:
    folder = vault / "received"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    shutil.move(path, folder / sha256)


def _keep(made: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    made.replace(target)


@contextmanager
def _scratch(rooms: Rooms) -> Iterator[Path]:
    rooms.lake.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".conform-", dir=rooms.lake) as folder:
        yield Path(folder)


def _one(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    return int(con.execute(sql).fetchall()[0][0])
