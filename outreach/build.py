"""Builds the lists of a week: considers, chooses, writes the ledger, then each team's workbook and page."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from data_contracts.contract import REFERENCE
from data_contracts.words import check_words
from outreach import wording
from outreach.alternatives import beside_others, scores_before
from outreach.background import background
from outreach.change import churn, last_ledger
from outreach.choice import LOOK_BACK_WEEKS, REVIEW_WEEKS, choose
from outreach.columns import sections
from outreach.declaration import ListDeclaration, Method, load_list
from outreach.design import Design, load_design
from outreach.eligibility import Considered, consider
from outreach.facts import facts_about
from outreach.feedback import incidents
from outreach.ledger import check_order, listed_before, write_ledger
from outreach.links import follow, linked, present_first
from outreach.objectives import methods_possible, with_priority
from outreach.page import write_page
from outreach.report import ListReport, TeamSummary
from outreach.row_id import row_id
from outreach.rows import Reasons, rows_by_team
from outreach.sheet import Heading, TeamRows, TeamSheet, team_sheet
from outreach.stored import SUFFIX, read_rows, save_sheet, write_rows
from outreach.teams import TeamsFile, load_teams
from outreach.unseen import unseen_in_words
from outreach.workbook import write_workbook

POLICY = REFERENCE / "opt_out_policy.csv"


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
    teams = teams or load_teams()
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
    asked = _Asked(week, declaration, teams, design or load_design(), heading, tie_key, earlier, out, scores, features)
    chosen = _chosen(asked, considered, linked(con, week))
    return _written(asked, considered, chosen, _rows(con, asked, considered, chosen, reasons))


@dataclass(frozen=True)
class _Asked:
    """What a week's lists are made from, beside the people."""

    week: dt.date
    declaration: ListDeclaration
    teams: TeamsFile
    design: Design
    heading: Heading
    tie_key: bytes
    earlier: Path | None
    out: Path
    scores: Path
    features: Path


@dataclass(frozen=True)
class _Chosen:
    """The choice, and what it is seen beside.

    Attributes:
        ledger: everyone considered, as the ledger keeps it.
        listed: who was listed lately.
        last: the list before (`change.last_ledger`).
        churn: share of those shown who were not near it; None: no list before.
        beside: whom other objectives would have shown, in sentences by team.
    """

    ledger: pl.DataFrame
    listed: pl.DataFrame
    last: pl.DataFrame
    churn: float | None
    beside: Mapping[str, tuple[str, ...]]


def _chosen(asked: _Asked, considered: Considered, links: pl.DataFrame) -> _Chosen:
    """Chooses by the declared objective, and by each other for which something is known."""
    week, declaration = asked.week, asked.declaration
    method, outcome = declaration.objective.method, declaration.objective.outcome
    scored = follow(present_first(scores_before(asked.earlier, week, asked.heading.model_id), links), links, once=True)
    people = considered.people.join(scored, on="person_id", how="left")
    before = listed_before(asked.earlier, week, max(declaration.rest_weeks, REVIEW_WEEKS))
    before = follow(before.sort("last_listed", "person_id", descending=[True, False]), links, once=True)

    def chosen_by(objective: Method) -> pl.DataFrame:
        return choose(
            with_priority(people, objective, outcome),
            considered.teams,
            before.drop("last_team"),
            week=week,
            declaration=declaration,
            tie_key=asked.tie_key,
            design=asked.design,
        )

    chosen = chosen_by(method).with_columns(
        week=pl.lit(week),
        list_id=pl.lit(declaration.id),
        model_id=pl.lit(asked.heading.model_id),
        outcome=pl.lit(outcome),
        objective=pl.lit(method, pl.String),
    )
    others = {m: chosen_by(m) for m in methods_possible(people, outcome) if m != method}
    since = week - dt.timedelta(weeks=max(declaration.rest_weeks, LOOK_BACK_WEEKS))
    listed = before.filter(pl.col("last_listed") >= since)
    last = follow(present_first(last_ledger(asked.earlier, week), links), links, once=True)
    return _Chosen(chosen, listed, last, churn(chosen, last), beside_others(chosen, others))


