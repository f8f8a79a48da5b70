"""Answers "why is she on the list, or not?" for the command line and Dagster."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import features
import sql
from data_contracts.identity import parse_person_ref, person_ref
from outreach import load_list
from outreach.ledger import ledgers
from outreach.why import explain
from pipelines.errors import MistakeError, ProblemError
from pipelines.stages import feature_folder, list_folder, record_opened
from pipelines.store import Store
from pipelines.weeks import parse_week


@dataclass(frozen=True)
class Answer:
    """Why one person is on one week's list or not, in sentences."""

    reference: str
    week: dt.date
    sentences: tuple[str, ...]


def why(store: Store, reference: str, week: str | None = None) -> Answer:
    """The answer for one person; default the newest list.

    Raises:
        MistakeError: the reference or the week is malformed, or no list was made.
        ProblemError: the week's features are gone.
    """
    try:
        person_id = parse_person_ref(reference)
    except ValueError as error:
        raise MistakeError(str(error)) from None
    made = [when for when, _ in ledgers(list_folder(store))]
    monday = parse_week(week) if week else max(made, default=None)
    if monday is None or monday not in made:
        raise MistakeError(f"No list was made for {monday or 'any week'} in {store.home}.")
    with record_opened(store) as con:
        died = con.execute(
            f"select count(*) from ({sql.load('outreach/known_dead')}\n) where person_id = $person",
            {"index": monday, "person": person_id},
        ).fetchall()
    try:
        said = explain(
            person_id,
            monday,
            lists=list_folder(store),
            features=feature_folder(store),
            declaration=load_list(),
            dead=bool(died[0][0]),
        )
    except features.FeatureError as error:
        raise ProblemError(str(error)) from error
    return Answer(person_ref(person_id), monday, tuple(said))
