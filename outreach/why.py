"""Why somebody is on a list or not: for any person, in sentences, from what was known when the list was made."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl

from features.cohort import ADULT, OLDER, people
from outreach import wording
from outreach.declaration import ListDeclaration
from outreach.ledger import LEDGER


def explain(
    person_id: int, week: dt.date, *, lists: Path, features: Path, declaration: ListDeclaration, dead: bool
) -> list[str]:
    """Sentences about one person and one week's list.

    Args:
        person_id: whom it is about.
        week: the list's Monday.
        lists: the folder of weeks with their ledgers.
        features: the folder of weeks that `features.build_matrix` wrote.
        declaration: the list.
        dead: a death was known that Monday.

    Raises:
        FileNotFoundError: no list was made for that week.
        FeatureError: the week's features are not there.
    """
    ledger = pl.read_parquet(lists / f"week={week}" / LEDGER)
    own = ledger.filter(pl.col("person_id") == person_id)
    if own.is_empty():
        return _not_considered(person_id, week, features, dead=dead)
    row = own.row(0, named=True)
    declaration = declaration.for_outcomes([row["outcome"]])
    team = ledger.filter(pl.col("team") == row["team"]) if row["team"] else own
    said = [wording.STATUS_WORDS.get(row["status"], row["status"])]
    said += _place(row, team) if row["rank"] is not None else []
    if row["score"] is not None:
        horizon, outcome = declaration.objective.horizon, declaration.objective.words
        said.append(wording.WHY_RISK.format(count=f"{row['score'] * 100:.1f}", outcome=outcome, horizon=horizon))
    if row["status"] == "below_threshold":
        said.append(wording.WHY_THRESHOLD.format(count=round(declaration.threshold * 100)))
    if row.get("told_until"):
        said.append(wording.WHY_UNTIL.format(date=wording.uk_date(row["told_until"])))
    if row["last_listed"]:
        said.append(wording.WHY_LISTED.format(date=wording.uk_date(row["last_listed"])))
    if row["team"]:
        said.append(wording.WHY_TEAM.format(team=row["team"], practice=row["practice_code"]))
    return said


def _place(row: dict[str, Any], team: pl.DataFrame) -> list[str]:
    ranked = team.filter(pl.col("rank").is_not_null())
    said = [wording.WHY_PLACE.format(rank=row["rank"], ranked=len(ranked), capacity=row["capacity"])]
    if row["shown"]:
        return said
    before = len(ranked.filter((pl.col("rank") <= row["rank"]) & ~pl.col("shown")))
    return [*said, wording.WHY_ROOM_ONE if before == 1 else wording.WHY_ROOM.format(count=before)]


def _not_considered(person_id: int, week: dt.date, features: Path, *, dead: bool) -> list[str]:
    if dead:
        return [wording.STATUS_WORDS["dead"]]
    found = people(features, week).filter(pl.col("person_id") == person_id)
    if found.is_empty():
        return [wording.WHY_UNKNOWN]
    row = found.row(0, named=True)
    age = row["age"]
    holds = {
        wording.WHY_WITHHELD: row["sensitive_flag"],
        wording.WHY_NO_AGE: age is None,
        wording.WHY_CHILD: age is not None and age < ADULT,
        wording.WHY_YOUNG: age is not None and age < OLDER,
        wording.STATUS_WORDS["no_score"]: True,
    }
    return [next(words for words, true in holds.items() if true)]
