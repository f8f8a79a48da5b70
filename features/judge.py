"""Judges a phenotype for every registered person of one Monday: facts, rules, level, flags, evidence.

Everything is an array with one place a person. A truth has two of them: it is yes, it is no; neither is unknown.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.phenotype import Condition, Fact, Phenotype

Flags = NDArray[np.bool_]
Days = NDArray[np.int32]
NEVER = np.int32(-1)  # a day counts from 1900-01-01


@dataclass(frozen=True)
class Truth:
    """Yes or no for each person; where neither, it is unknown."""

    yes: Flags
    no: Flags

    def __and__(self, other: Truth) -> Truth:
        return Truth(self.yes & other.yes, self.no | other.no)

    def __or__(self, other: Truth) -> Truth:
        return Truth(self.yes | other.yes, self.no & other.no)

    def __invert__(self) -> Truth:
        return Truth(self.no, self.yes)


@dataclass(frozen=True)
class Seen:
    """What the record shows of one event group, for each person.

    Attributes:
        day: day of the newest entry since 1900-01-01, or ``NEVER``.
        status: what it says.
        days: by window, on how many different days there was an entry; empty where that is not asked.
        first: by window, the first of them, or ``NEVER``.
        open: something is open on the Monday, for intervals.
    """

    day: Days
    status: Days
    days: dict[int, Days]
    first: dict[int, Days]
    open: Flags


@dataclass(frozen=True)
class Judged:
    """The result for each person.

    Attributes:
        level: float32; NaN is unknown.
        rule: place of the deciding rule, -1 for none.
        sources: how many sources say so, NaN where the level is unknown.
        since: day from which the deciding rule has evidence, or ``NEVER``.
        facts: by name; ``dates`` the day of the newest entry behind each fact, ``counts`` how many days, ``says`` the
            status.
    """

    phenotype: Phenotype
    level: NDArray[np.float32]
    rule: NDArray[np.int8]
    sources: NDArray[np.float32]
    since: Days
    flags: dict[str, NDArray[np.float32]]
    facts: dict[str, Truth]
    seen: dict[str, Seen]

    def column(self, name: str) -> NDArray[np.float32]:
        """The values of a feature: ``level``, ``sources`` or a flag."""
        return {"level": self.level, "sources": self.sources, **self.flags}[name]


@dataclass(frozen=True)
class Shown:
    """What the record shows of everybody on a Monday.

    Attributes:
        week: the Monday as a day since 1900-01-01.
        seen: by group, or by column of the population.
        known: for a fact, the people of whom its sources have told something lately.
    """

    week: int
    seen: dict[str, Seen]
    known: Callable[[Fact], Flags]


def judge(
    phenotype: Phenotype,
    shown: Shown,
    run: tuple[Days, Days],
    before: dict[str, Judged],
) -> Judged:
    """Judges one phenotype.

    Args:
        phenotype: the declaration.
        shown: what the record shows.
        run: for each person, day of the newest end code and of the first entry after it, or ``NEVER``.
        before: the phenotypes judged already.
    """
    end, since = run
    seen = shown.seen
    facts = {
        f.name: _level_of(f, before[f.level_of].level) if f.level_of else _truth(f, shown, end)
        for f in phenotype.facts.values()
    }
    people = len(end)
    held = {r.name: _all(r.when, facts, people) for r in phenotype.rules}
    level, rule = np.zeros(people, dtype=np.float32), np.full(people, -1, dtype=np.int8)
    for place, declared in enumerate(phenotype.rules):
        given = np.full(people, declared.level, dtype=np.float32)
        if declared.lowered_by:
            given -= facts[declared.lowered_by].yes
        better = held[declared.name].yes & ((given > level) | (rule < 0))
        level, rule = np.where(better, given, level), np.where(better, place, rule).astype(np.int8)
    denied = [held[name].no for name in phenotype.unknown or held]
    unknown = (rule < 0) & ~np.logical_and.reduce(denied)
    level[unknown] = np.nan
    return Judged(
        phenotype=phenotype,
        level=level,
        rule=rule,
        sources=np.where(unknown, np.nan, _sources(phenotype, held, people)).astype(np.float32),
        since=_since(phenotype, rule, seen, since),
        flags={name: _flag(_all(when, facts, people)) for name, when in phenotype.flags.items()},
        facts=facts,
        seen=seen,
    )


def _level_of(fact: Fact, level: NDArray[np.float32]) -> Truth:
    return Truth(level >= fact.at_least, level < fact.at_least)


def _truth(fact: Fact, shown: Shown, end: Days) -> Truth:
    of = shown.seen[fact.column or fact.group]
    yes = (of.day != NEVER) | of.open
    if fact.days > 1:
        yes = of.days[fact.within or 0] >= fact.days
    if fact.status:
        yes &= np.isin(of.status, fact.status)
    if fact.within is not None:
        yes &= shown.week - of.day <= fact.within
    if fact.after:
        other = shown.seen[fact.after].day
        yes &= (other != NEVER) & (of.day > other)
    if fact.since_end:
        yes &= of.day > end
    return Truth(yes, ~yes & shown.known(fact))


def _all(when: tuple[Condition, ...], facts: dict[str, Truth], people: int) -> Truth:
    """Every part holds; a part that is a tuple holds when any of its own parts does."""
    result = Truth(np.ones(people, dtype=bool), np.zeros(people, dtype=bool))
    for part in when:
        if isinstance(part, str):
            truth = ~facts[part.removeprefix("not ")] if part.startswith("not ") else facts[part]
        else:
            truth = ~_all(tuple(_not(p) for p in part), facts, people)
        result = result & truth
    return result


def _not(part: Condition) -> Condition:
    assert isinstance(part, str), "an any-of list holds facts only"
    return part.removeprefix("not ") if part.startswith("not ") else f"not {part}"


def _sources(phenotype: Phenotype, held: dict[str, Truth], people: int) -> NDArray[np.float32]:
    total = np.zeros(people, dtype=np.float32)
    for source in sorted({r.source for r in phenotype.rules if r.source}):
        total += np.logical_or.reduce([held[r.name].yes for r in phenotype.rules if r.source == source])
    return total


def _since(phenotype: Phenotype, rule: NDArray[np.int8], seen: dict[str, Seen], run_since: Days) -> Days:
    since = np.full(len(rule), NEVER, dtype=np.int32)
    for place, declared in enumerate(phenotype.rules):
        fact = phenotype.facts[declared.subject]
        shown = seen[fact.column or fact.group]
        if fact.group == phenotype.ends:
            day = run_since
        else:
            day = shown.first[fact.within or 0] if fact.days > 1 else shown.day
        since = np.where(rule == place, day, since)
    return since.astype(np.int32)


def _flag(truth: Truth) -> NDArray[np.float32]:
    return np.where(truth.yes, 1, np.where(truth.no, 0, np.nan)).astype(np.float32)


def evidence(judged: Judged, persons: NDArray[np.int64]) -> pl.DataFrame:
    """One row per person whose level is not 0 and fact that may be shown, sorted by person and order of the facts.

    Columns: person_id, phenotype, level (int8), rule, since_date, fact, event_date, count (different days, null where
    not counted), status.
    """
    phenotype = judged.phenotype
    concerned = judged.level >= 1
    rules = pl.Series([r.name for r in phenotype.rules])
    parts = []
    for order, fact in enumerate(phenotype.facts.values()):
        if not fact.words:
            continue
        told = judged.facts[fact.name].yes
        if fact.unless:
            told = told & ~judged.facts[fact.unless].yes
        at = np.flatnonzero(concerned & told)
        shown = judged.seen[fact.column or fact.group]
        counted = shown.days[fact.within or 0][at] if fact.days > 1 else None
        parts.append(
            pl.DataFrame(
                {
                    "person_id": persons[at],
                    "phenotype": pl.repeat(phenotype.name, len(at), eager=True),
                    "level": judged.level[at].astype(np.int8),
                    "rule": rules.gather(judged.rule[at].astype(np.int64)),
                    "since_date": date_of(judged.since[at]),
                    "fact": pl.repeat(fact.name, len(at), eager=True),
                    "event_date": date_of(shown.day[at]),
                    "count": pl.Series(counted, dtype=pl.Int32)
                    if counted is not None
                    else pl.repeat(None, len(at), dtype=pl.Int32, eager=True),
                    "status": shown.status[at].astype(np.int16),
                    "order": pl.repeat(order, len(at), dtype=pl.Int16, eager=True),
                }
            )
        )
    return pl.concat(parts).sort("person_id", "order").drop("order")


def date_of(days: Days) -> pl.Series:
    """Days since 1900-01-01 as dates, null for ``NEVER``."""
    since = pl.Series(days, dtype=pl.Int32)
    epoch = (dt.date(1900, 1, 1) - dt.date(1970, 1, 1)).days
    return pl.select(pl.when(since != NEVER).then((since + epoch).cast(pl.Date))).to_series()
