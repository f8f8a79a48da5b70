"""Trains, tests and keeps the models of every outcome, and lets the gate decide which may be shown."""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl

import sql
from data_contracts.contract import REFERENCE
from features import FeatureSet, load_features
from models import boosting, evaluation, gate, registry
from models.candidate import Candidate
from models.card import write_card
from models.drift import SCORE, score_bins, training_bins
from models.errors import ModelError
from models.fitting import Fates, Material, enough, fates, fit_all
from models.ladder import BOOSTED
from models.outcome import Outcome, load_outcomes
from models.panel import PanelWeeks, panel_weeks, read_part
from models.testing import Tested, test_candidates

PURPOSE = "model_training"


@dataclass(frozen=True)
class OutcomeReport:
    """What training found for one outcome.

    Attributes:
        kept: candidate name → model id, for every candidate.
        published: id of the model promoted now; None when the champion stays or nothing may be shown.
        status: as what it was promoted.
        metrics: candidate → metric → estimate, low, high.
        tests: candidate → what the gate asked and heard.
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
    tests: dict[str, list[gate.Test]]


@dataclass(frozen=True)
class ModelReport:
    """What training found, outcome by outcome, the primary one first; which weeks it used; what could not be trained.

    ``left`` has a sentence for each outcome other than the primary one that could not be trained.
    """

    weeks: PanelWeeks
    outcomes: tuple[OutcomeReport, ...]
    left: dict[str, str]


def train(
    con: duckdb.DuckDBPyConnection,
    *,
    data_date: dt.date,
    feature_folder: Path,
    model_folder: Path,
    week: dt.date,
    threads: int,
    declared: FeatureSet | None = None,
    outcomes: Sequence[str] = (),
    thorough: bool = False,
    account: str = "",
) -> ModelReport:
    """Trains and tests outcomes, keeps every candidate, and promotes what the gate lets through, from ``week`` on.

    Args:
        con: connection with the record tables.
        data_date: outcomes are read as known on that day; only index weeks whose window and lag are over are used.
        feature_folder: folder of weeks with the matrices of ``training_weeks`` (cohort only, or everyone).
        model_folder: folder of kept models and of ``registry.json``.
        week: index week from which a promotion counts.
        threads: for speed only; the kept model is the same for any number.
        declared: the feature declarations; default those shipped.
        outcomes: which; default the routine ones and those that have a model already.
        thorough: also hold out practices and leave out sources (minutes at the size of a board); primary outcome only.
        account: under which the gate runs; kept with a promotion.

    Raises:
        ModelError: an outcome is not declared, the history is too short, a week's matrix is missing, nobody is left, or
            there are too few events for the primary outcome, or for the only one asked for.
    """
    declared = declared or load_features()
    wanted = outcomes_to_train(model_folder, outcomes)
    weeks = training_weeks(con, data_date=data_date)
    leave_out = opted_out(con, data_date)
    learn = read_part(feature_folder, weeks.train, declared, test=False, leave_out=leave_out)
    check = read_part(feature_folder, weeks.test, declared, test=True, leave_out=leave_out)
    material = Material(weeks, learn, check, declared, data_date, threads)
    reports, left = [], {}
    for outcome in wanted:
        try:
            job = _Job(outcome, material.able(outcome), model_folder, week, thorough and outcome.primary, account)
            reports.append(job.run(con))
        except ModelError as error:
            if outcome.primary or len(wanted) == 1:
                raise
            left[outcome.name] = str(error)
    return ModelReport(weeks, tuple(reports), left)


def outcomes_to_train(model_folder: Path, asked: Sequence[str]) -> list[Outcome]:
    """The outcomes asked for; by default the routine ones and those that have had a model before.

    Raises:
        ModelError: one is not declared.
    """
    known = load_outcomes()
    if missing := [name for name in asked if name not in known]:
        raise ModelError(f"there is no outcome {missing[0]!r}; declared are {', '.join(known)}")
    before = {p.outcome for p in registry.promotions(model_folder)}
    return [o for o in known.values() if (o.name in asked if asked else o.routine or o.name in before)]


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
class _Job:
    """One outcome's training."""

    outcome: Outcome
    material: Material
    model_folder: Path
    week: dt.date
    thorough: bool
    account: str

    def run(self, con: duckdb.DuckDBPyConnection) -> OutcomeReport:
        learned = fates(con, self.outcome, self.material.learn, self.material)
        checked = fates(con, self.outcome, self.material.check, self.material)
        enough(self.outcome, learned)
        candidates = fit_all(self.material, learned)
        tested = test_candidates(con, candidates, self.material, learned, checked, thorough=self.thorough)
        kept = self._keep(candidates, tested, (learned, checked))
        champion = registry.usable_champion(self.model_folder, self.outcome.name, self.material.declared.fingerprint)
        again = champion is not None and champion.model_id in kept.values()
        against = self._against(champion, tested) if champion and not again else None
        decision = gate.decide(
            tested.tests,
            {a: {b: m["auroc"] for b, m in others.items()} for a, others in tested.minus.items()},
            has_champion=champion is not None and not again,
            against_champion={name: d["auroc"] for name, d in against.items()} if against else None,
            events=int(checked.event.sum()),
        )
        self._tell(kept, decision, champion, against)
        for name in {BOOSTED, decision.best or BOOSTED, decision.promoted or BOOSTED}:
            status = decision.status if name == decision.promoted else "not promoted"
            write_card(self.model_folder, kept[name], status=status, reasons=decision.reasons)
        published = kept[decision.promoted] if decision.promoted else None
        if published:
            registry.promote(
                self.model_folder,
                registry.Promotion(
                    self.outcome.name,
                    f"{self.week:%Y-%m-%d}",
                    published,
                    decision.status,
                    decision.reasons,
                    decided_by=f"the gate, run by {self.account}" if self.account else "the gate",
                ),
            )
        return OutcomeReport(
            outcome=self.outcome.name,
            kept=kept,
            published=published,
            status=decision.status,
            reasons=decision.reasons,
            rows=len(learned.event),
            events=int(learned.event.sum()),
            test_rows=len(checked.event),
            test_events=int(checked.event.sum()),
            metrics=tested.metrics,
            tests=tested.tests,
        )

    def _against(self, champion: registry.Kept, tested: Tested) -> dict[str, dict[str, dict[str, float]]]:
        """Every candidate minus the champion, on the same rows, paired; and how alike they rank people."""
        values, threads = self.material.check.values, self.material.threads
        predicted = champion.candidate.predict(self.material.names, values, threads=threads)
        replicates = evaluation.replicates(predicted, tested.rows)
        found = {}
        for name, mine in tested.replicates.items():
            alike = evaluation.rank_agreement(tested.predicted[name], predicted)
            found[name] = {**evaluation.compare(mine, replicates, ("auroc", "brier")), "agreement": alike}
        return found

    def _tell(
        self,
        kept: dict[str, str],
        decision: gate.Decision,
        champion: registry.Kept | None,
        against: dict[str, Any] | None,
    ) -> None:
        """Beside every model: what the gate decided in this training, and the comparison with the champion."""
        for name, model_id in kept.items():
            told = {"best": decision.best, "promoted": decision.promoted, "status": decision.status}
            versus = {"champion": champion.model_id, **against[name]} if champion and against else {}
            text = json.dumps({**told, "reasons": decision.reasons, "against_champion": versus}, indent=1) + "\n"
            registry.attach(self.model_folder, model_id, registry.DECISION, text.encode())

    def _keep(self, candidates: Sequence[Candidate], tested: Tested, found: tuple[Fates, Fates]) -> dict[str, str]:
        """Every candidate in its folder, with all that was measured; the ids by name."""
        about = _about(self.outcome, self.material, found)
        bins = training_bins(self.material.names, self.material.learn.values)
        kept = {}
        for candidate in candidates:
            name = candidate.name
            metrics = {
                "metrics": tested.metrics[name],
                "beside": {other: tested.metrics[other] for other in tested.metrics if other != name},
                "minus": tested.minus[name],
                "calibration_curve": tested.curves[name],
                "groups": tested.groups[name],
                "decision_curve": tested.decision_curve,
                "gate": [asdict(t) for t in tested.tests[name]],
                "more": tested.more,
            }
            own = {"importance": boosting.importance(candidate.model_text)} if candidate.model_text else {}
            model_id, _ = registry.keep(
                self.model_folder,
                candidate,
                about={**about, **own},
                metrics=metrics,
                bins=bins | {SCORE: score_bins(tested.predicted[name])},
            )
            if self.outcome.shown:
                registry.attach(self.model_folder, model_id, registry.PREDICTIONS, self._predictions(tested, name))
            kept[name] = model_id
        return kept

    def _predictions(self, tested: Tested, name: str) -> bytes:
        """Predictions of the rows tested, with their fates: to compare two models on the same people later."""
        practice = np.unique(self.material.check.keys["practice_code"].fill_null("").to_numpy())
        frame = self.material.check.keys.select("week", "person_id").with_columns(
            practice_code=pl.Series(practice[tested.rows.practice].astype(str)),
            predicted=pl.Series(tested.predicted[name]),
            event=pl.Series(tested.rows.event),
            weight=pl.Series(tested.rows.weight),
        )
        stream = io.BytesIO()
        frame.sort("week", "person_id").write_parquet(stream, compression="zstd", statistics=False)
        return stream.getvalue()


def _about(outcome: Outcome, material: Material, found: tuple[Fates, Fates]) -> dict[str, Any]:
    parts = {}
    for name, part, fate in (("train", material.learn, found[0]), ("test", material.check, found[1])):
        parts[name] = {
            "weeks": [f"{w:%Y-%m-%d}" for w in (material.weeks.train if name == "train" else material.weeks.test)],
            "person_weeks": len(fate.event),
            "people": part.keys["person_id"].n_unique(),
            "practices": part.keys["practice_code"].n_unique(),
            "events": int(fate.event.sum()),
            "died_before_any_event": fate.competing,
            "left_before_fate_known": fate.censored,
        }
    told = ("name", "title", "definition", "window_days", "completeness_lag_days", "completeness_reason", "action")
    return {
        "outcome": {name: getattr(outcome, name) for name in (*told, "shown", "codelists", "unless")},
        "data_date": f"{material.data_date:%Y-%m-%d}",
        "declarations": material.declared.fingerprint,
        "codelists": [f"{name} ({version})" for name, version in material.declared.codelist_versions.items()],
        "parameters": boosting.parameters(int((found[0].weight > 0).sum())) | {"rounds": boosting.ROUNDS},
        **parts,
    }
