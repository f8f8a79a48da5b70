"""Builds the lists of a week: considers, chooses, writes the ledger, then each team's workbook and page."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from data_contracts.contract import REFERENCE
from data_contracts.words import check_words
from outreach import wording
from outreach.alternatives import beside_others, scores_before
from outreach.change import churn, last_ledger
from outreach.choice import LOOK_BACK_WEEKS, REVIEW_WEEKS, choose
from outreach.columns import sections
from outreach.declaration import ListDeclaration, Method, load_list
from outreach.design import Design, load_design
from outreach.eligibility import consider
from outreach.facts import facts_about
from outreach.feedback import INCIDENT_SCHEMA, incidents
from outreach.ledger import check_order, listed_before, write_ledger
from outreach.objectives import methods_possible, with_priority
from outreach.page import write_page
from outreach.row_id import row_id
from outreach.rows import Reasons, rows_by_team
from outreach.sheet import Heading, TeamRows, TeamSheet, team_sheet
from outreach.stored import SUFFIX, read_rows, save_sheet, write_rows
from outreach.teams import TeamsFile, load_teams
from outreach.unseen import unseen_in_words
from outreach.workbook import write_workbook

POLICY = REFERENCE / "opt_out_policy.csv"


@dataclass(frozen=True)
class TeamSummary:
    """What one team got.

    Attributes:
        shown: new people on the list, never more than `capacity`.
        still_here: listed in the weeks of rest before, still above the threshold.
        routed: shown on a sheet for someone else (in hospital, palliative, care home).
        left_off: above the threshold, kept off only for want of room.
        marginal_score: risk of the last person shown; null when nobody is.
    """

    team: str
    team_name: str
    capacity: int
    shown: int
    still_here: int
    routed: int
    coming_off: int
    left_off: int
    marginal_score: float | None


@dataclass(frozen=True)
class ListReport:
    """What was built, in counts: no person is in it.

    Attributes:
        statuses: people by status (`shown`, or why not).
        withheld: people who may appear nowhere (sensitive flag or opt-out).
        double_registrations: considered people with two open registrations.
        hospital_to: day to which hospital beds are seen; None when they cannot be.
        missing_features: features that the list reads and the matrix lacks.
        content: hash of the ledger's values: the same deliveries and seed give the same.
        unassigned: practices that belong to no team; their people are on no list.
        churn: share of those shown who were not near a list last week; None: no list before.
        answered: rows of earlier lists that came back with an outcome.
        feedback_faults: returned rows that could not be taken.
        incidents: the safety incident list (`feedback.incidents`), pseudonymous.
        otherwise: people who would stand otherwise in a ledger that is there already, had it been made now (a file for
            its Monday came later); the ledger and its files stay as they were given out.
    """

    week: dt.date
    list_id: str
    teams: tuple[TeamSummary, ...]
    statuses: Mapping[str, int]
    withheld: int
    double_registrations: int
    hospital_to: dt.date | None
    missing_features: tuple[str, ...]
    ledger: Path
    files: tuple[Path, ...]
    content: str
    unassigned: tuple[str, ...] = ()
    churn: float | None = None
    answered: int = 0
    feedback_faults: int = 0
    incidents: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=INCIDENT_SCHEMA))
    otherwise: int = 0

    @property
    def shown(self) -> int:
        """People on all lists."""
        return sum(t.shown for t in self.teams)


def build_lists(
    con: duckdb.DuckDBPyConnection,
    week: dt.date,
    *,
    scores: Path,
    features: Path,
    out: Path,
    earlier: Path | None,
    reasons: Reasons,
    heading: Heading,
    tie_key: bytes,
    declaration: ListDeclaration | None = None,
    teams: TeamsFile | None = None,
    policy: Path = POLICY,
    registers: Path | None = None,
    design: Design | None = None,
) -> ListReport:
    """Builds every team's list of one week into `out`.

    Args:
        con: a connection where the record tables are visible under their names.
        week: the index Monday.
        scores: Parquet file or folder of the week: `person_id`, `score` (and `outcome` where several are stored).
        features: the folder of weeks that `features.build_matrix` wrote.
        out: this week's folder, `…/week=YYYY-MM-DD`; gets `ledger.parquet`, `<team>.xlsx`, `<team>.html`.
        earlier: the folder that holds the weeks' folders; None: no list was ever made.
        reasons: gives the sentences about given people, as `features.reasons` does; asked once, for listed people only.
        heading: what the run knows about the list.
        tie_key: secret bytes that order equal scores.
        declaration: the list; default `weekly_contact`.
        teams: the teams file; default `outreach/teams.yaml`.
        policy: the opt-out policy table.
        design: the declared evaluation; default `outreach/design.yaml`.
        registers: the folder of weeks of registers, whose rows may come back on the same workbooks' way.

    Raises:
        FeatureError: the week's features are not there.
        ListError: scores are not as expected, or a later list exists.
        WordError: a reason holds a word that may not reach people.
    """
    declaration = declaration or load_list()
    out.mkdir(parents=True, exist_ok=True)
    check_order(earlier, week, out)
    teams, design = teams or load_teams(), design or load_design()
    considered = consider(
        con,
        week,
        declaration,
        scores=scores,
        features=features,
        policy=policy,
        teams=teams,
        rows=_rows_before(week, earlier, registers),
    )
    team_table = considered.teams
    people = considered.people.join(scores_before(earlier, week, heading.model_id), on="person_id", how="left")
    before = listed_before(earlier, week, max(declaration.rest_weeks, REVIEW_WEEKS))
    listed = before.filter(
        pl.col("last_listed") >= week - dt.timedelta(weeks=max(declaration.rest_weeks, LOOK_BACK_WEEKS))
    )

    def chosen_by(method: Method) -> pl.DataFrame:
        return choose(
            with_priority(people, method, declaration.objective.outcome),
            team_table,
            before.drop("last_team"),
            week=week,
            declaration=declaration,
            tie_key=tie_key,
            design=design,
        )

    method = declaration.objective.method
    chosen = chosen_by(method).with_columns(
        week=pl.lit(week),
        list_id=pl.lit(declaration.id),
        model_id=pl.lit(heading.model_id),
        outcome=pl.lit(declaration.objective.outcome),
        objective=pl.lit(method, pl.String),
    )
    others = {m: chosen_by(m) for m in methods_possible(people, declaration.objective.outcome) if m != method}
    beside = beside_others(chosen, others)
    last = last_ledger(earlier, week)
    fresh = churn(chosen, last)
    unseen = (
        *unseen_in_words(chosen, considered.sight, week, declaration.objective.days),
        *_churn_in_words(fresh, declaration),
    )
    rows = rows_by_team(
        chosen,
        listed,
        considered,
        reasons,
        lambda people: facts_about(con, week, people),
        last=last,
        week=week,
        declaration=declaration,
    )
    sheets = [
        team_sheet(
            team,
            rows[team["team"]],
            sections(team["team"], rows[team["team"]], declaration, partial(row_id, tie_key, week), week),
            week=week,
            declaration=declaration,
            sight=considered.sight,
            heading=heading,
            beside=beside.get(team["team"], ()),
            unseen=unseen,
        )
        for team in team_table.iter_rows(named=True)
    ]
    check_words([text for sheet in sheets for text in sheet.texts])
    ledger, otherwise = write_ledger(chosen, out)
    if otherwise:
        files = _given_out(out)
    else:
        files = write_sheets(sheets, out)
        write_rows(sheets, out)
    summaries = tuple(_summary(team, rows[team["team"]]) for team in team_table.iter_rows(named=True))
    return ListReport(
        week=week,
        list_id=declaration.id,
        teams=summaries,
        statuses=dict(chosen["status"].value_counts().sort("status").iter_rows()),
        withheld=len(considered.withheld),
        double_registrations=len(chosen.filter(pl.col("registration_count") > 1)),
        hospital_to=considered.sight.hospital_to,
        missing_features=considered.sight.missing_features,
        ledger=ledger,
        files=tuple(files),
        content=content_of(pl.read_parquet(ledger)),
        unassigned=considered.unassigned,
        answered=int(considered.feedback.answers["outcome"].is_not_null().sum()),
        churn=fresh,
        feedback_faults=len(considered.feedback.faults),
        incidents=incidents(considered.feedback, considered.dead),
        otherwise=otherwise,
    )


def _churn_in_words(share: float | None, declaration: ListDeclaration) -> tuple[str, ...]:
    if share is None or share <= declaration.churn_warns:
        return ()
    return (wording.CHURN.format(share=round(share * 100)),)


def _rows_before(week: dt.date, *folders: Path | None) -> pl.DataFrame:
    return pl.concat([read_rows(f) for f in folders]).filter(pl.col("week") < week)


def write_sheets(sheets: Iterable[TeamSheet], out: Path) -> list[Path]:
    """Writes each team's workbook and page, and keeps the sheet as data beside them."""
    return [file for sheet in sheets for file in _write(sheet, out)]


def _write(sheet: TeamSheet, out: Path) -> list[Path]:
    name = re.sub(r"[^A-Za-z0-9_-]", "_", sheet.team)
    book, page = out / f"{name}.xlsx", out / f"{name}.html"
    write_workbook(sheet, book)
    write_page(sheet, page)
    save_sheet(sheet, out / f"{name}{SUFFIX}")
    return [book, page]


def _given_out(out: Path) -> list[Path]:
    return sorted([*out.glob("*.xlsx"), *out.glob("*.html")])


def _summary(team: Mapping[str, Any], rows: TeamRows) -> TeamSummary:
    return TeamSummary(
        team=team["team"],
        team_name=team["team_name"],
        capacity=team["capacity"],
        shown=len(rows.shown),
        still_here=len(rows.still_here),
        routed=sum(len(people) for people in rows.routed.values()),
        coming_off=len(rows.coming_off),
        left_off=rows.left_off,
        marginal_score=rows.shown["score"][-1] if len(rows.shown) else None,
    )


def content_of(ledger: pl.DataFrame) -> str:
    """Hash of a ledger's values; thread counts and file layout play no part."""
    return hashlib.sha256(ledger.write_csv().encode()).hexdigest()[:16]
