"""Practices whose coding has changed: many more or fewer entries than in their own year before, beside all others.

A model learns what practices write down. When one changes its templates, its system or its list, the scores of its
people move though nobody's health has.
"""

from __future__ import annotations

import datetime as dt
import math

import duckdb
import polars as pl

import sql

QUARTERS = 4
FEWEST_ENTRIES = 200
"""A quarter's entries before; with fewer, chance alone moves the number."""


def by_practice(con: duckdb.DuckDBPyConnection, week: dt.date) -> pl.DataFrame:
    """Coded entries by practice and quarter as known on a Monday: practice_code, quarter (1 newest), entry_count."""
    return con.sql(sql.load("quality/coding_by_practice"), params={"index": week}).pl()


def changes(counts: pl.DataFrame) -> pl.DataFrame:
    """One row a practice that can be compared: practice_code, times.

    ``times`` is its newest quarter over the mean of the four before, over the median of that ratio among all practices
    (so that the season, a strike or slow delivery does not count). A practice with fewer than 200 entries a quarter
    before, or without all four quarters, is not compared.
    """
    before = counts.filter(pl.col("quarter").is_between(2, QUARTERS + 1)).group_by("practice_code")
    mean = before.agg(before=pl.col("entry_count").sum() / QUARTERS, quarters=pl.len())
    able = mean.filter((pl.col("before") >= FEWEST_ENTRIES) & (pl.col("quarters") == QUARTERS))
    newest = counts.filter(pl.col("quarter") == 1).select("practice_code", newest="entry_count")
    ratio = able.join(newest, on="practice_code", how="left").select(
        "practice_code", ratio=pl.col("newest").fill_null(0) / pl.col("before")
    )
    usual = ratio["ratio"].median()
    if not isinstance(usual, float) or usual <= 0:
        return pl.DataFrame(schema={"practice_code": pl.String, "times": pl.Float64})
    return ratio.select("practice_code", times=(pl.col("ratio") / usual).round(4)).sort("practice_code")


def changed(found: pl.DataFrame, limit: float) -> pl.DataFrame:
    """Those that write at least ``limit`` times as much, or as little, as before; the largest change first."""
    distance = pl.col("times").clip(1e-3).log().abs()
    return (
        found.filter(distance >= math.log(limit))
        .sort(distance.round(6), "practice_code", descending=[True, False])
        .select("practice_code", "times")
    )
