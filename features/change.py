"""Features of change: more than before, the first for long, a fall of a measurement; and those of the household."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from features.declaration import Feature
from features.packed import STATUS_EPOCH, STATUS_VALUES

UNKNOWN = np.float32(np.nan)
CHANGES = ("excess", "new", "fall", "open_more", "lost")
YEAR = 365
LARGEST_HOUSEHOLD = 10  # more people at one address than this live in an institution, or the address is no dwelling


def change_values(feature: Feature, frame: pl.DataFrame, week: dt.date) -> np.ndarray:
    """Values of an ``excess``, ``new``, ``fall``, ``open_more`` or ``lost`` for the rows of a long result of a Monday.

    excess: events of the window above what the rest of the year makes expect, never below 0. new: 1 when there was one
    in the window and none before it in two years. fall: percent by which the newest measurement of the last year lies
    below the earliest of two years, 0 when it does not. open_more: by how much the sum of what is open has grown since
    the start of the window, as known on the Monday, never below 0. lost: 1 when the newest entry of a status group lies
    within the window and ends the status, and an earlier one held it.
    """
    window = feature.window or 0
    if feature.measure == "fall":
        latest, earlier = (frame[f"{name}_{window}"].to_numpy().astype(np.float64) for name in ("latest", "earlier"))
        return np.maximum(0, 100 * (earlier - latest) / earlier)
    if feature.measure == "open_more":
        return np.maximum(0, frame["open_sum"].to_numpy() - frame[f"open_sum_{window}"].to_numpy())
    if feature.measure == "lost":
        packed = frame["latest_status"].to_numpy()
        lately = (week - STATUS_EPOCH).days - packed // STATUS_VALUES <= window
        return lately & (packed % STATUS_VALUES == 0) & (frame["ever_held"].to_numpy() > 0)
    lately = frame[f"count_{window}"].to_numpy().astype(np.float64)
    if feature.measure == "new":
        return (lately > 0) & (frame["count_730"].to_numpy() == lately)
    before = frame[f"count_{YEAR}"].to_numpy() - lately
    return np.maximum(0, lately - before * window / (YEAR - window))


def household_values(feature: Feature, columns: dict[str, np.ndarray], household: pl.Series) -> np.ndarray:
    """For each person, how many others at the same address have any of the feature's marks (``of``: at least so much).

    Without marks, how many others there are. Unknown without an address, where more than ten people share one, and
    where no other is known to have a mark but of one of them nothing is known.
    """
    codes = household.rank("dense").fill_null(0).to_numpy().astype(np.int64)
    size = np.bincount(codes)[codes].astype(np.float32)
    marked = np.ones(len(codes), dtype=bool)
    if feature.of:
        marked = np.logical_or.reduce([columns[name] >= (least or 1) for name, least in feature.of])
    if feature.column:
        marked &= columns[feature.column] >= 1
    others = np.bincount(codes, weights=marked)[codes].astype(np.float32) - marked
    untold = np.zeros(len(codes), dtype=bool)
    if feature.of:
        untold = np.logical_and.reduce([np.isnan(columns[name]) for name, _ in feature.of])
    hidden = (others == 0) & (np.bincount(codes, weights=untold)[codes] - untold > 0)
    return np.where((codes == 0) | (size > LARGEST_HOUSEHOLD) | hidden, UNKNOWN, others)
