"""The register of a neighbourhood: every adult who is or may be housebound or lives in a care home. Uncapped, unranked.

Not a list of whom to see this week: who is there, why we think so, who sees them, and what is due for review. This
month's joiners, leavers and expiries stand first.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb
import polars as pl

import sql
from data_contracts.identity import person_ref
from data_contracts.words import check_words
from features.cohort import ADULT, week_file
from outreach import wording
from outreach.build import POLICY, write_sheets
from outreach.cause import causes
from outreach.eligibility import PURPOSE, read_policy
from outreach.facts import codelists_in_words, dated, facts_about
from outreach.feedback import DIED_TOLD, read_feedback, told_dead
from outreach.row_id import label, row_id
from outreach.sheet import Cell, Column, Section, TeamSheet, age_band
from outreach.stored import ROWS, read_rows, rows_of
from outreach.teams import TeamsFile

FOR_NOW_DAYS = 183
"""A housebound code "for now" lapses after this many days, as `features/declared/housebound.yaml` says."""

MONTH_WEEKS = 4
EXPIRES_WITHIN_DAYS = 31
FEATURES = (
    "age",
    "housebound_class",
    "housebound_for_now",
    "housebound_review_due",
    "housebound_days_since",
    "care_home_class",
)
Evidence = Callable[[list[int]], pl.DataFrame]
COLUMNS = (
    Column("row", wording.HEADINGS["row"], 14),
    Column("who", wording.HEADINGS["who"], 24),
    Column("level", wording.HEADINGS["level"], 20),
    Column("lasting", wording.HEADINGS["lasting"], 20),
    Column("evidence", wording.HEADINGS["evidence"], 40),
    Column("since", wording.HEADINGS["known_since"], 13, "date"),
    Column("cause", wording.HEADINGS["cause"], 16),
    Column("seen_by", wording.HEADINGS["seen_by"], 26),
    Column("review", wording.HEADINGS["review"], 12),
    Column("right", wording.HEADINGS["right"], 16, "right"),
)
PROFILE = "profile.parquet"
"""Beside a week's registers: who is on one, in the few words that may be counted by; never published itself."""

PROFILE_SCHEMA = {
    "week": pl.Date,
    "person_id": pl.Int64,
    "register_level": pl.String,
    "seen": pl.String,
    "review": pl.String,
}
LEFT = (*COLUMNS[:2], Column("left", wording.HEADINGS["off"], 50))


@dataclass(frozen=True)
class RegisterReport:
    """What was built, in counts: people on the register, of them seen by nobody in a year, with a review due."""

    week: dt.date
    teams: int
    people: int
    seen_by_nobody: int
    review_due: int
    joined: int
    left: int
    files: tuple[Path, ...]


def build_register(
    con: duckdb.DuckDBPyConnection,
    week: dt.date,
    *,
    features: Path,
    evidence: Evidence,
    out: Path,
    earlier: Path | None,
    row_key: bytes,
    teams: TeamsFile,
    policy: Path = POLICY,
    lists: Path | None = None,
) -> RegisterReport:
    """Builds every neighbourhood's register of one week into `out`.

    Args:
        con: a connection where the record tables are visible under their names.
        week: the Monday.
        features: the folder of weeks that `features.build_matrix` wrote.
        evidence: the dated facts about given people (`features.housebound_evidence` and the like): `person_id`,
            `since_date`, `words`, newest first.
        out: this week's folder.
        earlier: the folder of weeks, for joiners and leavers; None: no register was ever made.
        row_key: secret bytes for row ids.
        teams: the teams file.
        policy: the opt-out policy table.
        lists: the folder of weeks of lists, whose answers may tell of a death; None: none was ever made.

    Raises:
        FeatureError: the week's features are not there.
        ListError: the teams file does not fit the practices.
    """
    out.mkdir(parents=True, exist_ok=True)
    people, withheld = _people(con, week, features, teams, policy)
    answers = read_feedback(con, week, pl.concat([read_rows(earlier), read_rows(lists)])).answers
    said_dead = told_dead(answers)
    people = people.filter(~pl.col("person_id").is_in(said_dead.implode()))
    known = people["person_id"].to_list()
    facts = facts_about(con, week, known).join(causes(con, week, known), on="person_id", how="left")
    told = _in_words(people, evidence(known), facts, week)
    told = _with_answers(told, answers)
    before = _before(earlier, week)
    dead = con.sql(sql.load("outreach/known_dead"), params={"index": week}).pl()["person_id"]
    gone = _gone(before, told, withheld, dead, said_dead)
    joined = told.filter(~pl.col("person_id").is_in(before["person_id"].implode())) if len(before) else told.clear()
    practices = con.sql(sql.load("outreach/practice"), params={"index": week}).pl()
    ids = partial(row_id, row_key, week)
    sheets = [
        _sheet(team, told, joined, gone, week=week, ids=ids)
        for team in teams.table(practices).iter_rows(named=True)
        if team["team"] in set(told["team"]) | set(gone["team"])
    ]
    check_words([text for sheet in sheets for text in sheet.texts])
    files = write_sheets(sheets, out)
    rows_of(sheets).write_parquet(out / ROWS, compression="zstd")
    _profile(told, week).write_parquet(out / PROFILE, compression="zstd")
    return RegisterReport(
        week=week,
        teams=len(sheets),
        people=len(told),
        seen_by_nobody=len(told.filter(pl.col("seen_by") == wording.SEEN_BY_NOBODY)),
        review_due=len(told.filter(pl.col("review") == wording.REVIEW_DUE)),
        joined=len(joined),
        left=len(gone),
        files=tuple(files),
    )


