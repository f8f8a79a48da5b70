"""Two weeks beside each other: who joined the lists, who left, and how scores moved, in counts only."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import duckdb
import polars as pl

from pipelines.errors import MistakeError
from pipelines.query import reading
from pipelines.store import Store
from pipelines.weeks import parse_week

NOTABLE = 0.05
"""A score that moved by more than five percentage points is counted as risen or fallen."""


@dataclass(frozen=True)
class Comparison:
    """What changed between two Mondays.

    Attributes:
        teams: one row a team: shown in each week, in both, joined, left.
        statuses: one row a status: people in each week.
        scores: one row an outcome: people scored in both weeks, mean scores, people whose score rose or fell by more
            than five percentage points.
    """

    earlier: dt.date
    later: dt.date
    teams: pl.DataFrame
    statuses: pl.DataFrame
    scores: pl.DataFrame


def compare_weeks(store: Store, earlier: str = "", later: str = "") -> Comparison:
    """Compare two published weeks; by default the newest two.

    Raises:
        MistakeError: a week is no Monday or has no list, or there is only one.
        ProblemError: nothing is published yet.
    """
    with reading(store, analyst=True) as con:
        try:
            weeks = [row[0] for row in con.sql("select distinct week from weekly_list order by week").fetchall()]
        except duckdb.CatalogException as error:
            raise MistakeError(f"No list is published yet: {error}") from None
        second = parse_week(later) if later else max(weeks)
        before = [w for w in weeks if w < second]
        if not earlier and not before:
            raise MistakeError(f"There is no list before {second} to compare with.")
        first = parse_week(earlier) if earlier else max(before)
        for week in (first, second):
            if week not in weeks:
                raise MistakeError(f"{week} has no list; there are lists for {', '.join(map(str, weeks))}.")
        rows = con.sql(
            "select week, list_id, team, person_id, status, shown, score from weekly_list where week in ($a, $b)",
            params={"a": first, "b": second},
        ).pl()
    return Comparison(first, second, _teams(rows, first, second), _statuses(rows, first, second), _scores(rows, first))


def _teams(rows: pl.DataFrame, first: dt.date, second: dt.date) -> pl.DataFrame:
    people = (
        rows.filter("shown")
        .group_by("team", "person_id")
        .agg(before=(pl.col("week") == first).any(), after=(pl.col("week") == second).any())
    )
    before, after = pl.col("before"), pl.col("after")
    return (
        people.group_by("team")
        .agg(
            earlier_week=before.sum(),
            later_week=after.sum(),
            both_weeks=(before & after).sum(),
            joined=(after & ~before).sum(),
            gone=(before & ~after).sum(),
        )
        .sort("team")
    )


def _statuses(rows: pl.DataFrame, first: dt.date, second: dt.date) -> pl.DataFrame:
    counted = rows.group_by("status").agg(
        earlier_week=(pl.col("week") == first).sum(), later_week=(pl.col("week") == second).sum()
    )
    return counted.sort("status")


def _scores(rows: pl.DataFrame, first: dt.date) -> pl.DataFrame:
    before, after = rows.filter(pl.col("week") == first), rows.filter(pl.col("week") != first)
    both = before.join(after, on=["list_id", "person_id"], suffix="_later")
    moved = pl.col("score_later") - pl.col("score")
    return both.select(
        people=pl.len(),
        mean_earlier=pl.col("score").mean().round(4),
        mean_later=pl.col("score_later").mean().round(4),
        risen=(moved > NOTABLE).sum(),
        fallen=(moved < -NOTABLE).sum(),
    )
