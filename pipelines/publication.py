"""Gathers what one publication holds from the state of a home."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import features
from data_contracts.contract import load_contracts
from data_contracts.identity import key_fingerprint
from outreach.ledger import ledgers
from pipelines.errors import ProblemError
from pipelines.marts import current_dashboard, current_marts, marts_data_date
from pipelines.population import PAGE as POPULATION
from pipelines.population import page_folder
from pipelines.publish import Contents, Table, publish
from pipelines.release.door import audit_log
from pipelines.stages import feature_folder, list_folder, open_key, open_views, score_folder
from pipelines.store import Store
from pipelines.training import models_in_use

LIST_WEEKS = 8
"""Weeks whose workbooks and pages are in a publication; their ledgers are all in the analyst file."""

MODEL_CARD = "model_card.html"
DASHBOARD = "dashboard.html"
POPULATION_PAGE = "population.html"
_KNOWN = {
    "person_id": "pseudonymous person; write person_ref(person_id) to read it, person_id_of('…') to ask for it",
    "known_from": "first day on which this could have been known",
    "known_until": "day from which it no longer held; missing while it holds",
    "week": "index Monday",
}


def contents_of(store: Store, week: dt.date) -> Contents:
    """Everything that is current in the home: the newest list week decides what a publication is called.

    Raises:
        ProblemError: there is no commissioning table to publish. Without a list the publication has none.
    """
    weeks = [when for when, _ in ledgers(list_folder(store))]
    date = marts_data_date(store)
    if date is None:
        raise ProblemError("There is nothing to publish yet: the commissioning tables are needed.")
    newest = max(weeks, default=week)
    used = models_in_use(store, newest).rows(named=True)
    pages = {f"lists/week={w}": list_folder(store) / f"week={w}" for w in weeks[-LIST_WEEKS:]}
    counted = sorted(page_folder(store).glob(f"week=*/{POPULATION}"))[-LIST_WEEKS:]
    population = {f"population/{p.parent.name}.html": p for p in counted}
    population |= {POPULATION_PAGE: counted[-1]} if counted else {}
    cards = {MODEL_CARD: store.models / str(used[0]["model_id"]) / "card.html"} if used else {}
    return Contents(
        week=newest,
        data_date=date,
        warehouse=current_marts(store),
        record=lambda con: open_views(store, con),
        meanings=_meanings(),
        analyst=_analyst_tables(store),
        files={**pages, **cards, **population, DASHBOARD: current_dashboard(store)},
        facts={
            "run_week": week.isoformat(),
            "model_id": used[0]["model_id"] if used else None,
            "models": used,
            "features": features.load_features().fingerprint[:12],
            "key_fingerprint": key_fingerprint(open_key(store)),
            "contracts": {c.id: c.version for c in load_contracts().values()},
            "approved": False,
            "audit": vars(audit_log(store).head()),
        },
    )


def publish_contents(store: Store, contents: Contents, *, run_id: str) -> dict[str, Any]:
    """Build and swap; returns the manifest."""
    return publish(store, contents, run_id=run_id)


def _analyst_tables(store: Store) -> tuple[Table, ...]:
    described = {f.name: f.description for f in features.load_features().features}
    tables = [
        Table(
            "feature",
            _files(feature_folder(store), "matrix.parquet"),
            "One row a registered person and week; a missing value is unknown, never zero.",
            {**_KNOWN, **described},
        ),
        Table(
            "feature_person", _files(feature_folder(store), "person.parquet"), "The same people: area, cohort.", _KNOWN
        ),
        Table(
            "feature_evidence",
            _files(feature_folder(store), "evidence.parquet"),
            "One row a person, week and dated fact for or against being housebound or living in a care home.",
            _KNOWN,
        ),
        Table(
            "score",
            _files(score_folder(store), "score.parquet"),
            "One row a person of the cohort, week and outcome: calibrated probability.",
            _KNOWN,
        ),
        Table(
            "weekly_list",
            _files(list_folder(store), "ledger.parquet"),
            "One row a person considered for a week's list: shown, or why not.",
            _KNOWN,
        ),
    ]
    return tuple(t for t in tables if t.files)


def _files(folder: Path, name: str) -> tuple[Path, ...]:
    return tuple(sorted(folder.glob(f"week=*/{name}")))


def _meanings() -> dict[str, str]:
    """What a column of the record means: as the contracts say; the first contract that says it decides."""
    said: dict[str, str] = {}
    for contract in load_contracts().values():
        for column in contract.stored:
            if column.description:
                said.setdefault(column.lake_name, column.description)
    return said | _KNOWN
