"""SQL made from the declarations: which rows of which record table belong to which event group.

Groups travel as small integers. What a week may read is decided in ``sql/features/*_long.sql``; here rows that no week
of the span can read are only left behind early, once for all weeks.
"""

from __future__ import annotations

from collections.abc import Collection

from features.declaration import FeatureSet, Group, Member
from features.errors import FeatureError


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

    Columns: event, amount: person_id, group_id, event_date, value, known_from, known_until; interval: start_date and
    end_date in place of event_date; item: item in place of value; diagnosis: the columns of its table, and group_id.
    """
    numbers = group_numbers(declared)
    selects = [
        _member_select(declared, group, m, numbers[name])
        for name, group in sorted(declared.groups.items())
        if group.kind == kind
        for m in group.members
        if not is_coded(m) and m.table in tables
    ]
    return "\nunion all\n".join(selects)


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
    conditions = [
        f"{date} < s.last_week",
        "t.known_from <= s.last_week",
        "(t.known_until is null or t.known_until > s.first_week)",
    ]
    if member.where:
        conditions.insert(0, f"({member.where})")
    if member.codelist:
        found = declared.codes(member.codelist)
        codes = found.measured if isinstance(member.value, str) and group.kind != "item" else found.codes
        conditions.append(f"t.{table.code} in ({', '.join(str(code) for code in codes)})")
    if group.kind == "interval":
        conditions.append(f"({table.end} is null or {table.end} >= s.first_week - 730)")
    elif lookback is not None:
        conditions.append(f"{date} >= s.first_week - {lookback}")
    return (
        f"select t.person_id, {number} as group_id, {happened}, t.known_from, t.known_until\n"
        f"from {table.name} as t cross join feature_span as s\n"
        f"where {' and '.join(conditions)}"
    )
