"""What one team reads, as tables of text: the workbook and the page show the same."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import polars as pl

from data_contracts.identity import person_ref
from outreach import wording
from outreach.declaration import ListDeclaration
from outreach.eligibility import Sight

Cell = str | int | float | dt.date | None


@dataclass(frozen=True)
class Heading:
    """What the run knows about the list and the list cannot know by itself.

    Attributes:
        model_id: the model that made the scores.
        known_to: name of a source as said to a team ("GP records") → the day to which it is known.
        approved: someone has signed that this may be used for patients.
        notes: further sentences for the heading, e.g. that the model is not yet validated.
    """

    model_id: str
    known_to: Mapping[str, dt.date] = field(default_factory=dict)
    approved: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading, width in characters, and how its cells are written."""

    key: str
    heading: str
    width: int
    kind: Literal["text", "integer", "percent", "date", "outcome"] = "text"


@dataclass(frozen=True)
class Section:
    """One table of a team's list: a sheet of the workbook, a part of the page."""

    title: str
    intro: str
    empty: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class TeamSheet:
    """Everything that one team reads; `sections` begin with the new people."""

    team: str
    title: str
    week: dt.date
    notices: tuple[str, ...]
    room: tuple[str, ...]
    about: tuple[str, ...]
    sections: tuple[Section, ...]
    outcomes: tuple[str, ...]

    @property
    def texts(self) -> list[str]:
        """Every text on the sheet, for the test of words."""
        cells = [c for s in self.sections for row in s.rows for c in row if isinstance(c, str)]
        heads = [t for s in self.sections for t in (s.title, s.intro, s.empty)]
        return [self.title, *self.notices, *self.room, *self.about, *self.outcomes, *heads, *cells]


@dataclass(frozen=True)
class TeamRows:
    """The people of one team, each frame in list order, with the columns of `people_in_words`."""

    shown: pl.DataFrame
    still_here: pl.DataFrame
    routed: Mapping[str, pl.DataFrame]
    coming_off: pl.DataFrame
    left_off: int


def team_sheet(
    team: Mapping[str, Any],
    rows: TeamRows,
    *,
    week: dt.date,
    declaration: ListDeclaration,
    sight: Sight,
    heading: Heading,
) -> TeamSheet:
    """Puts one team's people into words and tables.

    Args:
        team: `team`, `team_name`, `capacity`.
        rows: its people.
        week: the index Monday.
        declaration: the list.
        sight: what could be seen.
        heading: what the run knows.
    """
    return TeamSheet(
        team=team["team"],
        title=f"{declaration.title}: {team['team_name']}",
        week=week,
        notices=_notices(week, sight, heading),
        room=_room(team, rows, declaration),
        about=_about(declaration, sight, heading),
        sections=tuple(_sections(rows, declaration)),
        outcomes=declaration.outcomes,
    )


def people_in_words(
    people: pl.DataFrame, reasons: pl.DataFrame, week: dt.date, declaration: ListDeclaration
) -> pl.DataFrame:
    """Adds what is said about each person.

    Args:
        people: rows of `choice.choose`, few: only those that are shown to someone.
        reasons: `person_id`, `reason_1`, `reason_2`, `reason_3` (null: none), `latest_date` (null: none).
        week: the index Monday.
        declaration: the list.

    Returns:
        `people` with `person`, `who`, `practice`, `why`, `reason_2`, `reason_3`, `latest`, `risk`, `next_step`.
    """
    recent = pl.col("latest_date") >= week - dt.timedelta(days=declaration.recent_days)
    standing = pl.format(wording.STANDING.replace("{reason}", "{}"), "reason_1")
    refs = [person_ref(p) for p in people["person_id"].to_list()]
    return (
        people.with_columns(pl.Series("person", refs, dtype=pl.String))
        .join(reasons, on="person_id", how="left", maintain_order="left")
        .with_columns(
            who=pl.format(
                "{} {}", age_band(), pl.col("sex_code").replace_strict(wording.SEX_WORDS, default=wording.SEX_UNKNOWN)
            ),
            practice=pl.coalesce("practice_name", "practice_code"),
            why=pl.when(pl.col("reason_1").is_null())
            .then(pl.lit(wording.NO_REASON))
            .when(recent.fill_null(value=False))
            .then("reason_1")
            .otherwise(standing),
            latest="latest_date",
            risk=risk_in_words(declaration),
            next_step=_next_step(declaration),
        )
    )


def age_band() -> pl.Expr:
    """Five years wide from 65, open from 90; one band below 65."""
    low = pl.col("age") // 5 * 5
    return (
        pl.when(pl.col("age") >= 90)
        .then(pl.lit("90+"))
        .when(pl.col("age") >= 65)
        .then(pl.format("{}–{}", low, low + 4))
        .otherwise(pl.lit("18–64"))
    )


def risk_in_words(declaration: ListDeclaration, score: str = "score") -> pl.Expr:
    """A risk as people say it: "High: about 42 in 100"; null where unknown."""
    words: Any = pl
    for step in declaration.risk_words:
        words = words.when(pl.col(score).round(2) >= step.at_least).then(pl.lit(step.words))
    count = (pl.col(score) * 100).round(0).cast(pl.Int64)
    some = pl.format(wording.RISK.replace("{words}", "{}").replace("{count}", "{}"), words, count)
    small = pl.format(wording.RISK_SMALL.replace("{words}", "{}"), words)
    return pl.when(count >= 1).then(some).when(pl.col(score).is_not_null()).then(small)