def _rows(
    con: duckdb.DuckDBPyConnection, asked: _Asked, considered: Considered, chosen: _Chosen, reasons: Reasons
) -> dict[str, TeamRows]:
    """The people of each team's sheets, with what is said about them."""

    def facts(people: list[int]) -> pl.DataFrame:
        beside = background(
            con,
            asked.week,
            people,
            features=asked.features,
            scores=asked.scores,
            declaration=asked.declaration,
        )
        return facts_about(con, asked.week, people).join(beside, on="person_id", how="left")

    return rows_by_team(
        chosen.ledger,
        chosen.listed,
        considered,
        reasons,
        facts,
        last=chosen.last,
        week=asked.week,
        declaration=asked.declaration,
        teams=asked.teams,
    )


def _written(asked: _Asked, considered: Considered, chosen: _Chosen, rows: Mapping[str, TeamRows]) -> ListReport:
    """Writes ledger, workbooks and pages; a ledger that is there already stays, and its files with it."""
    sheets = _sheets(asked, considered, chosen, rows)
    ledger, otherwise = write_ledger(chosen.ledger, asked.out)
    return ListReport(
        week=asked.week,
        list_id=asked.declaration.id,
        teams=tuple(_summary(team, rows[team["team"]]) for team in considered.teams.iter_rows(named=True)),
        statuses=dict(chosen.ledger["status"].value_counts().sort("status").iter_rows()),
        withheld=len(considered.withheld),
        double_registrations=len(chosen.ledger.filter(pl.col("registration_count") > 1)),
        hospital_to=considered.sight.hospital_to,
        missing_features=considered.sight.missing_features,
        ledger=ledger,
        files=tuple(_given_out(asked.out) if otherwise else _write_all(sheets, asked.out)),
        content=content_of(pl.read_parquet(ledger)),
        unassigned=considered.unassigned,
        answered=int(considered.feedback.answers["outcome"].is_not_null().sum()),
        churn=chosen.churn,
        feedback_faults=len(considered.feedback.faults),
        incidents=incidents(considered.feedback, considered.dead),
        otherwise=otherwise,
        added_elsewhere=len(considered.added_elsewhere),
    )


def _sheets(asked: _Asked, considered: Considered, chosen: _Chosen, rows: Mapping[str, TeamRows]) -> list[TeamSheet]:
    """Each team's people in words and tables.

    Raises:
        WordError: a text holds a word that may not reach people.
    """
    week, declaration = asked.week, asked.declaration
    unseen = unseen_in_words(chosen.ledger, considered.sight, week, declaration.objective.days)
    ids = partial(row_id, asked.tie_key, week)
    sheets = [
        team_sheet(
            team,
            rows[team["team"]],
            sections(team["team"], rows[team["team"]], declaration, ids, week),
            week=week,
            declaration=declaration,
            sight=considered.sight,
            heading=asked.heading,
            beside=chosen.beside.get(team["team"], ()),
            unseen=(
                *unseen,
                *_churn_in_words(chosen.churn, declaration),
                *_added_elsewhere_in_words(considered.added_elsewhere, team["team"]),
            ),
        )
        for team in considered.teams.iter_rows(named=True)
    ]
    check_words([text for sheet in sheets for text in sheet.texts])
    return sheets


def _write_all(sheets: list[TeamSheet], out: Path) -> list[Path]:
    files = write_sheets(sheets, out)
    write_rows(sheets, out)
    return files


def _churn_in_words(share: float | None, declaration: ListDeclaration) -> tuple[str, ...]:
    if share is None or share <= declaration.churn_warns:
        return ()
    return (wording.CHURN.format(share=round(share * 100)),)


def _added_elsewhere_in_words(added: pl.DataFrame, team: str) -> tuple[str, ...]:
    rows = added.filter(pl.col("team") == team)["row_id"].to_list()
    return (wording.ADDED_ELSEWHERE.format(rows=", ".join(rows)),) if rows else ()


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
        marginal_score=rows.marginal,
    )


def content_of(ledger: pl.DataFrame) -> str:
    """Hash of a ledger's values; thread counts and file layout play no part."""
    return hashlib.sha256(ledger.write_csv().encode()).hexdigest()[:16]
