"""What changed since the last list: for each new person why now, and for the list how much of it is new."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl

from outreach import wording
from outreach.ledger import ledgers

SAME_SCORE = 0.005
"""Two risks nearer than this are told as the same."""

NEARBY = ("shown", "still_here", "over_capacity")


def last_ledger(earlier: Path | None, week: dt.date) -> pl.DataFrame:
    """`person_id`, `last_status`, `last_score`, `last_model` on the newest list before; empty when there was none."""
    before = [path for when, path in ledgers(earlier) if when < week]
    schema = {"person_id": pl.Int64, "last_status": pl.String, "last_score": pl.Float64, "last_model": pl.String}
    if not before:
        return pl.DataFrame(schema=schema)
    ledger = pl.read_parquet(before[-1], columns=["person_id", "status", "score", "model_id"])
    return ledger.rename({"status": "last_status", "score": "last_score", "model_id": "last_model"})


def what_changed(week: dt.date, *, first_list: bool) -> pl.Expr:
    """Why somebody is new this week, in words.

    Reads `latest_date` (of the first reason), `last_status`, `last_score`, `last_model`, `model_id`, `score`.
    """
    happened = (pl.col("latest_date") >= week - dt.timedelta(days=7)).fill_null(value=False)
    same = (pl.col("score") - pl.col("last_score")).abs() < SAME_SCORE
    return (
        pl.when(first_list)
        .then(pl.lit(wording.CHANGED_FIRST))
        .when(happened)
        .then(pl.lit(wording.CHANGED_HAPPENED))
        .when(pl.col("last_status").is_null())
        .then(pl.lit(wording.CHANGED_NEWCOMER))
        .when(pl.col("last_status") == "in_hospital")
        .then(pl.lit(wording.CHANGED_HOME))
        .when(pl.col("last_model") != pl.col("model_id"))
        .then(pl.lit(wording.CHANGED_MODEL))
        .when((pl.col("last_status") == "over_capacity") & same)
        .then(pl.lit(wording.CHANGED_ROOM))
        .when((pl.col("last_status") == "still_here") & same)
        .then(pl.lit(wording.CHANGED_RESTED))
        .otherwise(pl.lit(wording.CHANGED_DATA))
    )


def churn(chosen: pl.DataFrame, last: pl.DataFrame) -> float | None:
    """Share of those shown who on the last list were neither shown, nor still there, nor next in line.

    None when there was no list before, or nobody is shown.
    """
    shown = chosen.filter("shown").join(last, on="person_id", how="left")
    if last.is_empty() or shown.is_empty():
        return None
    return round(1 - float(shown["last_status"].is_in(NEARBY).fill_null(value=False).mean() or 0), 4)  # type: ignore[arg-type]