def _next_step(declaration: ListDeclaration) -> pl.Expr:
    chain: Any = pl
    for step in declaration.next_steps[:-1]:
        chain = chain.when(pl.col(str(step.feature)) >= step.at_least).then(pl.lit(step.words))
    return (
        pl.lit(declaration.next_steps[-1].words)
        if chain is pl
        else chain.otherwise(pl.lit(declaration.next_steps[-1].words))
    )


def _notices(week: dt.date, sight: Sight, heading: Heading) -> tuple[str, ...]:
    known = dict(heading.known_to)
    if sight.registration_to:
        known.setdefault("registrations and deaths", sight.registration_to)
    sources = "; ".join(f"{name} to {wording.uk_date(day)}" for name, day in sorted(known.items()))
    hospital = (
        wording.SEEN_TO.format(date=wording.uk_date(sight.hospital_to))
        if sight.hospital_to
        else wording.CANNOT_SEE_HOSPITAL
    )
    return (
        *([] if heading.approved else [wording.DEMONSTRATION]),
        hospital,
        *([wording.KNOWN_TO.format(sources=sources)] if sources else []),
        *heading.notes,
    )


def _room(team: Mapping[str, Any], rows: TeamRows, declaration: ListDeclaration) -> tuple[str, ...]:
    objective = declaration.objective
    said = [
        wording.RISK_OF.format(outcome=objective.words, horizon=objective.horizon),
        wording.SHOWN.format(new=len(rows.shown), capacity=team["capacity"]),
    ]
    if len(rows.shown):
        said.append(wording.MARGINAL.format(count=round(rows.shown["score"][-1] * 100)))
    if rows.left_off == 0:
        said.append(wording.ROOM if len(rows.shown) else wording.NOBODY)
    else:
        left = wording.LEFT_OFF_ONE if rows.left_off == 1 else wording.LEFT_OFF
        said.append(left.format(count=f"{rows.left_off:,}"))
    return tuple(said)


def _about(declaration: ListDeclaration, sight: Sight, heading: Heading) -> tuple[str, ...]:
    objective = declaration.objective
    missing = set(sight.missing_features)
    unknown = [
        wording.SIGNAL_WORDS[n] for n, rules in declaration.signals.items() if {r.feature for r in rules} <= missing
    ]
    return (
        wording.MADE_BY.format(outcome=objective.words, horizon=objective.horizon, model=heading.model_id),
        wording.PURPOSE,
        wording.PSEUDONYMS,
        *([wording.UNKNOWN_SIGNALS.format(signals=", ".join(unknown))] if unknown else []),
    )


_ROW = Column("row", wording.HEADINGS["row"], 5, "integer")
_PERSON = Column("person", wording.HEADINGS["person"], 16)
_NEW = (
    _ROW,
    _PERSON,
    Column("who", wording.HEADINGS["who"], 13),
    Column("practice", wording.HEADINGS["practice"], 21),
    Column("why", wording.HEADINGS["why"], 37),
    Column("risk", wording.HEADINGS["risk"], 15),
    Column("next_step", wording.HEADINGS["next_step"], 24),
    Column("outcome", wording.HEADINGS["outcome"], 18, "outcome"),
)
_DETAIL = (
    _ROW,
    _PERSON,
    Column("score", wording.HEADINGS["score"], 8, "percent"),
    Column("rank", wording.HEADINGS["rank"], 7, "integer"),
    Column("latest", wording.HEADINGS["latest"], 14, "date"),
    Column("why", wording.HEADINGS["why"], 34),
    Column("reason_2", wording.HEADINGS["reason_2"], 32),
    Column("reason_3", wording.HEADINGS["reason_3"], 32),
)
_LAST_LISTED = Column("last_listed", wording.HEADINGS["last_listed"], 14, "date")
_STILL = (*_NEW[:3], _LAST_LISTED, *_NEW[4:])
_ROUTED = (*_NEW[:5], _NEW[5], Column("admission_date", wording.HEADINGS["since"], 14, "date"))
_OFF = (_ROW, _PERSON, _LAST_LISTED, Column("off", wording.HEADINGS["off"], 60))


def _sections(rows: TeamRows, declaration: ListDeclaration) -> list[Section]:
    """The tables in reading order; every risk stands under a heading that names its horizon."""
    weeks = declaration.rest_weeks or 4
    sections = [
        _section(wording.SECTION_NEW, _NEW, rows.shown, weeks),
        _section(wording.SECTION_DETAIL, _DETAIL, rows.shown, weeks),
    ]
    if declaration.rest_weeks:
        sections.append(_section(wording.SECTION_STILL, _STILL, rows.still_here, weeks))
    for route, words in declaration.routes.items():
        if len(people := rows.routed[route]):
            columns = _ROUTED if route == "in_hospital" else _ROUTED[:-1]
            intro = wording.ROUTED_INTRO.format(words=words.words)
            sections.append(_section((words.sheet, intro, ""), columns, people, weeks))
    sections.append(_section(wording.SECTION_OFF, _OFF, rows.coming_off, weeks))
    horizon = declaration.objective.horizon
    return [replace(s, columns=tuple(_with_horizon(c, horizon) for c in s.columns)) for s in sections]


def _with_horizon(column: Column, horizon: str) -> Column:
    return replace(column, heading=column.heading.format(horizon=horizon))


def _section(words: tuple[str, str, str], columns: tuple[Column, ...], people: pl.DataFrame, weeks: int) -> Section:
    title, intro, empty = words
    table = people.with_row_index("row", offset=1).with_columns(outcome=pl.lit(None, pl.String))
    rows = tuple(table.select(c.key for c in columns).iter_rows())
    return Section(title, intro.format(weeks=weeks), empty, columns, rows)
