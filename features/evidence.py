"""Why a phenotype gives a person its level: the dated facts that a week kept, in words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from features.cohort import week_file
from features.declaration import FeatureSet, load_features
from features.phenotype import Fact

HOUSEBOUND_LEVELS = {1: "possible", 2: "probable", 3: "confirmed"}


def housebound_evidence(
    feature_folder: Path, week: dt.date, person_ids: Sequence[int], *, declared: FeatureSet | None = None
) -> pl.DataFrame:
    """One row a person and dated fact, for those of the people who are housebound at any level; for direct care only.

    Columns: person_id; level (possible, probable, confirmed); since_date (first evidence of the deciding rule, null
    where it has no date); rule (the deciding one, a name of ``features/declared/housebound.yaml``); against (the fact
    speaks against it); event_date; words. Sorted by person, then newest evidence first. People not in it are not
    indicated, or the level is unknown: ``housebound_class`` of the matrix tells which.

    Raises:
        FeatureError: the week has not been computed.
    """
    kept = _kept(feature_folder, week, person_ids).filter(pl.col("phenotype") == "housebound")
    levels = pl.col("level").cast(pl.Int32).replace_strict(HOUSEBOUND_LEVELS, return_dtype=pl.String)
    return _in_words(kept, (declared or load_features()).phenotypes["housebound"].facts).with_columns(level=levels)


def _kept(feature_folder: Path, week: dt.date, person_ids: Sequence[int]) -> pl.DataFrame:
    file = week_file(feature_folder, week, "evidence.parquet")
    return pl.scan_parquet(file).filter(pl.col("person_id").is_in(list(person_ids))).collect()


def _in_words(kept: pl.DataFrame, facts: dict[str, Fact]) -> pl.DataFrame:
    words = pl.col("fact").replace_strict({f.name: f.words for f in facts.values()}, return_dtype=pl.String)
    against = pl.col("fact").replace_strict({f.name: f.against for f in facts.values()}, return_dtype=pl.Boolean)
    day = pl.col("event_date").dt.day().cast(pl.String) + pl.col("event_date").dt.strftime(" %b %Y")
    for blank, value in (("{latest}", day), ("{count}", pl.col("count")), ("{status}", pl.col("status"))):
        words = words.str.replace(blank, value.cast(pl.String).fill_null(""), literal=True)
    return kept.select("person_id", "level", "since_date", "rule", "event_date", against=against, words=words).sort(
        "person_id", "event_date", "words", descending=[False, True, False], nulls_last=True
    )
