"""SQL made from the declarations: which rows of which record table belong to which event group.

Groups travel as small integers. What a week may read is decided in ``sql/features/*_long.sql``; here rows that no week
of the span can read are only left behind early, once for all weeks.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from features.conditions import output_columns
from features.declaration import FeatureSet, Group, Member
from features.errors import FeatureError
from features.packed import STATUS_VALUES

ENTRIES, ENTRY_TABLE = "gp_event", "feature_entry"  # what is read once, and where it is kept


def group_numbers(declared: FeatureSet) -> dict[str, int]:
    """A number for every group, in order of name."""
    return {name: number for number, name in enumerate(sorted(declared.groups))}


def code_rows(declared: FeatureSet, tables: Collection[str]) -> list[tuple[int, int, int, int | None]]:
    """Rows (code, group number, value, look-back in days) for the coded members that read ``gp_event``.

    A group that is read within a window leaves out codes that tell of the past ("history of a fall").
    """
    numbers = group_numbers(declared)
    rows = []
    for name, group in sorted(declared.groups.items()):
        for member in group.members:
            if member.codelist and is_coded(member) and member.table in tables:
                value = int(member.value or 0)
                lookback = declared.group_lookback(name)
                found = declared.codes(member.codelist)
                codes = found.codes if lookback is None else found.now
                rows += [(code, numbers[name], value, lookback) for code in codes]
    return rows


def is_coded(member: Member) -> bool:
    """Whether a code alone puts a GP entry into the group; else the row's own value or table matters."""
    return bool(member.codelist) and member.table == "gp_event" and not isinstance(member.value, str)


def asked_codes(declared: FeatureSet, measured: Collection[int]) -> list[int]:
    """Codes of GP events that some group, deficit or value rule (``measured``) asks for, in order."""
    lists = {m.codelist for g in declared.groups.values() for m in g.members if m.codelist and m.table == ENTRIES}
    found = [declared.codes(name) for name in sorted(lists | set(declared.deficits))]
    return sorted({*measured, *(code for listed in found for code in (*listed.codes, *listed.measured))})


def uncoded_lookback(declared: FeatureSet) -> int | None:
    """Days before the first week from which GP events of any code are asked within a window; None: by no group."""
    asking = [n for n, g in declared.groups.items() for m in g.members if m.table == ENTRIES and not m.codelist]
    return max((days for n in asking if (days := declared.group_lookback(n)) is not None), default=None)


def deficit_rows(declared: FeatureSet) -> list[tuple[int, int, int | None]]:
    """Rows (code, deficit bit, look-back in days) for the coded deficits; no look-back means ever recorded."""
    rows: list[tuple[int, int, int | None]] = []
    for bit, (name, lookback) in enumerate(zip(declared.deficits, declared.deficit_lookback, strict=True)):
        found = declared.codes(name)
        rows += [(code, 1 << bit, lookback) for code in (found.codes if lookback is None else found.now)]
    return rows


def run_groups(declared: FeatureSet) -> list[tuple[int]]:
    """Numbers of the status groups whose end a phenotype heeds."""
    numbers = group_numbers(declared)
    return [(numbers[name],) for name in sorted({p.ends for p in declared.phenotypes.values() if p.ends})]


def day_groups(declared: FeatureSet) -> list[tuple[int, int | None]]:
    """Numbers (group, status group whose end it heeds) of the groups whose different days some fact counts.

    Raises:
        FeatureError: two phenotypes count the days of one group in different ways.
    """
    numbers = group_numbers(declared)
    heeded: dict[str, str | None] = {}
    for phenotype in declared.phenotypes.values():
        for fact in phenotype.facts.values():
            ends = phenotype.ends if fact.since_end else None
            if fact.days > 1 and heeded.setdefault(fact.group, ends) != ends:
                raise FeatureError(f"the days of group {fact.group!r} are counted in two ways; give one its own group")
    return [(numbers[name], numbers[ends] if ends else None) for name, ends in sorted(heeded.items())]


def member_selects(declared: FeatureSet, kind: str, tables: Collection[str]) -> str:
    """The rows of every uncoded member of one kind, put under one another; none when no table is there.

    Each table is read once for all its events. Columns: event, amount: person_id, group_id, event_date, value,
    known_from, known_until; interval: start_date and end_date in place of event_date; item: item in place of value;
    diagnosis: the columns of its table, and group_id.
    """
    asked = [
        (group, m)
        for _, group in sorted(declared.groups.items())
        if group.kind == kind
        for m in group.members
        if not is_coded(m) and m.table in tables
    ]
    together: dict[tuple[str, str, str], list[tuple[Group, Member]]] = {}
    for number, (group, m) in enumerate(asked):
        date = m.date or declared.tables[m.table].date
        alike = {"event": "", "item": str(m.value)}.get(kind, str(number))
        together.setdefault((_source(declared, group, m), date, alike), []).append((group, m))
    numbers = group_numbers(declared)
    return "\nunion all\n".join(
        _several(declared, kind, source, members)
        if len(members) > 1
        else _member_select(declared, *members[0], numbers[members[0][0].name])
        for (source, _, _), members in together.items()
    )


