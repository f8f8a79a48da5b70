"""How long results find their places: rows of people in the matrix, day and status in one whole number."""

from __future__ import annotations

import datetime as dt

import numpy as np

STATUS_VALUES = 64
STATUS_EPOCH = dt.date(1900, 1, 1)


def place(persons: np.ndarray, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row of each id among the sorted persons, and whether it is there at all."""
    row = np.searchsorted(persons, ids)
    row[row == len(persons)] = 0
    return row, persons[row] == ids
