"""How many people a feature changes for between two matrices of one Monday, and how such a number may be told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import polars as pl

FEWEST = 8
"""Smaller counts of people are not told."""

SCHEMA = {
    "feature": pl.String,
    "people": pl.Int64,
    "higher": pl.Int64,
    "lower": pl.Int64,
    "became_known": pl.Int64,
    "became_unknown": pl.Int64,
}


Changed = tuple[str, np.ndarray, np.ndarray, np.ndarray]


def changes(old: Path, new: Path) -> Iterator[Changed]:
    """Each feature of two matrices in turn, for the people of both, in order of person.

    Yields:
        The feature; whether it changed; its value before and after (float32, NaN: unknown).
    """
    _, in_old, in_new = np.intersect1d(people_of(old), people_of(new), assume_unique=True, return_indices=True)
    for name in pl.read_parquet_schema(old):
        if name != "person_id":
            before, after = (_values(path, name)[place] for path, place in ((old, in_old), (new, in_new)))
            same = (before == after) | (np.isnan(before) & np.isnan(after))
            yield name, ~same, before, after


def people_of(matrix: Path) -> np.ndarray:
    """The people of a matrix, in its order."""
    return pl.read_parquet(matrix, columns=["person_id"])["person_id"].to_numpy()


def moved(old: Path, new: Path) -> pl.DataFrame:
    """One row a feature that changes for somebody, most people first.

    Columns: feature, ``people``, and of them ``higher``, ``lower`` (unknown before or after is neither),
    ``became_known`` and ``became_unknown``.
    """
    return counted(changes(old, new))


def counted(changed: Iterable[Changed]) -> pl.DataFrame:
    """The same, of changes that were read already."""
    rows = [(name, *_counts(mask, before, after)) for name, mask, before, after in changed if mask.any()]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row").sort("people", "feature", descending=[True, False])


def _counts(changed: np.ndarray, before: np.ndarray, after: np.ndarray) -> tuple[int, int, int, int, int]:
    known, unknown = np.isnan(before) & ~np.isnan(after), ~np.isnan(before) & np.isnan(after)
    parts = (changed, after > before, after < before, known, unknown)
    people, higher, lower, became_known, became_unknown = (int(part.sum()) for part in parts)
    return people, higher, lower, became_known, became_unknown


def told(count: int) -> str:
    """A number of people, as it may be shown."""
    return "nobody" if not count else f"fewer than {FEWEST}" if count < FEWEST else f"{count:,}"


def protected(table: pl.DataFrame) -> pl.DataFrame:
    """The table with its numbers of people, which are its whole numbers, as they may be shown."""
    counts = [name for name, kind in table.schema.items() if kind.is_integer()]
    return table.with_columns(pl.col(name).map_elements(told, return_dtype=pl.String) for name in counts)


def split(higher: int, lower: int) -> str:
    """The two parts of a number of people, or nothing where one part is too small to be told."""
    hidden = any(0 < part < FEWEST for part in (higher, lower))
    return "" if hidden else f" ({told(higher)} higher, {told(lower)} lower)"


def parts_told(people: int, parts: tuple[int, ...]) -> tuple[str, ...]:
    """A number of people and its parts; all parts are left out (``-``) where one, or their whole, is too small."""
    hidden = any(0 < part < FEWEST for part in (people, *parts))
    return (told(people), *("-" if hidden else told(part) for part in parts))


def _values(path: Path, name: str) -> np.ndarray:
    return pl.read_parquet(path, columns=[name])[name].to_numpy().astype(np.float32)
