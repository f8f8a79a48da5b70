"""Ranks the people of each team and takes no more than the team can see."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac

import numpy as np
import numpy.typing as npt
import polars as pl

from outreach.declaration import ListDeclaration

LOOK_BACK_WEEKS = 4
SCORE_UNIT = 1_000_000
LEDGER_KEY = ["team", "rank", "person_id"]
LEDGER_COLUMNS = [
    "week",
    "list_id",
    "model_id",
    "team",
    "capacity",
    "person_id",
    "practice_code",
    "score",
    "rank",
    "shown",
    "new",
    "status",
    "last_listed",
]


def choose(
    people: pl.DataFrame,
    teams: pl.DataFrame,
    listed: pl.DataFrame,
    *,
    week: dt.date,
    declaration: ListDeclaration,
    tie_key: bytes,
) -> pl.DataFrame:
    """Ranks contenders within each team and shows the first up to its capacity.

    Args:
        people: `eligibility.Considered.people`.
        teams: `team`, `team_name`, `capacity`.
        listed: `person_id`, `last_listed`: who was shown in the weeks before.
        week: the index Monday.
        declaration: the list.
        tie_key: secret material that orders equal scores, so that no one can aim for a place.

    Returns:
        `people` with `capacity`, `last_listed` (null: not in the weeks looked back), `new`, `rank` (among those of the
        team who are not kept off, 1 = highest risk; null: not ranked), `shown` and `status`: `shown`, or the code of
        why not. Ordered by team, rank, person.
    """
    resting = (pl.col("last_listed") >= week - dt.timedelta(weeks=declaration.rest_weeks)).fill_null(value=False)
    ranked = pl.col("obstacle").is_null()
    return (
        people.with_columns(
            score_units=(pl.col("score") * SCORE_UNIT).round(0).cast(pl.Int64),
            tie=pl.Series(tie_order(people["person_id"].to_numpy(), week, tie_key)),
        )
        .join(teams, on="team", how="left")
        .join(listed, on="person_id", how="left")
        .with_columns(
            new=pl.col("last_listed").is_null(),
            obstacle=pl.when(ranked & resting).then(pl.lit("still_here")).otherwise("obstacle"),
        )
        .sort("team", "score_units", "tie", "person_id", descending=[False, True, False, False], nulls_last=True)
        .with_columns(rank=pl.when(ranked).then(ranked.cast(pl.Int64).cum_sum().over("team")))
        .with_columns(shown=(ranked & (pl.col("rank") <= pl.col("capacity"))).fill_null(value=False))
        .with_columns(
            status=pl.when("shown")
            .then(pl.lit("shown"))
            .when(ranked)
            .then(pl.lit("over_capacity"))
            .otherwise("obstacle"),
        )
        .drop("score_units", "tie", "obstacle")
        .sort(LEDGER_KEY, nulls_last=True)
    )


def tie_order(person_id: npt.NDArray[np.int64], week: dt.date, key: bytes) -> npt.NDArray[np.uint64]:
    """A keyed hash of (week, person): the recorded rule by which equal scores are ordered.

    The key and the week give two 64-bit words by HMAC-SHA256; each person's number is mixed with them by the
    finaliser of SplitMix64 (Steele, Lea, Flood 2014), twice. Unrelated from week to week, the same on every machine.
    """
    digest = hmac.new(key, f"tie|{week.isoformat()}".encode(), hashlib.sha256).digest()
    first, second = (np.uint64(int.from_bytes(digest[i : i + 8], "big")) for i in (0, 8))
    return _mix(_mix(person_id.astype(np.uint64) ^ first) ^ second)


def _mix(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
