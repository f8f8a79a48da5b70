"""Sorts the people of a week's choice onto the sheets of their team, and says what is said about each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import polars as pl

from data_contracts.identity import person_ref
from outreach import wording
from outreach.declaration import ListDeclaration
from outreach.sheet import TeamRows, people_in_words

REASON_SCHEMA = {
    "person_id": pl.Int64,
    "reason_1": pl.String,
    "reason_2": pl.String,
    "reason_3": pl.String,
    "latest_date": pl.Date,
}
Reasons = pl.DataFrame | Callable[[list[int]], pl.DataFrame]


def rows_by_team(
    chosen: pl.DataFrame,
    listed: pl.DataFrame,
    withheld: pl.Series,
    reasons: Reasons,
    *,
    week: dt.date,
    declaration: ListDeclaration,
) -> dict[str, TeamRows]:
    """Each team's people in list order, in words.

    Args:
        chosen: `choice.choose`.
        listed: `ledger.listed_before`.
        withheld: people who may be mentioned nowhere.
        reasons: the reasons, or what gives them; asked once, for the people on any sheet.
        week: the index Monday.
        declaration: the list.
    """
    routed = _routed(chosen, declaration)
    off = _coming_off(chosen, listed, withheld, routed)
    named = chosen.filter(pl.col("shown") | (pl.col("status") == "still_here"))["person_id"].to_list()
    table = reasons(sorted({*named, *routed["person_id"]})) if callable(reasons) else reasons
    table = table.select(pl.col(c).cast(t) for c, t in REASON_SCHEMA.items())

    def put(people: pl.DataFrame) -> pl.DataFrame:
        return people_in_words(people, table, week, declaration)

    return {
        team: TeamRows(
            shown=put(own.filter("shown")),
            still_here=put(
                own.filter(pl.col("status") == "still_here").sort("score", "person_id", descending=[True, False])
            ),
            routed={
                r: put(routed.filter((pl.col("team") == team) & (pl.col("status") == r))) for r in declaration.routes
            },
            coming_off=off.filter(pl.col("last_team") == team),
            left_off=len(own.filter(pl.col("status") == "over_capacity")),
        )
        for (team,), own in chosen.filter(pl.col("team").is_not_null()).group_by("team", maintain_order=True)
    }


def _routed(chosen: pl.DataFrame, declaration: ListDeclaration) -> pl.DataFrame:
    """Routed people who would have been on the list: at least the marginal risk of a full list, or listed before."""
    full = chosen.filter("shown").group_by("team", "capacity").agg(least=pl.col("score").min(), count=pl.len())
    marginal = full.filter(pl.col("count") == pl.col("capacity")).select("team", "least")
    enough = pl.col("score") >= pl.coalesce("least", pl.lit(declaration.threshold))
    return (
        chosen.filter(pl.col("status").is_in(list(declaration.routes)))
        .join(marginal, on="team", how="left")
        .filter(enough | pl.col("last_listed").is_not_null())
        .sort("score", "person_id", descending=[True, False])
    )


def _coming_off(chosen: pl.DataFrame, listed: pl.DataFrame, withheld: pl.Series, routed: pl.DataFrame) -> pl.DataFrame:
    """People of earlier lists who are on no sheet of the same team now, and why; the withheld are not mentioned."""
    on_sheet = pl.col("status").is_in(["shown", "still_here"]) | pl.col("person_id").is_in(
        routed["person_id"].implode()
    )
    same_team = pl.col("team") == pl.col("last_team")
    why = (
        pl.when(pl.col("team").is_not_null() & ~same_team)
        .then(pl.lit("other_team"))
        .otherwise(pl.col("status").fill_null("gone"))
        .replace_strict(wording.STATUS_WORDS)
    )
    off = (
        listed.filter(~pl.col("person_id").is_in(withheld.implode()))
        .join(chosen.select("person_id", "team", "status"), on="person_id", how="left")
        .filter(~(on_sheet & same_team).fill_null(value=False))
        .with_columns(off=why)
        .sort("last_listed", "person_id", descending=[True, False])
    )
    return off.with_columns(pl.Series("person", [person_ref(p) for p in off["person_id"].to_list()], dtype=pl.String))
