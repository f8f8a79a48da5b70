"""Trains, tests and keeps the models of every outcome, and lets the gate decide which may be shown."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl

import sql
from data_contracts.contract import REFERENCE
from features import FeatureSet, load_features
from models import boosting, calibration, censoring, evaluation, gate, logistic, registry
from models.candidate import BOOSTED, Candidate
from models.card import write_card
from models.errors import ModelError
from models.outcome import Outcome, follow_up, load_outcomes
from models.panel import PanelWeeks, Part, fold_of, panel_weeks, read_part

PURPOSE = "model_training"
FEWEST_EVENTS = 50
COMPARED = ("auroc", "auprc", "brier")


@dataclass(frozen=True)
class OutcomeReport:
    """What training found for one outcome.

    Attributes:
        kept: candidate name → model id, for every candidate.
        published: id of the model promoted now; None when the champion stays or nothing may be shown.
        status: as what it was promoted.
        metrics: candidate → metric → estimate, low, high.
    """

    outcome: str
    kept: dict[str, str]
    published: str | None
    status: str
    reasons: tuple[str, ...]
    rows: int
    events: int
    test_rows: int
    test_events: int
    metrics: dict[str, dict[str, dict[str, float]]]


@dataclass(frozen=True)
class ModelReport:
    """What training found, outcome by outcome, the primary one first; and which weeks it used."""

    weeks: PanelWeeks
    outcomes: tuple[OutcomeReport, ...]


@dataclass(frozen=True)
class _Fates:
    """Fate of each row of a part, with its censoring weight."""

    event: np.ndarray
    weight: np.ndarray
    competing: int
    censored: int


def train(
    con: duckdb.DuckDBPyConnection,
    *,
    data_date: dt.date,
    feature_folder: Path,
    model_folder: Path,
    week: dt.date,
    threads: int,
    declared: FeatureSet | None = None,
) -> ModelReport:
    """Trains and tests every outcome, keeps every candidate, and promotes what the gate lets through, from ``week`` on.

    Args:
        con: connection with the record tables.
        data_date: outcomes are read as known on that day; only index weeks whose window and lag are over are used.
        feature_folder: folder of weeks with the matrices of ``training_weeks`` (cohort only, or everyone).
        model_folder: folder of kept models and of ``registry.json``.
        week: index week from which a promotion counts.
        threads: for speed only; the kept model is the same for any number.
        declared: the feature declarations; default those shipped.

    Raises:
        ModelError: the history is too short, a week's matrix is missing, there are too few events, or nobody is left.
    """
    declared = declared or load_features()
    outcomes = load_outcomes()
    weeks = training_weeks(con, data_date=data_date)
    leave_out = opted_out(con, data_date)
    learn = read_part(feature_folder, weeks.train, declared, test=False, leave_out=leave_out)
    check = read_part(feature_folder, weeks.test, declared, test=True, leave_out=leave_out)
    panel = _Panel(weeks, learn, check, declared, data_date, threads)
    reports = [_train_outcome(con, outcome, panel, model_folder, week) for outcome in outcomes.values()]
    return ModelReport(weeks, tuple(reports))


def training_weeks(con: duckdb.DuckDBPyConnection, *, data_date: dt.date) -> PanelWeeks:
    """The index weeks of which training needs the matrices: those of the primary outcome."""
    return panel_weeks(con, data_date=data_date, outcome=next(iter(load_outcomes().values())))


def opted_out(con: duckdb.DuckDBPyConnection, day: dt.date) -> pl.Series:
    """Ids of people whom the opt-out policy takes out of model training, as known on that day."""
    policy = pl.read_csv(REFERENCE / "opt_out_policy.csv", infer_schema=False)
    con.register("opt_out_policy", policy.with_columns(pl.col("effective_from").str.to_date()).to_arrow())
    try:
        return con.sql(sql.load("purpose/opted_out"), params={"index": day, "purpose": PURPOSE}).pl()["person_id"]
    finally:
        con.unregister("opt_out_policy")


@dataclass(frozen=True)
class _Panel:
    weeks: PanelWeeks
    learn: Part
    check: Part
    declared: FeatureSet
    data_date: dt.date
    threads: int


def _train_outcome(
    con: duckdb.DuckDBPyConnection, outcome: Outcome, panel: _Panel, model_folder: Path, week: dt.date
) -> OutcomeReport:
    learned = _fates(con, outcome, panel.learn, panel.data_date)
    checked = _fates(con, outcome, panel.check, panel.data_date)
    _enough(outcome, learned)
    candidates = _fit(panel, learned)
    found = _evaluate(candidates, panel, checked)
    comparators = list(logistic.COMPARATORS)
    better = evaluation.compare(found.replicates[BOOSTED], found.replicates[comparators[0]], COMPARED)
    decision = gate.decide(
        found.metrics,
        better["auroc"],
        boosted=BOOSTED,
        comparators=comparators,
        has_champion=registry.champion(model_folder, outcome.name) is not None,
        events=int(checked.event.sum()),
    )
    kept = _keep(candidates, found, _about(outcome, panel, (learned, checked)), model_folder)
    for name in {BOOSTED, decision.promoted or BOOSTED}:
        status = decision.status if name == decision.promoted else "not promoted"
        write_card(model_folder, kept[name], status=status, reasons=decision.reasons)
    published = kept[decision.promoted] if decision.promoted else None
    if published:
        promotion = registry.Promotion(outcome.name, f"{week:%Y-%m-%d}", published, decision.status, decision.reasons)
        registry.promote(model_folder, promotion)
    return OutcomeReport(
        outcome=outcome.name,
        kept=kept,
        published=published,
        status=decision.status,
        reasons=decision.reasons,
        rows=len(learned.event),
        events=int(learned.event.sum()),
        test_rows=len(checked.event),
        test_events=int(checked.event.sum()),
        metrics=found.metrics,
    )


def _fates(con: duckdb.DuckDBPyConnection, outcome: Outcome, part: Part, data_date: dt.date) -> _Fates:
    found = follow_up(con, outcome, part.keys, data_date=data_date)
    censored, event = found["censored"].to_numpy(), found["event"].to_numpy()
    weight = censoring.weights(found["time_days"].to_numpy(), censored)
    return _Fates(event, weight, int(found["competing"].sum()), int(censored.sum()))


def _enough(outcome: Outcome, learned: _Fates) -> None:
    events, others = int(learned.event.sum()), int((~learned.event & (learned.weight > 0)).sum())
    if min(events, others) < FEWEST_EVENTS:
        raise ModelError(
            f"{outcome.name}: {events} events and {others} without among {len(learned.event)} person-weeks; "
            f"a model needs at least {FEWEST_EVENTS} of each"
        )


def _fit(panel: _Panel, learned: _Fates) -> list[Candidate]:
    """The comparators, simplest first, and the boosted model."""
    names, values = panel.declared.model_names, panel.learn.values
    candidates = []
    for name, terms in logistic.COMPARATORS.items():
        fitted = logistic.fit(terms, names, values, learned.event, learned.weight)
        candidates.append(Candidate(name, tuple(fitted.features), logistic=fitted))
    fold = fold_of(panel.learn.keys["person_id"].to_numpy())
    text, unseen = boosting.train(names, values, learned.event, learned.weight, fold, threads=panel.threads)
    told = learned.weight > 0
    line = calibration.fit(unseen[told], learned.event[told], learned.weight[told])
    return [*candidates, Candidate(BOOSTED, tuple(names), text, line)]


@dataclass(frozen=True)
class _Found:
    metrics: dict[str, dict[str, dict[str, float]]]
    replicates: dict[str, dict[str, np.ndarray]]
    curves: dict[str, list[dict[str, float]]]


def _evaluate(candidates: Sequence[Candidate], panel: _Panel, checked: _Fates) -> _Found:
    _, practice = np.unique(panel.check.keys["practice_code"].fill_null("").to_numpy(), return_inverse=True)
    rows = evaluation.TestRows(checked.event, checked.weight, practice)
    replicates, curves = {}, {}
    for candidate in candidates:
        predicted = candidate.predict(panel.declared.model_names, panel.check.values, threads=panel.threads)
        replicates[candidate.name] = evaluation.replicates(predicted, rows)
        curves[candidate.name] = evaluation.calibration_curve(predicted, rows)
    return _Found({name: evaluation.summary(r) for name, r in replicates.items()}, replicates, curves)


def _keep(candidates: Sequence[Candidate], found: _Found, about: dict[str, Any], model_folder: Path) -> dict[str, str]:
    """Every candidate in its folder, beside the metrics of the others; the ids by name."""
    kept = {}
    for candidate in candidates:
        others = [c.name for c in candidates if c.name != candidate.name]
        mine = found.replicates[candidate.name]
        metrics = {
            "metrics": found.metrics[candidate.name],
            "beside": {name: found.metrics[name] for name in others},
            "minus": {name: evaluation.compare(mine, found.replicates[name], COMPARED) for name in others},
            "calibration_curve": found.curves[candidate.name],
        }
        own = {"importance": boosting.importance(candidate.model_text)} if candidate.model_text else {}
        kept[candidate.name] = registry.keep(model_folder, candidate, about={**about, **own}, metrics=metrics)[0]
    return kept


def _about(outcome: Outcome, panel: _Panel, fates: tuple[_Fates, _Fates]) -> dict[str, Any]:
    parts = {}
    for name, part, fate in (("train", panel.learn, fates[0]), ("test", panel.check, fates[1])):
        parts[name] = {
            "weeks": [f"{w:%Y-%m-%d}" for w in (panel.weeks.train if name == "train" else panel.weeks.test)],
            "person_weeks": len(fate.event),
            "people": part.keys["person_id"].n_unique(),
            "practices": part.keys["practice_code"].n_unique(),
            "events": int(fate.event.sum()),
            "died_before_any_event": fate.competing,
            "left_before_fate_known": fate.censored,
        }
    return {
        "outcome": {
            "name": outcome.name,
            "title": outcome.title,
            "definition": outcome.definition,
            "window_days": outcome.window_days,
            "completeness_lag_days": outcome.completeness_lag_days,
            "completeness_reason": outcome.completeness_reason,
            "action": outcome.action,
        },
        "data_date": f"{panel.data_date:%Y-%m-%d}",
        "declarations": panel.declared.fingerprint,
        "codelists": list(panel.declared.used_codelists),
        "parameters": boosting.parameters(int((fates[0].weight > 0).sum())) | {"rounds": boosting.ROUNDS},
        **parts,
    }
