"""Ranks the people of each team and takes no more than the team can see."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac

import numpy as np
import numpy.typing as npt
import polars as pl

from outreach.declaration import ListDeclaration
from outreach.design import Design, arms, cut_distance, not_started, ordered_among_ties

LOOK_BACK_WEEKS = 4
REVIEW_WEEKS = 26
"""Someone listed in this many weeks before, and rested since, may take one of the places kept for re-review."""

SCORE_UNIT = 1_000_000
RANKED = pl.col("obstacle").is_null()
LEDGER_KEY = ["team", "rank", "person_id"]
LEDGER_COLUMNS = [
    "week",
    "list_id",
    "model_id",
    "outcome",
    "objective",
    "team",
    "capacity",
    "person_id",
    "practice_code",
    "score",
    "rank",
    "shown",
    "new",
    "review",
    "added",
    "status",
    "told_until",
    "last_listed",
    "priority",
    "arm",
    "distance",
]


def choose(
    people: pl.DataFrame,
    teams: pl.DataFrame,
    listed: pl.DataFrame,
    *,
    week: dt.date,
    declaration: ListDeclaration,
    tie_key: bytes,
    design: Design,
) -> pl.DataFrame:
    """Ranks contenders within each team and shows the first up to its capacity.

    Args:
        people: `eligibility.Considered.people` with `priority` (`objectives.with_priority`).
        teams: `teams.TEAM_SCHEMA`.
        listed: `person_id`, `last_listed`: who was shown in the last `REVIEW_WEEKS` weeks.
        week: the index Monday.
        declaration: the list.
        tie_key: secret material that orders equal priorities, so that no one can aim for a place.
        design: the declared evaluation (`design.load_design`).

    Returns:
        `people` with `capacity`, `last_listed` (null: not in the weeks looked back), `new`, `review` (took a place kept
        for re-review), `rank` (among those of the team who are not kept off, whom it added first, 1 = first; null: not
        ranked), `arm` (`shown` or `not shown` where the design compares), `distance` (risk above the last place),
        `shown` and `status`: `shown`, or the code of why not. Ordered by team, rank, person.
    """
    contenders = _contenders(people, teams, listed, week=week, declaration=declaration, design=design)
    ties = pl.Series("tie", tie_order(contenders["person_id"].to_numpy(), week, tie_key))
    ordered = _in_order(contenders.with_columns(ties), week=week, declaration=declaration, design=design)
    return (
        _placed(ordered)
        .with_columns(
            status=pl.when("shown")
            .then(pl.lit("shown"))
            .when(RANKED)
            .then(pl.lit("over_capacity"))
            .otherwise("obstacle"),
            last_listed=pl.when("lately").then("last_listed"),
            new=~pl.col("lately"),
        )
        .with_columns(arm=arms(design, week, declaration), distance=cut_distance())
        .with_columns(distance=pl.when(pl.col("arm").is_not_null()).then("distance"))
        .drop("tie", "obstacle", "lately", "again", "by_risk")
        .sort(LEDGER_KEY, nulls_last=True)
    )


def _contenders(
    people: pl.DataFrame,
    teams: pl.DataFrame,
    listed: pl.DataFrame,
    *,
    week: dt.date,
    declaration: ListDeclaration,
    design: Design,
) -> pl.DataFrame:
    """People with their team's places, and what the weeks before and the design say against listing them now.

    Adds `lately` (listed in the weeks looked back) and `again` (rested, so that a place kept for re-review is open).
    """
    resting = (pl.col("last_listed") >= week - dt.timedelta(weeks=declaration.rest_weeks)).fill_null(value=False)
    look_back = max(declaration.rest_weeks, LOOK_BACK_WEEKS)
    lately = (pl.col("last_listed") >= week - dt.timedelta(weeks=look_back)).fill_null(value=False)
    own = ~pl.col("added")
    waits = not_started(pl.col("team"), design, week) & own
    rests = resting & own & (declaration.rest_weeks > 0)
    return (
        people.join(teams, on="team", how="left")
        .join(listed, on="person_id", how="left")
        .with_columns(obstacle=pl.when(RANKED & waits).then(pl.lit("not_started")).otherwise("obstacle"))
        .with_columns(obstacle=pl.when(RANKED & rests).then(pl.lit("still_here")).otherwise("obstacle"), lately=lately)
        .with_columns(
            again=RANKED & pl.col("last_listed").is_not_null() & ~(pl.col("lately") & (declaration.rest_weeks == 0))
        )
    )


def _in_order(contenders: pl.DataFrame, *, week: dt.date, declaration: ListDeclaration, design: Design) -> pl.DataFrame:
    """Contenders as they stand in line: whom the team added, then by priority, equal priorities by the recorded lot.

    Adds `by_risk`: the first places of a team, which no design may give by lot.
    """
    by_risk = RANKED & (RANKED.cast(pl.Int64).cum_sum().over("team") <= pl.col("capacity") - pl.col("lot_places"))
    exact = _sorted(contenders.with_columns(by_risk=pl.lit(value=False)))
    told = exact.with_columns(by_risk=by_risk.fill_null(value=False))
    return _sorted(ordered_among_ties(told, design, week, declaration))


def _sorted(people: pl.DataFrame) -> pl.DataFrame:
    units = (pl.col("priority") * SCORE_UNIT).round(0).cast(pl.Int64)
    by = ["team", pl.col("added"), pl.col("by_risk"), units, "tie", "person_id"]
    return people.sort(by, descending=[False, True, True, True, False, False], nulls_last=True)


def _placed(ordered: pl.DataFrame) -> pl.DataFrame:
    """Gives each team's places, the ones kept for re-review first: `rank`, `review`, `shown`."""
    again = pl.col("again")
    kept = again & (again.cast(pl.Int64).cum_sum().over("team") <= pl.col("review_places"))
    others = RANKED & ~pl.col("review")
    room = pl.col("capacity") - pl.col("review").cast(pl.Int64).sum().over("team")
    shown = pl.col("review") | (others & (others.cast(pl.Int64).cum_sum().over("team") <= room))
    return ordered.with_columns(
        rank=pl.when(RANKED).then(RANKED.cast(pl.Int64).cum_sum().over("team")), review=kept.fill_null(value=False)
    ).with_columns(shown=shown.fill_null(value=False))


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
