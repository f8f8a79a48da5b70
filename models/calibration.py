"""Calibration: a straight line on the log-odds, fitted to predictions for people whom the model had not seen.

Two numbers (intercept and slope) are chosen over isotonic regression because they keep the ranking and its resolution
(isotonic steps tie many people at the cut of a list) and are steady with few events; over a free curve because a
boosted model's out-of-fold log-odds are nearly linear in the truth.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

DIGITS = 9
LEAST, MOST = 1e-6, 1 - 1e-6
MOST_LOG = 5.9  # the logarithm of a year's days


def log_odds(probability: np.ndarray) -> np.ndarray:
    """Log-odds of probabilities kept away from 0 and 1."""
    p = np.clip(probability, LEAST, MOST)
    return np.log(p / (1 - p))


@dataclass(frozen=True)
class Calibration:
    """``logit(p) = intercept + slope * logit(raw)``."""

    intercept: float
    slope: float

    def apply(self, raw: np.ndarray) -> np.ndarray:
        """Calibrated probabilities."""
        return np.clip(1 / (1 + np.exp(-(self.intercept + self.slope * log_odds(raw)))), LEAST, MOST)

    def to_json(self) -> dict[str, Any]:
        """What is kept with the model."""
        return {"method": "straight line on the log-odds", **asdict(self)}


def fit(raw: np.ndarray, event: np.ndarray, weight: np.ndarray) -> Calibration:
    """The line that best maps out-of-fold predictions to events (weighted maximum likelihood)."""
    intercept, slope = newton(log_odds(raw), event.astype(np.float64), weight)[0]
    return Calibration(round(float(intercept), DIGITS), round(float(slope), DIGITS))


@dataclass(frozen=True)
class RateLine:
    """``log(expected) = intercept + slope * log(raw)``: for an expected number of days."""

    intercept: float
    slope: float

    def apply(self, raw: np.ndarray) -> np.ndarray:
        """Calibrated expectations."""
        return np.exp(np.clip(self.intercept + self.slope * np.log(np.maximum(raw, LEAST)), -MOST_LOG, MOST_LOG))

    def to_json(self) -> dict[str, Any]:
        """What is kept with the model."""
        return {"method": "straight line on the logarithm", **asdict(self)}


def fit_rate(raw: np.ndarray, amount: np.ndarray, weight: np.ndarray) -> RateLine:
    """The line whose expectations add up to what was seen (weighted Poisson likelihood, whatever the variance)."""
    intercept, slope = newton_rate(np.log(np.maximum(raw, LEAST)), amount, weight)[0]
    return RateLine(round(float(intercept), DIGITS), round(float(slope), DIGITS))


def newton_rate(
    x: np.ndarray, y: np.ndarray, weight: np.ndarray, steps: int = 50
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weighted log-linear regression of a number on 1 and ``x``; returns what `newton` returns."""
    start = np.log(max(np.average(y, weights=weight), LEAST) / max(np.average(np.exp(x), weights=weight), LEAST))
    beta = np.array([start, 1.0])
    for _ in range(steps):
        mean = np.exp(np.clip(beta[0] + beta[1] * x, -30, 30))
        residual, variance = weight * (y - mean), weight * mean
        cross = (variance * x).sum()
        information = np.array([[variance.sum(), cross], [cross, (variance * x * x).sum()]])
        score = np.array([residual.sum(), (residual * x).sum()])
        move = np.linalg.solve(information + 1e-9 * np.eye(2), score)
        beta = beta + move
        if np.abs(move).max() < 1e-10:
            break
    mean = np.exp(np.clip(beta[0] + beta[1] * x, -30, 30))
    residual, variance = weight * (y - mean), weight * mean
    return beta, np.column_stack([residual, residual * x]), np.column_stack([variance, variance * x, variance * x * x])


def newton(
    x: np.ndarray, y: np.ndarray, weight: np.ndarray, steps: int = 30
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weighted logistic regression of ``y`` on 1 and ``x``.

    Returns:
        coefficients (2), per-row score contributions (n, 2), per-row information entries (n, 3: 11, 1x, xx).
    """
    beta = np.zeros(2)
    for _ in range(steps):
        p = 1 / (1 + np.exp(-np.clip(beta[0] + beta[1] * x, -30, 30)))
        residual, variance = weight * (y - p), weight * p * (1 - p)
        score = np.array([residual.sum(), (residual * x).sum()])
        information = np.array([[variance.sum(), (variance * x).sum()], [0.0, (variance * x * x).sum()]])
        information[1, 0] = information[0, 1]
        move = np.linalg.solve(information + 1e-9 * np.eye(2), score)
        beta = beta + move
        if np.abs(move).max() < 1e-10:
            break
    p = 1 / (1 + np.exp(-np.clip(beta[0] + beta[1] * x, -30, 30)))
    residual, variance = weight * (y - p), weight * p * (1 - p)
    return beta, np.column_stack([residual, residual * x]), np.column_stack([variance, variance * x, variance * x * x])


def newton_many(
    x: np.ndarray, y: np.ndarray, weight: np.ndarray, steps: int = 30
) -> tuple[np.ndarray, np.ndarray, dict[tuple[int, int], np.ndarray]]:
    """Weighted logistic regression of ``y`` on the columns of ``x``.

    Returns:
        coefficients (k), per-row score contributions (n, k), per-row information entries by pair of columns.
    """
    beta = np.zeros(x.shape[1])
    for _ in range(steps):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        information = (x * (weight * p * (1 - p))[:, None]).T @ x
        move = np.linalg.solve(information + 1e-9 * np.eye(x.shape[1]), x.T @ (weight * (y - p)))
        beta = beta + move
        if np.abs(move).max() < 1e-10:
            break
    p = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
    variance = weight * p * (1 - p)
    pairs = {(i, j): variance * x[:, i] * x[:, j] for i in range(x.shape[1]) for j in range(i, x.shape[1])}
    return beta, x * (weight * (y - p))[:, None], pairs