def _source(declared: FeatureSet, group: Group, member: Member) -> str:
    """Where a member is read: GP events as they were kept, unless it asks for a row or a column that was not kept."""
    if member.table != ENTRIES:
        return member.table
    if not member.codelist and declared.group_lookback(group.name) is None:
        return ENTRIES
    left_out = set(output_columns(f"record/{ENTRIES}")) - set(output_columns("features/entry_span"))
    asked = set(re.findall(r"\w+", f"{member.where} {member.value}"))
    return ENTRIES if asked & left_out else ENTRY_TABLE


def _several(declared: FeatureSet, kind: str, source: str, members: Sequence[tuple[Group, Member]]) -> str:
    """One reading of a table for several groups of events or items; group and value travel in one whole number."""
    numbers, first = group_numbers(declared), members[0][1]
    date = first.date or declared.tables[first.table].date
    lookbacks = [declared.group_lookback(group.name) for group, _ in members]
    cases = []
    for (group, member), lookback in zip(members, lookbacks, strict=True):
        holds = [*_conditions(declared, group, member), *([f"{date} >= s.first_week - {lookback}"] if lookback else [])]
        value = f" + cast(round({member.value or 0}) as integer)" if kind == "event" else ""
        cases.append(f"case when {' and '.join(holds) or 'true'} then {numbers[group.name] * STATUS_VALUES}{value} end")
    far = [days for days in lookbacks if days is not None]
    since = [f"{date} >= s.first_week - {max(far)}"] if len(far) == len(lookbacks) else []
    item = f", cast({first.value} as bigint) as item" if kind == "item" else ""
    last = "item" if kind == "item" else f"cast(packed % {STATUS_VALUES} as integer) as value"
    listed = ",\n".join(cases)
    return (
        f"select person_id, cast(floor(packed / {STATUS_VALUES}) as integer) as group_id, event_date, {last}, "
        "known_from, known_until\n"
        f"from (\nselect t.person_id, {date} as event_date{item}, t.known_from, t.known_until, "
        f"unnest([{listed}]) as packed\nfrom {source} as t cross join feature_span as s\n"
        f"where {' and '.join([*_readable(date), *since])}\n) as told\nwhere packed is not null"
    )


def _readable(date: str) -> list[str]:
    return [
        f"{date} < s.last_week",
        "t.known_from <= s.last_week",
        "(t.known_until is null or t.known_until > s.first_week)",
    ]


def _conditions(declared: FeatureSet, group: Group, member: Member) -> list[str]:
    """What a row must say to belong to the group, beside dates."""
    holds = [f"({member.where})"] if member.where else []
    if member.codelist:
        found = declared.codes(member.codelist)
        codes = found.measured if isinstance(member.value, str) and group.kind != "item" else found.codes
        code = declared.tables[member.table].code
        holds.append(f"t.{code} in ({', '.join(str(code) for code in codes)})")
    return holds


def _member_select(declared: FeatureSet, group: Group, member: Member, number: int) -> str:
    table, lookback = declared.tables[member.table], declared.group_lookback(group.name)
    if group.kind == "diagnosis":
        return f"select t.*, {number} as group_id from {table.name} as t where {member.where or 'true'}"
    value = 0 if member.value is None else member.value
    date = member.date or table.date
    happened = {
        "event": f"{date} as event_date, cast(round({value}) as integer) as value",
        "measurement": f"{date} as event_date, cast(round({value}) as integer) as value",
        "amount": f"{date} as event_date, cast(round({value}) as integer) as value",
        "interval": f"{date} as start_date, {table.end} as end_date, cast(round({value}) as integer) as value",
        "item": f"{date} as event_date, cast({value} as bigint) as item",
    }[group.kind]
    conditions = [*_conditions(declared, group, member), *_readable(date)]
    if group.kind == "interval":
        conditions.append(f"({table.end} is null or {table.end} >= s.first_week - 730)")
    elif lookback is not None:
        conditions.append(f"{date} >= s.first_week - {lookback}")
    return (
        f"select t.person_id, {number} as group_id, {happened}, t.known_from, t.known_until\n"
        f"from {_source(declared, group, member)} as t cross join feature_span as s\n"
        f"where {' and '.join(conditions)}"
    )
