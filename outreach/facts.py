"""What a team asks first about a person: who is at home, who sees them already, which plan is on record.

Looked up for the few people on a sheet only. What was not delivered is not known, and is never said to be absent.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

import duckdb
import polars as pl

import sql
from data_contracts.codelist import codelist_named, versions_in_words
from data_contracts.contract import REFERENCE
from features import load_features
from outreach import wording

LOOK_BACK_DAYS = 365
UNLABELLED = "on record"
FACTS = ["living", "seen_by", "plan", "carer_strain"]
# fact: the codelists that say that it holds, and those that say that it does not
CODED = {
    "alone": (("lives_alone",), ("lives_alone_absent",)),
    "carer": (("carer_has",), ("carer_has_absent",)),
    "carer_strain": (("carer_strain",), ("carer_has_absent",)),
    "plan": (("advance_care_plan",), ()),
    "hearing": (("hearing_impairment",), ()),
    "sight": (("visual_impairment",), ()),
}
UNSAID_TEAMS = ("07", "08", "09", "37")
"""Community teams whose name would tell what is never printed (continence, sexual health, counselling, psychology)."""


def facts_about(con: duckdb.DuckDBPyConnection, week: dt.date, people: Sequence[int]) -> pl.DataFrame:
    """What is known about these people on a Monday, in words.

    Args:
        con: a connection with the record's tables; one that is absent makes its facts unknown.
        week: the index Monday.
        people: whom a sheet shows.

    Returns:
        One row a person: `person_id`, `living`, `seen_by`, `plan` (text, "Not known" where the source is absent),
        `carer_strain` (date of the newest code that says that a carer needs support; null none or unknown).
    """
    asked = pl.DataFrame({"person_id": sorted(set(people))}, schema={"person_id": pl.Int64})
    con.register("asked_person", asked.to_arrow())
    con.register("fact_code", fact_codes().to_arrow())
    there = {n for (n,) in con.sql("select distinct table_name from information_schema.tables").fetchall()}
    try:
        coded = _coded(con, week) if "gp_event" in there else None
        seen, known = _seen_by(con, week, there)
        planned = _select(con, "community_plan", index=week) if "care_plan" in there else None
    finally:
        con.unregister("asked_person")
        con.unregister("fact_code")
    facts = asked.join(coded, on="person_id", how="left") if coded is not None else asked.with_columns(_no_codes())
    if planned is not None:
        facts = facts.join(planned.rename({"event_date": "community_plan"}), on="person_id", how="left")
    else:
        facts = facts.with_columns(community_plan=pl.lit(None, pl.Date))
    none_seen = wording.SEEN_BY_NOBODY if known else wording.NOT_KNOWN
    return (
        facts.join(seen, on="person_id", how="left")
        .with_columns(
            living=_living() if coded is not None else pl.lit(wording.NOT_KNOWN),
            plan=_plan(known=coded is not None),
            seen_by=pl.col("seen_by").fill_null(none_seen),
        )
        .select("person_id", *FACTS)
    )


def codelists_in_words() -> tuple[str, ...]:
    """Name and version of every codelist behind what a sheet says: features, reasons and facts.

    Raises:
        CodelistError: a list of the site cannot be used.
    """
    own = (name for lists in CODED.values() for names in lists for name in names)
    return versions_in_words([*load_features().used_codelists, *own])


def dated(day: str | pl.Expr) -> pl.Expr:
    """A date column as it is read: 3 Feb 2026."""
    date = pl.col(day) if isinstance(day, str) else day
    return date.dt.day().cast(pl.String) + date.dt.strftime(" %b %Y")


def fact_codes() -> pl.DataFrame:
    """Codes that say that a fact holds, and those that say that it does not: fact, code, label, holds.

    The lists are those in use. A label that a site's list leaves out is said in general words.

    Raises:
        CodelistError: a list of the site cannot be used.
    """
    rows = [
        (fact, int(entry.code), entry.label or UNLABELLED, holds)
        for fact, (yes, no) in CODED.items()
        for holds, names in ((True, yes), (False, no))
        for name in names
        for entry in codelist_named(name).entries
    ]
    schema = {"fact": pl.String, "code": pl.Int64, "label": pl.String, "holds": pl.Boolean}
    found = pl.DataFrame(rows, schema=schema, orient="row")
    return found.unique(["fact", "code", "holds"], keep="first", maintain_order=True).sort("fact", "code", "holds")


def _coded(con: duckdb.DuckDBPyConnection, week: dt.date) -> pl.DataFrame:
    rows = _select(con, "coded_fact", index=week)
    return rows.group_by("person_id").agg(
        *(pl.col("event_date").filter(pl.col("fact") == fact).first().alias(fact) for fact in CODED),
        plan_label=pl.col("label").filter(pl.col("fact") == "plan").first(),
    )


def _no_codes() -> list[pl.Expr]:
    return [*(pl.lit(None, pl.Date).alias(f) for f in CODED), pl.lit(None, pl.String).alias("plan_label")]


def _living() -> pl.Expr:
    alone = pl.when(pl.col("alone").is_not_null()).then(pl.format(wording.LIVES_ALONE, dated("alone")))
    carer = pl.when(pl.col("carer").is_not_null()).then(pl.lit(wording.HAS_CARER))
    senses = [
        pl.when(pl.col(fact).is_not_null()).then(pl.format(words, dated(fact)))
        for fact, words in (("hearing", wording.HEARING), ("sight", wording.SIGHT))
    ]
    said = pl.concat_str([alone, carer, *senses], separator="; ", ignore_nulls=True)
    return pl.when(said == "").then(pl.lit(wording.NONE_FOUND)).otherwise(said)


def _plan(*, known: bool) -> pl.Expr:
    coded = pl.format(wording.PLAN, "plan_label", dated("plan"))
    community = pl.format(wording.PLAN, pl.lit(wording.COMMUNITY_PLAN), dated("community_plan"))
    return (
        pl.when(pl.col("plan").is_not_null())
        .then(coded)
        .when(pl.col("community_plan").is_not_null())
        .then(community)
        .otherwise(pl.lit(wording.NONE_FOUND if known else wording.NOT_KNOWN))
    )


def _seen_by(con: duckdb.DuckDBPyConnection, week: dt.date, there: Iterable[str]) -> tuple[pl.DataFrame, bool]:
    """Who saw each person in the last year, the latest first; and whether anything was delivered that could tell."""
    since = week - dt.timedelta(days=LOOK_BACK_DAYS)
    parts = [pl.DataFrame(schema={"person_id": pl.Int64, "service": pl.String, "last_contact": pl.Date})]
    known = False
    if "community_contact" in there:
        known = True
        rows = _select(con, "last_community_contact", index=week, since=since)
        parts.append(rows.select("person_id", service=_team_words(), last_contact="last_contact"))
    if "gp_appointment" in there:
        known = True
        rows = _select(con, "last_practice_contact", index=week, since=since)
        parts.append(rows.select("person_id", service=pl.lit(wording.PRACTICE), last_contact="last_contact"))
    if "care_service" in there:
        rows = _select(con, "care_in_place", index=week)
        parts.append(
            rows.select("person_id", service=pl.lit(wording.CARE_IN_PLACE), last_contact=pl.lit(None, pl.Date))
        )
    said = pl.concat(parts).sort(
        "person_id", "last_contact", "service", descending=[False, True, False], nulls_last=True
    )
    said = said.unique(["person_id", "service"], keep="first", maintain_order=True)
    words = (
        pl.when(pl.col("last_contact").is_not_null())
        .then(pl.format("{}, {}", "service", dated("last_contact")))
        .otherwise("service")
    )
    told = said.with_columns(words=words).group_by("person_id", maintain_order=True)
    return told.agg(seen_by=pl.col("words").head(3).str.join("; ")), known


def _team_words() -> pl.Expr:
    labels = pl.read_csv(REFERENCE / "code_value.csv", infer_schema=False).filter(
        pl.col("set") == "community_team_type"
    )
    words = {c: w for c, w in labels.select("code", "label").rows() if c not in UNSAID_TEAMS}
    return pl.col("team_type").replace_strict(words, default=wording.COMMUNITY_SERVICE, return_dtype=pl.String)


def _select(con: duckdb.DuckDBPyConnection, statement: str, **parameters: Any) -> pl.DataFrame:
    return con.sql(sql.load(f"outreach/{statement}"), params=parameters).pl()
