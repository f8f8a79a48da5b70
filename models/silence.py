"""What a model learns about sources that have fallen silent.

A training record seldom has a silent source, and a model that never saw an unknown value takes it for zero. So a tenth
of the training rows (more where there are few) are given again with one source unknown, and the row and its copy share
its weight: which row, and which source, depends on person and week alone. A practice sends all of its tables or none,
so all of them together count as one more source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from features import FeatureSet
from models.draws import mix

SHARE = 0.10
FEWEST_COPIES = 300  # of each source: with fewer no tree would look at them; where rows are few, more are copied
ALL_OF_A_PRACTICE = "everything of the practice"


@dataclass(frozen=True)
class Learning:
    """Rows to learn from: as they were, then the copies with a source unknown.

    Attributes:
        row: which of the rows as they were each row is or was copied from.
        weight: a row that has a copy shares its weight with it.
    """

    values: np.ndarray
    row: np.ndarray
    weight: np.ndarray


def silences(declared: FeatureSet, names: Sequence[str]) -> dict[str, np.ndarray]:
    """For each record table that the features read, and for a silent practice: which columns become unknown."""
    tables = {name: declared.tables_of(declared.by_name[name]) for name in names}
    read = sorted({table for many in tables.values() for table in many})
    found = {table: np.array([table in tables[name] for name in names]) for table in read}
    of_practice = [table for table in read if declared.tables[table].practice]
    if len(of_practice) > 1:
        found[ALL_OF_A_PRACTICE] = np.any([found[table] for table in of_practice], axis=0)
    return found


def silenced(values: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The rows with those columns unknown."""
    return np.where(columns, np.float32(np.nan), values)


def with_silence(
    declared: FeatureSet, names: Sequence[str], values: np.ndarray, occasion: np.ndarray, weight: np.ndarray
) -> Learning:
    """The rows, and copies of a tenth of them or more with one source unknown.

    Args:
        declared: tells which features read which table.
        names: columns of ``values``.
        values: float32 rows; NaN is unknown.
        occasion: a whole number for each person and week.
        weight: of each row; rows of weight 0 have no copy.
    """
    silent = list(silences(declared, names).values())
    rows = np.arange(len(values))
    if not silent:
        return Learning(values, rows, weight)
    share = min(0.5, max(SHARE, FEWEST_COPIES * len(silent) / max(1, len(values))))
    copied = np.flatnonzero((mix(occasion, 5) < share) & (weight > 0))
    which = (mix(occasion[copied], 6) * len(silent)).astype(np.int64)
    copies = silenced(values[copied], np.array(silent)[which])
    shared = weight.copy()
    shared[copied] /= 2
    return Learning(np.vstack([values, copies]), np.concatenate([rows, copied]), np.append(shared, shared[copied]))
