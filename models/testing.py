"""Everything that is measured of the candidates on people and times that none of them saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np

from models import calibration, decision_curve, evaluation, gate, groups, horizon, neighbourhoods, stability, yardstick
from models.candidate import Candidate
from models.fitting import Fates, Material, columns_of, held_out_practices, ranks_by_half, without_columns
from models.ladder import BOOSTED
from models.limits import Limits, load_limits
from models.outcome import Outcome
from models.silence import silenced, silences

PRACTICE_FOLDS = 5
GROUP_FEATURES = ("age", "care_home_level", "care_home_placement", "housebound_coded", "deficit_count")
FEWER_SOURCES = {
    "without social care": ("cld",),
    "without social care and community services": (
        "cld",
        *("csds_assessment", "csds_care_activity", "csds_care_contact", "csds_care_plan"),
        *("csds_referral", "csds_service_type", "csds_waiting_time"),
    ),
}
"""Sources that a board may lawfully not hold."""

Interval = dict[str, float]


@dataclass(frozen=True)
class Tested:
    """What was measured, by candidate; ``tests`` is what the gate asked and heard.

    ``neighbourhoods`` is empty where no table says which practice belongs to which; ``stability``: refits and weeks.
    ``more`` is of the trees alone: silent sources, fewer sources, held-out practices.
    """

    rows: evaluation.TestRows
    predicted: dict[str, np.ndarray]
    replicates: dict[str, dict[str, np.ndarray]]
    metrics: dict[str, dict[str, Interval]]
    curves: dict[str, list[dict[str, float]]]
    minus: dict[str, dict[str, dict[str, Interval]]]
    groups: dict[str, list[dict[str, Any]]]
    decision_curve: list[dict[str, Any]]
    tests: dict[str, list[gate.Test]]
    more: dict[str, Any] = field(default_factory=dict)
    neighbourhoods: dict[str, dict[str, Any]] = field(default_factory=dict)
    stability: dict[str, dict[str, Any]] = field(default_factory=dict)
    horizon: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


def test_candidates(
    con: duckdb.DuckDBPyConnection,
    candidates: Sequence[Candidate],
    material: Material,
    learned: Fates,
    checked: Fates,
    *,
    outcome: Outcome,
    thorough: bool,
) -> Tested:
    """Measures every candidate on the same rows.

    Args:
        con: connection with the record tables (for deprivation and rurality).
        candidates: in the order of the ladder.
        material: what they were made from.
        learned: fates of the rows learned from.
        checked: fates of the rows to check on.
        outcome: what is predicted.
        thorough: also train without sources that a board may not hold, and of the primary outcome hold practices out.
    """
    limits = load_limits()
    rows = evaluation.TestRows(checked.event, checked.weight, material.check.practice, checked.amount)
    measured_by = yardstick.of(rows)
    by_feature = {name: material.check.column(material.names, name) for name in GROUP_FEATURES}
    area = neighbourhoods.areas_of(con, material.check.keys, material.data_date)
    mondays = len(material.weeks.test)
    who = groups.describe(material.check.keys, by_feature, groups.places_of(con))
    predicted = {c.name: c.predict(material.names, material.check.values, threads=material.threads) for c in candidates}
    replicates = {name: measured_by.replicates(p, rows) for name, p in predicted.items()}
    metrics = {name: evaluation.summary(r) for name, r in replicates.items()}
    audited = {name: groups.assess(p, rows, who, limits) for name, p in predicted.items()}
    risks = predicted if rows.amount is None else {}
    worth = {name: decision_curve.worth(p, rows, limits.net_benefit_at) for name, p in risks.items()}
    shown = {name: risks[name] for name in risks if name in (BOOSTED, "age_sex", "frailty_index")}
    steady = _steadiness(material, learned, rows, predicted, limits)
    return Tested(
        rows=rows,
        predicted=predicted,
        replicates=replicates,
        metrics=metrics,
        curves={name: evaluation.calibration_curve(p, rows) for name, p in predicted.items()},
        neighbourhoods={}
        if area is None
        else {name: neighbourhoods.assess(p, rows, area, mondays, limits) for name, p in predicted.items()},
        minus=all_minus(replicates, measured_by.compared),
        groups=audited,
        decision_curve=decision_curve.decision_curve(shown, rows, limits.thresholds) if shown else [],
        tests={
            name: gate.ask(metrics[name], audited[name], worth.get(name), steady[name]["refits"], limits)
            for name in predicted
        },
        stability=steady,
        horizon={name: _to_horizon(p, rows, checked, outcome.window_days) for name, p in risks.items()},
        more=_more(
            candidates[-1],
            material,
            learned,
            rows,
            replicates[candidates[-1].name],
            thorough=thorough,
            practices=outcome.primary,
        ),
    )


def _to_horizon(
    predicted: np.ndarray, rows: evaluation.TestRows, checked: Fates, window_days: int
) -> list[dict[str, Any]]:
    if checked.time_days is None or checked.died is None:
        return []
    return horizon.check(predicted, rows, checked.time_days, checked.died, window_days)


def _steadiness(
    material: Material, learned: Fates, rows: evaluation.TestRows, predicted: Mapping[str, np.ndarray], limits: Limits
) -> dict[str, dict[str, Any]]:
    """Of each candidate: ``refits`` (overlap of two halves, an interval) and ``weeks`` (`stability.between_weeks`)."""
    first = stability.first_half(material.learn.keys["person_id"].to_numpy())
    one, other = (ranks_by_half(material, learned, half) for half in (first, ~first))
    share = limits.list_share
    return {
        name: {
            "refits": stability.overlap(one[name], other[name], rows, share),
            "weeks": stability.between_weeks(p, material.check.keys, rows, share),
        }
        for name, p in predicted.items()
    }


def all_minus(
    replicates: Mapping[str, dict[str, np.ndarray]], compared: Sequence[str]
) -> dict[str, dict[str, dict[str, Interval]]]:
    """Every candidate minus every other, paired: candidate, other, metric, interval."""
    return {
        a: {b: evaluation.compare(mine, other, compared) for b, other in replicates.items() if b != a}
        for a, mine in replicates.items()
    }


def _more(
    top: Candidate,
    material: Material,
    learned: Fates,
    rows: evaluation.TestRows,
    own: dict[str, np.ndarray],
    *,
    thorough: bool,
    practices: bool,
) -> dict[str, Any]:
    found: dict[str, Any] = {"silent": _silent(top, material, rows)}
    if thorough:
        found["fewer_sources"] = _fewer_sources(material, learned, rows, own)
    if thorough and practices and top.name == BOOSTED and top.calibration is not None:
        found["held_out_practices"] = _held_out(material, learned, top.calibration, rows)
    return found


def _held_out(
    material: Material, learned: Fates, line: calibration.Calibration, rows: evaluation.TestRows
) -> dict[str, Any]:
    """Predictions by trees that never saw the practice: all together, and each fold with events enough."""
    predicted, fold = held_out_practices(material, learned, line, PRACTICE_FOLDS)
    folds = []
    for number in range(PRACTICE_FOLDS):
        here = (fold == number) & (rows.weight > 0)
        if min((rows.event & here).sum(), (~rows.event & here).sum()) >= load_limits().fewest_events:
            folds.append({"fold": number + 1, "rows": int(here.sum()), **_brief(predicted[here], rows.only(here))})
    return {"all": _brief(predicted, rows), "folds": folds}


def _fewer_sources(
    material: Material, learned: Fates, rows: evaluation.TestRows, own: dict[str, np.ndarray]
) -> dict[str, Any]:
    """What is left, and what is lost, when sources that a board may lawfully not hold are left out of training.

    Each set of sources is trained and calibrated on its own, as a board without the others would.
    """
    measured_by, found = yardstick.of(rows), {}
    for name, sources in FEWER_SOURCES.items():
        columns = columns_of(material.declared, material.names, sources)
        if columns.any():
            candidate = without_columns(material, learned, columns)
            p = candidate.predict(material.names, material.check.values, threads=material.threads)
            measured = measured_by.brief(p, rows)
            lost = evaluation.compare(measured, own, (measured_by.ranking,))
            found[name] = {**evaluation.summary(measured), "minus_all_sources": lost[measured_by.ranking]}
    return found


def _silent(top: Candidate, material: Material, rows: evaluation.TestRows) -> dict[str, Any]:
    """What is left when one source is unknown for everyone: as in a week in which it has fallen silent."""
    found = {}
    for name, columns in silences(material.declared, material.names).items():
        values = silenced(material.check.values, columns)
        found[name] = _brief(top.predict(material.names, values, threads=material.threads), rows)
    return found


def _brief(predicted: np.ndarray, rows: evaluation.TestRows) -> dict[str, Interval]:
    return evaluation.summary(yardstick.of(rows).brief(predicted, rows))
