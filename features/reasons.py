"""The sentences that say what a value means, for people on a list.

A feature without a declared sentence is never printed (mental health, continence and other things about which a list
says only "other recorded health needs: see the record"). Which sentences are shown, and how many, is outreach's choice.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from features.checks import latest_feature
from features.cohort import week_file
from features.declaration import Feature, FeatureSet, load_features

WINDOW_WORDS = {30: "30 days", 90: "three months", 180: "six months", 365: "12 months", 730: "two years"}


def reasons(
    feature_folder: Path, week: dt.date, person_ids: Sequence[int], *, declared: FeatureSet | None = None
) -> pl.DataFrame:
    """One row a person and feature with something to say: the sentence, its theme and the newest date behind it.

    Columns: person_id, feature, theme, sentence, value (float), evidence_date (null where the feature has no date).
    Of a group counted over several windows one sentence is said: the shortest window that tells all of the last year,
    or two years when the last year holds none. Sorted by person_id, then newest evidence first, then the order of the
    declarations. Zero and unknown say nothing.
    """
    declared = declared or load_features()
    spoken = [f for f in declared.features if f.reason]
    dates = {f.name: latest_feature(declared, f) for f in spoken if f.group}
    columns = {"person_id", *(f.name for f in spoken), *(d.name for d in dates.values() if d)}
    values = (
        pl.scan_parquet(week_file(feature_folder, week, "matrix.parquet"))
        .select(sorted(columns))
        .filter(pl.col("person_id").is_in(list(person_ids)))
        .collect()
    )
    parts = [_sentences(values, f, dates.get(f.name), week, order) for order, f in enumerate(spoken)]
    over_a_year = pl.col("window") > 365
    told_once = (
        pl.concat(parts)
        .sort("person_id", "said_of", over_a_year, pl.col("value").neg(), "window", "order")
        .unique(["person_id", "said_of"], keep="first", maintain_order=True)
    )
    return told_once.sort("person_id", "evidence_date", "order", descending=[False, True, False], nulls_last=True).drop(
        "order", "window", "said_of"
    )


def _sentences(
    values: pl.DataFrame, feature: Feature, dated: Feature | None, week: dt.date, order: int
) -> pl.DataFrame:
    said = values.filter(pl.col(feature.name) >= feature.reason_from)
    value = pl.col(feature.name)
    if dated is None:
        evidence, latest = pl.lit(None, dtype=pl.Date), pl.lit("", dtype=pl.String)
    else:
        days = pl.col(dated.name).cast(pl.Int32)
        day = pl.lit(week) - pl.duration(days=days)
        longer = days >= (dated.window or 0)
        evidence = pl.when(~longer).then(day).cast(pl.Date)
        printed = day.dt.day().cast(pl.String) + day.dt.strftime(" %b %Y")
        latest = pl.when(longer).then("a day before " + printed).otherwise(printed)
    level = value.cast(pl.Int32).replace_strict(dict(feature.levels), default="", return_dtype=pl.String)
    return said.select(
        "person_id",
        feature=pl.lit(feature.name),
        theme=pl.lit(feature.theme),
        sentence=_filled(feature, value, latest, level),
        value=value.cast(pl.Float64),
        evidence_date=evidence,
        order=pl.lit(order),
        window=pl.lit(feature.window or 0),
        said_of=pl.lit(f"{feature.group} {feature.measure}" if feature.group else feature.name),
    )


def _filled(feature: Feature, value: pl.Expr, latest: pl.Expr, level: pl.Expr) -> pl.Expr:
    forms = dict(feature.reason)
    window = WINDOW_WORDS.get(feature.window or 0, f"{feature.window} days")
    one = forms.get("one", forms.get("status", ""))
    many = forms.get("many", one)
    return (
        pl.when(value == 1)
        .then(_form(one, window, value, latest, level))
        .otherwise(_form(many, window, value, latest, level))
    )


def _form(form: str, window: str, value: pl.Expr, latest: pl.Expr, level: pl.Expr) -> pl.Expr:
    """The form with its blanks filled, one expression for all rows."""
    blanks = {"count": value.cast(pl.Int64).cast(pl.String), "latest": latest, "level": level}
    pieces: list[pl.Expr] = []
    for piece in form.replace("{window}", window).replace("{", "\0{").replace("}", "}\0").split("\0"):
        if piece:
            pieces.append(blanks[piece[1:-1]] if piece.startswith("{") else pl.lit(piece))
    return pl.concat_str(pieces)
