"""Declared phenotypes: levels that rules give a person from dated facts, with the facts as evidence.

A phenotype is declared beside its features, in a file of ``declared/`` with a ``phenotype`` section that a clinician
can review. A fact is yes, no or unknown; so are rules; see the file for what each word means.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from data_contracts.words import WordError, check_words
from features.errors import FeatureError

WINDOWS_OF_DAYS = (365, 730)
Condition = str | tuple["Condition", ...]


@dataclass(frozen=True)
class Fact:
    """Something that a person's record says on a Monday: of a group, of the registration, or of another phenotype.

    Attributes:
        group: event group, whose newest entry is asked; or interval group, which is asked for what is open.
        column: column of ``sql/features/population.sql``, asked whether it is filled.
        level_of: another phenotype, asked whether its level is ``at_least`` so much.
        status: the newest entry says one of these; empty: whatever it says.
        within: the newest entry, or all of ``days``, not longer ago than so many days.
        days: on so many different days, or more, within ``within``.
        after: the newest entry is later than the newest one of that group.
        since_end: entries up to the newest end code of the phenotype are left out.
        needs: tables without which "no" cannot be said; empty: any table of the group will do.
        against: speaks against the phenotype.
        unless: not shown when that fact holds, which says more.
        words: how it is shown as evidence; empty: never shown.
    """

    name: str
    group: str = ""
    column: str | None = None
    level_of: str | None = None
    at_least: int = 1
    status: tuple[int, ...] = ()
    within: int | None = None
    days: int = 1
    after: str | None = None
    since_end: bool = False
    needs: tuple[str, ...] = ()
    against: bool = False
    unless: str | None = None
    words: str = ""


@dataclass(frozen=True)
class Rule:
    """All of ``when`` (a fact, ``not`` a fact, or any of several) gives the level; ``lowered_by`` takes one away.

    Attributes:
        source: who says so, where agreement between sources is counted.
    """

    name: str
    level: int
    when: tuple[Condition, ...]
    lowered_by: str | None = None
    source: str | None = None

    @property
    def subject(self) -> str:
        """The fact that dates the rule: the first of its conditions."""
        first = self.when[0]
        return first if isinstance(first, str) else next(names(first))


@dataclass(frozen=True)
class Phenotype:
    """Facts, rules and flags of one phenotype.

    Attributes:
        ends: status group whose value 0 ends the phenotype and forgets what came before; None: nothing does.
        unknown: rules that must be denied before the level is 0; empty: all of them. Else it is unknown.
        flags: conditions that are features of their own.
    """

    name: str
    ends: str | None
    unknown: tuple[str, ...]
    facts: dict[str, Fact]
    rules: tuple[Rule, ...]
    flags: dict[str, tuple[Condition, ...]]

    @property
    def groups(self) -> set[str]:
        """Event groups that the facts read."""
        named = {f.group for f in self.facts.values() if f.group} | {f.after for f in self.facts.values() if f.after}
        return named | ({self.ends} if self.ends else set())

    @property
    def columns(self) -> tuple[str, ...]:
        """What a feature of the phenotype may name as its column."""
        return ("level", "sources", *self.flags)

    def lookbacks(self, group: str) -> list[int | None]:
        """Days that the facts look back in a group; None: for ever."""
        if group == self.ends:
            return [None]
        return [f.within for f in self.facts.values() if f.group == group]


def names(condition: Condition) -> Iterator[str]:
    """The facts that a condition names, in order."""
    if isinstance(condition, str):
        yield condition.removeprefix("not ")
    else:
        for part in condition:
            yield from names(part)


def parse(name: str, declared: dict[str, Any]) -> Phenotype:
    """The phenotype of one declaration."""
    return Phenotype(
        name=name,
        ends=declared.get("ends"),
        unknown=tuple(declared.get("unknown", ())),
        facts={n: _fact(n, f) for n, f in declared["facts"].items()},
        rules=tuple(Rule(**{**r, "when": _condition(r["when"])}) for r in declared["rules"]),
        flags={n: _condition(c) for n, c in declared.get("flags", {}).items()},
    )


def _fact(name: str, declared: dict[str, Any]) -> Fact:
    tuples = {key: tuple(declared[key]) for key in ("status", "needs") if key in declared}
    values: dict[str, Any] = declared | tuples
    return Fact(name=name, **values)


def _condition(declared: Sequence[Any]) -> tuple[Condition, ...]:
    return tuple(part if isinstance(part, str) else _condition(part) for part in declared)


@dataclass(frozen=True)
class Around:
    """What a phenotype may name: declared groups and tables, population columns, phenotypes that are judged before."""

    groups: dict[str, Any]
    tables: Collection[str]
    columns: Collection[str]
    before: Collection[str]


def check(phenotype: Phenotype, around: Around) -> None:
    """Raises ``FeatureError`` when a rule names what does not exist, or a fact cannot be computed."""
    where = f"phenotype {phenotype.name!r}"
    for group in sorted(phenotype.groups):
        if group not in around.groups:
            raise FeatureError(f"{where} reads group {group!r}, which is not declared")
    for fact in phenotype.facts.values():
        _check_fact(where, fact, around)
    for rule in phenotype.unknown:
        if rule not in {r.name for r in phenotype.rules}:
            raise FeatureError(f"{where}: `unknown` names {rule!r}, which is no rule")
    said = [(r.name, c) for r in phenotype.rules for c in r.when]
    said += [(f.name, f.unless) for f in phenotype.facts.values() if f.unless]
    said += [(r.name, r.lowered_by) for r in phenotype.rules if r.lowered_by]
    said += [(n, c) for n, conditions in phenotype.flags.items() for c in conditions]
    for rule, condition in said:
        for fact_name in names(condition):
            if fact_name not in phenotype.facts:
                raise FeatureError(f"{where}: {rule!r} names {fact_name!r}, which is no fact")


def _check_fact(where: str, fact: Fact, around: Around) -> None:
    _check_text(where, fact)
    if fact.column and fact.column not in around.columns:
        raise FeatureError(f"{where}: sql/features/population.sql returns no {fact.column!r}")
    if fact.level_of and fact.level_of not in around.before:
        raise FeatureError(f"{where}: no phenotype {fact.level_of!r} is judged before it (in order of name)")
    for table in fact.needs:
        if table not in around.tables:
            raise FeatureError(f"{where}: fact {fact.name!r} needs {table!r}, which tables.yaml does not declare")
    if not fact.column and not fact.level_of:
        _check_group(where, fact, around.groups[fact.group])


def _check_group(where: str, fact: Fact, group: Any) -> None:
    if group.kind not in ("event", "interval"):
        raise FeatureError(f"{where}: fact {fact.name!r} needs a group of events or of intervals")
    if group.kind == "interval" and (fact.status or fact.within or fact.days > 1 or fact.after or fact.since_end):
        raise FeatureError(f"{where}: fact {fact.name!r} can only ask what is open, its group is one of intervals")
    if fact.days > 1 and fact.within not in WINDOWS_OF_DAYS:
        raise FeatureError(f"{where}: fact {fact.name!r} counts days, so `within` must be one of {WINDOWS_OF_DAYS}")
    if fact.status and any(m.value is None for m in group.members):
        raise FeatureError(f"{where}: fact {fact.name!r} asks a status, so every member of its group needs a value")


def _check_text(where: str, fact: Fact) -> None:
    try:
        check_words([fact.words])
    except WordError as problem:
        raise FeatureError(f"{where}, fact {fact.name!r}: {problem}") from problem
