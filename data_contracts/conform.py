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
import polars as pl

from data_contracts import intake, ledger, withheld
from data_contracts.contract import Contract
from data_contracts.faults import (
    RecordNumbers,
    find_suspects,
    list_faults,
    number_records,
    write_quarantine,
)
from data_contracts.identity import Vault, pseudonyms
from data_contracts.intake import UNREADABLE_NOTE, DeliveredFile
from data_contracts.ledger import DeliveryLedger, delivery_id_of
from data_contracts.quoting import blot_quoted_lines
from data_contracts.readable import STILL_BEING_WRITTEN, FileRejectedError, ReadableFile, make_readable
from data_contracts.resend import Arrivals, name_of_its_own
from data_contracts.respelt import find_respelt, notes_of
from data_contracts.rules import (
    NUMBERS,
    is_looked_up,
    is_sentinel,
    judge_codes,
    literal,
    lookup_alias,
    quoted,
    text_of,
)
from data_contracts.statements import RawText, Statements

MISSING_WORDS = ["", "NULL", "null", "(null)"]
"""What databases write into a text file for a missing value."""


@dataclass(frozen=True)
class Rooms:
    """Where conform reads and writes."""

    inbox: Path
    lake: Path
    vault: Vault
    marker: str | None = None


def conform_source(
    con: duckdb.DuckDBPyConnection,
    contract: Contract,
    *,
    inbox: Path,
    lake: Path,
    vault: Vault,
    marker: str | None = None,
) -> list[DeliveryLedger]:
    """Reads every new file of one source.

    Args:
        con: a private connection; its temporary tables are used and dropped.
        contract: the source.
        inbox: deliveries as they came; accepted files leave it.
        lake: where typed rows, quarantine and ledger go.
        vault: where NHS numbers and received files go, opened with its key.
        marker: how the marker of a complete file ends; None: a file is taken to be complete as it lies there.

    Returns:
        One entry a file met in this call, resent and rejected files included.

    Raises:
        IdentityError: two numbers share a pseudonym.
    """
    rooms = Rooms(inbox, lake, vault, marker)
    waiting = [(file, intake.sha256_of(file.path)) for file in intake.find_files(inbox, contract.id, marker)]
    arrivals = Arrivals(contract, ledger.read_entries(lake, contract.id), waiting)
    entries = []
    for file, content in waiting:
        if arrivals.says_something_new(file, content):
            task = _Task(con, contract, file, rooms, name_of_its_own(content, file.received), content)
            entry = _conform_file(task, None)
        else:
            entry = _conform_file(_Task(con, contract, file, rooms, content), arrivals.earlier(content))
        arrivals.enter(entry)
        entries.append(entry)
    return entries


def record_stray_files(
    contracts: dict[str, Contract], *, inbox: Path, lake: Path, marker: str | None = None
) -> list[DeliveryLedger]:
    """Enters files that belong to no source, so that nothing lies in the inbox unnoticed."""
    entries = []
    for path, code, message in intake.stray_files(inbox, set(contracts), marker):
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


@dataclass(frozen=True)
class _Task:
    """One file of one source: what it is, and what reading it needs."""

    con: duckdb.DuckDBPyConnection
    contract: Contract
    file: DeliveredFile
    rooms: Rooms
    sha256: str
    bytes_sha256: str = ""

    @property
    def name(self) -> str:
        """Name of every file made from this one: its content's."""
        return f"{self.sha256[:16]}.parquet"


