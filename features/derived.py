"""Features made of other features: bands, an age below which a score was not made, and disagreement of sources."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from features.declaration import Feature

UNKNOWN = np.float32(np.nan)


def derived_values(feature: Feature, columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """Values of a ``band``, ``younger`` or ``spread``; unknown wherever what it is made of says nothing.

    band: how many of the cuts the value reaches. younger: 1 where the person is under the age, 0 where not. spread: the
    highest minus the lowest of the features that say something, unknown where fewer than two do.
    """
    parts = [_said(columns[name], nothing) for name, nothing in feature.of]
    if feature.measure == "spread":
        return _spread(np.stack(parts))
    [value] = parts
    if feature.measure == "younger":
        found = (columns["age"] < feature.cuts[0]).astype(np.float32)
    else:
        found = np.zeros(len(value), dtype=np.float32)
        for cut in feature.cuts:
            found += value >= cut
    return np.where(np.isnan(value), UNKNOWN, found)


def old_enough(feature: Feature, values: np.ndarray, columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """The values, unknown for people under the feature's age and for those of unknown age."""
    return np.where(columns["age"] >= feature.age_from, values, UNKNOWN) if feature.age_from else values


def _said(values: np.ndarray, nothing: int | None) -> np.ndarray:
    return values if nothing is None else np.where(values == nothing, UNKNOWN, values)


def _spread(levels: np.ndarray) -> np.ndarray:
    said = ~np.isnan(levels)
    highest = np.where(said, levels, -np.inf).max(axis=0)
    lowest = np.where(said, levels, np.inf).min(axis=0)
    return np.where(said.sum(axis=0) >= 2, highest - lowest, UNKNOWN)
