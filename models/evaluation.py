"""How good predictions are on people and times that no model saw, with intervals.

Rows whose fate is known carry a censoring weight (`models.censoring`); the others count only where a list is cut.
Intervals are percentiles of bootstrap replicates that draw practices, all replicates at once on stored predictions;
calibration is refitted in each by one Newton step from the full estimate. Draws depend on the practices alone, so two
models compared on the same rows are compared replicate by replicate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models import calibration

REPLICATES = 200
SEED = 7
AT_ONCE = 25
INDEX_BINS = 500
LIST_SHARES = (0.01, 0.02, 0.05, 0.10)


@dataclass(frozen=True)
class TestRows:
    """What became of the test rows: event, censoring weight (0: not known), practice number.

    ``amount``: days, where the outcome is a number of days.
    """

    event: np.ndarray
    weight: np.ndarray
    practice: np.ndarray
    amount: np.ndarray | None = None

    @property
    def quantity(self) -> np.ndarray:
        """What a list should reach: days, or 1 for an event."""
        return self.event.astype(np.float64) if self.amount is None else self.amount

    def only(self, wanted: np.ndarray) -> TestRows:
        """The rows for which ``wanted`` holds."""
        amount = None if self.amount is None else self.amount[wanted]
        return TestRows(self.event[wanted], self.weight[wanted], self.practice[wanted], amount)

    def draws(self) -> np.ndarray:
        """How often each practice is drawn: first row once each (the estimate), then one row a replicate."""
        practices = int(self.practice.max()) + 1
        draws = np.random.default_rng(SEED).multinomial(practices, np.full(practices, 1 / practices), REPLICATES)
        return np.vstack([np.ones(practices, dtype=np.int64), draws])


def replicates(predicted: np.ndarray, rows: TestRows) -> dict[str, np.ndarray]:
    """Every metric for the estimate (first value) and for each replicate."""
    draws = rows.draws()
    found = {**_sums(predicted, rows, draws), **_calibration(predicted, rows, draws)}
    found["integrated_calibration_index"] = calibration_index(predicted, rows, draws)
    ranked = _Ranked.of(predicted, rows)
    parts = [ranked.metrics(draws[i : i + AT_ONCE]) for i in range(0, len(draws), AT_ONCE)]
    return found | {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}


def summary(found: dict[str, np.ndarray]) -> dict[str, dict[str, float]]:
    """Point and 95 % interval of each metric."""
    return {name: interval(values) for name, values in found.items()}


def interval(values: np.ndarray) -> dict[str, float]:
    """Estimate and percentile interval of one metric, rounded to what is meant; replicates without a value are out."""
    replicated = values[1:][np.isfinite(values[1:])]
    low, high = np.percentile(replicated, [2.5, 97.5]) if len(replicated) else (np.nan, np.nan)
    return {"estimate": round(float(values[0]), 5), "low": round(float(low), 5), "high": round(float(high), 5)}


def calibration_curve(predicted: np.ndarray, rows: TestRows, groups: int = 10) -> list[dict[str, float]]:
    """Tenths of what was predicted: mean predicted, observed with its interval, people whose fate is known."""
    edges = np.quantile(predicted, np.linspace(0, 1, groups + 1)[1:-1])
    group = np.searchsorted(edges, predicted, side="right")
    draws = rows.draws()
    curve = []
    for number in range(groups):
        here = (group == number) & (rows.weight > 0)
        if not here.any():
            continue
        part = rows.only(here)
        weight = by_practice(part, part.weight, draws)
        with np.errstate(invalid="ignore", divide="ignore"):
            observed = interval(by_practice(part, part.weight * part.quantity, draws) / weight)
        mean = float(np.average(predicted[here], weights=rows.weight[here]))
        curve.append({"predicted": round(mean, 5), "people": int(here.sum()), **observed})
    return curve


def by_practice(rows: TestRows, value: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Sum of a value over rows, for each row of draws."""
    return draws @ np.bincount(rows.practice, weights=value, minlength=draws.shape[1])


def _sums(p: np.ndarray, rows: TestRows, draws: np.ndarray) -> dict[str, np.ndarray]:
    w, y = rows.weight, rows.event.astype(np.float64)
    total = by_practice(rows, w, draws)
    events, expected = by_practice(rows, w * y, draws), by_practice(rows, w * p, draws)
    brier = by_practice(rows, w * (y - p) ** 2, draws) / total
    rate = events / total
    with np.errstate(invalid="ignore", divide="ignore"):
        scaled = 1 - brier / (rate * (1 - rate))
    return {"event_rate": rate, "brier": brier, "scaled_brier": scaled, "observed_over_expected": events / expected}


