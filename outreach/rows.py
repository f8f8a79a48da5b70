"""Sorts the people of a week's choice onto the sheets of their team, and says what is said about each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import polars as pl

from data_contracts.identity import person_ref
from outreach import wording
from outreach.change import what_changed
from outreach.declaration import ListDeclaration
from outreach.eligibility import Considered
from outreach.sheet import TeamRows, people_in_words
from outreach.teams import TeamsFile

REASON_COLUMNS = {
    "person_id": pl.Int64,
    "feature": pl.String,
    "theme": pl.String,
    "sentence": pl.String,
    "evidence_date": pl.Date,
}
REASONS_SHOWN = 3
Reasons = Callable[[list[int]], pl.DataFrame]
Facts = Callable[[list[int]], pl.DataFrame]


def rows_by_team(
    chosen: pl.DataFrame,
    listed: pl.DataFrame,
    considered: Considered,
    reasons: Reasons,
    facts: Facts,
    *,
    last: pl.DataFrame,
    week: dt.date,
    declaration: ListDeclaration,
    teams: TeamsFile,
) -> dict[str, TeamRows]:
    """Each team's people in list order, in words.

    Args:
        chosen: `choice.choose`.
        listed: `ledger.listed_before`.
        considered: who may be mentioned nowhere, and who has died.
        reasons: gives the sentences about given people (`features.reasons`); asked once, for the people on any sheet.
        facts: says who is at home with them, who sees them, which plan there is (`facts.facts_about`), and what stands
            on the sheet of details (`background.background`).
        last: `change.last_ledger`.
        week: the index Monday.
        declaration: the list.
        teams: the teams file: what a team does itself is not sent to a service.
    """
    chosen = chosen.join(last, on="person_id", how="left", maintain_order="left")
    routed = _routed(chosen, declaration)
    off = _coming_off(chosen, listed, considered, routed)
    named = chosen.filter(pl.col("shown") | (pl.col("status") == "still_here"))["person_id"].to_list()
    spoken_of = sorted({*named, *routed["person_id"]})
    table = first_reasons(reasons(spoken_of), week, declaration)
    table = facts(spoken_of).join(table, on="person_id", how="left")

    def put(people: pl.DataFrame) -> pl.DataFrame:
        return people_in_words(people, table, week, declaration, teams).with_columns(
            changed=what_changed(week, first_list=last.is_empty())
        )

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


def first_reasons(sentences: pl.DataFrame, week: dt.date, declaration: ListDeclaration) -> pl.DataFrame:
    """The three sentences that are shown: recent ones first, in the declared order, one a theme.

    Args:
        sentences: `person_id`, `feature`, `theme`, `sentence`, `evidence_date` (null: not dated), in order of telling;
            and `raises`, where the model can tell: the theme is among those that raise the risk most, and then comes
            first among the recent and among the others.
        week: the index Monday.
        declaration: the list.

    Returns:
        One row a person with a sentence: `person_id`, `reason_1`, `reason_2`, `reason_3`, and `latest_date`, the date
        behind the first (null: not dated).
    """
    starts = declaration.reasons_first
    telling = pl.coalesce(
        *(pl.when(pl.col("feature").str.starts_with(start)).then(place) for place, start in enumerate(starts)),
        pl.lit(len(starts)),
    )
    recent = pl.col("evidence_date") >= week - dt.timedelta(days=declaration.recent_days)
    said = pl.col("sentence").str.slice(0, 1).str.to_uppercase() + pl.col("sentence").str.slice(1)
    raises = pl.col("raises").fill_null(value=False) if "raises" in sentences.columns else pl.lit(value=False)
    numbered = {f"reason_{i}": said.get(i - 1, null_on_oob=True) for i in range(1, REASONS_SHOWN + 1)}
    return (
        sentences.select(*(pl.col(c).cast(t) for c, t in REASON_COLUMNS.items()), last=~raises)
        .with_row_index("told")
        .sort(
            "person_id",
            ~recent.fill_null(value=False),
            "last",
            telling,
            "told",
        )
        .unique(["person_id", "theme"], keep="first", maintain_order=True)
        .group_by("person_id", maintain_order=True)
        .agg(**numbered, latest_date=pl.col("evidence_date").get(0, null_on_oob=True))
    )


def _routed(chosen: pl.DataFrame, declaration: ListDeclaration) -> pl.DataFrame:
    """Routed people who would have been on the list: at least the marginal risk of a full list, or listed before."""
    full = chosen.filter("shown").group_by("team", "capacity").agg(least=pl.col("score").min(), count=pl.len())
    marginal = full.filter(pl.col("count") == pl.col("capacity")).select("team", "least")
    enough = pl.col("score") >= pl.coalesce("least", pl.lit(declaration.threshold))
    return (
        chosen.filter(pl.col("status").is_in(list(declaration.routes)))
        .join(marginal, on="team", how="left")
        .filter(enough | pl.col("last_listed").is_not_null() | pl.col("added"))
        .sort("score", "person_id", descending=[True, False])
    )


def _coming_off(
    chosen: pl.DataFrame, listed: pl.DataFrame, considered: Considered, routed: pl.DataFrame
) -> pl.DataFrame:
    """People of earlier lists who are on no sheet of the same team now, and why; the withheld are not mentioned."""
    on_sheet = pl.col("status").is_in(["shown", "still_here"]) | pl.col("person_id").is_in(
        routed["person_id"].implode()
    )
    same_team = pl.col("team") == pl.col("last_team")
    why = (
        pl.when(pl.col("person_id").is_in(considered.dead.implode()))
        .then(pl.lit("dead"))
        .when(pl.col("team").is_not_null() & ~same_team)
        .then(pl.lit("other_team"))
        .otherwise(pl.col("status").fill_null("gone"))
        .replace_strict(wording.STATUS_WORDS)
    )
    off = (
        listed.filter(~pl.col("person_id").is_in(considered.withheld.implode()))
        .join(chosen.select("person_id", "team", "status"), on="person_id", how="left")
        .filter(~(on_sheet & same_team).fill_null(value=False))
        .with_columns(off=why)
        .sort("last_listed", "person_id", descending=[True, False])
    )
    return off.with_columns(pl.Series("who", [person_ref(p) for p in off["person_id"].to_list()], dtype=pl.String))
