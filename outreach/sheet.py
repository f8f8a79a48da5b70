"""What one team reads, as tables of text: the workbook and the page show the same."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import polars as pl

from data_contracts.identity import person_ref
from outreach import wording
from outreach.declaration import ListDeclaration, NextStep
from outreach.eligibility import Sight
from outreach.facts import codelists_in_words
from outreach.teams import TeamsFile, load_services

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
    kind: Literal["text", "integer", "percent", "date", "outcome", "fit", "came", "day", "entry", "right"] = "text"


@dataclass(frozen=True)
class Section:
    """One table of a team's list: a sheet of the workbook, a part of the page.

    Attributes:
        key: what the section is, whatever it is called (`new`, `detail`, `still`, a route, `off`).
        people: who each row is about, for the release; never written to a workbook or a page.
    """

    title: str
    intro: str
    empty: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    key: str = ""
    people: tuple[int, ...] = ()


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
    team_name: str = ""

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

    @property
    def marginal(self) -> float | None:
        """The lowest risk among those shown by risk; null when nobody is."""
        by_risk = self.shown.filter(~pl.col("added"))["score"].drop_nulls()
        return float(by_risk.min()) if len(by_risk) else None  # type: ignore[arg-type]


def team_sheet(
    team: Mapping[str, Any],
    rows: TeamRows,
    sections: tuple[Section, ...],
    *,
    week: dt.date,
    declaration: ListDeclaration,
    sight: Sight,
    heading: Heading,
    beside: tuple[str, ...] = (),
    unseen: tuple[str, ...] = (),
) -> TeamSheet:
    """Puts one team's people into words and tables.

    Args:
        team: `team`, `team_name`, `capacity`.
        rows: its people.
        sections: their tables (`columns.sections`).
        week: the index Monday.
        declaration: the list.
        sight: what could be seen.
        heading: what the run knows.
        unseen: what may have happened to people of the list without our knowing, in sentences.
        beside: whom the other objectives would have chosen, in sentences.
    """
    return TeamSheet(
        team=team["team"],
        title=f"{declaration.title}: {team['team_name']}",
        week=week,
        notices=(*_notices(week, sight, heading), *unseen),
        room=_room(team, rows, declaration),
        about=(*_about(declaration, sight, heading), *beside),
        sections=sections,
        outcomes=declaration.outcomes,
        team_name=team["team_name"],
    )


def people_in_words(
    people: pl.DataFrame, reasons: pl.DataFrame, week: dt.date, declaration: ListDeclaration, teams: TeamsFile
) -> pl.DataFrame:
    """Adds what is said about each person.

    Args:
        people: rows of `choice.choose`, few: only those that are shown to someone.
        reasons: `person_id`, `reason_1`, `reason_2`, `reason_3` (null: none), `latest_date` (null: none), and the
            columns of `facts.facts_about` and `background.background`.
        week: the index Monday.
        declaration: the list.
        teams: the teams file, for what a team does itself.

    Returns:
        `people` with `who` (reference, age band, sex, practice), `why`, `recent` (something is dated in the last
        days that the list declares), `reasons` (all of them), `risk`, `next_step`.
    """
    recent = pl.col("latest_date") >= week - dt.timedelta(days=declaration.recent_days)
    standing = pl.format(wording.STANDING.replace("{reason}", "{}"), "reason_1")
    refs = [person_ref(p) for p in people["person_id"].to_list()]
    added = pl.col("added").fill_null(value=False)
    return (
        people.with_columns(pl.Series("person", refs, dtype=pl.String))
        .join(reasons, on="person_id", how="left", maintain_order="left")
        .with_columns(
            who=pl.format(
                "{}\n{} {}\n{}",
                "person",
                age_band(),
                pl.col("sex_code").replace_strict(wording.SEX_WORDS, default=wording.SEX_UNKNOWN),
                pl.coalesce("practice_name", "practice_code"),
            ),
            recent=recent | added,
            why=pl.when(pl.col("reason_1").is_null())
            .then(pl.lit(wording.NO_REASON))
            .when(recent.fill_null(value=False))
            .then("reason_1")
            .otherwise(standing)
            .pipe(lambda said: pl.when(added).then(pl.lit(wording.ADDED) + said).otherwise(said)),
            risk=pl.coalesce(risk_in_words(declaration), pl.lit(wording.NO_RISK)),
            next_step=_next_step(declaration, teams),
        )
        .with_columns(
            reasons=pl.concat_str(
                *(pl.format(wording.LINE, said) for said in ("why", "reason_2", "reason_3")),
                separator="\n",
                ignore_nulls=True,
            )
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


def _next_step(declaration: ListDeclaration, teams: TeamsFile) -> pl.Expr:
    """The first step whose feature reaches its value, with who does it: the team itself or a local service."""
    services = load_services()

    def said(step: NextStep) -> pl.Expr:
        if step.service is None:
            return pl.lit(step.words)
        own = pl.col("team").is_in(teams.with_skill(step.service)).fill_null(value=False)
        by = pl.when(own).then(pl.lit(wording.OWN_TEAM)).otherwise(pl.lit(services[step.service]))
        return pl.format("{}: {}", pl.lit(step.words), by)

    chain: Any = pl
    for step in declaration.next_steps[:-1]:
        chain = chain.when(pl.col(str(step.feature)) >= step.at_least).then(said(step))
    last = said(declaration.next_steps[-1])
    return last if chain is pl else chain.otherwise(last)


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
    if rows.marginal is not None:
        said.append(wording.MARGINAL.format(count=round(rows.marginal * 100)))
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
        *codelists_in_words(),
    )
