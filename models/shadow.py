"""Two models side by side in the weeks that both have scored: the one of the list, and a challenger in shadow.

Before a window has closed they can only be compared in how they rank; afterwards in how right they were.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

from models import censoring, evaluation
from models.outcome import Outcome, follow_up
from models.promotion import paired

LISTED = 0.05


@dataclass(frozen=True)
class SideBySide:
    """What weekly scores say about two models.

    Attributes:
        weeks: one row a week that both scored: people, Spearman's correlation, share of the highest 5 % in common, and
            whether its window has closed.
        metrics: of the weeks that have closed, one row a metric with the paired difference; None when there are none.
    """

    weeks: pl.DataFrame
    metrics: pl.DataFrame | None


def side_by_side(
    con: duckdb.DuckDBPyConnection,
    outcome: Outcome,
    one: str,
    other: str,
    *,
    score_folder: Path,
    shadow_folder: Path,
    data_date: dt.date,
) -> SideBySide:
    """Two models in the weeks that both have scored, on the list or in shadow.

    Args:
        con: connection with the record tables.
        outcome: what both predict.
        one: id of the first model; differences are the first minus the second.
        other: id of the second.
        score_folder: weeks of scores.
        shadow_folder: weeks of scores in shadow.
        data_date: outcomes are read as known on that day.
    """
    rows, closed = [], []
    for week, frame in _weeks(outcome.name, one, other, score_folder, shadow_folder):
        alike = evaluation.rank_agreement(frame["one"].to_numpy(), frame["other"].to_numpy(), LISTED)
        over = outcome.closes(week) <= data_date
        rows.append({"week": week, "people": frame.height, **alike, "closed": over})
        if over:
            closed.append(frame.with_columns(week=pl.lit(week)))
    columns = {"week": pl.Date, "people": pl.Int64, "spearman": pl.Float64, "top_share_overlap": pl.Float64}
    weeks = pl.DataFrame(rows, schema={**columns, "closed": pl.Boolean})
    return SideBySide(weeks, _judged(con, outcome, (one, other), pl.concat(closed), data_date) if closed else None)


def _weeks(
    outcome: str, one: str, other: str, score_folder: Path, shadow_folder: Path
) -> Iterator[tuple[dt.date, pl.DataFrame]]:
    """Each week that both scored, and one row a person: person_id, one, other."""
    for path in sorted(shadow_folder.glob("week=*/shadow.parquet")):
        scored = score_folder / path.parent.name / "score.parquet"
        if not scored.is_file():
            continue
        frames = [pl.scan_parquet(p).select("person_id", "outcome", "model_id", "score") for p in (path, scored)]
        told = pl.concat(frames).filter(pl.col("outcome") == outcome)
        mine = told.filter(pl.col("model_id") == one).select("person_id", one="score")
        theirs = told.filter(pl.col("model_id") == other).select("person_id", other="score")
        both = mine.join(theirs, on="person_id").sort("person_id").collect()
        if not both.is_empty():
            yield dt.date.fromisoformat(path.parent.name[5:]), both


def _judged(
    con: duckdb.DuckDBPyConnection, outcome: Outcome, names: tuple[str, str], frame: pl.DataFrame, data_date: dt.date
) -> pl.DataFrame:
    """Metrics on what happened; people are drawn together (a person has several weeks)."""
    told = frame.sort("week", "person_id")
    fate = follow_up(con, outcome, told.select("week", "person_id"), data_date=data_date)
    weight = censoring.weights(fate["time_days"].to_numpy(), fate["censored"].to_numpy())
    cluster = np.unique(told["person_id"].to_numpy() % 97, return_inverse=True)[1]
    amount = fate["amount"].to_numpy() if outcome.counts else None
    rows = evaluation.TestRows(fate["event"].to_numpy(), weight, cluster, amount)
    return paired(*names, (told["one"].to_numpy(), told["other"].to_numpy()), rows)
