"""Everything that is measured of the candidates on people and times that none of them saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np

from models import decision_curve, evaluation, gate, groups
from models.candidate import Candidate
from models.fitting import Fates, Material, boosted_without, columns_of, held_out_practices
from models.ladder import BOOSTED
from models.limits import load_limits
from models.silence import silenced, silences

COMPARED = ("auroc", "auprc", "brier")
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

    ``more`` is of the boosted trees alone: held-out practices, silent sources, fewer sources.
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


def test_candidates(
    con: duckdb.DuckDBPyConnection,
    candidates: Sequence[Candidate],
    material: Material,
    learned: Fates,
    checked: Fates,
    *,
    thorough: bool,
) -> Tested:
    """Measures every candidate on the same rows.

    Args:
        con: connection with the record tables (for deprivation and rurality).
        candidates: in the order of the ladder.
        material: what they were made from.
        learned: fates of the rows learned from.
        checked: fates of the rows to check on.
        thorough: also hold practices out, and train without sources that a board may not hold.
    """
    limits = load_limits()
    rows = evaluation.TestRows(checked.event, checked.weight, material.check.practice)
    by_feature = {name: material.check.column(material.names, name) for name in GROUP_FEATURES}
    who = groups.describe(material.check.keys, by_feature, groups.places_of(con))
    predicted = {c.name: c.predict(material.names, material.check.values, threads=material.threads) for c in candidates}
    replicates = {name: evaluation.replicates(p, rows) for name, p in predicted.items()}
    metrics = {name: evaluation.summary(r) for name, r in replicates.items()}
    audited = {name: groups.assess(p, rows, who, limits) for name, p in predicted.items()}
    worth = {name: decision_curve.worth(p, rows, limits.net_benefit_at) for name, p in predicted.items()}
    shown = {name: predicted[name] for name in predicted if name in (BOOSTED, "age_sex", "frailty_index")}
    return Tested(
        rows=rows,
        predicted=predicted,
        replicates=replicates,
        metrics=metrics,
        curves={name: evaluation.calibration_curve(p, rows) for name, p in predicted.items()},
        minus=all_minus(replicates),
        groups=audited,
        decision_curve=decision_curve.decision_curve(shown, rows, limits.thresholds),
        tests={name: gate.ask(metrics[name], audited[name], worth[name], limits) for name in predicted},
        more=_more(candidates[-1], material, learned, rows, replicates[BOOSTED], thorough=thorough),
    )


def all_minus(replicates: Mapping[str, dict[str, np.ndarray]]) -> dict[str, dict[str, dict[str, Interval]]]:
    """Every candidate minus every other, paired: candidate, other, metric, interval."""
    return {
        a: {b: evaluation.compare(mine, other, COMPARED) for b, other in replicates.items() if b != a}
        for a, mine in replicates.items()
    }


def _more(
    boosted: Candidate,
    material: Material,
    learned: Fates,
    rows: evaluation.TestRows,
    own: dict[str, np.ndarray],
    *,
    thorough: bool,
) -> dict[str, Any]:
    found: dict[str, Any] = {"silent": _silent(boosted, material, rows)}
    if not thorough or boosted.calibration is None:
        return found
    line = boosted.calibration
    predicted, fold = held_out_practices(material, learned, line, PRACTICE_FOLDS)
    folds = []
    for number in range(PRACTICE_FOLDS):
        here = (fold == number) & (rows.weight > 0)
        if min((rows.event & here).sum(), (~rows.event & here).sum()) >= load_limits().fewest_events:
            part = evaluation.TestRows(rows.event[here], rows.weight[here], rows.practice[here])
            folds.append({"fold": number + 1, "rows": int(here.sum()), **_brief(predicted[here], part)})
    found["held_out_practices"] = {"all": _brief(predicted, rows), "folds": folds}
    fewer = {}
    for name, sources in FEWER_SOURCES.items():
        columns = columns_of(material.declared, material.names, sources)
        if columns.any():
            candidate = boosted_without(material, learned, columns, line)
            p = candidate.predict(material.names, material.check.values, threads=material.threads)
            lost = evaluation.compare(evaluation.brief(p, rows), own, ("auroc",))
            fewer[name] = {**_brief(p, rows), "auroc_minus_all_sources": lost["auroc"]}
    found["fewer_sources"] = fewer
    return found


def _silent(boosted: Candidate, material: Material, rows: evaluation.TestRows) -> dict[str, Any]:
    """What is left when one source is unknown for everyone: as in a week in which it has fallen silent."""
    found = {}
    for name, columns in silences(material.declared, material.names).items():
        values = silenced(material.check.values, columns)
        found[name] = _brief(boosted.predict(material.names, values, threads=material.threads), rows)
    return found


def _brief(predicted: np.ndarray, rows: evaluation.TestRows) -> dict[str, Interval]:
    return evaluation.summary(evaluation.brief(predicted, rows))
