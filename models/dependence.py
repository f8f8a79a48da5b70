"""How a model's prediction goes with its strongest predictors, one by one and two together: of the model, not people.

Partial dependence (Friedman 2001): some rows are given every value of a grid in turn, all else as it was, and the
predictions averaged. Values that never go together are averaged over as well, so it is a look at the model and nothing
more. scikit-learn has the same, with one call of the model for each value; here all rows go through it at once.

Strength of an interaction: what is left of the two-way average, on the log-odds (of days on the logarithm), when both
one-way averages are taken away, as root mean square over the grid. 0.1: what one value does depends on the other by
about a tenth.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from models.calibration import LEAST, log_odds
from models.candidate import Candidate

SPREAD_ROWS = 5000
FEATURES, POINTS, ROWS = 8, 8, 400
PAIRED, PAIR_POINTS, PAIR_ROWS = 6, 4, 150
STRONGEST, LEAST_SHOWN = 5, 0.005


def spread(candidate: Candidate, values: np.ndarray) -> dict[str, float]:
    """What moves a regression: spread of each predictor's part of the log-odds as a share of all, largest first.

    Args:
        candidate: a regression.
        values: rows that it learnt from, columns as its features; some of them are looked at.
    """
    some = values[:: max(1, len(values) // SPREAD_ROWS)][:SPREAD_ROWS]
    moved = candidate.contributions(list(candidate.features), some, threads=1)[:, :-1].std(axis=0)
    shares = zip(candidate.features, moved / max(moved.sum(), LEAST), strict=True)
    return {name: round(float(share), 6) for name, share in sorted(shares, key=lambda s: (-s[1], s[0])) if share > 0}


def describe(candidate: Candidate, values: np.ndarray, importance: Sequence[str], *, threads: int) -> dict[str, Any]:
    """Partial dependence of the strongest predictors, and the strongest interactions among them.

    Args:
        candidate: a model.
        values: rows that it learnt from, columns as its features.
        importance: its predictors, the strongest first.
        threads: for speed only.

    Returns:
        ``partial``: feature → [value, mean prediction] in order of value; ``interactions``: [feature, feature,
        strength], the strongest first.
    """
    names = list(candidate.features)
    strongest = [name for name in importance if len(_grid(values[:, names.index(name)], POINTS)) > 1][:FEATURES]
    some = values[:: max(1, len(values) // ROWS)][:ROWS]
    asked = {name: _grid(values[:, names.index(name)], POINTS) for name in strongest}
    stacked = [_given(some, {names.index(n): float(v)}) for n, grid in asked.items() for v in grid]
    partial: dict[str, list[list[float]]] = {name: [] for name in asked}
    if stacked:
        found = candidate.predict(names, np.vstack(stacked), threads=threads).reshape(len(stacked), -1).mean(axis=1)
        points = [(name, value) for name, grid in asked.items() for value in grid]
        for (name, value), mean in zip(points, found, strict=True):
            partial[name].append([round(float(value), 4), round(float(mean), 6)])
    return {"partial": partial, "interactions": _interactions(candidate, values, strongest[:PAIRED], threads)}


def _interactions(
    candidate: Candidate, values: np.ndarray, strongest: Sequence[str], threads: int
) -> list[list[str | float]]:
    names = list(candidate.features)
    some = values[:: max(1, len(values) // PAIR_ROWS)][:PAIR_ROWS]
    grids = {name: _grid(values[:, names.index(name)], PAIR_POINTS) for name in strongest}
    pairs = list(itertools.combinations(strongest, 2))
    stacked = [
        _given(some, {names.index(a): float(x), names.index(b): float(y)})
        for a, b in pairs
        for x in grids[a]
        for y in grids[b]
    ]
    if not stacked:
        return []
    predicted = candidate.predict(names, np.vstack(stacked), threads=threads)
    days = candidate.length is not None or (candidate.logistic is not None and candidate.logistic.log_link)
    logs = np.log(np.maximum(predicted, LEAST)) if days else log_odds(predicted)
    scale = logs.reshape(len(stacked), -1).mean(axis=1)
    found: list[list[str | float]] = []
    start = 0
    for a, b in pairs:
        shape = len(grids[a]), len(grids[b])
        table = scale[start : start + shape[0] * shape[1]].reshape(shape)
        start += shape[0] * shape[1]
        rest = table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean()
        found.append([a, b, round(float(np.sqrt((rest**2).mean())), 4)])
    strong = [pair for pair in found if float(pair[2]) >= LEAST_SHOWN]
    return sorted(strong, key=lambda pair: (-float(pair[2]), str(pair[0]), str(pair[1])))[:STRONGEST]


def _grid(column: np.ndarray, points: int) -> np.ndarray:
    """Distinct values evenly spread over the known ones, by rank, from the 2nd to the 98th hundredth."""
    known = np.sort(column[~np.isnan(column)])
    if not len(known):
        return known
    return np.unique(known[np.round(np.linspace(0.02, 0.98, points) * (len(known) - 1)).astype(np.int64)])


def _given(rows: np.ndarray, wanted: dict[int, float]) -> np.ndarray:
    """The rows with some columns set to one value."""
    given = rows.copy()
    for column, value in wanted.items():
        given[:, column] = value
    return given
