"""When a model is trained, from which weeks, and which model is in use in a week."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

import features
from data_contracts.ledger import read_entries, write_text_safely
from pipelines.account import account
from pipelines.errors import ProblemError
from pipelines.settings import read_settings
from pipelines.stages import feature_set_folder, record_at_scale, score_folder, sources_allowed
from pipelines.store import Store

if TYPE_CHECKING:
    from models import ModelReport


@dataclass(frozen=True)
class Training:
    """What one call did: whether it trained, why or why not, and what it counted."""

    trained: bool
    why: str
    numbers: Mapping[str, Any] = field(default_factory=dict)


NO_MODEL = (
    "No model may be shown, so nobody is scored and no list is made; the commissioning tables and pages are published "
    "all the same."
)


def train_when_due(
    store: Store, week: dt.date, *, retrain: bool = False, outcomes: Sequence[str] = (), thorough: bool = False
) -> Training:
    """Train as at ``week`` when there is no model, when the month has had no training, or when asked to.

    Where no model can be trained, that is said and nothing stops: there is no list then, but everything else.

    Args:
        store: the home.
        week: promotions count from this Monday on.
        retrain: train even when none is due.
        outcomes: which; default the routine ones and those that have a model already.
        thorough: also hold out practices and leave out sources.

    Raises:
        ProblemError: a training that was asked for cannot be made; the message says why.
    """
    from models import ModelError, load_outcomes, promotions

    trained = sorted(dt.date.fromisoformat(w) for w in _trainings(store))
    none_yet = not any(p.outcome == next(iter(load_outcomes())) for p in promotions(store.models))
    due = not trained or (week > trained[-1] and (week.year, week.month) != (trained[-1].year, trained[-1].month))
    if not (none_yet or due or retrain):
        return Training(
            trained=False, why=f"trained for the week of {trained[-1]}; the next training is due next month"
        )
    try:
        report = _train(store, week, outcomes=outcomes, thorough=thorough)
    except (ModelError, features.FeatureError) as error:
        if retrain:
            raise ProblemError(str(error)) from error
        return Training(trained=False, why=f"a training was due and could not be made: {error}")
    if not outcomes:
        _remember(store, week)
    why = "asked for" if retrain else "there was no model" if none_yet else "the first run of a month"
    first = report.outcomes[0]
    numbers = {
        "person-weeks to learn from": first.rows,
        "events to learn from": first.events,
        "person-weeks to test on": first.test_rows,
        "events to test on": first.test_events,
        "outcomes trained": ", ".join(o.outcome for o in report.outcomes),
        **{f"not trained: {name}": said for name, said in report.left.items()},
        **({"unknown for everyone, so not learnt from": ", ".join(report.unknown)} if report.unknown else {}),
    }
    return Training(trained=True, why=why, numbers=numbers)


def _train(store: Store, week: dt.date, *, outcomes: Sequence[str], thorough: bool) -> ModelReport:
    from models import train, training_weeks

    date = data_date(store, week)
    folder = store.lake / "training" / feature_set_folder()
    with record_at_scale(store) as con:
        weeks = training_weeks(con, data_date=date).all
        missing = [w for w in weeks if not (folder / f"week={w}" / "matrix.parquet").exists()]
        if missing:
            allowed = sources_allowed("model_training", week)
            features.build_matrix(con, missing, out=folder, sources_allowed=allowed, cohort_only=True)
        threads = int(os.environ.get("ANTICIPATE_THREADS") or os.cpu_count() or 1)
        return train(
            con,
            data_date=date,
            feature_folder=folder,
            model_folder=store.models,
            week=counts_from(store, week),
            threads=threads,
            outcomes=outcomes,
            thorough=thorough,
            account=account(),
            most_rows=read_settings(store).training.rows,
        )


def counts_from(store: Store, week: dt.date) -> dt.date:
    """The Monday from which a promotion made for ``week`` counts: a week that has scores keeps the model it had."""
    from models import promotions

    scored = [dt.date.fromisoformat(p.parent.name[5:]) for p in score_folder(store).glob("week=*/score.parquet")]
    later = [w + dt.timedelta(days=7) for w in scored if w >= week]
    return max([week, *later, *(dt.date.fromisoformat(p.week) for p in promotions(store.models) if later)])


def data_date(store: Store, week: dt.date) -> dt.date:
    """The newest received date of an accepted file, not after the Monday: what that week could know.

    Raises:
        ProblemError: nothing had been received by then.
    """
    received = [dt.date.fromisoformat(e.received) for e in read_entries(store.lake) if e.fate == "accepted"]
    by_then = [day for day in received if day <= week]
    if not by_then:
        raise ProblemError(f"Nothing had been received by {week}.")
    return max(by_then)


def models_in_use(store: Store, week: dt.date) -> pl.DataFrame:
    """One row an outcome with a model, the primary one first: model, status, since when, why.

    No row at all when no model was ever promoted for the primary outcome: then no list is made.
    """
    from models import load_outcomes, promoted_for

    rows: list[tuple[str, ...]] = []
    for outcome in load_outcomes():
        chosen = promoted_for(store.models, outcome, week)
        if chosen:
            promotion, retrospective = chosen
            status = promotion.status + (", retrospective" if retrospective else "")
            rows.append((outcome, promotion.model_id, status, promotion.week, "; ".join(promotion.reasons)))
        elif not rows:
            break
    columns = ("outcome", "model_id", "status", "since", "reasons")
    return pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")


def measured(store: Store, week: dt.date) -> pl.DataFrame:
    """One row an outcome, model and metric on the test weeks: estimate and 95 % interval."""
    from models import load

    rows = []
    for used in models_in_use(store, week).rows(named=True):
        kept = load(store.models, used["model_id"])
        for name, metrics in {"in use": kept.metrics["metrics"], **kept.metrics["beside"]}.items():
            for metric, found in metrics.items():
                rows.append((used["outcome"], name, metric, *(round(float(v), 4) for v in found.values())))
    texts, numbers = ("outcome", "model", "metric"), ("estimate", "low", "high")
    schema = dict.fromkeys(texts, pl.String) | dict.fromkeys(numbers, pl.Float64)
    return pl.DataFrame(rows, schema=schema, orient="row")


def _trainings(store: Store) -> dict[str, Any]:
    path = store.models / "training.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def _remember(store: Store, week: dt.date) -> None:
    known = _trainings(store) | {week.isoformat(): {"features": feature_set_folder()}}
    write_text_safely(store.models / "training.json", json.dumps(known, indent=1, sort_keys=True) + "\n")