def _calibration(p: np.ndarray, rows: TestRows, draws: np.ndarray) -> dict[str, np.ndarray]:
    x = calibration.log_odds(p)
    beta, score, information = calibration.newton(x, rows.event.astype(np.float64), rows.weight)
    u = np.stack([by_practice(rows, score[:, k], draws) for k in range(2)], axis=1)
    i11, i12, i22 = (by_practice(rows, information[:, k], draws) for k in range(3))
    determinant = i11 * i22 - i12 * i12
    with np.errstate(invalid="ignore", divide="ignore"):
        intercept = beta[0] + (i22 * u[:, 0] - i12 * u[:, 1]) / determinant
        slope = beta[1] + (i11 * u[:, 1] - i12 * u[:, 0]) / determinant
    return {"calibration_intercept": intercept, "calibration_slope": slope}


def calibration_index(p: np.ndarray, rows: TestRows, draws: np.ndarray) -> np.ndarray:
    """Integrated calibration index: mean distance between predicted risk and a smooth curve of what was observed.

    The curve is a logistic regression on a restricted cubic spline of the log-odds with four knots (Austin and
    Steyerberg, Stat Med 2019, use loess); in each replicate it is refitted by one Newton step, and the distance is
    taken in up to 500 groups of like prediction.
    """
    basis = _spline(calibration.log_odds(p))
    beta, score, information = calibration.newton_many(basis, rows.event.astype(np.float64), rows.weight)
    u = np.stack([by_practice(rows, score[:, k], draws) for k in range(basis.shape[1])], axis=1)
    info = np.empty((len(draws), basis.shape[1], basis.shape[1]))
    for (i, j), value in information.items():
        info[:, i, j] = info[:, j, i] = by_practice(rows, value, draws)
    moves = np.linalg.solve(info + 1e-9 * np.eye(basis.shape[1]), u[:, :, None])
    betas: np.ndarray = beta + moves[:, :, 0]
    part = _bins(p, INDEX_BINS)
    bins, practices = int(part.max()) + 1, draws.shape[1]
    weight = np.bincount(part * practices + rows.practice, weights=rows.weight, minlength=bins * practices)
    in_bin = draws @ weight.reshape(bins, practices).T
    size = np.bincount(part, minlength=bins)
    middle = np.column_stack([np.bincount(part, weights=c, minlength=bins) / size for c in (p, *basis.T)])
    observed = 1 / (1 + np.exp(-np.clip(betas @ middle[:, 1:].T, -30, 30)))
    return np.asarray((in_bin * np.abs(observed - middle[:, 0])).sum(axis=1) / in_bin.sum(axis=1))


