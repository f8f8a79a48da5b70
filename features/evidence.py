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
CARE_HOME_LEVELS = {1: "for now", 2: "residential or kind not told", 3: "nursing"}
LEVELS = {"care_home": CARE_HOME_LEVELS, "housebound": HOUSEBOUND_LEVELS}
RESIDENT = 2
SOURCE_WORDS = {"council": "council", "gp": "GP record", "hospital": "hospital", "registration": "registration"}


def housebound_evidence(
    feature_folder: Path, week: dt.date, person_ids: Sequence[int], *, declared: FeatureSet | None = None
) -> pl.DataFrame:
    """One row a person and dated fact, for those of the people who are housebound at any level; for direct care only.

    Columns: person_id; level (possible, probable, confirmed); care_home (lives in one: a class of its own, for the care
    home round); since_date (first evidence of the deciding rule, null
    where it has no date); rule (the deciding one, a name of ``features/declared/housebound.yaml``); against (the fact
    speaks against it); event_date; words. Sorted by person, then newest evidence first. People not in it are not
    indicated, or the level is unknown: ``housebound_class`` of the matrix tells which.

    Raises:
        FeatureError: the week has not been computed.
    """
    kept = _kept(feature_folder, week, person_ids)
    residents = kept.filter(phenotype="care_home").filter(pl.col("level") >= RESIDENT)["person_id"].unique()
    facts = (declared or load_features()).phenotypes["housebound"].facts
    told = _in_words(kept.filter(phenotype="housebound"), facts, HOUSEBOUND_LEVELS)
    return told.with_columns(care_home=pl.col("person_id").is_in(residents.implode()))


def care_home_evidence(
    feature_folder: Path, week: dt.date, person_ids: Sequence[int], *, declared: FeatureSet | None = None
) -> pl.DataFrame:
    """As ``housebound_evidence``, for people who live in a care home by any source: one row a source that says so."""
    facts = (declared or load_features()).phenotypes["care_home"].facts
    kept = _kept(feature_folder, week, person_ids).filter(phenotype="care_home")
    return _in_words(kept, facts, CARE_HOME_LEVELS)


def care_home_agreement(feature_folder: Path, week: dt.date, *, declared: FeatureSet | None = None) -> pl.DataFrame:
    """How far the sources agree on who lives in a care home: one row a combination of sources that say so.

    Columns: one flag a source, people. Not suppressed: for the analyst, not for publication.
    """
    sources = list(SOURCE_WORDS)
    return (
        _by_source(feature_folder, week, declared)
        .group_by(sources)
        .agg(people=pl.len())
        .sort("people", *sources, descending=[True] + [False] * len(sources))
    )


def care_home_sources(feature_folder: Path, week: dt.date, *, declared: FeatureSet | None = None) -> pl.DataFrame:
    """One row a person who lives in a care home by any source: person_id, sources ("GP record, hospital").

    People for whom no source says so, and those of whom it is not known, have no row. Sorted by person.

    Raises:
        FeatureError: the week has not been computed.
    """
    words = [pl.when(pl.col(s)).then(pl.lit(said)) for s, said in SOURCE_WORDS.items()]
    told = pl.concat_str(words, separator=", ", ignore_nulls=True)
    return _by_source(feature_folder, week, declared).select("person_id", sources=told).sort("person_id")


def _by_source(feature_folder: Path, week: dt.date, declared: FeatureSet | None) -> pl.DataFrame:
    """One row a person who lives in a care home by any source: person_id and one flag a source."""
    phenotype = (declared or load_features()).phenotypes["care_home"]
    said = {r.subject: r.source for r in phenotype.rules if r.source and r.level >= RESIDENT}
    source = pl.col("fact").replace_strict(said, default=None, return_dtype=pl.String)
    return (
        pl.scan_parquet(week_file(feature_folder, week, "evidence.parquet"))
        .filter(pl.col("phenotype") == "care_home")
        .with_columns(source=source)
        .group_by("person_id")
        .agg([(pl.col("source") == s).any().alias(s) for s in SOURCE_WORDS])
        .filter(pl.any_horizontal(*SOURCE_WORDS))
        .collect()
    )


def evidence_in_words(kept: pl.DataFrame, *, declared: FeatureSet | None = None) -> pl.DataFrame:
    """Rows of ``evidence.parquet`` in words, all phenotypes; columns as ``housebound_evidence``, and phenotype."""
    phenotypes = (declared or load_features()).phenotypes
    parts = [
        _in_words(kept.filter(phenotype=name), phenotypes[name].facts, levels).with_columns(phenotype=pl.lit(name))
        for name, levels in LEVELS.items()
    ]
    return pl.concat(parts)


def _kept(feature_folder: Path, week: dt.date, person_ids: Sequence[int]) -> pl.DataFrame:
    file = week_file(feature_folder, week, "evidence.parquet")
    return pl.scan_parquet(file).filter(pl.col("person_id").is_in(list(person_ids))).collect()


def _in_words(kept: pl.DataFrame, facts: dict[str, Fact], levels: dict[int, str]) -> pl.DataFrame:
    level = pl.col("level").cast(pl.Int32).replace_strict(levels, return_dtype=pl.String)
    words = pl.col("fact").replace_strict({f.name: f.words for f in facts.values()}, return_dtype=pl.String)
    against = pl.col("fact").replace_strict({f.name: f.against for f in facts.values()}, return_dtype=pl.Boolean)
    day = pl.col("event_date").dt.day().cast(pl.String) + pl.col("event_date").dt.strftime(" %b %Y")
    for blank, value in (("{latest}", day), ("{count}", pl.col("count")), ("{status}", pl.col("status"))):
        words = words.str.replace(blank, value.cast(pl.String).fill_null(""), literal=True)
    return kept.select("person_id", level, "since_date", "rule", "event_date", against=against, words=words).sort(
        "person_id", "event_date", "words", descending=[False, True, False], nulls_last=True
    )
