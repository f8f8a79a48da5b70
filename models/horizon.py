"""Whether the risk is right at the end of its window, and how it gets there: seen as survival, with death competing.

Metrics weigh those whose fate is known for those who left (`models.censoring`). This is the other way to the same
number: the cumulative incidence of Aalen and Johansen (1978), which follows everyone for as long as they were there. At
the end of the window the two agree; where they do not, a weight or a date is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from models.evaluation import TestRows, by_practice, interval
from models.groups import fives, on_list

PARTS = 4
BANDS = {"highest 5 %": (0.0, 0.05), "next 15 %": (0.05, 0.20), "all others": (0.20, 1.0)}


def incidence(time_days: np.ndarray, event: np.ndarray, died: np.ndarray, days: Sequence[int]) -> list[float]:
    """Share of people with the event before each of the days (Aalen–Johansen estimate).

    Args:
        time_days: days to event, death, leaving, or the end of the window.
        event: whether it was the event.
        died: whether it was death, without an event before.
        days: where to look, ascending.

    >>> incidence(np.array([5, 10, 20, 20]), np.array([1, 0, 1, 0]), np.array([0, 0, 0, 0]), [6, 15, 21])
    [0.25, 0.25, 0.625]
    """
    when, place = np.unique(time_days, return_inverse=True)
    counts = [np.bincount(place, weights=flag.astype(np.float64), minlength=len(when)) for flag in (event, died)]
    at_risk = len(time_days) - np.searchsorted(np.sort(time_days), when, side="left")
    free = np.cumprod(np.concatenate([[1.0], 1 - (counts[0] + counts[1]) / at_risk]))[:-1]
    reached = np.concatenate([[0.0], np.cumsum(free * counts[0] / at_risk)])
    return [float(reached[np.searchsorted(when, day, side="left")]) for day in days]


def check(
    predicted: np.ndarray, rows: TestRows, time_days: np.ndarray, died: np.ndarray, window: int
) -> list[dict[str, Any]]:
    """Risk and incidence to the end of the window among the highest 5 %, the next 15 % and all others.

    Args:
        predicted: risk of each row.
        rows: what became of them.
        time_days: days to event, death, leaving, or the end of the window.
        died: whether it was death, without an event before.
        window: its days.

    Returns:
        One entry a band: ``band``, ``people`` (person-weeks, rounded to 5), ``predicted`` (mean), ``observed``
        (weighted, with its interval), ``days`` and ``incidence`` at each.
    """
    draws, days = rows.draws(), [round(window * part / PARTS) for part in range(1, PARTS + 1)]
    found = []
    for name, (above, to) in BANDS.items():
        inside = on_list(predicted, to) - (on_list(predicted, above) if above else 0.0)
        here = inside > 0.5
        weight = by_practice(rows, rows.weight * here, draws)
        if not weight[0]:
            continue
        with np.errstate(invalid="ignore", divide="ignore"):
            observed = interval(by_practice(rows, rows.weight * rows.event * here, draws) / weight)
        along = incidence(time_days[here], rows.event[here], died[here], days)
        mean = float(np.average(predicted[here], weights=rows.weight[here]))
        told = {"people": fives(int(here.sum())), "predicted": round(mean, 5), "observed": observed}
        found.append({"band": name, **told, "days": days, "incidence": [round(share, 5) for share in along]})
    return found