def _bins(p: np.ndarray, most: int) -> np.ndarray:
    """A number for each row: rows of like prediction, about equally many in each, none empty."""
    rank = np.unique(p, return_inverse=True)[1]
    place = np.searchsorted(np.sort(rank), rank)
    return np.unique(place * most // len(p), return_inverse=True)[1]


def auroc(predicted: np.ndarray, rows: TestRows, draws: np.ndarray) -> np.ndarray:
    """AUROC for each row of draws, exactly as `replicates` gives it, from pairs of practices and so much faster."""
    rank = np.unique(predicted, return_inverse=True)[1]
    ranks, practices = int(rank.max()) + 1, draws.shape[1]
    pairs = np.zeros((practices, practices))
    case, other = rows.weight * rows.event, rows.weight * ~rows.event
    for practice in range(practices):
        own = np.bincount(rank, weights=other * (rows.practice == practice), minlength=ranks)
        below = (own.cumsum() - own / 2)[rank]
        pairs[:, practice] = np.bincount(rows.practice, weights=case * below, minlength=practices)
    concordant = np.einsum("rg,gh,rh->r", draws, pairs, draws, optimize=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(concordant / (by_practice(rows, case, draws) * by_practice(rows, other, draws)))


def brief(predicted: np.ndarray, rows: TestRows) -> dict[str, np.ndarray]:
    """AUROC, calibration slope and observed over expected alone, for the estimate and each replicate."""
    draws = rows.draws()
    found = {**_sums(predicted, rows, draws), **_calibration(predicted, rows, draws)}
    kept = ("calibration_slope", "observed_over_expected")
    return {"auroc": auroc(predicted, rows, draws)} | {name: found[name] for name in kept}


def _spline(x: np.ndarray) -> np.ndarray:
    """1, x and the two curved columns of a restricted cubic spline with knots at four quantiles; fewer when tied."""
    knots = np.unique(np.quantile(x, [0.05, 0.35, 0.65, 0.95]))
    columns = [np.ones(len(x)), x]
    if len(knots) > 2 and knots[-1] - knots[-2] > 1e-6:
        last, before = knots[-1], knots[-2]

        def cube(knot: float) -> np.ndarray:
            """Cubed distance above a knot."""
            return np.maximum(x - knot, 0.0) ** 3

        for knot in knots[:-2]:
            tail = (cube(before) * (last - knot) - cube(last) * (before - knot)) / (last - before)
            columns.append((cube(knot) - tail) / (last - knots[0]) ** 2)
    return np.column_stack(columns)


@dataclass(frozen=True)
class _Ranked:
    """Test rows from the highest prediction down; ``start`` is where each distinct prediction begins."""

    event: np.ndarray
    weight: np.ndarray
    practice: np.ndarray
    start: np.ndarray

    @classmethod
    def of(cls, predicted: np.ndarray, rows: TestRows) -> _Ranked:
        """The rows in that order."""
        order = np.argsort(-predicted, kind="stable")
        ranked = predicted[order]
        start = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
        return cls(rows.event[order], rows.weight[order], rows.practice[order], start)

    def metrics(self, draws: np.ndarray) -> dict[str, np.ndarray]:
        """AUROC, average precision, and at each list size positive predictive value and sensitivity."""
        drawn = draws[:, self.practice].astype(np.float64)
        weight = drawn * self.weight
        cases = np.add.reduceat(weight * self.event, self.start, axis=1)
        others = np.add.reduceat(weight * ~self.event, self.start, axis=1)
        people = np.add.reduceat(drawn, self.start, axis=1).cumsum(axis=1)
        cases_above, others_above = cases.cumsum(axis=1), others.cumsum(axis=1)
        all_cases, all_others = cases_above[:, -1:], others_above[:, -1:]
        with np.errstate(invalid="ignore", divide="ignore"):
            concordant = (cases * (all_others - others_above + others / 2)).sum(axis=1)
            precision = np.nan_to_num(cases_above / (cases_above + others_above))
            found = {
                "auroc": concordant / (all_cases * all_others)[:, 0],
                "auprc": (cases * precision).sum(axis=1) / all_cases[:, 0],
            }
        for share in LIST_SHARES:
            listed_cases = at_share(people, cases_above, share)
            listed = listed_cases + at_share(people, others_above, share)
            name = f"{share:.0%}".rstrip("%")
            precision_there = listed_cases / np.maximum(listed, 1e-12)
            found[f"ppv_top_{name}_percent"] = precision_there
            found[f"sensitivity_top_{name}_percent"] = listed_cases / np.maximum(all_cases[:, 0], 1e-12)
            with np.errstate(invalid="ignore", divide="ignore"):
                found[f"lift_top_{name}_percent"] = precision_there * (all_cases + all_others)[:, 0] / all_cases[:, 0]
            found[f"events_top_{name}_percent_of_1000_people"] = precision_there * share * 1000
        return found


def at_share(people: np.ndarray, above: np.ndarray, share: float) -> np.ndarray:
    """A running sum where a list of that share of people ends; a tie at the cut is shared out evenly."""
    zero = np.zeros((len(people), 1))
    x, y = np.hstack([zero, people]), np.hstack([zero, above])
    return np.array([np.interp(share * xs[-1], xs, ys) for xs, ys in zip(x, y, strict=True)])


def compare(model: dict[str, np.ndarray], other: dict[str, np.ndarray], names: Sequence[str]) -> dict[str, Any]:
    """Paired differences, model minus other."""
    return {name: interval(model[name] - other[name]) for name in names}


def rank_agreement(one: np.ndarray, other: np.ndarray, share: float = 0.05) -> dict[str, float]:
    """How alike two models rank the same people: Spearman's correlation, and the overlap of the highest ``share``."""
    ranks = [np.unique(p, return_inverse=True)[1] for p in (one, other)]
    means = []
    for rank in ranks:
        counts = np.bincount(rank)
        means.append((counts.cumsum() - (counts - 1) / 2)[rank])
    steady = all(m.std() > 0 for m in means)
    size = max(1, round(share * len(one)))
    top = [set(np.argsort(-p, kind="stable")[:size].tolist()) for p in (one, other)]
    return {
        "spearman": round(float(np.asarray(np.corrcoef(np.array(means)))[0, 1]), 4) if steady else 0.0,
        "top_share_overlap": round(len(top[0] & top[1]) / size, 4),
    }