def _people(
    con: duckdb.DuckDBPyConnection, week: dt.date, features: Path, teams: TeamsFile, policy: Path
) -> tuple[pl.DataFrame, pl.Series]:
    """Who belongs on a register, with practice, team and what is known; and who may be mentioned nowhere."""
    con.register("opt_out_policy", read_policy(policy).to_arrow())
    opted_out = con.sql(sql.load("purpose/opted_out"), params={"index": week, "purpose": PURPOSE}).pl()["person_id"]
    con.unregister("opt_out_policy")
    practices = con.sql(sql.load("outreach/practice"), params={"index": week}).pl()
    matrix = pl.scan_parquet(week_file(features, week, "matrix.parquet"))
    there = set(matrix.collect_schema().names())
    known = [pl.col(f).fill_nan(None) if f in there else pl.lit(None, pl.Float32).alias(f) for f in FEATURES]
    person = pl.read_parquet(week_file(features, week, "person.parquet")).drop("age", strict=False)
    belongs = (pl.col("housebound_class") >= 1) | (pl.col("care_home_class") >= 1)
    members = (
        matrix.select("person_id", *known)
        .filter((pl.col("age") >= ADULT) & belongs)
        .collect()
        .join(person.select("person_id", "practice_code", "sex_code", "sensitive_flag"), on="person_id")
    )
    people = (
        members.filter(~pl.col("sensitive_flag") & ~pl.col("person_id").is_in(opted_out.implode()))
        .join(practices, on="practice_code")
        .join(teams.practice_teams(practices), on="practice_code")
        .filter(pl.col("team").is_not_null())
        .with_columns(pl.col("age").cast(pl.Int64))
        .sort("team", "practice_code", "person_id")
    )
    withheld = pl.concat([members.filter("sensitive_flag")["person_id"], opted_out]).unique()
    return people, withheld


def _in_words(people: pl.DataFrame, evidence: pl.DataFrame, facts: pl.DataFrame, week: dt.date) -> pl.DataFrame:
    why = evidence.group_by("person_id", maintain_order=True).agg(
        evidence=pl.col("words").unique(maintain_order=True).head(2).str.join("; "), since=pl.col("since_date").min()
    )
    home = pl.col("care_home_class").replace_strict(wording.CARE_HOME_WORDS, default=None, return_dtype=pl.String)
    bound = pl.col("housebound_class").replace_strict(wording.HOUSEBOUND_WORDS, default=None, return_dtype=pl.String)
    until = (pl.lit(week) - pl.duration(days=pl.col("housebound_days_since")) + pl.duration(days=FOR_NOW_DAYS)).cast(
        pl.Date
    )
    sex = pl.col("sex_code").replace_strict(wording.SEX_WORDS, default=wording.SEX_UNKNOWN)
    refs = pl.Series("person", [person_ref(p) for p in people["person_id"].to_list()], dtype=pl.String)
    return (
        people.with_columns(refs)
        .join(why, on="person_id", how="left", maintain_order="left")
        .join(facts.select("person_id", "seen_by", "cause"), on="person_id", how="left", maintain_order="left")
        .with_columns(until=pl.when(pl.col("housebound_for_now") >= 1).then(until))
        .with_columns(
            who=pl.format("{}\n{} {}\n{}", "person", age_band(), sex, pl.coalesce("practice_name", "practice_code")),
            level=pl.concat_str([bound, home], separator="; ", ignore_nulls=True),
            lasting=pl.when(pl.col("until").is_not_null())
            .then(pl.format(wording.FOR_NOW, dated("until")))
            .otherwise(pl.lit(wording.NO_END)),
            evidence=pl.col("evidence").fill_null(wording.NOT_KNOWN),
            cause=pl.col("cause").fill_null(wording.NOT_KNOWN),
            review=pl.when(pl.col("housebound_review_due") >= 1).then(pl.lit(wording.REVIEW_DUE)).otherwise(pl.lit("")),
        )
    )


def _with_answers(told: pl.DataFrame, answers: pl.DataFrame) -> pl.DataFrame:
    """What a team last said about a person stands before the evidence."""
    said = (
        answers.filter(pl.col("register_answer").is_not_null())
        .unique("person_id", keep="last", maintain_order=True)
        .select("person_id", "register_answer", "answered_on")
    )
    words = pl.format(wording.TEAM_SAID, "register_answer", dated("answered_on"), "evidence")
    return told.join(said, on="person_id", how="left", maintain_order="left").with_columns(
        evidence=pl.when(pl.col("register_answer").is_not_null()).then(words).otherwise("evidence")
    )