def _conform_file(task: _Task, before: DeliveryLedger | None) -> DeliveryLedger:
    """The entry of one file; ``before`` is the entry of the same bytes where they need not be read again."""
    entry = DeliveryLedger(
        source=task.contract.id,
        file=task.file.path.name,
        sha256=task.sha256,
        delivery_id=delivery_id_of(task.sha256),
        received=task.file.received.isoformat(),
        historic=bool(task.file.historic),
        contract_version=task.contract.version,
        fate="accepted",
        bytes_sha256=task.bytes_sha256,
    )
    if before is not None and _stays_rejected(before, task.contract):
        return before
    if before is not None and before.fate == "accepted":
        message = f"The same file was received on {before.received} as {before.file}: nothing was added."
        entry = dataclasses.replace(entry, fate="resent", message=message)
    else:
        with _scratch(task.rooms) as scratch:
            try:
                entry = _read_file(task, entry, scratch)
            except FileRejectedError as problem:
                entry = dataclasses.replace(entry, fate="rejected", code=problem.code, message=str(problem))
    if entry.code == STILL_BEING_WRITTEN:
        return entry
    entry.checked().write(task.rooms.lake)
    if entry.fate != "rejected":
        _move_to_vault(task.file.path, task.sha256, task.rooms.vault.folder)
        intake.remove_markers(task.file.path, task.rooms.marker)
    return entry


def _stays_rejected(before: DeliveryLedger, contract: Contract) -> bool:
    """A rejected file is tried again only when something else than its bytes may have been mended."""
    mendable = before.code in (UNREADABLE_NOTE, withheld.NO_RESTRICTED_CODES)
    same_terms = before.contract_version == contract.version and not mendable
    return before.fate == "rejected" and same_terms


def _read_file(task: _Task, entry: DeliveryLedger, scratch: Path) -> DeliveryLedger:
    """Writes the good rows and the quarantine, and returns the entry with every record's fate."""
    con, contract, lake = task.con, task.contract, task.rooms.lake
    if task.file.historic is None:
        raise FileRejectedError(
            UNREADABLE_NOTE,
            f"The {intake.DELIVERY_NOTE} beside the file cannot be read: let it say historic: true or historic: false.",
        )
    raw, numbers = _numbered_text(task, scratch)
    _judge_distinct_values(task, raw)
    left_out = withheld.leave_out(con, contract, raw.path, task.file.received, lake)
    made = scratch / task.name
    statements, accepted = _sort_rows(task, raw, made, leaving_out=left_out > 0)
    listed = scratch / "quarantine.parquet"
    faults = write_quarantine(con, statements.checks, numbers, listed)
    counts = _counts(con, contract, raw, made)
    fates = dict(con.execute("select fate, count(*) from loser group by fate").fetchall())
    malformed = len(raw.malformed_at)
    empty = () if raw.rows or malformed else ("F12 the file has headings and no rows",)
    entry = dataclasses.replace(
        entry,
        encoding=raw.readable.encoding,
        records=raw.rows + malformed,
        accepted=accepted,
        quarantined=raw.rows - accepted - left_out - sum(fates.values()) + malformed,
        duplicate=fates.get("duplicate", 0),
        superseded=fates.get("superseded", 0),
        withheld=left_out,
        warned=counts.warned,
        unmatched=counts.unmatched,
        faults=faults,
        sentinels=counts.sentinels,
        notes=(*raw.notes, *notes_of(statements.respelt, raw.present), *empty),
    ).checked()
    _keep(made, lake / "conform" / contract.id / task.name)
    _keep(listed, lake / "quarantine" / contract.id / task.name)
    return entry


def _sort_rows(task: _Task, raw: RawText, made: Path, *, leaving_out: bool) -> tuple[Statements, int]:
    """Good rows into ``made``, the others into the temp tables ``loser`` and ``fault``; the number of good rows.

    Done again, with those codes read as what was meant, where a file holds known codes in another dress.
    """

    def sort_once(statements: Statements) -> int:
        _find_losers(task.con, statements)
        good_rows = statements.accepted(delivery_id_of(task.sha256))
        task.con.execute(f"copy ({good_rows}) to {literal(str(made))} (format parquet, compression zstd)")
        good = find_suspects(task.con, statements, made)
        list_faults(task.con, statements)
        return good

    statements = Statements(task.contract, raw, task.file, leaving_out=leaving_out)
    accepted = sort_once(statements)
    if respelt := find_respelt(task.con, statements):
        statements = Statements(task.contract, raw, task.file, leaving_out=leaving_out, respelt=respelt)
        accepted = sort_once(statements)
    return statements, accepted


