"""Housebound level of people on the first of every month, by the rules that teams use, as known on that day.

The rules are those of `features/declared/housebound.yaml` and `care_home.yaml`, judged by the code that judges a
Monday. Here they are asked once for all months, and only of people of whom a rule can say anything. Whether a practice
has fallen silent is not asked: somebody without evidence is not indicated.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

import duckdb
import numpy as np
import polars as pl

import sql
from features.declaration import FeatureSet, load_features
from features.gather import EMPTY, WINDOWS, present_tables
from features.judge import NEVER, Judged, Seen, Shown, judge
from features.packed import STATUS_EPOCH, STATUS_VALUES
from features.phenotype import Condition, Fact
from features.statements import code_rows, day_groups, group_numbers, member_selects, run_groups

PHENOTYPES: Final = ("care_home", "housebound")
LEVELS: Final = {3: "Confirmed", 2: "Probable", 1: "Possible"}
CARE_HOME, NOT_INDICATED = "Care home", "Not indicated"
LIVES_THERE: Final = 2
"""Lowest level of the care-home phenotype that says somebody lives there, not only stays for now."""
REGISTERED: Final = "residential_institute_code"
SCHEMA: Final = {"month_start": pl.Date, "person_id": pl.Int64, "housebound_level": pl.String}
TABLE: Final = "mart_housebound"
CODED: Final = "marts/phenotype_code"
ENTRIES: Final = "feature_entry"
"""Where statements of the features read GP events from; a Monday keeps some, here it is all of them."""
HELPERS: Final = (
    *("feature_week", "feature_span", "feature_code", "feature_event", "feature_interval", "feature_run"),
    *("feature_status_group", "feature_day_group", "phenotype_entry", "phenotype_asked"),
)


def rules(declared: FeatureSet) -> FeatureSet:
    """The declarations, but only the phenotypes that a level needs and the groups that they read."""
    phenotypes = {name: declared.phenotypes[name] for name in PHENOTYPES}
    named = {group for p in phenotypes.values() for group in p.groups}
    groups = {name: declared.groups[name] for name in sorted(named)}
    return replace(declared, phenotypes=phenotypes, groups=groups, deficits=(), deficit_lookback=())


@cache
def tables() -> tuple[str, ...]:
    """Record tables behind a level.

    >>> "gp_appointment" in tables()
    True
    """
    return tuple(sorted({m.table for g in rules(load_features()).groups.values() for m in g.members} | {"person"}))


def keep_levels(con: duckdb.DuckDBPyConnection, months: Sequence[dt.date], declared: FeatureSet | None = None) -> None:
    """Makes the temporary table `mart_housebound`: month_start, person_id, housebound_level.

    A person is not in it in a month in which nothing is indicated.

    Args:
        con: connection with the record and `mart_span`.
        months: first days of months.
        declared: the declarations; None: those in use.
    """
    declared = rules(declared or load_features())
    there = present_tables(con, declared, None)
    try:
        _keep_levels(con, months, declared, there)
    finally:
        for name in HELPERS:
            con.execute(f"drop table if exists {name}")
        con.execute(f"drop view if exists {ENTRIES}")


def _keep_levels(
    con: duckdb.DuckDBPyConnection, months: Sequence[dt.date], declared: FeatureSet, there: list[str]
) -> None:
    _calendar(con, months)
    con.execute(f"create or replace temp view {ENTRIES} as select * from gp_event")
    first = _subset(declared, _deciding(declared))
    _make(con, "phenotype_need", _needs(declared, group_numbers(first)))
    con.execute(f"create or replace temp table phenotype_entry as {_rows_of(con, first, there, 'event', CODED)}")
    con.execute(f"create or replace temp table feature_interval as {_rows_of(con, first, there, 'interval', CODED)}")
    con.execute(f"create or replace temp table phenotype_person as {sql.load('marts/phenotype_candidate')}")
    _keep_events(con, "select * from phenotype_entry")
    seen = _Read(con, declared, first, months)
    rest = _subset(declared, set(declared.groups) - set(first.groups))
    _keep_events(con, _rows_of(con, rest, there, "event", "features/coded_event"))
    seen.add_rest(rest)
    _make(con, TABLE, pl.concat([pl.DataFrame(schema=SCHEMA), *(_levels(declared, m) for m in seen.months())]))


def codes() -> set[int]:
    """Codes of the GP record that decide of whom the rest is asked; `coded_gp_event` must hold them."""
    declared = rules(load_features())
    return {row[0] for row in code_rows(_subset(declared, _deciding(declared)), declared.tables)}


def _calendar(con: duckdb.DuckDBPyConnection, months: Sequence[dt.date]) -> None:
    starts = {f"start_{n}": [m - dt.timedelta(days=n) for m in months] for n in WINDOWS}
    _make(con, "feature_week", pl.DataFrame({"week": list(months), **starts}))
    _make(con, "feature_span", pl.DataFrame({"first_week": [min(months)], "last_week": [max(months)]}))


def _subset(declared: FeatureSet, names: Collection[str]) -> FeatureSet:
    return replace(declared, groups={n: g for n, g in declared.groups.items() if n in names})


def _subjects(declared: FeatureSet) -> Iterator[Fact]:
    """The facts without which no rule holds: the first of each rule, or any of a list that stands first."""
    for phenotype in declared.phenotypes.values():
        for rule in phenotype.rules:
            yield from (phenotype.facts[name] for name in _named(rule.when[:1]))


def _named(conditions: Iterable[Condition]) -> Iterator[str]:
    for condition in conditions:
        if isinstance(condition, str):
            yield condition.removeprefix("not ")
        else:
            yield from _named(condition)


def _deciding(declared: FeatureSet) -> set[str]:
    """Groups of those facts, of end codes, of counted days, of what is open: what decides of whom the rest is asked."""
    facts = [f for p in declared.phenotypes.values() for f in p.facts.values()]
    named = {f.group for f in _subjects(declared)} | {f.group for f in facts if f.days > 1}
    named |= {g.name for g in declared.groups.values() if g.kind == "interval"}
    return {g for g in named | {str(p.ends) for p in declared.phenotypes.values()} if g in declared.groups}


def _needs(declared: FeatureSet, numbers: dict[str, int]) -> pl.DataFrame:
    """Which values of a group, on how many days, can make a subject hold."""
    fewest: dict[str, int] = {}
    values: dict[str, set[int | None]] = {}
    for fact in _subjects(declared):
        if fact.group:
            fewest[fact.group] = min(fact.days, fewest.get(fact.group, fact.days))
            values.setdefault(fact.group, set()).update(fact.status or (None,))
    rows = [
        (numbers[g], v, fewest[g])
        for g, said in sorted(values.items())
        for v in ([None] if None in said else sorted(said, key=str))
    ]
    kinds = {"group_id": pl.Int32, "value": pl.Int32, "fewest_days": pl.Int32}
    return pl.DataFrame(rows, schema=kinds, orient="row")


def _rows_of(
    con: duckdb.DuckDBPyConnection, declared: FeatureSet, there: Collection[str], kind: str, coded: str
) -> str:
    """The statement that selects the rows of all groups of one kind, those by code alone as `coded` selects them."""
    selects = [s for s in [member_selects(declared, kind, there)] if s]
    if kind == "event":
        kinds = {"code": pl.Int64, "group_id": pl.Int32, "value": pl.Int32, "lookback_days": pl.Int32}
        _make(con, "feature_code", pl.DataFrame(code_rows(declared, there), schema=kinds, orient="row"))
        selects.append(sql.load(coded))
    return "\nunion all\n".join(selects) or EMPTY[kind]


def _keep_events(con: duckdb.DuckDBPyConnection, rows: str) -> None:
    """`feature_event`: the rows of the people of whom a rule can say anything."""
    them = f"select e.* from ({rows}) as e inner join phenotype_person as p on p.person_id = e.person_id"
    con.execute(f"create or replace temp table feature_event as {them}")


@dataclass(frozen=True)
class _Month:
    """What is seen on one first of a month of the people asked about."""

    start: dt.date
    persons: np.ndarray
    shown: dict[str, Seen]
    ends: dict[str, np.ndarray]


class _Read:
    """What the months see, read from the connection: who is asked about, and each group's rows."""

    def __init__(
        self, con: duckdb.DuckDBPyConnection, declared: FeatureSet, first: FeatureSet, months: Sequence[dt.date]
    ) -> None:
        self.con, self.declared, self.starts = con, declared, months
        names = {number: name for name, number in group_numbers(first).items()}
        whole = {"group_id": pl.Int32}
        _make(con, "feature_status_group", pl.DataFrame(run_groups(first), schema=whole, orient="row"))
        _make(
            con,
            "feature_day_group",
            pl.DataFrame(day_groups(first), schema={**whole, "end_group_id": pl.Int32}, orient="row"),
        )
        con.execute(f"create or replace temp table feature_run as {sql.load('features/status_run')}")
        self.runs = self._named_rows("select * from feature_run", names)
        self.days = self._named_rows(sql.load("features/days_long"), names)
        self.open = self._named_rows(sql.load("marts/phenotype_open"), names)
        self.registered = con.sql(sql.load("marts/phenotype_registered")).pl()
        asked = "select w.week, p.person_id from feature_week as w cross join phenotype_person as p"
        con.execute(f"create or replace temp table phenotype_asked as {asked}")
        self.seen = self._rows(first)
        pairs = [f.select("week", "person_id") for f in (self._telling(), self.open, self.registered)]
        self.asked = pl.concat(pairs).unique().sort("week", "person_id")
        _make(con, "phenotype_asked", self.asked)

    def _rows(self, declared: FeatureSet) -> pl.DataFrame:
        numbers = group_numbers(declared)
        reach = {g: [x for p in self.declared.phenotypes.values() for x in p.lookbacks(g)] for g in numbers}
        kinds = {"group_id": pl.Int32, "lookback_days": pl.Int32}
        rows = [
            (n, None if None in reach[g] else max(x or 0 for x in reach[g])) for g, n in numbers.items() if reach[g]
        ]
        _make(self.con, "phenotype_group", pl.DataFrame(rows, schema=kinds, orient="row"))
        return self._named_rows(sql.load("marts/phenotype_seen"), {n: g for g, n in numbers.items()})

    def _named_rows(self, statement: str, names: dict[int, str]) -> pl.DataFrame:
        group = pl.col("group_id").replace_strict(names, return_dtype=pl.Enum(list(self.declared.groups)))
        return self.con.sql(statement).pl().with_columns(group=group).drop("group_id")

    def _telling(self) -> pl.DataFrame:
        """Rows that can make the first fact of a rule hold."""
        found = []
        status, day = pl.col("latest_status") % STATUS_VALUES, pl.col("latest_status") // STATUS_VALUES
        ago = (pl.col("week") - pl.lit(STATUS_EPOCH)).dt.total_days() - day
        for fact in set(_subjects(self.declared)):
            if not fact.group:
                continue
            if fact.days > 1:
                counted = self.days.filter(pl.col(f"days_{fact.within}") >= fact.days, pl.col("group") == fact.group)
                found.append(counted.select("week", "person_id"))
                continue
            rows = self.seen.filter(
                pl.col("group") == fact.group,
                status.is_in(fact.status) if fact.status else pl.lit(value=True),
                ago <= fact.within if fact.within is not None else pl.lit(value=True),
            )
            found.append(rows.select("week", "person_id"))
        return pl.concat(found)

    def add_rest(self, rest: FeatureSet) -> None:
        """Reads the groups that only lower or support a level, of the people and months asked about."""
        self.seen = pl.concat([self.seen, self._rows(rest)])

    def months(self) -> Iterator[_Month]:
        """One after the other."""
        asked_of, registered_of = _parted(self.asked, "week"), _parted(self.registered, "week")
        seen, days, still_open, runs = (
            _parted(f, "week", "group") for f in (self.seen, self.days, self.open, self.runs)
        )
        ends = {str(p.ends) for p in self.declared.phenotypes.values()}
        for start in self.starts:
            if (start,) not in asked_of:
                continue
            persons = asked_of[start,]["person_id"].to_numpy()
            shown = {
                g: _seen(persons, *(f.get((start, g)) for f in (seen, days, still_open))) for g in self.declared.groups
            }
            shown[REGISTERED] = _seen(persons, None, None, registered_of.get((start,)))
            yield _Month(start, persons, shown, {g: _dates(persons, runs.get((start, g)), "end_date") for g in ends})


