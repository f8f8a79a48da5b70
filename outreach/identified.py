"""A team's sheet as it leaves the house: the same rows, with who each is, less those who may no longer be shown."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from outreach import wording
from outreach.sheet import Cell, Section, TeamSheet

WHO = "who"


@dataclass(frozen=True)
class Prepared:
    """A sheet ready to be released.

    Attributes:
        sheet: as it is written.
        shown: who is on it, once each, in reading order, with the sheet each stands on first.
        left_out: rows of the list as it was made that are not on it.
    """

    sheet: TeamSheet
    shown: Mapping[int, str]
    left_out: int


def prepare(
    sheet: TeamSheet, who: Callable[[int], str | None], *, notices: tuple[str, ...], about: tuple[str, ...]
) -> Prepared:
    """The sheet with `who` said by the release.

    Args:
        sheet: as the list was made.
        who: what stands in the column "Who" for a person; None: the person may not be shown.
        notices: further lines for the heading.
        about: further lines for the sheet about the list; the line on pseudonyms goes.
    """
    said = {p: who(p) for s in sheet.sections for p in s.people}
    sections = tuple(_with_who(s, said) for s in sheet.sections)
    shown: dict[int, str] = {}
    for section in sections:
        if section.key != "detail":
            for person in section.people:
                shown.setdefault(person, section.key)
    left_out = sum(1 for text in said.values() if text is None)
    told = [wording.NOT_SHOWN_ONE if left_out == 1 else wording.NOT_SHOWN.format(count=left_out)] if left_out else []
    kept = tuple(line for line in sheet.about if line != wording.PSEUDONYMS)
    prepared = dataclasses.replace(
        sheet, sections=sections, notices=(*sheet.notices, *notices, *told), about=(*kept, *about)
    )
    return Prepared(prepared, shown, left_out)


def _with_who(section: Section, said: Mapping[int, str | None]) -> Section:
    if not section.people:
        return section
    at = next((i for i, c in enumerate(section.columns) if c.key == WHO), None)

    def filled(row: tuple[Cell, ...], person: int) -> tuple[Cell, ...]:
        return row if at is None else (*row[:at], said[person], *row[at + 1 :])

    pairs = [(filled(r, p), p) for r, p in zip(section.rows, section.people, strict=True) if said[p] is not None]
    rows, people = tuple(r for r, _ in pairs), tuple(p for _, p in pairs)
    return dataclasses.replace(section, rows=rows, people=people)


def nhs_number_text(number: str) -> str:
    """An NHS number as it is read: 3-3-4.

    >>> nhs_number_text("9990000018")
    '999 000 0018'
    """
    return f"{number[:3]} {number[3:6]} {number[6:]}"
