"""The record in hindsight: what had happened by a past Monday, as far as it is known now.

Ordinarily a Monday reads what was known by then (``features``). Here the same views are opened over other rows, so that
the same statements answer what they would have answered, had everything that is known by now been known on that
Monday. Nothing is written; a connection opened this way is for comparing, never for a list, a score or a publication.

What counts as having happened follows from the contract:

- a row whose event date lies before the Monday;
- a later fact of it (an end, a death: a column with a ``knownDate``) whose own date lies before the Monday;
- no other date on or after the Monday, unless it is one booked ahead (``future``).

A feed of changes, or of a period, speaks by what it says now: what was corrected is corrected, what was withdrawn is
gone. A feed of everything (``snapshot``) tells a state without saying when it changed: the state told for the Monday
counts, or where there was none the first told after it, with the later facts told since. Who was absent later only (has
moved away) was there.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path

import duckdb

from data_contracts.contract import Column, Contract
from data_contracts.rules import known_value, literal, quoted
from data_contracts.withheld import NUMBER_CHANGES
from record.folded import open_histories
from record.plain import all_tables, statement
from record.tables import STORED, open_record


def open_in_hindsight(
    con: duckdb.DuckDBPyConnection, contracts: Iterable[Contract], *, lake: Path, week: dt.date
) -> None:
    """Opens every history and every table of the record as it would read, were all that is known now known by ``week``.

    ``<source>_history`` and the canonical tables have their usual columns; every row is known from the Monday at the
    latest, and to the end. ``<source>_told`` beside them is the history as it was told.

    Args:
        con: a private connection on which nothing of the record is open; temporary tables are made in it.
        contracts: the sources.
        lake: the lake; only read.
        week: a Monday.
    """
    ordered = sorted(contracts, key=lambda c: c.id != NUMBER_CHANGES)
    open_histories(con, ordered, lake=lake)
    for contract in ordered:
        history = quoted(f"{contract.id}_history")
        con.execute(f"alter view {history} rename to {quoted(f'{contract.id}_told')}")
        kind = "temp table" if contract.delivery.kind == "snapshot" else "view"  # a snapshot is read several times
        con.execute(f"create {kind} {history} as {history_in_hindsight(contract, week)}")
    open_record(con, lake=lake, tables=())
    for table in all_tables():
        kind = "temp table" if table in STORED else "view"
        con.execute(f"create {kind} {quoted(table)} as {statement(table)}")


def history_in_hindsight(contract: Contract, week: dt.date) -> str:
    """The select behind a history in hindsight: its stored columns, known dates, delivery and row.

    Beside them ``told_from`` is the day from which the row was known, and ``held_up`` whether that was later than the
    source's declared delay and one interval between its deliveries.
    """
    snapshot = contract.delivery.kind == "snapshot"
    chosen = _state(contract, week) if snapshot else f"select * from {_told(contract)} where known_until is null"
    return _as_happened(contract, week, chosen, _day(week))


def late_sql(contract: Contract, week: dt.date) -> str:
    """The select that counts what became known of a source after ``week`` about what had happened before it.

    One row: ``late``, ``changed``, ``gone`` and, of the late ones, ``held_up`` in rows, each with its ``_people``;
    ``days_median`` from the Monday until a late row was known (null without any).
    """
    day, key = _day(week), [quoted(k) for k in contract.key]
    told, now = _told(contract), quoted(f"{contract.id}_history")
    seen = f"select * from {told} where known_from <= {day} and (known_until is null or known_until > {day})"
    same_key = " and ".join(f"t.{k} is not distinct from n.{k}" for k in key)
    in_touched = " and ".join(f"r.{k} is not distinct from x.{k}" for k in key)
    housekeeping = {contract.version_column, contract.delivery.period_start, contract.delivery.period_end}
    content = [quoted(c.lake_name) for c in contract.stored if c.lake_name not in {*housekeeping, *contract.key}]
    differs = " or ".join(f"t.{c} is distinct from n.{c}" for c in content) or "false"
    states = {
        "late": "t.known_from is null",
        "changed": f"t.known_from is not null and n.known_from is not null and ({differs})",
        "gone": "n.known_from is null",
        "held_up": "t.known_from is null and n.held_up",
    }
    counts = ", ".join(
        f"count(*) filter (where {holds}) as {name}, "
        f"count(distinct coalesce(n.person_id, t.person_id)) filter (where {holds}) as {name}_people"
        for name, holds in states.items()
    )
    days = f"date_diff('day', {day}, n.told_from)"
    return (
        f"with touched as (select distinct {', '.join(key)} from {told} "
        f"where known_from > {day} or known_until > {day}), "
        f"then_told as (select r.* from ({_as_happened(contract, week, seen, 'known_from')}) r "
        f"where exists (select 1 from touched x where {in_touched})), "
        f"now_told as (select r.* from {now} r where exists (select 1 from touched x where {in_touched})) "
        f"select {counts}, cast(median({days}) filter (where {states['late']}) as bigint) as days_median "
        f"from then_told t full join now_told n on {same_key}"
    )


def _as_happened(contract: Contract, week: dt.date, chosen: str, latest: str) -> str:
    """Rows as far as they had happened; ``latest`` caps the day from which they are known."""
    day = _day(week)
    listed = ", ".join(_column(c, contract, day) for c in contract.stored)
    happened = f"coalesce(cast({quoted(contract.event_date)} as date) < {day}, true)" if contract.event_date else "true"
    due = f"{known_value(contract.known_date)} + {contract.frequency_days}" if contract.known_date else "null::date"
    return (
        f"select {listed}, least(known_from, {latest}) as known_from, cast(null as date) as known_until, delivery_id, "
        f"row_index, known_from as told_from, coalesce(known_from > {due}, false) as held_up "
        f"from ({chosen}) where {happened}"
    )


def _column(column: Column, contract: Contract, day: str) -> str:
    """A column as it is, or empty where what it tells lies on or after the Monday."""
    name = quoted(column.lake_name)
    if column.known and not column.known.columns:
        return name
    if column.known:
        dates = [f"cast({quoted(c)} as date)" for c in column.known.columns]
    elif column.type in ("date", "timestamp") and not (column.future or column.month_only):
        dates = [f"cast({name} as date)"]
    else:
        return name
    if column.lake_name in (contract.event_date, *contract.key):
        return name
    lies_after = " or ".join(f"coalesce({d} >= {day}, false)" for d in dates)
    return f"case when {lies_after} then null else {name} end as {name}"


def _state(contract: Contract, week: dt.date) -> str:
    """Of each key of a snapshot the version told for the Monday, else the first after it; later facts as told last."""
    day, key = _day(week), ", ".join(quoted(k) for k in contract.key)
    visible = f"known_from <= {day} and (known_until is null or known_until > {day})"
    order = f"partition by {key} order by known_from desc, delivery_id desc, row_index desc"
    later = [quoted(c.lake_name) for c in contract.stored if c.known]
    replaced = f" replace ({', '.join(f'first_value({c}) over newest as {c}' for c in later)})" if later else ""
    return (
        f"select * exclude (place) from (select *{replaced}, row_number() over (partition by {key} "
        f"order by case when {visible} then 0 else 1 end, known_from, delivery_id, row_index) as place "
        f"from {_told(contract)} where known_until is null or known_until > {day} "
        f"window newest as ({order})) where place = 1"
    )


def _told(contract: Contract) -> str:
    return quoted(f"{contract.id}_told")


def _day(week: dt.date) -> str:
    return f"cast({literal(week.isoformat())} as date)"
