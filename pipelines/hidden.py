"""How many people are expected to be housebound without a code, by neighbourhood: rounded, small numbers left out."""

from __future__ import annotations

import datetime as dt

import polars as pl

import sql
from commissioning.disclosure import ALL, RULES, SUPPRESSED, Table, control
from commissioning.population import NOT_KNOWN, removed_people
from features.cohort import week_file
from pipelines.errors import ProblemError
from pipelines.stages import feature_folder, record_opened, score_folder
from pipelines.store import Store

NAME = "hidden_housebound_expected"


def expected_by_neighbourhood(store: Store, week: dt.date) -> pl.DataFrame:
    """One row a primary care network and one for all: how many are expected, ``*`` where it is fewer than 8.

    Columns: neighbourhood, expected (text: rounded to 5, or ``*``).

    Raises:
        ProblemError: the week has no such scores.
    """
    from models.hidden import expected_uncoded, load_hidden

    path = score_folder(store) / f"week={week}" / "score.parquet"
    if not path.is_file():
        raise ProblemError(f"The week of {week} has not been scored; `anticipate run` does that.")
    scores = pl.read_parquet(path).filter(pl.col("outcome") == load_hidden().name).select("person_id", "score")
    if scores.is_empty():
        raise ProblemError(
            f"In the week of {week} no model was in use that finds people who may be housebound without a code."
        )
    people = pl.read_parquet(
        week_file(feature_folder(store), week, "person.parquet"), columns=["person_id", "practice_code"]
    )
    with record_opened(store) as con:
        practices = con.sql(sql.load("outreach/practice"), params={"index": week}).pl()
        removed = removed_people(con, week)
    counted = people.join(removed, on="person_id", how="anti").join(practices, on="practice_code", how="left")
    areas = counted.select("person_id", area=pl.col("pcn_name").fill_null(NOT_KNOWN))
    return controlled(expected_uncoded(scores, areas), week)


def controlled(found: pl.DataFrame, week: dt.date) -> pl.DataFrame:
    """The same through disclosure control, as if so many people had been counted. ``found``: area, people, expected."""
    parts = found.select(neighbourhood="area", value=pl.col("expected").round(0).cast(pl.Int64))
    total = parts.select(neighbourhood=pl.lit(ALL), value=pl.col("value").sum())
    cells = pl.concat([parts, total]).with_columns(
        period=pl.lit("day"), start=pl.lit(week), people="value", largest=pl.lit(1, pl.Int64)
    )
    shown = control([Table(NAME, ("neighbourhood",), cells)], "people", RULES, snapshot=True).frames[NAME]
    hidden = pl.col("status") == SUPPRESSED
    said = pl.when(hidden).then(pl.lit("*")).otherwise(pl.col("published").cast(pl.String))
    return shown.select("neighbourhood", expected=said).sort(pl.col("neighbourhood") == ALL, "neighbourhood")
