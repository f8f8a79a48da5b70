"""What is said about people on a list: sentences from the record, and which of them the calculated risk rests on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import polars as pl

import features
from pipelines.errors import ProblemError


def told_reasons(
    feature_folder: Path, model_folder: Path, week: dt.date, people: Sequence[int], *, outcome: str | None = None
) -> pl.DataFrame:
    """`features.reasons`, and ``raises``: whether its theme is among those that raise the person's risk most.

    The risk is that of ``outcome``; default the primary one.

    Raises:
        ProblemError: no model was promoted, or its folder is damaged.
    """
    from models import ModelError, themes_of

    sentences = features.reasons(feature_folder, week, people)
    try:
        themes = themes_of(feature_folder, model_folder, week, people, outcome=outcome)
    except ModelError as error:
        raise ProblemError(str(error)) from error
    raising = themes.filter(pl.col("said") & (pl.col("effect") > 0)).select("person_id", "theme", raises=True)
    return sentences.join(raising, on=["person_id", "theme"], how="left", maintain_order="left")
