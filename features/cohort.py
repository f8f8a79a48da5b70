"""Who a model scores and a list may show: 65 or over, or an adult of any age who is housebound."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl

from features.errors import FeatureError

ADULT = 18
OLDER = 65
HOUSEBOUND = 2  # probable or confirmed, by features/declared/housebound.yaml


def in_cohort(age: np.ndarray, housebound_class: np.ndarray) -> np.ndarray:
    """Whether a registered, living person belongs to the cohort; never under 18; an unknown age or level does not."""
    return (age >= OLDER) | ((age >= ADULT) & (housebound_class >= HOUSEBOUND))


def people(feature_folder: Path, week: dt.date) -> pl.DataFrame:
    """Everyone in the week's matrix, in its order: the columns of ``person.parquet``."""
    return pl.read_parquet(week_file(feature_folder, week, "person.parquet"))


def cohort(feature_folder: Path, week: dt.date) -> pl.DataFrame:
    """The rows of ``people`` that belong to the cohort, sorted by ``person_id``. Opt-outs are applied by who asks."""
    return people(feature_folder, week).filter("cohort_flag")


def week_file(feature_folder: Path, week: dt.date, name: str) -> Path:
    """A file of one week; raises ``FeatureError`` when the week has not been computed."""
    path = feature_folder / f"week={week:%Y-%m-%d}" / name
    if not path.is_file():
        raise FeatureError(f"no features of {week:%Y-%m-%d} in {feature_folder}: compute that week first")
    return path