def _find_losers(con: duckdb.DuckDBPyConnection, statements: Statements) -> None:
    """Makes the temp table ``loser``; the costly comparison only where a key occurs twice."""
    repeated, *compare = statements.find_losers
    con.execute(repeated)
    if _one(con, "select count(*) from repeated"):
        for step in compare:
            con.execute(step)
    else:
        con.execute("create or replace temp table loser (row_index bigint, fate varchar)")


def _numbered_text(task: _Task, scratch: Path) -> tuple[RawText, RecordNumbers]:
    """The file as text, its records numbered; where stray quotes hide records, the lines without a quote."""
    con, contract = task.con, task.contract
    readable = make_readable(task.file.path, contract, scratch)
    raw = _as_text(con, contract, readable, scratch)
    try:
        return raw, number_records(raw, contract.delimiter)
    except FileRejectedError as problem:
        alone = blot_quoted_lines(readable, scratch / "unquoted.csv")
        if alone is None:
            raise
        raw = _as_text(con, contract, alone, scratch)
        note = f"F15 lines with a quote could not be read: {problem}"
        return dataclasses.replace(raw, notes=(*raw.notes, note)), number_records(raw, contract.delimiter)


def _as_text(con: duckdb.DuckDBPyConnection, contract: Contract, readable: ReadableFile, scratch: Path) -> RawText:
    target = scratch / "raw.parquet"
    if readable.encoding == "parquet":
        header, source, malformed_table = _parquet_source(con, readable.path)
    else:
        header, above = intake.read_header(readable, contract)
        source, malformed_table = _csv_source(readable.path, contract, len(header), above), "malformed"
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
        malformed_at = tuple(p for (p,) in bad)  # the first byte of the record or the second
    return RawText(target, present, rows, readable, malformed_at, len(header), (*readable.notes, *notes))


def _csv_source(path: Path, contract: Contract, width: int, above: int) -> str:
    columns = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(width))
    return (
        f"read_csv({literal(str(path))}, columns = {{{columns}}}, auto_detect = false, skip = {above}, header = true, "
        f"delim = {literal(contract.delimiter)}, quote = '\"', escape = '\"', nullstr = {MISSING_WORDS}, "
        "strict_mode = true, store_rejects = true, rejects_table = 'malformed', rejects_scan = 'malformed_scan')"
    )


def _parquet_source(con: duckdb.DuckDBPyConnection, path: Path) -> tuple[list[str], str, None]:
    try:
        names = [row[0] for row in con.execute(f"describe select * from read_parquet({literal(str(path))})").fetchall()]
    except duckdb.Error as error:
        raise FileRejectedError("F03", "The file cannot be read as Parquet: send it again.") from error
    renamed = ", ".join(f"{quoted(n)} as c{i}" for i, n in enumerate(names))
    return names, f"(select {renamed} from read_parquet({literal(str(path))}))", None


def _judge_distinct_values(task: _Task, raw: RawText) -> None:
    """Makes one small table a looked-up column: ``raw`` text, ``value``, ``fault``."""
    con, vault = task.con, task.rooms.vault
    source = f"read_parquet({literal(str(raw.path))})"
    for column in filter(is_looked_up, raw.present):
        text = f"select distinct raw from (select {text_of(column)} as raw from {source}) as told where raw is not null"
        distinct = con.sql(text).pl()["raw"]
        if column.role in NUMBERS:
            judged = vault.identify(distinct, task.contract.domain).rename({"person_id": "value"})
        elif column.role == "local_id":
            values = pseudonyms(vault.key, f"local:{column.name}", distinct)
            judged = pl.DataFrame({"raw": distinct, "value": values}).with_columns(fault=pl.lit(None, dtype=pl.String))
        else:
            judged = judge_codes(distinct)
        con.register("judged", judged.to_arrow())
        con.execute(f"create or replace temp table {lookup_alias(column)} as select * from judged")
        con.unregister("judged")


@dataclass(frozen=True)
class _Counts:
    warned: int
    unmatched: int
    sentinels: dict[str, int]


def _counts(con: duckdb.DuckDBPyConnection, contract: Contract, raw: RawText, accepted_path: Path) -> _Counts:
    source = f"read_parquet({literal(str(raw.path))})"
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
    return _Counts(warned, without, sentinels)


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
