"""How far a week's features and scores have moved from those that the model learnt from.

The population stability index compares the shares of people in the bins of a feature: the sum of (now - then) x
log(now / then). Below 0.1 is usually called steady and above 0.25 a shift; these are conventions of credit scoring, not
evidence. Bins are of the known values; unknown values are a bin of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

BINS = 10
MOST_ROWS = 50_000
LEAST_SHARE = 1e-4


def training_bins(names: Sequence[str], values: np.ndarray) -> dict[str, dict[str, Any]]:
    """Edges of up to ten bins of each feature, the share of rows in each, and last the share unknown.

    At most 50,000 rows are looked at, evenly spaced in the order of week and person.
    """
    some = values[:: max(1, -(-len(values) // MOST_ROWS))]
    found = {}
    for place, name in enumerate(names):
        known = np.sort(some[:, place][~np.isnan(some[:, place])].astype(np.float64))
        edges = np.unique(known[(np.arange(1, BINS) * len(known) // BINS)]) if len(known) else np.zeros(0)
        found[name] = {"edges": edges.tolist(), "shares": shares(some[:, place], edges)}
    return found


def shares(value: np.ndarray, edges: np.ndarray) -> list[float]:
    """Share of rows in each bin (the first is up to and with the first edge), and last of those unknown."""
    unknown = np.isnan(value)
    bins = np.searchsorted(edges, value[~unknown], side="left")
    counts = np.append(np.bincount(bins, minlength=len(edges) + 1), unknown.sum())
    return [round(float(c), 6) for c in counts / max(1, len(value))]


def stability_index(then: Sequence[float], now: Sequence[float]) -> float:
    """Population stability index of two lists of shares.

    >>> stability_index([0.5, 0.5], [0.5, 0.5])
    0.0
    """
    a, b = (np.maximum(np.asarray(s, dtype=np.float64), LEAST_SHARE) for s in (then, now))
    return round(float(((b - a) * np.log(b / a)).sum()), 6)


def feature_drift(
    bins: dict[str, dict[str, Any]], names: Sequence[str], values: np.ndarray
) -> dict[str, dict[str, float]]:
    """For each feature: stability index, and the share unknown then and now."""
    found = {}
    for place, name in enumerate(names):
        then = bins[name]["shares"]
        now = shares(values[:, place], np.asarray(bins[name]["edges"]))
        found[name] = {"psi": stability_index(then, now), "unknown_then": then[-1], "unknown_now": now[-1]}
    return found
