"""Builds the registers of a week: for the command line and Dagster."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from pathlib import Path

import polars as pl

import features
from features.evidence import care_home_evidence, housebound_evidence
from outreach import ListError, load_teams
from outreach.register import PROFILE, RegisterReport, build_register
from outreach.wording import AGAINST
from pipelines.errors import ProblemError
from pipelines.lock import writing
from pipelines.stages import feature_folder, list_folder, open_key, record_opened, register_folder
from pipelines.store import Store


def build_week_register(store: Store, week: dt.date) -> RegisterReport:
    """Every neighbourhood's register of one week.

    Raises:
        ProblemError: the week's features are not there, or the teams file does not fit.
    """
    folder = feature_folder(store)

    def evidence(people: list[int]) -> pl.DataFrame:
        told = [housebound_evidence(folder, week, people), care_home_evidence(folder, week, people)]
        said = pl.when("against").then(pl.format(AGAINST, "words")).otherwise("words")
        columns = ["person_id", "since_date", "event_date", said.alias("words")]
        return pl.concat([t.select(columns) for t in told]).sort(
            "person_id", "event_date", "words", descending=[False, True, False], nulls_last=True
        )

    with writing(store.home, "the register"), record_opened(store) as con:
        try:
            return build_register(
                con,
                week,
                features=folder,
                evidence=evidence,
                out=register_folder(store) / f"week={week}",
                earlier=register_folder(store),
                row_key=row_key(store),
                teams=load_teams(),
                lists=list_folder(store),
            )
        except (ListError, features.FeatureError) as error:
            raise ProblemError(str(error)) from error


def row_key(store: Store) -> bytes:
    """Secret bytes that order equal risks and make row ids, from the home's key."""
    return hmac.new(open_key(store), b"anticipate|tie", hashlib.sha256).digest()


def register_of_month(store: Store, week: dt.date) -> dt.date | None:
    """The Monday of the first register of the week's month; None when none was made in it so far."""
    made = [dt.date.fromisoformat(p.parent.name.removeprefix("week=")) for p in _profiles(store)]
    month = week.replace(day=1)
    return min((day for day in made if month <= day <= week), default=None)


def _profiles(store: Store) -> list[Path]:
    return sorted(register_folder(store).glob(f"week=*/{PROFILE}"))


def show_register(store: Store, asked: str | None) -> None:
    """Build and say what was built."""
    from pipelines.commands.release import list_week
    from pipelines.terminal import console

    week = list_week(store, asked)
    made = build_week_register(store, week)
    console.print(
        f"{made.people:,} people on {made.teams} registers, {made.joined:,} joined, {made.left:,} left; "
        f"{made.seen_by_nobody:,} seen by nobody, {made.review_due:,} due for a review."
    )
    console.print(f"In {register_folder(store) / f'week={week}'}, pseudonymous; `release --register` gives names.")
