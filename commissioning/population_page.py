"""The page of one week's distributions: one HTML file without a script, made only from what may be published."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from commissioning.dashboard import DEMONSTRATION, TEMPLATES, uk_date
from commissioning.disclosure import ALL
from commissioning.population import NOT_KNOWN, Distributions, Shown
from commissioning.tables import SMALLEST_WHOLE
from data_contracts.words import check_words

WORDS: Final = {
    "age_band": "Age",
    "pcn": "Primary care network",
    "place": "Place of residence",
    "care_home": "Care home",
    "recorded": "Recorded by a clinician",
    "rockwood": "Clinical frailty scale",
    "index": "Computed index",
    "housebound": "Housebound",
    "sources": "Sources",
}
UNASSESSED: Final = {"recorded": 1}
"""Levels at the beginning of a dimension that say nothing: nobody recorded is not fit."""


@dataclass(frozen=True)
class Cell:
    """One cell as it is printed: the text, its part of the row in per cent (None: not told), and whether both agree."""

    text: str
    share: int | None
    agrees: bool


@dataclass(frozen=True)
class Panel:
    """One figure as it is printed; the first column of ``rows`` is the row's name."""

    shown: Shown
    rows_are: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    agreement: str


def write_population_page(found: Distributions, out_html: Path, *, approved: bool = False) -> Path:
    """Writes the page; everything it needs is in the one file.

    Raises:
        WordError: a text holds a word that may not reach people.
    """
    panels = [_panel(shown) for shown in found.shown]
    check_words([text for s in found.shown for text in (s.figure.title, s.figure.says)])
    html = _template().render(
        found=found, panels=panels, approved=approved, demonstration=DEMONSTRATION, week=uk_date(found.week)
    )
    partial = out_html.with_suffix(".partial")
    partial.write_text(html, encoding="utf-8")
    partial.replace(out_html)
    return out_html


def agreement_in_words(shown: Shown) -> str:
    """How many of those with a level by both have the same by both; empty for a figure not of that kind.

    Said from published numbers alone, and not where one of them is hidden or they are too few.
    """
    if not shown.figure.agreement:
        return ""
    first, second = shown.figure.by
    rows, columns = (shown.orders[d] for d in (first, second))
    asked = [(i, j) for i in _levels(first, rows) for j in _levels(second, columns)]
    values = {(i, j): shown.value(rows[i], columns[j]) for i, j in asked}
    told = {at: v for at, v in values.items() if v is not None}
    if len(told) < len(asked) or sum(told.values()) < SMALLEST_WHOLE:
        return "Too few, or too many numbers that may not be shown, to say how many agree."
    whole = sum(told.values())
    same, near = (sum(v for (i, j), v in told.items() if abs(i - j) <= apart) for apart in (0, 1))
    return (
        f"Of about {whole:,} people with a level by both, {same / whole:.0%} have the same level by both, and "
        f"{near / whole:.0%} the same or the next."
    )


def _levels(dimension: str, values: tuple[str, ...], only: str | None = None) -> list[int]:
    """Places of the levels that say something; of one of them alone where one is named."""
    said = [i for i, v in enumerate(values) if v != NOT_KNOWN and i >= UNASSESSED.get(dimension, 0)]
    return said if only is None else [i for i in said if values[i] == only]


def _panel(shown: Shown) -> Panel:
    figure = shown.figure
    first = figure.by[0]
    second = _there(shown, 1) if len(figure.by) == 2 else ()
    rows = []
    for name in _there(shown, 0):
        parts: list[tuple[str, ...]] = [(name, column) for column in second] or [(name,)]
        whole = shown.value(name, ALL) if second else shown.value(ALL)
        rows.append((_said(name), tuple(_cell(shown, part, whole) for part in parts)))
    columns = tuple(_said(c) if c != ALL else "People" for c in second) or ("People",)
    return Panel(shown, WORDS[first], columns, tuple(rows), agreement_in_words(shown))


def _there(shown: Shown, place: int) -> tuple[str, ...]:
    """Values of a dimension and its margin; "not known" only where there is anybody of whom it is not known."""
    values = shown.orders[shown.figure.by[place]]
    parts = [ALL] * len(shown.figure.by)
    parts[place] = NOT_KNOWN
    nobody = NOT_KNOWN in values and shown.value(*parts) == 0
    return (*(v for v in values if not (nobody and v == NOT_KNOWN)), ALL)


def _said(value: str) -> str:
    return value[:1].upper() + value[1:]


def _cell(shown: Shown, part: tuple[str, ...], whole: int | None) -> Cell:
    value = shown.value(*part)
    share = round(100 * value / whole) if value is not None and whole and whole >= SMALLEST_WHOLE else None
    places = [_levels(d, shown.orders[d], v) for d, v in zip(shown.figure.by, part, strict=True)]
    agrees = shown.figure.agreement and bool(places[0]) and places[0] == places[1]
    return Cell("*" if value is None else f"{value:,}", min(share, 100) if share is not None else None, agrees)


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("population.html.j2")
