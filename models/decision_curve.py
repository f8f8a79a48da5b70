"""Net benefit of acting on a risk from a threshold upwards (Vickers and Elkin, Med Decis Making 2006).

At threshold t a missed event weighs as much as (1 - t) / t needless visits. Net benefit is given per 1,000 people: as
many events reached, with nobody visited needlessly, would be worth the same. The library for it, dcurves, knows
neither weights nor practices drawn as a whole; the formula is two lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from models.evaluation import TestRows, by_practice, interval

PER = 1000
TREAT_ALL = "everyone"


def net_benefit(predicted: np.ndarray | None, rows: TestRows, threshold: float) -> np.ndarray:
    """Estimate and replicates of net benefit per 1,000; ``predicted`` None is to act on everyone. On no one it is 0."""
    chosen = np.ones(len(rows.event)) if predicted is None else (predicted >= threshold).astype(np.float64)
    draws = rows.draws()
    worth = rows.event - (~rows.event) * threshold / (1 - threshold)
    gained = by_practice(rows, rows.weight * worth * chosen, draws)
    return np.asarray(PER * gained / by_practice(rows, rows.weight, draws))


def decision_curve(
    predictions: Mapping[str, np.ndarray], rows: TestRows, thresholds: Sequence[float]
) -> list[dict[str, Any]]:
    """One entry a threshold: net benefit of each model, and of acting on everyone, with intervals."""
    curve = []
    for threshold in thresholds:
        found = {name: interval(net_benefit(p, rows, threshold)) for name, p in predictions.items()}
        curve.append({"threshold": threshold, TREAT_ALL: interval(net_benefit(None, rows, threshold)), **found})
    return curve


def worth(predicted: np.ndarray, rows: TestRows, threshold: float) -> dict[str, float]:
    """Net benefit above that of the better of acting on everyone and on no one, at one threshold."""
    nobody = np.maximum(net_benefit(None, rows, threshold), 0.0)
    return interval(net_benefit(predicted, rows, threshold) - nobody)
