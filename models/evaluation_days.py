"""How good an expected number of days is, with intervals: the same bootstrap as `models.evaluation`.

Days are many for few people, so no single number says it: whether the days add up (observed over expected, slope on the
logarithm), how far off they are for a person (mean absolute error; the smallest would be had by saying none for
everyone, so it is read beside the others), how much better than the mean (share of Poisson deviance explained), and
what matters to a team: the share of all days that belongs to the people at the top.
"""

from __future__ import annotations

import numpy as np
from scipy.special import xlogy

from models import calibration
from models.evaluation import LIST_SHARES, TestRows, at_share, by_practice

LEAST_DAYS = 1e-6


def replicates(predicted: np.ndarray, rows: TestRows) -> dict[str, np.ndarray]:
    """Every metric for the estimate (first value) and for each replicate.

    ``concentration`` is the area under the curve of days reached over people listed: 0.5 by chance, as an AUROC.
    """
    draws = rows.draws()
    return {**_sums(predicted, rows, draws), **_slope(predicted, rows, draws), **_reached(predicted, rows, draws)}


def brief(predicted: np.ndarray, rows: TestRows) -> dict[str, np.ndarray]:
    """Concentration, calibration slope and observed over expected alone."""
    found = replicates(predicted, rows)
    return {name: found[name] for name in ("concentration", "calibration_slope", "observed_over_expected")}


def _sums(p: np.ndarray, rows: TestRows, draws: np.ndarray) -> dict[str, np.ndarray]:
    w, y = rows.weight, rows.quantity
    total = by_practice(rows, w, draws)
    seen, expected = by_practice(rows, w * y, draws), by_practice(rows, w * p, draws)
    own = by_practice(rows, w * _deviance(y, np.maximum(p, LEAST_DAYS)), draws)
    logs = by_practice(rows, w * xlogy(y, y), draws)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = seen / total
        of_mean = 2 * (logs - seen * np.log(mean))
        return {
            "mean_days": mean,
            "share_with_any": by_practice(rows, w * rows.event, draws) / total,
            "observed_over_expected": seen / expected,
            "mean_absolute_error": by_practice(rows, w * np.abs(y - p), draws) / total,
            "deviance_explained": 1 - own / of_mean,
        }


def _deviance(y: np.ndarray, mean: np.ndarray) -> np.ndarray:
    return np.asarray(2 * (xlogy(y, y) - y * np.log(mean) - (y - mean)))


def _slope(p: np.ndarray, rows: TestRows, draws: np.ndarray) -> dict[str, np.ndarray]:
    """Slope of the logarithm, refitted in each replicate by one Newton step."""
    x = np.log(np.maximum(p, LEAST_DAYS))
    beta, score, information = calibration.newton_rate(x, rows.quantity, rows.weight)
    u = np.stack([by_practice(rows, score[:, k], draws) for k in range(2)], axis=1)
    i11, i12, i22 = (by_practice(rows, information[:, k], draws) for k in range(3))
    with np.errstate(invalid="ignore", divide="ignore"):
        return {"calibration_slope": beta[1] + (i11 * u[:, 1] - i12 * u[:, 0]) / (i11 * i22 - i12 * i12)}


def _reached(p: np.ndarray, rows: TestRows, draws: np.ndarray) -> dict[str, np.ndarray]:
    """Share of all days that belongs to the highest so many percent; a tie is shared out evenly."""
    order = np.argsort(-p, kind="stable")
    ranked = p[order]
    start = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
    drawn = draws[:, rows.practice[order]].astype(np.float64)
    days = np.add.reduceat(drawn * (rows.weight * rows.quantity)[order], start, axis=1).cumsum(axis=1)
    known = np.add.reduceat(drawn * rows.weight[order], start, axis=1).cumsum(axis=1)
    people = np.add.reduceat(drawn, start, axis=1).cumsum(axis=1)
    zero = np.zeros((len(draws), 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.hstack([zero, days / days[:, -1:]])
        across = np.hstack([zero, known / known[:, -1:]])
    found = {"concentration": (np.diff(across, axis=1) * (share[:, 1:] + share[:, :-1]) / 2).sum(axis=1)}
    for part in LIST_SHARES:
        name = f"{part:.0%}".rstrip("%")
        found[f"share_of_days_top_{name}_percent"] = at_share(people, days, part) / np.maximum(days[:, -1], 1e-12)
    return found
