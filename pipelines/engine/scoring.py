"""Scores of one week on Spark: parts of whole practices as Arrow batches, by the same model folder and the same code.

A practice is never divided, because the share of a practice's people who are coded for a hidden state counts in its
scores. Every worker has this product installed and sees the home.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

from features.cohort import week_file
from models.errors import ModelError
from models.scoring import Chosen, People, declarations_of, models_of, write_scores
from pipelines.errors import ProblemError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Batches = Iterator[pa.RecordBatch]
COLUMNS = (
    "person_id bigint, week date, outcome string, score double, model_id string, model_status string, "
    "retrospective_flag boolean, unknown_share double"
)


def score_week(spark: SparkSession, week: dt.date, *, feature_folder: Path, model_folder: Path, out: Path) -> Path:
    """Writes what ``models.score_week`` writes, scored in parts on Spark.

    The scores of one week come together on this machine, a few dozen bytes a person and outcome; matrices do not.

    Raises:
        ModelError: no model was promoted for the primary outcome, or the week's features have not been computed.
        ProblemError: a part could not be scored; the sentence is the worker's.
    """
    from pyspark.errors import PySparkException

    models, declarations = models_of(week, model_folder), declarations_of(feature_folder, week)
    matrix = spark.read.parquet(str(week_file(feature_folder, week, "matrix.parquet")))
    people = spark.read.parquet(str(week_file(feature_folder, week, "person.parquet")))
    cohort = people.where("cohort_flag").select("person_id", "practice_code")
    parts = cohort.join(matrix, "person_id").repartition("practice_code").sortWithinPartitions("person_id")
    try:
        scored = parts.mapInArrow(_scorer(week, models, declarations, model_folder), COLUMNS).toArrow()
    except PySparkException as problem:
        raise _as_told(problem) from problem
    frame = pl.from_arrow(scored)
    assert isinstance(frame, pl.DataFrame)
    return write_scores(out, week, frame)


def _as_told(problem: Exception) -> Exception:
    """What a worker said, without where in Spark it said it."""
    said = re.search(r"ModelError: (.+)", str(problem))
    return ModelError(said[1]) if said else ProblemError(f"Spark could not score: {str(problem).partition(chr(10))[0]}")


def _scorer(
    week: dt.date, models: tuple[Chosen, ...], declarations: str, model_folder: Path
) -> Callable[[Batches], Batches]:
    """What a worker does with the practices of its part."""

    def score(batches: Batches) -> Batches:
        held = list(batches)
        if not sum(batch.num_rows for batch in held):
            return
        part = pl.from_arrow(pa.Table.from_batches(held))
        assert isinstance(part, pl.DataFrame)
        everyone = pl.repeat(value=True, n=part.height, eager=True)
        people = People(week, part.select("person_id", "practice_code"), part, everyone, declarations, threads=1)
        yield from people.scores(models, model_folder).to_arrow(compat_level=pl.CompatLevel.oldest()).to_batches()

    return score
