"""Who is considered for the list on a Monday, and what is known against listing anyone, all as known that Monday."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

import sql
from features.cohort import ADULT, people, week_file
from outreach.declaration import FeatureRule, ListDeclaration, ListError
from outreach.feedback import Feedback, added_by_teams, kept_off, read_feedback
from outreach.objectives import deprivation_fifth
from outreach.teams import TeamsFile

PURPOSE = "direct_care_list"
HOSPITALS_SEEN_DAYS = 28


@dataclass(frozen=True)
class Sight:
    """What can be seen on the index Monday.

    Attributes:
        hospital_to: the day up to which all hospitals' beds can be seen; None when they cannot.
        registration_to: the latest day on which a registration became known; None when none did.
        missing_features: features that the list reads and the week's matrix does not have.
        death_lag_days: mean days from a death to its being known, over the last year; None when none is known.
        deaths_a_day: deaths of the last year, for each person of the cohort and day.
    """

    hospital_to: dt.date | None
    registration_to: dt.date | None
    missing_features: tuple[str, ...]
    death_lag_days: float | None = None
    deaths_a_day: float | None = None


@dataclass(frozen=True)
class Considered:
    """Everyone considered.

    Attributes:
        people: one row a person: `person_id`, `team` (null: practice in no PCN), `practice_code`, `practice_name`,
            `pcn_name`, `age`, `sex_code`, `imd_fifth` (1 most deprived, null unknown), `score` (risk rounded to 1e-6,
            null unknown), `obstacle` (code of the first thing against listing, null none), `admission_date` (in
            hospital since), `told_until` (kept off by a team until then, null for good or not at all), `added` (by
            its own team), and the list's features (null unknown).
        teams: `teams.TEAM_SCHEMA`, the teams of the board's practices.
        feedback: what teams have written on earlier lists.
        unassigned: practices that belong to no team.
        added_elsewhere: whom a team added and may not be put on its list: `team`, `row_id`; nobody is named.
        withheld: people who may be mentioned nowhere: sensitive flag or opt-out.
        dead: people known to have died.
        sight: what could be seen.
    """

    people: pl.DataFrame
    withheld: pl.Series
    dead: pl.Series
    sight: Sight
    teams: pl.DataFrame
    feedback: Feedback
    unassigned: tuple[str, ...]
    added_elsewhere: pl.DataFrame


def consider(
    con: duckdb.DuckDBPyConnection,
    week: dt.date,
    declaration: ListDeclaration,
    *,
    scores: Path,
    features: Path,
    policy: Path,
    teams: TeamsFile,
    rows: pl.DataFrame,
) -> Considered:
    """Everyone in the cohort on `week`, or added by a team, and registered with a practice of the board.

    Each with the first obstacle.

    People with a sensitive flag are taken out altogether; people whom the policy takes out of direct-care lists stay
    as a row without a score, so that "why is she not on it?" has an answer.

    Raises:
        ListError: the scores cannot be read as such.
        FeatureError: the features of that week have not been computed.
    """
    con.register("opt_out_policy", read_policy(policy).to_arrow())
    fresh_since = week - dt.timedelta(days=declaration.hospital_snapshot_days)
    opted_out = _select(con, "purpose/opted_out", index=week, purpose=PURPOSE)["person_id"]
    admitted = _select(con, "outreach/in_hospital", index=week, oldest=fresh_since)
    signals, missing = _read_features(week_file(features, week, "matrix.parquet"), declaration)
    feedback = read_feedback(con, week, rows)
    added = added_by_teams(feedback.answers, week)
    members = _members(features, week, added)
    practices = _select(con, "outreach/practice", index=week)
    assigned = teams.practice_teams(practices)
    considered = (
        members.filter(~pl.col("sensitive_flag"))
        .select("person_id", "practice_code", "age", "sex_code", "registration_count", "lsoa_code")
        .join(practices, on="practice_code")
        .join(assigned, on="practice_code")
        .join(_deprivation(con, week), on="lsoa_code", how="left")
        .join(signals, on="person_id", how="left")
        .join(read_scores(scores, declaration.objective.outcome), on="person_id", how="left")
        .join(_hidden(scores), on="person_id", how="left")
        .join(admitted.select("person_id", "admission_date"), on="person_id", how="left")
        .join(kept_off(feedback.answers, week, declaration), on="person_id", how="left")
        .join(added, on="person_id", how="left")
        .with_columns(added=(pl.col("added_team") == pl.col("team")).fill_null(value=False))
        .with_columns(opted_out=pl.col("person_id").is_in(opted_out.implode()))
        .with_columns(obstacle=_first_obstacle(declaration))
        .with_columns(score=pl.when(~pl.col("opted_out")).then("score"))
        .sort("person_id")
    )
    return Considered(
        people=considered,
        withheld=pl.concat([members.filter("sensitive_flag")["person_id"], opted_out]).unique().sort(),
        dead=_select(con, "outreach/known_dead", index=week)["person_id"],
        sight=_sight(con, week, fresh_since, missing, cohort_size=len(members)),
        teams=_peopled(teams.table(practices), considered),
        feedback=feedback,
        unassigned=tuple(assigned.filter(pl.col("team").is_null())["practice_code"]),
        added_elsewhere=_added_elsewhere(added, considered),
    )


def _added_elsewhere(added: pl.DataFrame, considered: pl.DataFrame) -> pl.DataFrame:
    """Rows in which a team wrote the number of somebody who is not its own to list: another's, nobody's, a child."""
    own = considered.filter(pl.col("added") & ~pl.col("opted_out")).select("person_id")
    left = added.join(own, on="person_id", how="anti").select(team="added_team", row_id="added_row")
    return left.sort("team", "row_id")


def _members(features: Path, week: dt.date, added: pl.DataFrame) -> pl.DataFrame:
    """The cohort, and adults outside it whom a team added: they have no score, and take no part in judging a model."""
    everyone = people(features, week)
    asked_for = pl.col("person_id").is_in(added["person_id"].implode()) & (pl.col("age") >= ADULT)
    return everyone.filter(pl.col("cohort_flag") | asked_for.fill_null(value=False))


def _sight(
    con: duckdb.DuckDBPyConnection, week: dt.date, fresh_since: dt.date, missing: tuple[str, ...], *, cohort_size: int
) -> Sight:
    told = _select(con, "outreach/death_lag", index=week, since=week - dt.timedelta(days=365)).row(0, named=True)
    return Sight(
        hospital_to=_hospital_sight(con, week, fresh_since),
        registration_to=_registration_sight(con, week),
        missing_features=missing,
        death_lag_days=told["days"] / told["deaths"] if told["deaths"] else None,
        deaths_a_day=told["deaths"] / 365 / cohort_size if cohort_size else None,
    )


def _peopled(teams: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """Teams with anybody to consider."""
    return teams.filter(pl.col("team").is_in(people["team"].drop_nulls().unique().implode()))


def _deprivation(con: duckdb.DuckDBPyConnection, week: dt.date) -> pl.DataFrame:
    there = con.sql("select 1 from information_schema.tables where table_name = 'place'").fetchall()
    if not there:
        return pl.DataFrame(schema={"lsoa_code": pl.String, "imd_fifth": pl.Int64})
    places = _select(con, "outreach/deprivation", index=week)
    return places.select("lsoa_code", imd_fifth=deprivation_fifth("imd_decile"))


def read_policy(path: Path) -> pl.DataFrame:
    """The opt-out policy table: `purpose`, `opt_out_type`, `source`, `decision`, `effective_from`, `reference`."""
    return pl.read_csv(path, infer_schema=False).with_columns(pl.col("effective_from").str.to_date())


def read_scores(path: Path, outcome: str) -> pl.DataFrame:
    """`person_id` and `score` (calibrated risk, rounded to 1e-6) of one week's score file or folder.

    A file of several outcomes has a column `outcome`; the list's own is taken.

    Raises:
        ListError: a column is missing, a score is no probability, or a person is scored twice.
    """
    frame = _scan(path)
    columns = frame.collect_schema().names()
    if missing := {"person_id", "score"} - set(columns):
        raise ListError(f"The scores at {path.name} have no column {', '.join(sorted(missing))}.")
    if "outcome" in columns:
        frame = frame.filter(pl.col("outcome") == outcome)
    scored = frame.select("person_id", pl.col("score").cast(pl.Float64).round(6)).drop_nulls().collect()
    if len(scored.filter(~pl.col("score").is_between(0, 1))):
        raise ListError(
            f"The scores at {path.name} are not all between 0 and 1: a list is ranked by a calibrated risk."
        )
    if scored["person_id"].is_duplicated().any():
        raise ListError(f"The scores at {path.name} hold a person twice: one row a person is expected.")
    return scored


def _hidden(path: Path) -> pl.DataFrame:
    """`person_id` and `hidden_score`: the chance of being housebound without a code, where such a model was in use."""
    from models.hidden import load_hidden  # imported here: only lists need it, and it takes a while

    frame = _scan(path)
    if "outcome" not in frame.collect_schema().names():
        return pl.DataFrame(schema={"person_id": pl.Int64, "hidden_score": pl.Float64})
    own = frame.filter(pl.col("outcome") == load_hidden().name)
    return own.select("person_id", hidden_score="score").collect()


def _read_features(path: Path, declaration: ListDeclaration) -> tuple[pl.DataFrame, tuple[str, ...]]:
    frame = pl.scan_parquet(path)
    there = set(frame.collect_schema().names())
    wanted = declaration.features
    known = [
        pl.col(f).cast(pl.Float64).fill_nan(None) if f in there else pl.lit(None, pl.Float64).alias(f) for f in wanted
    ]
    return frame.select("person_id", *known).collect(), tuple(f for f in wanted if f not in there)


def _scan(path: Path) -> pl.LazyFrame:
    return pl.scan_parquet(path / "**/*.parquet" if path.is_dir() else path)


def _any_holds(rules: tuple[FeatureRule, ...]) -> pl.Expr:
    return pl.any_horizontal(
        [(pl.col(r.feature) >= r.at_least).fill_null(value=False) & (pl.col("age") >= r.age_from) for r in rules]
    )


def _first_obstacle(declaration: ListDeclaration) -> pl.Expr:
    """Code of the first obstacle that applies; may she, is she, should she be listed."""
    return (
        pl.when("opted_out")
        .then(pl.lit("opted_out"))
        .when(pl.col("team").is_null())
        .then(pl.lit("no_team"))
        .when(pl.col("told").is_not_null())
        .then("told")
        .when(pl.col("score").is_null() & ~pl.col("added"))
        .then(pl.lit("no_score"))
        .when(pl.col("admission_date").is_not_null())
        .then(pl.lit("in_hospital"))
        .when(_any_holds(declaration.signals["palliative"]))
        .then(pl.lit("palliative"))
        .when(_any_holds(declaration.signals["care_home"]))
        .then(pl.lit("care_home"))
        .when("added")
        .then(None)
        .when(_turned_away(declaration.eligible))
        .then(pl.lit("not_eligible"))
        .when(pl.col("score") < declaration.threshold)
        .then(pl.lit("below_threshold"))
    )


def _turned_away(rules: tuple[FeatureRule, ...]) -> pl.Expr:
    """No rule holds, and every one is known not to: what is unknown turns nobody away."""
    if not rules:
        return pl.lit(value=False)
    known_not = [(pl.col(r.feature) < r.at_least).fill_null(value=False) | (pl.col("age") < r.age_from) for r in rules]
    return pl.all_horizontal(known_not)


def _hospital_sight(con: duckdb.DuckDBPyConnection, week: dt.date, fresh_since: dt.date) -> dt.date | None:
    since = week - dt.timedelta(days=HOSPITALS_SEEN_DAYS)
    seen = _select(con, "outreach/snapshot_date", index=week, since=since)["snapshot_date"].to_list()
    return min(seen) if seen and min(seen) >= fresh_since else None


def _registration_sight(con: duckdb.DuckDBPyConnection, week: dt.date) -> dt.date | None:
    known: dt.date | None = _select(con, "outreach/known_to", index=week)["registration_date"].item()
    return known


def _select(con: duckdb.DuckDBPyConnection, statement: str, **parameters: Any) -> pl.DataFrame:
    return con.sql(sql.load(statement), params=parameters).pl()