def _profile(told: pl.DataFrame, week: dt.date) -> pl.DataFrame:
    """One row a person on a register: level, whether anybody has seen them, whether a review is due."""
    bound = pl.col("housebound_class").replace_strict(wording.HOUSEBOUND_WORDS, default=None, return_dtype=pl.String)
    seen = (
        pl.when(pl.col("seen_by").is_in([wording.SEEN_BY_NOBODY, wording.NOT_KNOWN]))
        .then("seen_by")
        .otherwise(pl.lit(wording.SEEN_BY_SOMEBODY))
    )
    due = pl.when(pl.col("review") == wording.REVIEW_DUE).then(pl.lit(wording.REVIEW_DUE)).otherwise(pl.lit("Not due"))
    columns = told.with_columns(
        week=pl.lit(week), register_level=pl.coalesce(bound, pl.lit(wording.HOME_ONLY)), seen=seen, review=due
    )
    return columns.select(PROFILE_SCHEMA.keys()).sort("person_id")


def _before(earlier: Path | None, week: dt.date) -> pl.DataFrame:
    """The people of the newest register at least a month old, or of the oldest there is."""
    schema = {"person_id": pl.Int64, "team": pl.String}
    found = sorted(earlier.glob(f"week=*/{ROWS}")) if earlier else []
    weeks = [(dt.date.fromisoformat(p.parent.name.removeprefix("week=")), p) for p in found]
    older = [(w, p) for w, p in weeks if w < week]
    if not older:
        return pl.DataFrame(schema=schema)
    month_old = [p for w, p in older if w <= week - dt.timedelta(weeks=MONTH_WEEKS)]
    rows = pl.read_parquet(month_old[-1] if month_old else older[0][1])
    return rows.filter(pl.col("sheet") == "register").select(schema.keys())


def _gone(
    before: pl.DataFrame, now: pl.DataFrame, withheld: pl.Series, dead: pl.Series, said_dead: pl.Series
) -> pl.DataFrame:
    """Who was on the register a month ago and is on it no more; people who may be mentioned nowhere are not."""
    told = pl.col("person_id").is_in(said_dead.implode())
    died = pl.col("person_id").is_in(dead.implode())
    left = before.filter(
        ~pl.col("person_id").is_in(now["person_id"].implode()) & ~pl.col("person_id").is_in(withheld.implode())
    )
    return left.with_columns(
        pl.Series("who", [person_ref(p) for p in left["person_id"].to_list()], dtype=pl.String),
        left=pl.when(died)
        .then(pl.lit(wording.STATUS_WORDS["dead"]))
        .when(told)
        .then(pl.lit(wording.STATUS_WORDS[DIED_TOLD]))
        .otherwise(pl.lit(wording.REGISTER_LEFT)),
    )


def _sheet(
    team: dict[str, object],
    told: pl.DataFrame,
    joined: pl.DataFrame,
    gone: pl.DataFrame,
    *,
    week: dt.date,
    ids: Callable[[str], str],
) -> TeamSheet:
    own = pl.col("team") == team["team"]
    soon = pl.col("until") <= week + dt.timedelta(days=EXPIRES_WITHIN_DAYS)
    everyone = told.filter(own)
    sections = (
        _section("joined", wording.SECTION_JOINED, COLUMNS, joined.filter(own), ids),
        _section("expiring", wording.SECTION_EXPIRING, COLUMNS, everyone.filter(soon.fill_null(value=False)), ids),
        _section("left", wording.SECTION_LEFT, LEFT, gone.filter(own), ids),
        _section("register", wording.SECTION_REGISTER, COLUMNS, everyone, ids),
    )
    nobody = len(everyone.filter(pl.col("seen_by") == wording.SEEN_BY_NOBODY))
    due = len(everyone.filter(pl.col("review") == wording.REVIEW_DUE))
    room = wording.REGISTER_COUNTS.format(people=f"{len(everyone):,}", nobody=f"{nobody:,}", due=f"{due:,}")
    return TeamSheet(
        team=str(team["team"]),
        title=f"{wording.REGISTER_TITLE}: {team['team_name']}",
        week=week,
        notices=(wording.DEMONSTRATION,),
        room=(room,),
        about=(wording.REGISTER_ABOUT, wording.PSEUDONYMS, *codelists_in_words()),
        sections=sections,
        outcomes=wording.REGISTER_RIGHT,
        team_name=str(team["team_name"]),
    )


def _section(
    key: str, words: tuple[str, str, str], columns: tuple[Column, ...], people: pl.DataFrame, ids: Callable[[str], str]
) -> Section:
    title, intro, empty = words
    persons = people["person_id"].to_list()
    labels = [label(n, ids(f"register {person_ref(p)}")) for n, p in enumerate(persons, start=1)]
    table = people.with_columns(pl.Series("row", labels, dtype=pl.String), right=pl.lit(None, pl.String))
    rows: tuple[tuple[Cell, ...], ...] = tuple(table.select(c.key for c in columns).iter_rows())
    return Section(title, intro, empty, columns, rows, key, tuple(persons))
