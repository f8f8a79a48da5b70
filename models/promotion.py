"""What a person may do with kept models: look, compare, promote, roll back. Every decision is written with who and why.

A person may override a test of the gate, under their own account and with a reason; the list then says so each week.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from models import evaluation, gate, registry, yardstick
from models.errors import ModelError
from models.limits import load_limits
from models.yardstick import RANKING_TITLES

ALSO_COMPARED = ("observed_over_expected", "calibration_slope")
OVERVIEW = ("model_id", "outcome", "kind", "data_date", "auroc", "slope", "observed_over_expected", "tests", "state")


@dataclass(frozen=True)
class Comparison:
    """Two models on the same people: one row a metric, each with its interval, and the paired difference."""

    rows: int
    metrics: pl.DataFrame
    agreement: dict[str, float]


def overview(model_folder: Path) -> pl.DataFrame:
    """One row a kept model, in order of outcome and data date; a damaged one is said to be so."""
    rows: list[dict[str, Any]] = []
    for model_id in registry.kept_ids(model_folder):
        try:
            kept = registry.load(model_folder, model_id)
        except ModelError:
            rows.append({"model_id": model_id, "state": "damaged"})
            continue
        numbers, failing = kept.metrics.get("metrics", {}), blocking(model_folder, kept)
        rows.append(
            {
                "model_id": model_id,
                "outcome": kept.about["outcome"]["name"],
                "kind": kept.about["kind"],
                "data_date": kept.about["data_date"],
                "auroc": numbers.get("auroc", {}).get("estimate"),
                "slope": numbers.get("calibration_slope", {}).get("estimate"),
                "observed_over_expected": numbers.get("observed_over_expected", {}).get("estimate"),
                "tests": "all passed" if not failing else f"not passed: {', '.join(failing)}",
                "state": state(model_folder, kept),
            }
        )
    numeric = ("auroc", "slope", "observed_over_expected")
    schema = {name: pl.Float64 if name in numeric else pl.String for name in OVERVIEW}
    return pl.DataFrame(rows, schema=schema).sort("outcome", "data_date", "kind", "model_id", nulls_last=True)


def state(model_folder: Path, kept: registry.Kept) -> str:
    """Since when and as what the model is or was in use."""
    own = [p for p in registry.promotions(model_folder) if p.outcome == kept.about["outcome"]["name"]]
    mine = [p for p in own if p.model_id == kept.model_id]
    if not mine:
        return "kept"
    newest = _in_use(own)
    words = f"from {mine[-1].week}: {mine[-1].status}"
    return f"in use {words}" if newest.model_id == kept.model_id else f"was in use {words}"


def blocking(model_folder: Path, kept: registry.Kept) -> dict[str, str]:
    """Tests that the model has not passed, by name, each with what was found; empty when it may be promoted."""
    found = {t["name"]: t["says"] for t in kept.metrics.get("gate", []) if t["passed"] is False}
    events, fewest = int(kept.about["test"]["events"]), load_limits().fewest_events
    if events < fewest:
        found["events"] = f"{events} events among the test people: fewer than {fewest}, so nothing can be judged"
    best = registry.decision(kept).get("best")
    if best and best != kept.about["kind"] and events >= fewest:
        found["ladder"] = f"{best} was the simplest that passed and that none other surely beat"
    champion = registry.champion(model_folder, kept.about["outcome"]["name"])
    if champion and champion.model_id != kept.model_id:
        try:
            difference = compare(model_folder, kept.model_id, champion.model_id).metrics.row(0, named=True)
        except ModelError:
            return found
        if difference["high"] < 0:
            found["champion"] = (
                f"{RANKING_TITLES[difference['metric']]} surely below that of the champion {champion.model_id}"
            )
    return found


def compare(model_folder: Path, one: str, other: str) -> Comparison:
    """Two models on the people and weeks that both were tested on; ``estimate`` is the first minus the second.

    Raises:
        ModelError: a model is not there or damaged, they are of different outcomes, or nobody was tested by both.
    """
    kept = [registry.load(model_folder, model_id) for model_id in (one, other)]
    outcomes = [k.about["outcome"]["name"] for k in kept]
    if outcomes[0] != outcomes[1]:
        raise ModelError(
            f"{one} predicts {outcomes[0]} and {other} predicts {outcomes[1]}: there is nothing to compare"
        )
    paths = [k.folder / registry.PREDICTIONS for k in kept]
    if lacking := [k.model_id for k, path in zip(kept, paths, strict=True) if not path.is_file()]:
        raise ModelError(f"model {lacking[0]} keeps no predictions of people: it cannot be compared person by person")
    first, second = (pl.read_parquet(path) for path in paths)
    both = first.join(second, on=["week", "person_id"], suffix="_other").sort("week", "person_id")
    if both.is_empty():
        raise ModelError(f"{one} and {other} were not tested on any person and week in common")
    practice = np.unique(both["practice_code"].to_numpy(), return_inverse=True)[1]
    amount = both["amount"].to_numpy() if "amount" in both.columns else None
    rows = evaluation.TestRows(both["event"].to_numpy(), both["weight"].to_numpy(), practice, amount)
    mine, theirs = both["predicted"].to_numpy(), both["predicted_other"].to_numpy()
    return Comparison(both.height, paired(one, other, (mine, theirs), rows), evaluation.rank_agreement(mine, theirs))


def paired(one: str, other: str, predicted: tuple[np.ndarray, np.ndarray], rows: evaluation.TestRows) -> pl.DataFrame:
    """One row a metric: the first minus the second with its interval, and each with its own, as text."""
    measured_by = yardstick.of(rows)
    measured = [measured_by.replicates(p, rows) for p in predicted]
    table = [
        {
            "metric": name,
            **evaluation.interval(measured[0][name] - measured[1][name]),
            **{
                model: gate.said(evaluation.interval(m[name]), 3)
                for model, m in zip((one, other), measured, strict=True)
            },
        }
        for name in (*measured_by.compared, *ALSO_COMPARED)
    ]
    return pl.DataFrame(table)


def promote(
    model_folder: Path,
    model_id: str,
    week: dt.date,
    *,
    account: str,
    why: str,
    override: bool,
    declarations: str,
    scored: Collection[dt.date] = (),
) -> registry.Promotion:
    """Promotes a model from ``week`` on, by a named person.

    Args:
        model_folder: folder of kept models.
        model_id: which.
        week: Monday from which it scores.
        account: who decides.
        why: in their words.
        override: promote although it has not passed every test; who and which tests is written down.
        declarations: fingerprint of the features as declared now.
        scored: weeks that have scores already.

    Raises:
        ModelError: it may not be promoted; the message says why.
    """
    kept = registry.load(model_folder, model_id)
    _possible(model_folder, kept, week, why=why, declarations=declarations, scored=scored)
    failing = blocking(model_folder, kept)
    if failing and not override:
        said = "; ".join(failing.values())
        raise ModelError(
            f"model {model_id} has not passed the gate ({said}): a named person may override with --override"
        )
    passed = [t["says"] for t in kept.metrics.get("gate", []) if t["passed"] is not False]
    promotion = registry.Promotion(
        kept.about["outcome"]["name"],
        f"{week:%Y-%m-%d}",
        model_id,
        gate.BY_OVERRIDE if failing else gate.CHAMPION,
        (*(f"overridden: {said}" for said in failing.values()), *passed),
        decided_by=account,
        why=why.strip(),
        overridden=tuple(failing),
    )
    registry.promote(model_folder, promotion)
    return promotion


def roll_back(
    model_folder: Path,
    outcome: str,
    week: dt.date,
    *,
    account: str,
    why: str,
    declarations: str,
    scored: Collection[dt.date] = (),
) -> registry.Promotion:
    """Puts the model that was in use before back into use, from ``week`` on.

    Raises:
        ModelError: there is none before, or it can no longer be used.
    """
    own = [p for p in registry.promotions(model_folder) if p.outcome == outcome]
    if not own:
        raise ModelError(f"no model was ever promoted for {outcome!r}")
    now = _in_use(own)
    before = [p for p in own if p.model_id != now.model_id and p.week <= now.week]
    if not before:
        raise ModelError(f"{now.model_id} is the first model of {outcome}: there is none to go back to")
    back = before[-1]
    kept = registry.load(model_folder, back.model_id)
    _possible(model_folder, kept, week, why=why, declarations=declarations, scored=scored)
    promotion = registry.Promotion(
        outcome,
        f"{week:%Y-%m-%d}",
        back.model_id,
        back.status,
        (f"rolled back from {now.model_id}", *back.reasons),
        decided_by=account,
        why=why.strip(),
        overridden=back.overridden,
    )
    registry.promote(model_folder, promotion)
    return promotion


def _in_use(own: list[registry.Promotion]) -> registry.Promotion:
    newest = max(p.week for p in own)
    return [p for p in own if p.week == newest][-1]


def _possible(
    model_folder: Path,
    kept: registry.Kept,
    week: dt.date,
    *,
    why: str,
    declarations: str,
    scored: Collection[dt.date],
) -> None:
    about: dict[str, Any] = kept.about
    if not why.strip():
        raise ModelError("a decision about a model is written down with its reason: say why")
    if about["declarations"] != declarations:
        raise ModelError(
            f"model {kept.model_id} was trained on features declared differently from now: it cannot score, train again"
        )
    if week < dt.date.fromisoformat(about["data_date"]):
        raise ModelError(
            f"model {kept.model_id} was made from data known to {about['data_date']}: it cannot be promoted for the "
            f"earlier week of {week}"
        )
    own = [p for p in registry.promotions(model_folder) if p.outcome == about["outcome"]["name"]]
    if own and f"{week:%Y-%m-%d}" < (newest := _in_use(own)).week:
        raise ModelError(f"from the week of {newest.week} model {newest.model_id} scores: a past week keeps its model")
    if week in scored:
        raise ModelError(
            f"the week of {week} has been scored already, and its scores stay: promote from a later Monday"
        )
