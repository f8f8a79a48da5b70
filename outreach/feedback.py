"""What teams wrote on their lists: what it changes, what is wrong with it, and what came of a list.

A row is about the person of its id and nobody else. A number that came back beside it is compared, and a difference is
reported; no answer is no answer, and never "seen".
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import duckdb
import polars as pl

import sql
from data_contracts.identity import person_ref
from outreach.declaration import ListDeclaration, load_list
from outreach.links import follow, linked

ADD = "add"
ANSWERABLE = ("new", "standing", "still")
ADDED_DAYS = 7
"""Someone whom a team added stands on the first list made within this many days."""

DIED_TOLD = "died_told"
"""Status of a person of whom a team wrote that they had died."""

FAULT_SCHEMA = {
    "delivery_id": pl.Int64,
    "found_at": pl.String,
    "fault": pl.String,
    "row_id": pl.String,
    "team": pl.String,
    "week": pl.Date,
}
INCIDENT_SCHEMA = {
    "told_on": pl.Date,
    "kind": pl.String,
    "team": pl.String,
    "week": pl.Date,
    "row_id": pl.String,
    "person": pl.String,
}
UNKNOWN_ROW = "This row id was never given out."
OTHER_TEAM = "This row is from the list of another team; it was not taken."
OTHER_PERSON = "The NHS number is not that of the person whom the row is about; the answer was not taken."
ADDED_UNKNOWN = "Someone was added without a number that can be read."


@dataclass(frozen=True)
class Feedback:
    """The answers known on a Monday.

    Attributes:
        answers: one row a row id that holds: `row_id`, `week`, `team`, `sheet`, `person_id`, `outcome`, `came_of_it`,
            `reasons_fit`, `register_answer`, `not_until`, `answered_on` (null values: nothing was written).
        faults: what could not be taken, by the place where it stands: `FAULT_SCHEMA`.
    """

    answers: pl.DataFrame
    faults: pl.DataFrame


def read_feedback(con: duckdb.DuckDBPyConnection, index: dt.date, rows: pl.DataFrame) -> Feedback:
    """The answers known on a Monday.

    Args:
        con: a connection with the record's tables; without `outreach_feedback` there are no answers.
        index: the Monday.
        rows: `stored.read_rows`: which row id is about whom.
    """
    there = con.sql("select 1 from information_schema.tables where table_name = 'outreach_feedback'").fetchall()
    links = linked(con, index)
    given = follow(rows.unique("row_id", keep="first", maintain_order=True), links)
    if not there:
        return Feedback(_taken(given.clear().with_columns(**_NOTHING)), pl.DataFrame(schema=FAULT_SCHEMA))
    told = follow(con.sql(sql.load("outreach/answer"), params={"index": index}).pl(), links, "returned_person")
    joined = told.join(given, on="row_id", how="left").with_columns(
        person_id=pl.when(pl.col("sheet") == ADD).then("returned_person").otherwise("person_id"),
        outcome=pl.when(pl.col("outcome").is_in(load_list().outcomes)).then("outcome"),  # another is no answer
        home_team=pl.col("team").drop_nulls().mode().sort().first().over("delivery_id"),
    )
    said_something = pl.any_horizontal(pl.col("outcome", "came_of_it", "reasons_fit", "not_until").is_not_null())
    fault = (
        pl.when(pl.col("team").is_null())
        .then(pl.lit(UNKNOWN_ROW))
        .when(pl.col("team") != pl.col("home_team"))
        .then(pl.lit(OTHER_TEAM))
        .when((pl.col("returned_person") != pl.col("person_id")).fill_null(value=False))
        .then(pl.lit(OTHER_PERSON))
        .when((pl.col("sheet") == ADD) & said_something & pl.col("person_id").is_null())
        .then(pl.lit(ADDED_UNKNOWN))
    )
    judged = joined.with_columns(fault=fault)
    return Feedback(
        _taken(judged.filter(pl.col("fault").is_null())),
        judged.filter(pl.col("fault").is_not_null())
        .select(FAULT_SCHEMA.keys())
        .sort("delivery_id", "found_at", "row_id"),
    )


_NOTHING = {
    **{c: pl.lit(None, pl.String) for c in ("outcome", "came_of_it", "reasons_fit", "register_answer")},
    **{c: pl.lit(None, pl.Date) for c in ("not_until", "answered_on")},
}


def _taken(judged: pl.DataFrame) -> pl.DataFrame:
    columns = ["row_id", "week", "team", "sheet", "person_id", *_NOTHING]
    return judged.select(columns).sort("answered_on", "row_id")


def kept_off(answers: pl.DataFrame, index: dt.date, declaration: ListDeclaration) -> pl.DataFrame:
    """Who is kept off a list by what a team wrote, and until when.

    Args:
        answers: `Feedback.answers`.
        index: the list's Monday.
        declaration: which outcome keeps whom off, and for how many weeks (none: for good).

    Returns:
        One row a person: `person_id`, `told` (status code), `told_until` (null: for good), `told_on`.
    """
    weeks = {o: e.weeks for o, e in declaration.feedback.items()}
    status = {o: e.status for o, e in declaration.feedback.items()}
    far = dt.date(9999, 12, 31)
    by_rule = pl.col("answered_on") + pl.duration(weeks=1) * pl.col("outcome").replace_strict(
        {o: w for o, w in weeks.items() if w}, default=None, return_dtype=pl.Int64
    )
    for_good = pl.col("outcome").is_in([o for o, w in weeks.items() if w is None])
    until = pl.when(for_good).then(pl.lit(far)).otherwise(pl.max_horizontal("not_until", by_rule.cast(pl.Date)))
    told = pl.coalesce(
        pl.col("outcome").replace_strict(status, default=None, return_dtype=pl.String), pl.lit("not_until")
    )
    return (
        answers.filter(pl.col("person_id").is_not_null())
        .with_columns(told=told, told_until=until)
        .filter(pl.col("told_until") > index)
        .sort("told_until", "answered_on", "row_id", descending=[True, True, False])
        .unique("person_id", keep="first", maintain_order=True)
        .select(
            "person_id",
            "told",
            told_until=pl.when(pl.col("told_until") < far).then("told_until"),
            told_on="answered_on",
        )
        .sort("person_id")
    )


def told_dead(answers: pl.DataFrame) -> pl.Series:
    """People of whom a team wrote that they had died: off every list and register until it is looked into."""
    outcomes = [o for o, effect in load_list().feedback.items() if effect.status == DIED_TOLD]
    return answers.filter(pl.col("outcome").is_in(outcomes))["person_id"].drop_nulls().unique().sort()


def added_by_teams(answers: pl.DataFrame, index: dt.date) -> pl.DataFrame:
    """Whom a team added since the last list: `person_id`, `added_team`, `added_row` (the row it was written in)."""
    since = index - dt.timedelta(days=ADDED_DAYS)
    added = answers.filter(
        (pl.col("sheet") == ADD) & pl.col("person_id").is_not_null() & (pl.col("answered_on") > since)
    )
    return added.unique("person_id", keep="last", maintain_order=True).select(
        "person_id", added_team="team", added_row="row_id"
    )


def incidents(feedback: Feedback, dead: pl.Series) -> pl.DataFrame:
    """The safety incident list: a death that the record does not know, a wrong person, a number that was changed.

    Args:
        feedback: the answers.
        dead: people whose death is known.
    """
    answers = feedback.answers
    unknown_death = (pl.col("outcome") == "Had died") & ~pl.col("person_id").is_in(dead.implode())
    told = answers.with_columns(
        kind=pl.when(unknown_death)
        .then(pl.lit("Had died: no death is recorded"))
        .when(pl.col("outcome") == "Wrong person")
        .then(pl.lit("Wrong person"))
    ).filter(pl.col("kind").is_not_null())
    refs = [person_ref(p) if p is not None else None for p in told["person_id"].to_list()]
    listed = told.with_columns(pl.Series("person", refs, dtype=pl.String), told_on="answered_on")
    changed = feedback.faults.filter(pl.col("fault") == OTHER_PERSON).with_columns(
        told_on=pl.lit(None, pl.Date), kind=pl.lit("Another NHS number came back"), person=pl.lit(None, pl.String)
    )
    columns = list(INCIDENT_SCHEMA)
    return pl.concat([listed.select(columns), changed.select(columns)]).sort("week", "team", "row_id", "kind")


def results(rows: pl.DataFrame, answers: pl.DataFrame) -> pl.DataFrame:
    """What came of each list: one row a week and team.

    Returns:
        `week`, `team`, `listed` (people who could be answered for), `answered`, `unanswered_share`, `contacts` (seen,
        booked or referred on), `needs_found`, `plans` (made or changed), `reasons_asked`, `reasons_fit_share` (null:
        nobody said), `added`.
    """
    able = rows.filter(pl.col("sheet").is_in(ANSWERABLE)).select("row_id", "week", "team")
    told = answers.select("row_id", "outcome", "came_of_it", "reasons_fit")
    contact = pl.col("outcome").is_in(["Seen", "Booked", "Referred on"])
    asked = pl.col("reasons_fit").is_not_null()
    found = (
        able.join(told, on="row_id", how="left")
        .group_by("week", "team")
        .agg(
            listed=pl.len(),
            answered=pl.col("outcome").is_not_null().sum(),
            contacts=contact.sum(),
            needs_found=(pl.col("came_of_it") == "A need was found").sum(),
            plans=pl.col("came_of_it").is_in(["A plan was made", "A plan was changed"]).sum(),
            reasons_asked=asked.sum(),
            fits=(pl.col("reasons_fit") == "Yes").sum(),
        )
    )
    added = answers.filter((pl.col("sheet") == ADD) & pl.col("person_id").is_not_null())
    return (
        found.join(added.group_by("week", "team").len("added"), on=["week", "team"], how="left")
        .with_columns(
            pl.col("added").fill_null(0),
            unanswered_share=(1 - pl.col("answered") / pl.col("listed")).round(3),
            reasons_fit_share=pl.when(pl.col("reasons_asked") > 0).then(
                (pl.col("fits") / pl.col("reasons_asked")).round(3)
            ),
        )
        .drop("fits")
        .sort("week", "team")
    )