def _levels(declared: FeatureSet, month: _Month) -> pl.DataFrame:
    people = len(month.persons)
    shown = Shown((month.start - STATUS_EPOCH).days, month.shown, lambda _: np.ones(people, dtype=bool))
    judged: dict[str, Judged] = {}
    never = np.full(people, NEVER, dtype=np.int32)
    for name, phenotype in sorted(declared.phenotypes.items()):
        end = month.ends[phenotype.ends] if phenotype.ends else never
        judged[name] = judge(phenotype, shown, (end, never), judged)
    lives = judged["care_home"].level >= LIVES_THERE
    level = pl.Series(judged["housebound"].level.astype(np.int8)).replace_strict(
        LEVELS, default=None, return_dtype=pl.String
    )
    return (
        pl.DataFrame({"person_id": month.persons, "housebound_level": level, "lives": lives})
        .select(
            pl.lit(month.start).alias("month_start"),
            "person_id",
            housebound_level=pl.when("lives").then(pl.lit(CARE_HOME)).otherwise("housebound_level"),
        )
        .drop_nulls()
    )


def _seen(
    persons: np.ndarray, rows: pl.DataFrame | None, days: pl.DataFrame | None, still_open: pl.DataFrame | None
) -> Seen:
    packed = _values(persons, rows, "latest_status", int(NEVER))
    there = packed != NEVER
    counts = {n: _values(persons, days, f"days_{n}", 0) for n in (365, 730)}
    is_open = np.zeros(len(persons), dtype=bool)
    if still_open is not None:
        is_open = np.isin(persons, still_open["person_id"].to_numpy())
    return Seen(
        day=np.where(there, packed // STATUS_VALUES, NEVER).astype(np.int32),
        status=np.where(there, packed % STATUS_VALUES, -1).astype(np.int32),
        days=counts,
        first={n: np.full(len(persons), NEVER, dtype=np.int32) for n in counts},
        open=is_open,
    )


def _dates(persons: np.ndarray, rows: pl.DataFrame | None, column: str) -> np.ndarray:
    """Days since 1900-01-01, `NEVER` without a date."""
    if rows is None:
        return np.full(len(persons), NEVER, dtype=np.int32)
    days = (pl.col(column) - pl.lit(STATUS_EPOCH)).dt.total_days()
    return _values(persons, rows.drop_nulls(column).with_columns(days.cast(pl.Int32)), column, int(NEVER))


def _values(persons: np.ndarray, rows: pl.DataFrame | None, column: str, default: int) -> np.ndarray:
    dense = np.full(len(persons), default, dtype=np.int32)
    if rows is not None and rows.height:
        at = np.searchsorted(persons, rows["person_id"].to_numpy()).clip(max=len(persons) - 1)
        there = persons[at] == rows["person_id"].to_numpy()
        dense[at[there]] = rows[column].to_numpy()[there]
    return dense


def _parted(rows: pl.DataFrame, *by: str) -> dict[Any, pl.DataFrame]:
    return rows.partition_by(*by, as_dict=True)


def _make(con: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame) -> None:
    con.register("mart_incoming", frame.to_arrow())
    con.execute(f"create or replace temp table {name} as select * from mart_incoming")
    con.unregister("mart_incoming")
