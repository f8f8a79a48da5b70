"""Inverse-probability-of-censoring weights: those whose fate is known stand also for those who left before it was.

A person who left the board, or whose window had not closed, after ``t`` days is neither a case nor a non-case. Each
person with a known fate at time ``t`` gets the weight ``1 / G(t-)``, where ``G`` is the Kaplan–Meier estimate of still
being followed; who left gets 0. Events and deaths are "known fate", so for ``G`` they end the wait without leaving.
"""

from __future__ import annotations

import numpy as np

LEAST_FOLLOWED = 0.05  # a weight never exceeds 20


def followed(time_days: np.ndarray, censored: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Kaplan–Meier estimate of still being followed just after each day on which somebody left.

    Returns:
        days (ascending) and the share still followed after each.
    """
    days, left = np.unique(time_days[censored], return_counts=True)
    ordered = np.sort(time_days)
    at_risk = len(ordered) - np.searchsorted(ordered, days, side="left")
    # Who has an event on the day itself is known before the others leave, so does not wait any longer.
    known = np.sort(time_days[~censored])
    known_today = np.searchsorted(known, days, side="right") - np.searchsorted(known, days, side="left")
    return days, np.cumprod(1 - left / np.maximum(at_risk - known_today, 1))


def weights(time_days: np.ndarray, censored: np.ndarray) -> np.ndarray:
    """Weight of each row: 0 for the censored, else ``1 / G(t-)``.

    Args:
        time_days: days to event, death, leaving, or the end of the window.
        censored: whether the row left before its fate was known.

    >>> weights(np.array([5, 10, 20, 20]), np.array([False, True, False, False])).tolist()
    [1.0, 0.0, 1.5, 1.5]
    """
    days, share = followed(time_days, censored)
    before = np.concatenate([[1.0], share])[np.searchsorted(days, time_days, side="left")]
    return np.where(censored, 0.0, 1.0 / np.maximum(before, LEAST_FOLLOWED))
