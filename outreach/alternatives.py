"""The list beside what it might have been: by other objectives this week, and by the same model earlier."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from outreach import wording
from outreach.declaration import Method
from outreach.ledger import ledgers

RISE_WEEKS = (4, 13)
"""A risk is compared with that of a list this many weeks ago, the nearest first."""


def beside_others(chosen: pl.DataFrame, others: Mapping[Method, pl.DataFrame]) -> dict[str, tuple[str, ...]]:
    """For each team one sentence an objective: how many of its people it would have shown too, and how many others."""
    shown = chosen.filter("shown").select("team", "person_id")
    said: dict[str, list[str]] = {}
    for method, other in others.items():
        theirs = other.filter("shown").select("team", "person_id")
        counts = (
            shown.group_by("team")
            .len("shown")
            .join(theirs.group_by("team").len("theirs"), on="team", how="left")
            .join(shown.join(theirs, on=["team", "person_id"]).group_by("team").len("same"), on="team", how="left")
            .fill_null(0)
            .sort("team")
        )
        for team, count, there, same in counts.iter_rows():
            words = wording.METHOD_WORDS[method]
            said.setdefault(team, []).append(
                wording.BESIDE.format(method=words, same=same, shown=count, other=there - same)
            )
    return {team: tuple(sentences) for team, sentences in said.items()}


def scores_before(earlier: Path | None, week: dt.date, model_id: str) -> pl.DataFrame:
    """`person_id`, `earlier_score`: the risk on the nearest list of `RISE_WEEKS` ago that the same model ranked."""
    newest, oldest = (week - dt.timedelta(weeks=w) for w in RISE_WEEKS)
    for when, path in reversed(ledgers(earlier)):
        if oldest <= when <= newest:
            ledger = pl.read_parquet(path, columns=["person_id", "score", "model_id"])
            same = ledger.filter(pl.col("model_id") == model_id).drop_nulls("score")
            if len(same):
                return same.select("person_id", earlier_score="score")
    return pl.DataFrame(schema={"person_id": pl.Int64, "earlier_score": pl.Float64})
