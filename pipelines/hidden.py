"""How many people are expected to be housebound without a code, by neighbourhood: rounded, small numbers left out.

And, once teams have answered on their registers, whether as many were housebound as the model expected.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

import sql
from commissioning.disclosure import ALL, RULES, SUPPRESSED, Table, control
from commissioning.population import NOT_KNOWN, removed_people
from features.cohort import week_file
from outreach.feedback import read_feedback
from outreach.stored import read_rows
from pipelines.errors import ProblemError
from pipelines.stages import feature_folder, record_opened, register_folder, score_folder
from pipelines.store import Store

NAME = "hidden_housebound_expected"
CONFIRMED = "Confirmed"


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


def confirmed_by_teams(store: Store, week: dt.date) -> pl.DataFrame:
    """What teams answered on their registers, as known on the Monday, beside the model's chance of the same Monday.

    Only people who had no code then have a chance. They are people whom the rules put on a register and about whom a
    team chose to answer, so it says nothing of those on no register.

    Returns:
        `models.hidden.beside_answers`; no row where fewer than 8 have been answered for.
    """
    from models.hidden import answered, beside_answers, load_hidden

    with record_opened(store) as con:
        told = read_feedback(con, week, read_rows(register_folder(store))).answers
    told = told.filter(pl.col("register_answer").is_not_null() & pl.col("person_id").is_not_null())
    answers = told.select("week", "person_id", "answered_on", confirmed=pl.col("register_answer") == CONFIRMED)
    weeks = [score_folder(store) / f"week={w}" / "score.parquet" for w in answers["week"].unique().sort()]
    if not (there := [path for path in weeks if path.is_file()]):
        return beside_answers(_NOBODY, RULES.smallest)
    hidden = (pl.col("outcome") == load_hidden().name) & ~pl.col("retrospective_flag")
    scores = pl.scan_parquet(there).filter(hidden).select("week", "person_id", "score").collect()
    return beside_answers(answered(scores, answers), RULES.smallest)


_NOBODY = pl.DataFrame(schema={"person_id": pl.Int64, "score": pl.Float64, "confirmed": pl.Boolean})
