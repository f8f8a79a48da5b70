"""One pseudonymous person as known on one Monday: what the record says, the features, the scores, the lists.

Read from the analyst file only. There is no NHS number, name or address in it, and none is ever shown. People with a
sensitive demographic flag, and people who have opted out of record-level use, are not shown.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import polars as pl

from data_contracts.codelist import load_codelists
from data_contracts.identity import parse_person_ref, person_ref
from pipelines.errors import MistakeError, ProblemError
from pipelines.publish import current_manifest
from pipelines.query import reading
from pipelines.store import Store
from pipelines.weeks import parse_week
from pipelines.withholding import is_withheld

if TYPE_CHECKING:
    import duckdb

_FEATURE_SCHEMA = {"feature": pl.String, "value": pl.Float64, "meaning": pl.String, "nothing": pl.Boolean}
WITHHELD = "This record is not shown: the person has opted out of such use, or the record carries a sensitive flag."
_DATES = ("event_date", "admission_date", "start_date", "death_date", "episode_start")
_VERSIONED = {"person_id", "known_from", "known_until"}
_NOT_SAID = {"person_id", "known_from", "known_until", "delivery_id", "row_index", "household_id", "sensitive_flag"}


@dataclass(frozen=True)
class PersonView:
    """What is known about one person on a Monday.

    Attributes:
        about: one row: birth month, sex, area, practice.
        timeline: one row an event, newest first: date, table, what, known_from.
        features: one row a feature: feature, value (missing: unknown), meaning, and whether it says nothing (zero, or
            no day in the window).
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
            about=about.drop(_NOT_SAID & set(about.columns)),
            timeline=_timeline(con, views, person_id, monday),
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
        if view.endswith("_history") or dated is None or not set(columns) >= _VERSIONED:
            continue
        rows = _known(con, view, person_id, week).filter(pl.col(dated) < week)
        if len(rows):
            parts.append(
                rows.select(
                    date=pl.col(dated),
                    table=pl.lit(view),
                    what=_said(rows, dated),
                    known_from=pl.col("known_from"),
                )
            )
    return pl.concat(parts).sort("date", "table", "what", descending=[True, False, False])


@cache
def _labels() -> dict[str, str]:
    """Words for the codes that are in the codelists in use; other codes stay as they are."""
    return {e.code: e.label for listed in load_codelists().values() for e in listed.entries}


def _said(rows: pl.DataFrame, dated: str) -> pl.Expr:
    said = [c for c in rows.columns if c not in _NOT_SAID and c != dated]
    parts: list[pl.Expr] = [
        pl.when(pl.col(c).is_not_null()).then(pl.lit(c.replace("_", " ") + " ") + pl.col(c).cast(pl.String))
        for c in said
    ]
    if "code" in said:
        label = pl.col("code").cast(pl.String).replace_strict(_labels(), default=None, return_dtype=pl.String)
        parts.insert(0, label)
    return pl.concat_str(parts, separator=", ", ignore_nulls=True) if parts else pl.lit("")


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
        return pl.DataFrame(
            schema={"feature": pl.String, "value": pl.Float64, "meaning": pl.String, "nothing": pl.Boolean}
        )
    from features import load_features

    declared = load_features().features
    of_others = [f.name for f in declared if f.measure == "household"]  # never shown with anybody's own record
    meaning = {f.name: f.description for f in declared}
    never = {f.name: float(f.window) for f in declared if f.measure == "days_since" and f.window}
    long = (
        row.drop("week", *of_others, strict=False)
        .cast(pl.Float64)
        .transpose(include_header=True, header_name="feature", column_names=["value"])
    )
    return long.with_columns(
        meaning=pl.col("feature").replace_strict(meaning, default="", return_dtype=pl.String),
        value=pl.col("value").fill_nan(None),
        nothing=pl.col("value") == pl.col("feature").replace_strict(never, default=0.0, return_dtype=pl.Float64),
    )


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
    label = pl.col("code").cast(pl.String).replace_strict(_labels(), default="", return_dtype=pl.String)
    return found.with_columns(what=label, code=pl.col("code").cast(pl.String))


def _lists(con: duckdb.DuckDBPyConnection, views: dict[str, list[str]], person_id: int, week: dt.date) -> pl.DataFrame:
    if "weekly_list" not in views:
        return pl.DataFrame()
    return con.sql(
        "select week, list_id, team, status, shown, score from weekly_list "
        "where person_id = $person and week <= $week order by week desc",
        params={"person": person_id, "week": week},
    ).pl()
