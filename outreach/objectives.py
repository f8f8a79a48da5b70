"""What a list is ranked by: the declared objective, and the others, so that a team sees whom they would have chosen."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

import polars as pl

from outreach.declaration import ListError, Method

IMPACTABILITY = Path(__file__).parent / "impactability.csv"
IMPACTABILITY_COLUMNS: Final = (
    "outcome",
    "days_avoided",
    "low",
    "high",
    "source",
    "approver",
    "approved_on",
)
MORE_LIKELY_THAN_NOT = 0.5
NEEDS: Final[dict[Method, tuple[str, ...]]] = {
    "risk": ("score",),
    "rising_risk": ("score", "earlier_score"),
    "hidden_housebound_first": ("score", "housebound_class", "housebound_coded"),
    "equal_recall_by_deprivation": ("score", "imd_fifth"),
    "avoidable_bed_days": ("score",),
}


def methods_possible(people: pl.DataFrame, outcome: str) -> tuple[Method, ...]:
    """The objectives for which something is known about somebody, in the order of their declaration."""
    known = {c for c in people.columns if people[c].null_count() < len(people)}
    possible = [m for m, needs in NEEDS.items() if set(needs) <= known]
    return tuple(m for m in possible if m != "avoidable_bed_days" or days_avoided(outcome) is not None)


def with_priority(people: pl.DataFrame, method: Method, outcome: str) -> pl.DataFrame:
    """Adds `priority` (higher comes first; null where the score is unknown) by one objective.

    - `risk`: the calibrated risk.
    - `rising_risk`: how much it rose since an earlier list by the same model; people without one come after.
    - `hidden_housebound_first`: people who may be housebound and have no code for it, by the rules or (where such a
      model was in use) more likely than not by it, then the others; by risk.
    - `equal_recall_by_deprivation`: as many of the expected admissions in each fifth of deprivation of a team.
    - `avoidable_bed_days`: risk times the days that a contact was shown to avoid.

    Raises:
        ListError: the objective needs something that is not there.
    """
    missing = [c for c in NEEDS[method][1:] if c not in people.columns or people[c].null_count() == len(people)]
    if missing and len(people):
        raise ListError(f"The objective {method} needs {', '.join(missing)}, which is not known for anybody.")
    if method == "rising_risk":
        rise = pl.coalesce(pl.col("score") - pl.col("earlier_score"), pl.col("score") - 1)
        return people.with_columns(priority=rise)
    if method == "hidden_housebound_first":
        hidden = (pl.col("housebound_class") >= 1) & (pl.col("housebound_coded").fill_null(0) < 1)
        if "hidden_score" in people.columns:
            found = (pl.col("hidden_score") >= MORE_LIKELY_THAN_NOT).fill_null(value=False)
            hidden = hidden.fill_null(value=False) | found
        return people.with_columns(priority=pl.col("score") + hidden.fill_null(value=False).cast(pl.Float64))
    if method == "equal_recall_by_deprivation":
        return _equal_recall(people)
    if method == "avoidable_bed_days":
        days = days_avoided(outcome)
        if days is None:
            raise ListError(
                "The objective avoidable_bed_days needs impactability.csv: a row for the outcome with "
                "source, interval, approver and date."
            )
        return people.with_columns(priority=pl.col("score") * days)
    return people.with_columns(priority=pl.col("score"))


def _equal_recall(people: pl.DataFrame) -> pl.DataFrame:
    """Share of a fifth's expected admissions that lies below a person: taking the highest keeps the fifths level."""
    share = pl.col("score").cum_sum() / pl.col("score").sum()
    return (
        people.sort("score", "person_id", descending=[True, False], nulls_last=True)
        .with_columns(priority=1 - share.over("team", "imd_fifth"))
        .sort("person_id")
    )


@cache
def days_avoided(outcome: str, path: Path = IMPACTABILITY) -> float | None:
    """Bed days that a contact avoids for each expected admission, where somebody has approved a figure.

    Raises:
        ListError: a row is not complete.
    """
    table = pl.read_csv(path, infer_schema=False)
    rows = table.filter(pl.col("outcome") == outcome)
    if rows.is_empty():
        return None
    if any(not (value or "").strip() for value in rows.select(IMPACTABILITY_COLUMNS).row(0)):
        raise ListError(f"{path.name}: the row of {outcome} is not complete: source, interval, approver and date.")
    return float(rows["days_avoided"][0])


def deprivation_fifth(decile: str) -> pl.Expr:
    """1 (most deprived) to 5 from a decile of the index of multiple deprivation."""
    return ((pl.col(decile) + 1) // 2).cast(pl.Int64)
