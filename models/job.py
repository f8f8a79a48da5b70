"""One outcome's training: fitted, tested, kept, judged by the gate, told on cards."""

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

from models import boosting, dependence, evaluation, fingerprints, gate, registry, yardstick
from models.candidate import Candidate
from models.card import write_card
from models.drift import SCORE, score_bins, training_bins
from models.fitting import Fates, Material, enough, fates, fit_all
from models.outcome import Outcome
from models.testing import Tested, test_candidates
from models.yardstick import RANKING_TITLES


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
class Job:
    """One outcome's training."""

    outcome: Outcome
    material: Material
    model_folder: Path
    week: dt.date
    thorough: bool = False
    account: str = ""

    def run(self, con: duckdb.DuckDBPyConnection) -> OutcomeReport:
        """Fits, tests and keeps every step of the ladder, and promotes what the gate lets through.

        Raises:
            ModelError: there are too few events.
        """
        learned = fates(con, self.outcome, self.material.learn, self.material)
        checked = fates(con, self.outcome, self.material.check, self.material)
        enough(self.outcome, learned)
        candidates = fit_all(self.material, learned)
        tested = test_candidates(
            con, candidates, self.material, learned, checked, outcome=self.outcome, thorough=self.thorough
        )
        kept = self._keep(candidates, tested, (learned, checked))
        decision = self._decide(kept, tested, int(checked.event.sum()))
        top = candidates[-1].name
        for name in {top, decision.best or top, decision.promoted or top}:
            status = decision.status if name == decision.promoted else "not promoted"
            write_card(self.model_folder, kept[name], status=status, reasons=decision.reasons)
        published = self._promote(kept, decision)
        self._challenge(kept)
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

    def _decide(self, kept: dict[str, str], tested: Tested, events: int) -> gate.Decision:
        """What the gate says, beside the champion of now; written down beside every model."""
        champion = registry.usable_champion(self.model_folder, self.outcome.name, self.material.declared.fingerprint)
        again = champion is not None and champion.model_id in kept.values()
        against = self._against(champion, tested) if champion and not again else None
        ranking = yardstick.of(tested.rows).ranking
        decision = gate.decide(
            tested.tests,
            {a: {b: m[ranking] for b, m in others.items()} for a, others in tested.minus.items()},
            has_champion=champion is not None and not again,
            against_champion={name: d[ranking] for name, d in against.items()} if against else None,
            events=events,
            metric=RANKING_TITLES[ranking],
        )
        self._tell(kept, decision, champion, against)
        return decision

    def _promote(self, kept: dict[str, str], decision: gate.Decision) -> str | None:
        """Promotes what the gate lets through; the id of the model, or None."""
        if not decision.promoted:
            return None
        by = f"the gate, run by {self.account}" if self.account else "the gate"
        promotion = registry.Promotion(
            self.outcome.name,
            f"{self.week:%Y-%m-%d}",
            kept[decision.promoted],
            decision.status,
            decision.reasons,
            decided_by=by,
        )
        registry.promote(self.model_folder, promotion)
        return promotion.model_id

    def _challenge(self, kept: dict[str, str]) -> None:
        """The last step of the ladder that is not in use scores in shadow: trees, unless they are the champion."""
        chosen = registry.promoted_for(self.model_folder, self.outcome.name, self.week)
        if chosen is not None and self.outcome.shown:
            rest = [model_id for model_id in kept.values() if model_id != chosen[0].model_id]
            challenger = registry.Challenger(self.outcome.name, f"{self.week:%Y-%m-%d}", rest[-1])
            registry.challenge(self.model_folder, challenger)

    def _against(self, champion: registry.Kept, tested: Tested) -> dict[str, dict[str, dict[str, float]]]:
        """Every candidate minus the champion, on the same rows, paired; and how alike they rank people."""
        values, threads = self.material.check.values, self.material.threads
        predicted = champion.candidate.predict(self.material.names, values, threads=threads)
        measured_by = yardstick.of(tested.rows)
        replicates = measured_by.replicates(predicted, tested.rows)
        found = {}
        for name, mine in tested.replicates.items():
            alike = evaluation.rank_agreement(tested.predicted[name], predicted)
            found[name] = {**evaluation.compare(mine, replicates, measured_by.compared), "agreement": alike}
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
                "neighbourhoods": tested.neighbourhoods.get(name, {}),
                "stability": tested.stability.get(name, {}),
                "horizon": tested.horizon.get(name, []),
                "decision_curve": tested.decision_curve,
                "gate": [asdict(t) for t in tested.tests[name]],
                "more": tested.more,
            }
            own = self._drives(candidate)
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

    def _drives(self, candidate: Candidate) -> dict[str, Any]:
        """What drives a model: share of gain (of a regression, of spread), partial dependence, interactions."""
        names, values, threads = self.material.names, self.material.learn.values, self.material.threads
        own = values if candidate.model_text else values[:, [names.index(name) for name in candidate.features]]
        text = candidate.model_text
        strongest = boosting.importance(text) if text else dependence.spread(candidate, own)
        if not self.outcome.shown:
            return {"importance": strongest}
        described = dependence.describe(candidate, own, list(strongest), threads=threads)
        return {"importance": strongest, "dependence": described}

    def _predictions(self, tested: Tested, name: str) -> bytes:
        """Predictions of the rows tested, with their fates: to compare two models on the same people later."""
        practice = np.unique(self.material.check.keys["practice_code"].fill_null("").to_numpy())
        frame = self.material.check.keys.select("week", "person_id").with_columns(
            practice_code=pl.Series(practice[tested.rows.practice].astype(str)),
            predicted=pl.Series(tested.predicted[name]),
            event=pl.Series(tested.rows.event),
            weight=pl.Series(tested.rows.weight),
        )
        if tested.rows.amount is not None:
            frame = frame.with_columns(amount=pl.Series(tested.rows.amount))
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
            "rows": fingerprints.of_rows(part, fate.event, fate.weight, fate.amount),
            "died_before_any_event": fate.competing,
            "left_before_fate_known": fate.censored,
        }
    told = ("name", "title", "definition", "window_days", "completeness_lag_days", "completeness_reason", "action")
    return {
        "outcome": {name: getattr(outcome, name) for name in (*told, "shown", "codelists", "unless", "counts")},
        "unknown_for_everyone": material.unknown_for_everyone,
        "data_date": f"{material.data_date:%Y-%m-%d}",
        "declarations": material.declared.fingerprint,
        "made_by": fingerprints.of_making(),
        "codelists": [f"{name} ({version})" for name, version in material.declared.codelist_versions.items()],
        "parameters": boosting.parameters(int((found[0].weight > 0).sum())) | {"rounds": boosting.ROUNDS},
        **parts,
    }
