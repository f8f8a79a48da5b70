"""Deliveries folded into versions: what each source said, and from when until when it said so.

The fold reads the accepted files of a source in the order they were received. It never rewrites what it wrote: a
delta source keeps its conformed files as they are and adds a small file of rows that were *closed*; a snapshot,
a rolling source or one with facts that become known later than their row writes the versions that changed. If a file
turns up that belongs earlier, the source is folded anew from its conformed files.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import duckdb

from data_contracts import ledger
from data_contracts.contract import Contract, KnownDate
from data_contracts.ledger import DeliveryLedger
from data_contracts.rules import known_value, literal, quoted
from record.folded import State, history_sql, is_materialised, parquet, read_state, write_state

_MOST_SET_ASIDE = 0.05
_CLOSING = "(delivery_id bigint, row_index bigint, part integer, known_until date, fate varchar)"
CLOSED_COLUMNS = "delivery_id, row_index, part, known_until, fate"


@dataclass(frozen=True)
class HistoryReport:
    """What one call did to one source: deliveries folded, rows added, closed, found to say the same again."""

    source: str
    deliveries: int = 0
    rows: int = 0
    closed: int = 0
    duplicate: int = 0
    rebuilt: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Group:
    """The files of one source received on one day; ``complete`` unless one was rejected or hardly held a good row."""

    received: dt.date
    historic: bool
    deliveries: tuple[str, ...]
    complete: bool

    @property
    def key(self) -> str:
        return f"{self.received.isoformat()}|{','.join(self.deliveries)}"


def update_history(con: duckdb.DuckDBPyConnection, contract: Contract, *, lake: Path) -> HistoryReport:
    """Folds the accepted files of one source that have not been folded yet.

    Args:
        con: a private connection; its temporary tables are used.
        contract: the source.
        lake: reads ``ledger/`` and ``conform/``, writes ``history/<source>/``.
    """
    groups = _groups(ledger.read_entries(lake, contract.id))
    state = read_state(lake, contract)
    rebuilt = state.groups != [g.key for g in groups[: len(state.groups)]]
    if rebuilt:
        state = State()
    fresh = groups[len(state.groups) :]
    report = HistoryReport(contract.id, rebuilt=rebuilt)
    for group in fresh:
        fold = _Fold(con, contract, group, state, lake)
        report = fold.run(report)
    if fresh or rebuilt:
        write_state(lake, contract, state)
    return report


def _groups(entries: list[DeliveryLedger]) -> list[_Group]:
    relevant = [e for e in entries if e.fate in ("accepted", "rejected") and e.received != "1970-01-01"]
    groups = []
    for received, files in groupby(relevant, key=lambda e: e.received):
        listed = list(files)
        accepted = [e for e in listed if e.fate == "accepted"]
        if accepted:
            names = tuple(e.sha256[:16] for e in accepted)
            # A rejected file is mended when a file of its name was accepted for the same day.
            mended = {e.file for e in listed} == {e.file for e in accepted}
            complete = mended and all(_tells_absence(e) for e in accepted)
            groups.append(_Group(dt.date.fromisoformat(received), accepted[0].historic, names, complete))
    return groups


def _tells_absence(entry: DeliveryLedger) -> bool:
    """Whether what a file does not hold may be taken as gone: it has rows, and hardly any was set aside."""
    return entry.accepted > 0 and entry.quarantined <= _MOST_SET_ASIDE * entry.records


class _Fold:
    """One group of files folded into the state of its source."""

    def __init__(
        self, con: duckdb.DuckDBPyConnection, contract: Contract, group: _Group, state: State, lake: Path
    ) -> None:
        self.con, self.contract, self.group, self.state = con, contract, group, state
        self.lake, self.folder = lake, lake / "history" / contract.id
        self.stored = [c.lake_name for c in contract.stored]
        self.key = list(contract.key)
        housekeeping = {contract.version_column, contract.delivery.period_start, contract.delivery.period_end}
        self.content = [c for c in self.stored if c not in housekeeping and c not in self.key]

    def run(self, report: HistoryReport) -> HistoryReport:
        """Writes what the group adds and closes, and counts it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        files = [str(self.lake / "conform" / self.contract.id / f"{d}.parquet") for d in self.group.deliveries]
        self.con.execute(f"create or replace temp view fresh as select * from {parquet(files)}")
        self.con.execute(
            f"create or replace temp view open_version as select * from "
            f"({history_sql(self.contract, self.state, self.lake, with_part=True)}) where known_until is null"
        )
        if is_materialised(self.contract):
            added = self._add_versions()
        else:
            self._contest()
            added = self._count("fresh")
        closed = self._keep_closed()
        moved = self._moved()
        self.state.groups.append(self.group.key)
        notes = report.notes
        if not self.group.complete and self.contract.delivery.kind != "delta":
            day, kind = self.group.received.isoformat(), self.contract.delivery.kind
            notes += (f"{day}: a file of the {kind} was rejected or largely set aside: nothing absent was closed",)
        return HistoryReport(
            report.source,
            report.deliveries + len(self.group.deliveries),
            report.rows + added,
            report.closed + closed,
            report.duplicate + moved["duplicate"],
            report.rebuilt,
            notes,
        )

    def _contest(self) -> None:
        """Delta without later facts: rows whose key occurs again, in order of version, then of arrival."""
        names = [f"../../conform/{self.contract.id}/{d}.parquet" for d in self.group.deliveries]
        if not self.state.version_files and len(names) == 1 and self.contract.version_column is None:
            self.con.execute(f"create or replace temp table closing {_CLOSING}")  # conform has seen to one file
            self.state.version_files += names
            return
        key, same = ", ".join(map(quoted, self.key)), self._same_key("o", "f")
        rivals = f"select {self._columns('o')} from open_version o where exists (select 1 from fresh f where {same})"
        if not self.state.version_files:
            rivals = f"select {self._columns('o')} from open_version o where false"
        self.con.execute(f"create or replace temp table rival as {rivals}")
        self.con.execute(
            f"create or replace temp table repeated as select {key} from "
            f"(select {key} from fresh union all select {key} from rival) group by all having count(*) > 1"
        )
        self.con.execute(
            "create or replace temp table contest as "
            f"select {self._columns('o')}, 0 as arrival from rival o union all "
            f"select {self._columns('f', part=False)}, 1 as arrival from fresh f "
            f"where exists (select 1 from repeated r where {self._same_key('f', 'r')})"
        )
        self._resolve_contest()
        self.state.version_files += names

    def _resolve_contest(self) -> None:
        """Makes ``closing``: of equal neighbours the first stays; every other row ends where the next begins."""
        key = ", ".join(map(quoted, self.key))
        order = f"partition by {key} order by {self._version_order()}arrival, delivery_id, row_index"
        changed = (
            " or ".join(f"{quoted(c)} is distinct from lag({quoted(c)}) over ordered" for c in self.content) or "false"
        )
        self.con.execute(
            "create or replace temp table closing as with marked as ("
            f"select *, row_number() over ordered as place, ({changed}) as differs from contest "
            f"window ordered as ({order})), "
            "run as (select *, (place = 1 or differs) as leads from marked), "
            f"ended as (select *, min(case when leads then known_from end) over (partition by {key} order by place "
            "rows between 1 following and unbounded following) as next_known from run) "
            "select delivery_id, row_index, part, case when leads then next_known else known_from end as known_until, "
            "case when leads then 'superseded' else 'duplicate' end as fate from ended "
            "where not leads or next_known is not null"
        )

    def _add_versions(self) -> int:
        """Snapshot, rolling or later facts: the versions that are new, and what they or their absence close."""
        self._winners()
        same, differs = self._same_key("n", "o"), self._differs("n", "o")
        older = "false"
        if self.contract.version_column:
            v = quoted(self.contract.version_column)
            older = f"coalesce(n.{v} < o.{v}, false)"
        self.con.execute(
            f"create or replace temp table added as select n.* from winner n left join open_version o on {same} "
            f"where o.delivery_id is null or (({differs}) and not {older})"
        )
        self.con.execute(
            "insert into closing select o.delivery_id, o.row_index, o.part, n.known_from, 'superseded' "
            f"from open_version o join winner n on {same} where ({differs}) and not {older} "
            "union all select n.delivery_id, n.row_index, 0, n.known_from, "
            f"case when {differs} then 'superseded' else 'duplicate' end "
            f"from winner n join open_version o on {same} where not ({differs}) or {older}"
        )
        if self.contract.delivery.kind != "delta" and self.group.complete and self.state.version_files:
            self._close_absent(same)
        return self._write_versions()

    def _winners(self) -> None:
        """Of rows of one key within the group, the last by version, then by arrival."""
        key = ", ".join(map(quoted, self.key))
        self.con.execute(f"create or replace temp table closing {_CLOSING}")
        if len(self.group.deliveries) == 1:  # within one file conform has seen to it
            self.con.execute("create or replace temp table winner as select * from fresh")
            return
        self.con.execute(
            f"create or replace temp table placed as select *, row_number() over (partition by {key} "
            f"order by {self._version_order(' desc nulls last')}delivery_id desc, row_index desc) as place from fresh"
        )
        self.con.execute("create or replace temp table winner as select * exclude (place) from placed where place = 1")
        self.con.execute(
            "insert into closing select l.delivery_id, l.row_index, 0, l.known_from, "
            f"case when {self._differs('l', 'w')} then 'superseded' else 'duplicate' end "
            f"from placed l join winner w on {self._same_key('l', 'w')} where l.place > 1"
        )

    def _close_absent(self, same: str) -> None:
        absent = f"not exists (select 1 from winner n where {same})"
        if self.contract.delivery.kind == "rolling":
            start, end = self._period()
            # What is still open belongs to every period: a service that is sent no more is closed.
            column = f"o.{quoted(self.contract.delivery.period_column or '')}"
            event = f"least(coalesce({column}, {end}), {end})"
            absent += f" and {event} between {start} and {end}"
        if self.contract.delivery.submitter_column:
            submitter = quoted(self.contract.delivery.submitter_column)
            absent += f" and o.{submitter} in (select {submitter} from winner)"
        self.con.execute(
            "insert into closing select o.delivery_id, o.row_index, o.part, "
            f"cast({literal(self.group.received.isoformat())} as date), 'closed' from open_version o where {absent}"
        )

    def _period(self) -> tuple[str, str]:
        start, end = self.contract.delivery.period_start, self.contract.delivery.period_end
        if start is None or end is None:
            event = quoted(self.contract.delivery.period_column or "")
            return f"(select min({event}) from winner)", f"(select max({event}) from winner)"
        return f"(select min({quoted(start)}) from winner)", f"(select max({quoted(end)}) from winner)"

    def _write_versions(self) -> int:
        """Writes the added rows; in a historic delivery a row with later facts becomes one version for each of them."""
        later = {c.lake_name: c.known for c in self.contract.stored if c.known}
        if later and self.group.historic:
            versions = self._split_versions(later)
        else:
            versions = (
                f"select {self._plain('a')}, a.known_from, cast(null as date) as known_until, "
                "a.delivery_id, a.row_index, 0 as part from added a"
            )
        order = ", ".join([*map(quoted, self.key), "known_from"])
        name = self._name("version")
        self._write(f"select * from ({versions}) order by {order}", name)
        self.state.version_files.append(name)
        return self._count("added")

    def _split_versions(self, later: dict[str, KnownDate]) -> str:
        """A row told in one piece, taken apart into what could be known from which day on."""
        received = f"cast({literal(self.group.received.isoformat())} as date)"
        told = {name: quoted(f"{name}_told") for name in later}
        days = ", ".join(
            f"case when {quoted(name)} is not null then greatest(known_from, "
            f"least(coalesce({known_value(known)}, {received}), {received})) end as {told[name]}"
            for name, known in later.items()
        )
        moments = " union ".join(
            ["select delivery_id, row_index, known_from as moment from dated"]
            + [f"select delivery_id, row_index, {day} from dated where {day} is not null" for day in told.values()]
        )
        shown = ", ".join(
            f"case when d.{told[c]} <= m.moment then d.{quoted(c)} end as {quoted(c)}"
            if c in told
            else f"d.{quoted(c)}"
            for c in self.stored
        )
        window = "partition by m.delivery_id, m.row_index order by m.moment"
        return (
            f"with dated as (select *, {days} from added), moments as ({moments}) "
            f"select {shown}, m.moment as known_from, lead(m.moment) over ({window}) as known_until, "
            f"d.delivery_id, d.row_index, cast(row_number() over ({window}) - 1 as integer) as part "
            "from dated d join moments m on m.delivery_id = d.delivery_id and m.row_index = d.row_index"
        )

    def _keep_closed(self) -> int:
        closed = self._count("closing")
        if closed:
            name = self._name("closed")
            self._write(f"select {CLOSED_COLUMNS} from closing order by delivery_id, row_index, part", name)
            self.state.closed_files.append(name)
        return closed

    def _moved(self) -> Counter[str]:
        rows = self.con.execute(
            "select delivery_id, fate, count(*) from closing where fate in ('superseded', 'duplicate') group by all"
        ).fetchall()
        total: Counter[str] = Counter()
        for delivery, fate, n in rows:
            counts = self.state.moved.setdefault(str(delivery), {})
            counts[fate] = counts.get(fate, 0) + n
            total[fate] += n
        return total

    def _name(self, kind: str) -> str:
        """Named by all that was folded up to here: folding anew in another order never touches a file in use."""
        folded = hashlib.sha256("\n".join([*self.state.groups, self.group.key]).encode()).hexdigest()[:12]
        return f"{kind}-{len(self.state.groups):04d}-{self.group.received.isoformat()}-{folded}.parquet"

    def _write(self, sql: str, name: str) -> None:
        partial = self.folder / f".{name}.partial"
        self.con.execute(f"copy ({sql}) to {literal(str(partial))} (format parquet, compression zstd)")
        partial.replace(self.folder / name)

    def _same_key(self, a: str, b: str) -> str:
        return " and ".join(f"{a}.{quoted(k)} is not distinct from {b}.{quoted(k)}" for k in self.key)

    def _differs(self, a: str, b: str) -> str:
        return " or ".join(f"{a}.{quoted(c)} is distinct from {b}.{quoted(c)}" for c in self.content) or "false"

    def _version_order(self, direction: str = " nulls first") -> str:
        version = self.contract.version_column
        return f"{quoted(version)}{direction}, " if version else ""

    def _plain(self, alias: str) -> str:
        return ", ".join(f"{alias}.{quoted(c)}" for c in self.stored)

    def _columns(self, alias: str, *, part: bool = True) -> str:
        last = f"{alias}.part" if part else "0 as part"
        return f"{self._plain(alias)}, {alias}.known_from, {alias}.delivery_id, {alias}.row_index, {last}"

    def _count(self, table: str) -> int:
        return int(self.con.execute(f"select count(*) from {table}").fetchall()[0][0])
