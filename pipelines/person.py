"""One pseudonymous person as known on one Monday: what the record says, the features, the scores, the lists.

Read from the analyst file only. There is no NHS number, name or address in it, and none is ever shown. People with a
sensitive demographic flag, and people who have opted out of record-level use, are not shown.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from data_contracts.identity import parse_person_ref, person_ref
from pipelines.errors import MistakeError, ProblemError
from pipelines.person_words import (
    UNSAID,
    YEAR,
    about_in_words,
    code_labels,
    medicines_in_words,
    row_in_words,
    value_in_words,
    window_in_words,
)
from pipelines.publish import current_manifest
from pipelines.query import reading
from pipelines.store import Store
from pipelines.weeks import parse_week
from pipelines.withholding import is_withheld

if TYPE_CHECKING:
    import duckdb

_FEATURE_SCHEMA = {
    "meaning": pl.String,
    "over": pl.String,
    "says": pl.String,
    "feature": pl.String,
    "value": pl.Float64,
    "nothing": pl.Boolean,
}
WITHHELD = "This record is not shown: the person has opted out of such use, or the record carries a sensitive flag."
_DATES = ("event_date", "admission_date", "start_date", "death_date", "episode_start")
_VERSIONED = {"person_id", "known_from", "known_until"}
_TOLD_ELSEWHERE = ("medication", "community_activity")
"""Medicines have a table of their own; an activity is told by its contact."""
_DAILY = ("inpatient_day",)
"""Tables with a row each day; days that say the same are told once, by the latest."""


@dataclass(frozen=True)
class PersonView:
    """What is known about one person on a Monday.

    Attributes:
        about: one row: birth month, sex, area, practice.
        timeline: one row an event, newest first: date, table, what, known_from; without medicines.
        medicines: one row a product issued in the last 12 months.
        features: one row a feature but for single deficits: meaning, over which time, says (the value in words), name,
            value (missing: unknown), and whether it says nothing (zero, or no day in the window).
        evidence: one row a dated fact that speaks for or against being housebound or living in a care home.
        scores: one row an outcome.
        lists: one row a week in which the person was considered for a list.
        deficits: one row a deficit of the frailty index: since when, and the code or result that sets it.
        codelists: versions of the lists behind them.
    """

    reference: str
    week: dt.date
    about: pl.DataFrame
    timeline: pl.DataFrame
    medicines: pl.DataFrame
    features: pl.DataFrame
    evidence: pl.DataFrame
    scores: pl.DataFrame
    lists: pl.DataFrame
    deficits: pl.DataFrame
    codelists: str


def read_person(store: Store, reference: str, week: str | None = None) -> PersonView:
    """Read one person as known on a Monday; default the newest published week.

    Raises:
        MistakeError: the reference or the week is malformed, or nobody has that reference.
        ProblemError: nothing is published, or the record may not be shown.
    """
    try:
        person_id = parse_person_ref(reference)
    except ValueError as error:
        raise MistakeError(str(error)) from None
    manifest = current_manifest(store)
    if manifest is None:
        raise ProblemError(f"Nothing is published in {store.home} yet; `anticipate run` does that.")
    monday = parse_week(week) if week else dt.date.fromisoformat(manifest["week"])
    from features import load_features

    with reading(store, analyst=True) as con:
        views = _columns(con)
        if is_withheld(con, person_id):
            raise ProblemError(WITHHELD)
        about = _known(con, "person", person_id, monday) if "person" in views else pl.DataFrame()
        if about.is_empty():
            raise MistakeError(f"Nobody with the reference {person_ref(person_id)} is known on {monday}.")
        return PersonView(
            reference=person_ref(person_id),
            week=monday,
            about=about_in_words(about.drop(UNSAID & set(about.columns))),
            timeline=_timeline(con, views, person_id, monday),
            medicines=_medicines(con, views, person_id, monday),
            features=_features(con, views, person_id, monday),
            evidence=_evidence(con, views, person_id, monday),
            scores=_of_week(con, views, "score", person_id, monday),
            lists=_lists(con, views, person_id, monday),
            deficits=_deficits(con, views, person_id, monday),
            codelists=load_features().index_codelists,
        )


def _columns(con: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    rows = con.sql(
        "select table_name, list(column_name order by column_index) from duckdb_columns() where not internal group by 1"
    ).fetchall()
    return {str(name): list(columns) for name, columns in rows}


def _known(con: duckdb.DuckDBPyConnection, view: str, person_id: int, week: dt.date) -> pl.DataFrame:
    return con.sql(
        f'select * from "{view}" where person_id = $person and known_from <= $week '
        "and (known_until is null or known_until > $week)",
        params={"person": person_id, "week": week},
    ).pl()


def _timeline(
    con: duckdb.DuckDBPyConnection, views: dict[str, list[str]], person_id: int, week: dt.date
) -> pl.DataFrame:
    schema = {"date": pl.Date, "table": pl.String, "what": pl.String, "known_from": pl.Date}
    parts = [pl.DataFrame(schema=schema)]
    for view, columns in sorted(views.items()):
        dated = next((d for d in _DATES if d in columns), None)
        if view.endswith("_history") or view in _TOLD_ELSEWHERE or dated is None or not set(columns) >= _VERSIONED:
            continue
        rows = _known(con, view, person_id, week).filter(pl.col(dated) < week)
        if len(rows):
            told = rows.select(
                date=pl.col(dated),
                table=pl.lit(view.replace("_", " ")),
                what=row_in_words(rows, dated),
                known_from=pl.col("known_from"),
            )
            parts.append(told.sort("date").unique("what", keep="last") if view in _DAILY else told)
    return pl.concat(parts).sort("date", "table", "what", descending=[True, False, False])


def _of_week(
    con: duckdb.DuckDBPyConnection, views: dict[str, list[str]], view: str, person_id: int, week: dt.date
) -> pl.DataFrame:
    if view not in views:
        return pl.DataFrame()
    return con.sql(
        f'select * exclude (person_id) from "{view}" where person_id = $person and week = $week',
        params={"person": person_id, "week": week},
    ).pl()


def _features(
    con: duckdb.DuckDBPyConnection, views: dict[str, list[str]], person_id: int, week: dt.date
) -> pl.DataFrame:
    row = _of_week(con, views, "feature", person_id, week)
    if row.is_empty():
        return pl.DataFrame(schema=_FEATURE_SCHEMA)
    from features import load_features

    # features of the household are never shown with anybody's own record; single deficits have a table of their own
    declared = [f for f in load_features().features if f.measure not in ("household", "deficit")]
    told = []
    for feature in (f for f in declared if f.name in row.columns):
        value = row[feature.name].cast(pl.Float64).fill_nan(None).item()
        never = float(feature.window or 0) if feature.measure == "days_since" else 0.0
        says = value_in_words(feature, value)
        nothing = None if value is None else value == never
        told.append((feature.description, window_in_words(feature), says, feature.name, value, nothing))
    return pl.DataFrame(told, schema=_FEATURE_SCHEMA, orient="row")


def _medicines(
    con: duckdb.DuckDBPyConnection, views: dict[str, list[str]], person_id: int, week: dt.date
) -> pl.DataFrame:
    if "medication" not in views:
        return pl.DataFrame()
    issues = _known(con, "medication", person_id, week)
    lately = pl.col("event_date").is_between(week - dt.timedelta(days=YEAR), week, closed="left")
    return medicines_in_words(issues.filter(lately))


def _evidence(
    con: duckdb.DuckDBPyConnection, views: dict[str, list[str]], person_id: int, week: dt.date
) -> pl.DataFrame:
    kept = _of_week(con, views, "feature_evidence", person_id, week)
    if kept.is_empty():
        return pl.DataFrame()
    from features import evidence_in_words

    told = evidence_in_words(kept.with_columns(person_id=pl.lit(person_id)))
    return told.select("phenotype", "level", "event_date", "words", speaks=pl.when("against").then(pl.lit("against")))


def _deficits(
    con: duckdb.DuckDBPyConnection, views: dict[str, list[str]], person_id: int, week: dt.date
) -> pl.DataFrame:
    """Evidence of the deficits; empty where the index is unknown, as it is under 65."""
    week_row = _of_week(con, views, "feature", person_id, week)
    if "gp_event" not in views or "deficit_count" not in week_row.columns or week_row["deficit_count"].is_null().all():
        return pl.DataFrame()
    from features import deficit_evidence, load_features

    declared = load_features()
    products = week_row[declared.polypharmacy[0]].item()
    (sex_code,) = _known(con, "person", person_id, week).sort("known_from").select("sex_code").row(-1)
    found = deficit_evidence(
        declared,
        _known(con, "gp_event", person_id, week).filter(pl.col("event_date") < week),
        week,
        sex_code=sex_code,
        products=None if products is None else int(products),
    )
    code = pl.col("code").cast(pl.String)
    label = code.replace_strict(code_labels(), default="", return_dtype=pl.String)
    return found.select(
        pl.col("deficit").str.replace_all("_", " "),
        "by",
        "since_date",
        "latest_date",
        what=pl.when(pl.col("by") == "medicines").then(pl.lit("different medicines in 12 months")).otherwise(label),
        value=pl.col("value").cast(pl.String).str.replace(r"\.?0+$", ""),
        unit="unit",
        code=code,
    )


def _lists(con: duckdb.DuckDBPyConnection, views: dict[str, list[str]], person_id: int, week: dt.date) -> pl.DataFrame:
    if "weekly_list" not in views:
        return pl.DataFrame()
    return con.sql(
        "select week, list_id, team, status, shown, score from weekly_list "
        "where person_id = $person and week <= $week order by week desc",
        params={"person": person_id, "week": week},
    ).pl()
