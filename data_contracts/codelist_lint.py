"""What may be wrong with a codelist: damage, doubles, words of another meaning, codes that need a value, known traps.

Errors make a list unfit for use; warnings ask a clinician to look. What has been looked at and may stay is written,
with the reason, in ``reference/codelist_reviewed.csv``; ``reference/codelist_hazard.csv`` holds codes that other lists
carry and that do not mean what the list says.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from data_contracts.codelist import Entry, Listed, damage_of, load_codelists
from data_contracts.contract import REFERENCE

Level = Literal["error", "warning"]
OTHER_MEANING = re.compile(
    r"\b(no longer|no evidence|no history|(?<!not )able to|declined|refused|denie[sd]|family history|fh of|history of"
    r"|resolved|in remission|absent|excluded|suspected|at risk|risk of|referr(?:al|ed)|advice|advised|invited|screening"
    r"|opted out|ended|stopped)\b|^(not for|normal|negative)\b|\bnormal$",
    re.IGNORECASE,
)
OPPOSITE = re.compile(
    r"no |able|declined|refused|denie|family|fh |absent|excluded|resolved|normal|ended", re.IGNORECASE
)
NEEDS_VALUE = re.compile(r"\(observable entity\)|^(ability to|number of|finding of .* control)\b", re.IGNORECASE)
WRONG_KIND = re.compile(
    r"\((substance|qualifier value|occupation|specialty|medicinal product|body structure|organism|physical object"
    r"|environment|person|staging scale|assessment scale|record artifact|namespace concept)\)$",
    re.IGNORECASE,
)
RETIRED = re.compile(r"\bold (id|code)\b", re.IGNORECASE)
COUNTED = ("", "present", "temporary")


@dataclass(frozen=True)
class Finding:
    """One thing found at one row of one list."""

    codelist: str
    line: int
    code: str
    label: str
    rule: str
    level: Level
    says: str


def deficit_names() -> tuple[str, ...]:
    """Names of the lists that make the deficits of the frailty index: no code may be in two of them."""
    return tuple(
        dict.fromkeys(
            r["codelist"] for r in _reference("efi_deficit") if r["rule"] == "code" and r["codelist"] != "polypharmacy"
        )
    )


def lint(lists: Mapping[str, Listed] | None = None, names: Iterable[str] | None = None) -> list[Finding]:
    """Everything found in the lists in use, or in those given, in order of list and line.

    Args:
        lists: all lists by name; default those in use. Doubles across deficits are looked for among all of them.
        names: the lists whose findings are wanted; default all.
    """
    lists = load_codelists() if lists is None else lists
    wanted = sorted(lists if names is None else names)
    elsewhere = _deficits_of_codes(lists)
    reviewed = {(r["codelist"], r["code"], r["rule"]) for r in _reference("codelist_reviewed")}
    return [
        finding
        for name in wanted
        for finding in _of_list(lists[name], elsewhere)
        if (finding.codelist, finding.code, finding.rule) not in reviewed
    ]


def _of_list(listed: Listed, elsewhere: Mapping[str, tuple[str, ...]]) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    hazards = _hazards()
    for entry in listed.entries:
        if damage := damage_of(entry.code):
            yield _found(listed, entry, "damaged", "error", damage)
        if entry.code in seen:
            yield _found(listed, entry, "twice", "warning", f"it is there already, on line {seen[entry.code]}")
        seen.setdefault(entry.code, entry.line)
        others = [d for d in elsewhere.get(entry.code, ()) if d != listed.name]
        if others and listed.name in elsewhere[entry.code]:
            yield _found(listed, entry, "two_deficits", "error", f"it also sets the deficit {', '.join(others)}")
        yield from _of_words(listed, entry)
        if why := hazards.get((listed.name, entry.code)):
            yield _found(listed, entry, "known_hazard", "error", why)


def _of_words(listed: Listed, entry: Entry) -> Iterator[Finding]:
    if entry.polarity in COUNTED:
        if (said := OTHER_MEANING.search(entry.label)) and not _about_that(listed.name, said[0]):
            level: Level = "error" if OPPOSITE.match(said[0]) else "warning"
            yield _found(listed, entry, "other_meaning", level, f'"{said[0]}" may not mean what the list says')
        if NEEDS_VALUE.search(entry.label):
            yield _found(listed, entry, "needs_value", "error", "it says nothing without its value: make it `measured`")
        if kind := WRONG_KIND.search(entry.label):
            yield _found(listed, entry, "wrong_kind", "error", f"a {kind[1].lower()} is no finding about a person")
    if RETIRED.search(f"{entry.label} {entry.note}"):
        yield _found(listed, entry, "retired", "warning", "an old id: read it, never write it")


def _about_that(name: str, word: str) -> bool:
    """Whether the list is about what the word says: a list of declined or ended things, of referrals, of contacts."""
    stem = word.lower()[:5]
    return (
        stem in name or ("contact" in name and stem == "refer") or name.startswith(("ethnicity", "palliative_declined"))
    )


def _found(listed: Listed, entry: Entry, rule: str, level: Level, says: str) -> Finding:
    return Finding(listed.name, entry.line, entry.code, entry.label, rule, level, says)


def _deficits_of_codes(lists: Mapping[str, Listed]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for name in deficit_names():
        for code in sorted({e.code for e in lists[name].entries if e.polarity in (*COUNTED, "history")}):
            found.setdefault(code, []).append(name)
    return {code: tuple(names) for code, names in found.items() if len(names) > 1}


def _hazards() -> dict[tuple[str, str], str]:
    return {(r["codelist"], r["code"]): r["why"] for r in _reference("codelist_hazard")}


@cache
def _reference(name: str) -> list[dict[str, str]]:
    with (REFERENCE / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))
