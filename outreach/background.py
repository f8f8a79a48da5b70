"""What stands beside a person on the sheet of details: risks by kind, frailty, being housebound, emergency stays.

Looked up for the few people on a sheet only, as known that Monday. What was not delivered is not known, and is never
said to be absent. Nothing here ranks anybody.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import duckdb
import polars as pl

import sql
from features import FeatureError, housebound_evidence, load_features
from features.cohort import week_file
from outreach import wording
from outreach.declaration import ListDeclaration, OtherRisk
from outreach.facts import LOOK_BACK_DAYS, dated

BACKGROUND = ("risks", "frailty", "housebound", "stays")
SHOWN_EACH = 2
"""Stays, and dated facts about being housebound, that are told of one person; the newest."""

LEVELS = ("frailty_level", "rockwood_score", "frailty_index_band")
DAYS = {"frailty_level": "frailty_code_days_since", "rockwood_score": "rockwood_days_since"}
READ = (*LEVELS, *DAYS.values(), "deficit_count", "deficits_new_365", "housebound_class")


def background(
    con: duckdb.DuckDBPyConnection,
    week: dt.date,
    people: Sequence[int],
    *,
    features: Path,
    scores: Path,
    declaration: ListDeclaration,
) -> pl.DataFrame:
    """What else is known about these people on a Monday, in words.

    Args:
        con: a connection with the record's tables.
        week: the index Monday.
        people: whom a sheet shows.
        features: the folder of weeks that `features.build_matrix` wrote.
        scores: Parquet file or folder of the week, of one outcome or several (`outcome`).
        declaration: the list; its `other_risks` are told, in their order.

    Returns:
        One row a person: `person_id` and `BACKGROUND`, each text; "Not known" where nothing was delivered.
    """
    asked = pl.DataFrame({"person_id": sorted(set(people))}, schema={"person_id": pl.Int64})
    known = asked.join(_features(features, week), on="person_id", how="left")
    told = known.select("person_id", frailty=_frailty(week), level=_level())
    parts = (
        _risks(scores, asked, declaration.other_risks),
        _evidence(features, week, asked["person_id"].to_list()),
        _stays(con, week, asked),
    )
    for part in parts:
        told = told.join(part, on="person_id", how="left")
    return told.select(
        "person_id",
        pl.col("risks").fill_null(wording.NOT_KNOWN),
        "frailty",
        housebound=pl.concat_str("level", "evidence", separator=": ", ignore_nulls=True),
        stays="stays",
    )


def _features(folder: Path, week: dt.date) -> pl.DataFrame:
    """`person_id` and `READ`; a feature that the week does not have is null."""
    matrix = pl.scan_parquet(week_file(folder, week, "matrix.parquet"))
    there = set(matrix.collect_schema().names())
    columns = [pl.col(f).cast(pl.Float64).fill_nan(None) if f in there else pl.lit(None, pl.Float64) for f in READ]
    return matrix.select("person_id", **dict(zip(READ, columns, strict=True))).collect()


def _risks(scores: Path, asked: pl.DataFrame, kinds: Sequence[OtherRisk]) -> pl.DataFrame:
    """Each declared kind of which a number exists for the person, a line a kind."""
    frame = pl.scan_parquet(scores / "**/*.parquet" if scores.is_dir() else scores)
    if "outcome" not in frame.collect_schema().names():
        return asked.with_columns(risks=pl.lit(None, pl.String))
    order = {kind.outcome: place for place, kind in enumerate(kinds)}
    words = {kind.outcome: kind.words for kind in kinds}
    amounts = [kind.outcome for kind in kinds if kind.days]
    count = (pl.col("score") * 100).round(0).cast(pl.Int64)
    said = (
        pl.when(pl.col("outcome").is_in(amounts))
        .then(pl.format(wording.OTHER_DAYS, pl.col("score").round(1)))
        .when(count >= 1)
        .then(pl.format(wording.OTHER_RISK, count))
        .otherwise(pl.lit(wording.OTHER_RISK_SMALL))
    )
    return (
        frame.filter(pl.col("outcome").is_in(list(order)))
        .select("person_id", "outcome", pl.col("score").cast(pl.Float64))
        .join(asked.lazy(), on="person_id", how="semi")
        .drop_nulls()
        .collect()
        .sort("person_id", pl.col("outcome").replace_strict(order, return_dtype=pl.Int64))
        .with_columns(said=pl.format("{}: {}", pl.col("outcome").replace_strict(words, return_dtype=pl.String), said))
        .group_by("person_id", maintain_order=True)
        .agg(risks=pl.format(wording.LINE, "said").str.join("\n"))
    )


def _frailty(week: dt.date) -> pl.Expr:
    """What a clinician recorded, then the computed index with what is new in it; never one for the other."""
    by_name = load_features().by_name
    said = {name: dict(by_name[name].levels) for name in LEVELS}
    level = {
        name: pl.col(name).cast(pl.Int32).replace_strict(words, default=None, return_dtype=pl.String)
        for name, words in said.items()
    }

    def on(name: str) -> pl.Expr:
        days = pl.col(DAYS[name])
        since = (pl.lit(week) - pl.duration(days=days.cast(pl.Int64))).cast(pl.Date)
        old = days.is_null() | (days >= float(by_name[DAYS[name]].window or 0))
        return pl.when(old).then(pl.lit("")).otherwise(pl.format(", {}", dated(since)))

    recorded = pl.when(pl.col("frailty_level") >= 1).then(
        pl.format(wording.FRAILTY_RECORDED, level["frailty_level"].str.to_titlecase(), on("frailty_level"))
    )
    scale = pl.when(pl.col("rockwood_score") >= 1).then(
        pl.format(wording.FRAILTY_SCALE, level["rockwood_score"], on("rockwood_score"))
    )
    count, new = pl.col("deficit_count").cast(pl.Int64), pl.col("deficits_new_365").cast(pl.Int64)
    index = pl.format(wording.FRAILTY_INDEX, count, len(load_features().deficits) + 1, level["frailty_index_band"])
    gained = pl.when(new >= 1).then(pl.format(wording.FRAILTY_NEW, new))
    lines = [pl.format(wording.LINE, said) for said in (recorded, scale, index, gained)]
    return pl.coalesce(
        pl.concat_str(*lines, separator="\n", ignore_nulls=True).replace("", None),
        pl.lit(wording.NOT_KNOWN),
    )


def _level() -> pl.Expr:
    words = {0: wording.NOT_INDICATED, **wording.HOUSEBOUND_WORDS}
    level = pl.col("housebound_class").cast(pl.Int32)
    return level.replace_strict(words, default=wording.NOT_KNOWN, return_dtype=pl.String)


def _evidence(features: Path, week: dt.date, people: Sequence[int]) -> pl.DataFrame:
    """The newest facts that speak for being housebound; a week without evidence beside its matrix has none."""
    try:
        kept = housebound_evidence(features, week, people)
    except FeatureError:
        return pl.DataFrame(schema={"person_id": pl.Int64, "evidence": pl.String})
    told = kept.filter(~pl.col("against")).group_by("person_id", maintain_order=True)
    return told.agg(evidence=pl.col("words").unique(maintain_order=True).head(SHOWN_EACH).str.join("; "))


def _stays(con: duckdb.DuckDBPyConnection, week: dt.date, asked: pl.DataFrame) -> pl.DataFrame:
    there = con.sql("select 1 from information_schema.tables where table_name = 'inpatient_spell'").fetchall()
    if not there:
        return asked.with_columns(stays=pl.lit(wording.NOT_KNOWN))
    con.register("asked_person", asked.to_arrow())
    try:
        since = week - dt.timedelta(days=LOOK_BACK_DAYS)
        rows = con.sql(sql.load("outreach/emergency_stay"), params={"index": week, "since": since}).pl()
    finally:
        con.unregister("asked_person")
    nights = (
        pl.when(pl.col("nights").is_null() | (pl.col("discharge_date") > week))
        .then(pl.lit(wording.STAY_OPEN))
        .when(pl.col("nights") == 1)
        .then(pl.lit(wording.STAY_NIGHT))
        .otherwise(pl.format(wording.STAY_NIGHTS, "nights"))
    )
    told = (
        rows.with_columns(said=pl.format("{}, {}", dated("admission_date"), nights))
        .group_by("person_id", maintain_order=True)
        .agg(count=pl.len(), latest=pl.format(wording.LINE, "said").head(SHOWN_EACH).str.join("\n"))
    )
    more = pl.format("{}\n" + wording.LINE.format(wording.STAYS_IN_YEAR), "latest", "count")
    told = told.with_columns(stays=pl.when(pl.col("count") > SHOWN_EACH).then(more).otherwise("latest"))
    return asked.join(told.select("person_id", "stays"), on="person_id", how="left").with_columns(
        pl.col("stays").fill_null(wording.NO_STAY)
    )
