"""Risks and lists of a past Monday as they would be, were all that is known now known then; beside those given out.

In counts of people, small ones told as such. Nothing that was given out changes, and nothing is kept.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from outreach import Heading, ListError, build_lists, load_list, wording
from outreach.rows import REASON_COLUMNS
from pipelines.moved import told
from pipelines.register import row_key
from pipelines.stages import list_folder, register_folder, score_folder
from pipelines.store import Store

if TYPE_CHECKING:
    import duckdb

STEPS = (1, 5)
"""Differences from which people are counted as moved: in 100 of a risk, or expected days."""

SCORES = {
    "outcome": pl.String,
    "in": pl.String,
    "people": pl.String,
    **{f"moved by {step} or more": pl.String for step in STEPS},
}
LISTS = {"people": pl.String, "count": pl.String}
NO_SCORES = "No risks were given out for that Monday, so none are computed again."
NO_LISTS = "No lists were given out for that Monday, so none are made again."


@dataclass(frozen=True)
class Relisted:
    """What differs.

    Attributes:
        scores: one row an outcome that was scored: people with a risk both times, of whom it moved.
        lists: who was shown, and of those who would not be, why.
        says: why one of them is empty, in a sentence; empty where neither is.
    """

    scores: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SCORES))
    lists: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=LISTS))
    says: str = ""


def relist(store: Store, con: duckdb.DuckDBPyConnection, week: dt.date, *, features: Path, scratch: Path) -> Relisted:
    """Score and list a Monday again.

    Args:
        store: the home, for models and for what was given out; only read.
        con: a connection where the record is open in hindsight (`record.open_in_hindsight`).
        week: the Monday.
        features: the folder of weeks with its matrix as known now.
        scratch: an empty folder that is gone afterwards.
    """
    from models import ModelError, score_week

    given = score_folder(store) / f"week={week}" / "score.parquet"
    if not given.exists():
        return Relisted(says=NO_SCORES)
    try:
        score_week(week, feature_folder=features, model_folder=store.models, out=scratch / "score")
    except ModelError as error:
        return Relisted(says=f"The risks cannot be computed again: {error}")
    again = scratch / "score" / f"week={week}" / "score.parquet"
    scores = risks_moved(pl.read_parquet(given), pl.read_parquet(again))
    ledger = list_folder(store) / f"week={week}" / "ledger.parquet"
    if not ledger.exists():
        return Relisted(scores, says=NO_LISTS)
    before = pl.read_parquet(ledger)
    try:
        after = _listed_again(store, con, week, before, features=features, scores=again.parent, scratch=scratch)
    except ListError as error:
        return Relisted(scores, says=f"The lists cannot be made again: {error}")
    return Relisted(scores, lists_moved(before, after))


def risks_moved(given: pl.DataFrame, again: pl.DataFrame) -> pl.DataFrame:
    """People whose number moved, one row an outcome.

    Args:
        given: `person_id`, `outcome`, `score` as given out.
        again: the same, as known now.

    Returns:
        `SCORES`, by outcome; numbers of people as they may be shown.
    """
    from models.outcome import load_outcomes

    days = pl.col("outcome").is_in([o.name for o in load_outcomes().values() if o.counts])
    key = ["person_id", "outcome"]
    both = given.select(*key, "score").join(again.select(*key, now="score"), on=key)
    by = (pl.col("now") - pl.col("score")).abs().round(6) * pl.when(days).then(1).otherwise(100)
    unit = pl.when(days).then(pl.lit("days")).otherwise(pl.lit("100 people")).first()
    moved = [(by.round(4) >= step).sum().alias(f"{step}") for step in STEPS]
    counts = both.group_by("outcome").agg(unit.alias("in"), pl.len(), *moved).sort("outcome")
    rows = [(outcome, unit, *(told(n) for n in numbers)) for outcome, unit, *numbers in counts.iter_rows()]
    return pl.DataFrame(rows, schema=SCORES, orient="row")


def _listed_again(
    store: Store,
    con: duckdb.DuckDBPyConnection,
    week: dt.date,
    before: pl.DataFrame,
    *,
    features: Path,
    scores: Path,
    scratch: Path,
) -> pl.DataFrame:
    """The ledger as it would be, after the same earlier lists and by the same rule."""
    earlier = scratch / "earlier"
    earlier.mkdir()
    for folder in list_folder(store).glob("week=*"):
        if folder.name < f"week={week}":
            (earlier / folder.name).symlink_to(folder.resolve())
    outcome, model = before.select("outcome", "model_id").row(0)
    report = build_lists(
        con,
        week,
        scores=scores,
        features=features,
        out=scratch / "list" / f"week={week}",
        earlier=earlier,
        registers=register_folder(store),
        reasons=lambda _: pl.DataFrame(schema=REASON_COLUMNS),
        heading=Heading(model_id=model),
        tie_key=row_key(store),
        declaration=load_list().for_outcomes([outcome]),
    )
    return pl.read_parquet(report.ledger)


def lists_moved(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """How many are shown both times, would not be and why, and would be instead.

    Args:
        before: the ledger as given out: `person_id`, `shown`, `status`.
        after: the same, as known now.

    Returns:
        `LISTS`; numbers of people as they may be shown.
    """
    shown, now = before.filter("shown"), after.filter("shown")
    both = shown.join(now, on="person_id", how="semi")
    gone = shown.join(now, on="person_id", how="anti").select("person_id")
    why = (
        gone.join(after.select("person_id", "status"), on="person_id", how="left")
        .with_columns(pl.col("status").fill_null("gone"))
        .group_by("status")
        .len()
        .sort("len", "status", descending=[True, False])
    )
    rows = [
        ("shown as given out", told(len(shown))),
        ("of these shown as known now", told(len(both))),
        *((f"of these not: {wording.STATUS_WORDS[status]}", told(people)) for status, people in why.iter_rows()),
        ("shown as known now only", told(len(now) - len(both))),
    ]
    return pl.DataFrame(rows, schema=LISTS, orient="row")
