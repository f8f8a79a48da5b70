"""The columns of each sheet, in reading order, and the sections that they make."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import polars as pl

from data_contracts.identity import person_ref
from outreach import wording
from outreach.declaration import ListDeclaration
from outreach.row_id import label
from outreach.sheet import Column, Section, TeamRows

BLANK_ROWS = 12
CARER_REVIEW_WEEKS = 4
"""After how many weeks somebody looks again whether a carer was offered support."""

RowIds = Callable[[str], str]


def _column(key: str, width: int, kind: str = "text") -> Column:
    return Column(key, wording.HEADINGS[key], width, kind)  # type: ignore[arg-type]


_ROW = _column("row", 13)
_WHO = _column("who", 22)
_WHY = _column("why", 30)
_RISK = _column("risk", 13)
_OUTCOME = _column("outcome", 14, "outcome")
_ADMITTED = Column("admission_date", wording.HEADINGS["since"], 14, "date")
_LAST_LISTED = _column("last_listed", 14, "date")
# The first sheet: a row id and eight columns.
NEW = (
    _ROW,
    _WHO,
    _WHY,
    _column("living", 16),
    _column("seen_by", 36),
    _column("plan", 19),
    _column("next_step", 22),
    _RISK,
    _OUTCOME,
)
DETAIL = (
    _ROW,
    _column("score", 8, "percent"),
    _column("rank", 6, "integer"),
    _column("risks", 25),
    _column("frailty", 25),
    _column("housebound", 26),
    _column("stays", 19),
    _column("reasons", 36),
    _column("changed", 19),
    _column("reasons_fit", 11, "fit"),
    _column("came_of_it", 14, "came"),
    _column("not_until", 13, "day"),
)
STILL = (_ROW, _WHO, _LAST_LISTED, _WHY, *NEW[3:5], _column("next_step", 22), _RISK, _OUTCOME)
ROUTED = (_ROW, _WHO, _WHY, *NEW[3:6], _RISK)
OFF = (_ROW, _WHO, _LAST_LISTED, _column("off", 60))
CARER = (_ROW, _WHO, Column("carer_strain", wording.HEADINGS["since_when"], 16, "date"), *NEW[3:6])
ADD = (_ROW, _column("number", 20, "entry"), _column("added_why", 50, "entry"), _OUTCOME)


def sections(
    team: str, rows: TeamRows, declaration: ListDeclaration, row_ids: RowIds, week: dt.date
) -> tuple[Section, ...]:
    """The tables in reading order; every risk stands under a heading that names its horizon."""
    weeks = declaration.rest_weeks or 4
    recent = pl.col("recent").fill_null(value=False)
    numbered = rows.shown.with_row_index("number", offset=1)
    standing = numbered.filter(~recent)
    made = [
        _section(("new", wording.SECTION_NEW), NEW, numbered.filter(recent), weeks, row_ids),
        _section(("standing", _with_days(declaration)), NEW, standing, weeks, row_ids),
        _section(("detail", wording.SECTION_DETAIL), DETAIL, numbered, weeks, row_ids),
    ]
    if standing.is_empty():
        made.pop(1)
    if declaration.rest_weeks:
        made.append(_section(("still", wording.SECTION_STILL), STILL, rows.still_here, weeks, row_ids))
    for route, words in declaration.routes.items():
        if len(people := rows.routed[route]):
            columns = (*ROUTED, _ADMITTED) if route == "in_hospital" else ROUTED
            intro = wording.ROUTED_INTRO.format(words=words.words, review=_review(words.review_weeks, week))
            made.append(_section((route, (words.sheet, intro, "")), columns, people, weeks, row_ids))
    on_list = pl.concat([rows.shown, rows.still_here], how="diagonal_relaxed")
    strained = on_list.filter(pl.col("carer_strain").is_not_null())
    if len(strained):
        title, intro, empty = wording.SECTION_CARER
        reviewed = (title, f"{intro} {_review(CARER_REVIEW_WEEKS, week)}", empty)
        made.append(_section(("carer", reviewed), CARER, strained, weeks, row_ids))
    made.append(_section(("off", wording.SECTION_OFF), OFF, rows.coming_off, weeks, row_ids))
    made.append(_blank_rows(team, row_ids))
    horizon = declaration.objective.horizon
    return tuple(replace(s, columns=tuple(_with_horizon(c, horizon) for c in s.columns)) for s in made)


def _with_days(declaration: ListDeclaration) -> tuple[str, str, str]:
    title, intro, empty = wording.SECTION_STANDING
    return title, intro.replace("{recent}", str(declaration.recent_days)), empty


def _review(weeks: int, week: dt.date) -> str:
    return wording.REVIEW.format(date=wording.uk_date(week + dt.timedelta(weeks=weeks)))


def _with_horizon(column: Column, horizon: str) -> Column:
    return replace(column, heading=column.heading.format(horizon=horizon))


def _section(
    what: tuple[str, tuple[str, str, str]],
    columns: tuple[Column, ...],
    people: pl.DataFrame,
    weeks: int,
    row_ids: RowIds,
) -> Section:
    key, (title, intro, empty) = what
    persons = people["person_id"].to_list()
    numbers = people["number"].to_list() if "number" in people.columns else range(1, len(people) + 1)
    labels = [label(n, row_ids(person_ref(p))) for n, p in zip(numbers, persons, strict=True)]
    blank = ("outcome", "reasons_fit", "came_of_it", "not_until")
    table = people.with_columns(
        pl.Series("row", labels, dtype=pl.String), *(pl.lit(None, pl.String).alias(c) for c in blank)
    )
    rows = tuple(table.select(c.key for c in columns).iter_rows())
    return Section(title, intro.format(weeks=weeks), empty, columns, rows, key, tuple(persons))


def _blank_rows(team: str, row_ids: RowIds) -> Section:
    title, intro, empty = wording.SECTION_ADD
    rows = tuple((label(n, row_ids(f"{team} add {n}")), None, None, None) for n in range(1, BLANK_ROWS + 1))
    return Section(title, intro, empty, ADD, rows, "add", ())
