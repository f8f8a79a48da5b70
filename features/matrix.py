"""The weekly matrix: one row a registered person, one float32 column a feature, sorted by ``person_id``.

Many weeks are computed in one pass over the record. A week computed alone has the same values as in a backfill,
because every week reads only its own rows.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import duckdb
import polars as pl

from features import gather
from features.checks import STATEMENT_OF_KIND
from features.cohort import HOUSEBOUND, in_cohort
from features.declaration import FeatureSet, load_features
from features.dense import WeekRows, week_values
from features.errors import FeatureError
from features.judge import evidence

ROWS_AT_ONCE = 150_000  # person-weeks grouped together; grouping slows more than in proportion beyond that


NOT_KEPT = ("week", "female", "residential_institute_code", "district", "deprivation_decile", "rural_area")


def build_matrix(
    con: duckdb.DuckDBPyConnection,
    weeks: Iterable[dt.date],
    *,
    out: Path,
    sources_allowed: Collection[str] | None = None,
    cohort_only: bool = False,
    declared: FeatureSet | None = None,
) -> dict[dt.date, Path]:
    """Writes ``out/week=YYYY-MM-DD/matrix.parquet`` and ``person.parquet`` beside it, for every week.

    ``matrix.parquet`` has ``person_id`` and one float32 column a feature; a missing value means unknown, never zero.
    ``person.parquet`` has, for the same people in the same order, what a list or an audit needs and a model may not
    see: practice, sex, ethnicity, LSOA, household, whether the person belongs to the cohort and why.

    Args:
        con: connection with the record tables as tables or views.
        weeks: Mondays, in any order.
        out: the folder of weeks; a week that is there already is replaced.
        sources_allowed: contracts allowed for the purpose; features of any other source are unknown. None: all.
        cohort_only: leave out people who are in no model's cohort (for training).
        declared: the declarations; default those shipped.

    Returns:
        the matrix file of each week.

    Raises:
        FeatureError: no week given, a week is no Monday, nobody is registered, or a person would have two rows.
    """
    declared = declared or load_features()
    ordered = sorted(set(weeks))
    if not ordered:
        raise FeatureError("no week was given")
    for week in ordered:
        if week.weekday() != 0:
            raise FeatureError(f"{week:%Y-%m-%d} is not a Monday")
    tables = gather.present_tables(con, declared, sources_allowed)
    try:
        gather.gather(con, declared, ordered, tables)
        gather.forget_entries(con)
        newest = {t: gather.newest_known(con, declared, t, ordered) for t in tables}
        weeks_read = (read for batch in _batches(con, ordered) for read in _read(con, declared, batch, newest))
        return _write_behind(weeks_read, lambda read: _write(out, declared, read, cohort_only=cohort_only))
    finally:
        gather.release(con)


def _write_behind(weeks_read: Iterable[WeekRows], write: Callable[[WeekRows], Path]) -> dict[dt.date, Path]:
    """Makes each week's files while the next week is read; no more than one week waits."""
    paths: dict[dt.date, Path] = {}
    behind: tuple[dt.date, Future[Path]] | None = None
    with ThreadPoolExecutor(max_workers=1) as writer:
        for read in weeks_read:
            if behind:
                paths[behind[0]] = behind[1].result()
            behind = read.week, writer.submit(write, read)
        if behind:
            paths[behind[0]] = behind[1].result()
    return paths


def _batches(con: duckdb.DuckDBPyConnection, weeks: Sequence[dt.date]) -> Iterator[Sequence[dt.date]]:
    """Weeks that are looked at together: as many as keep about ``ROWS_AT_ONCE`` person-weeks in one grouping."""
    ((people,),) = con.execute("select count(distinct person_id) from registration").fetchall()
    size = max(1, ROWS_AT_ONCE // max(1, people))
    for start in range(0, len(weeks), size):
        yield weeks[start : start + size]


def _read(
    con: duckdb.DuckDBPyConnection, declared: FeatureSet, weeks: Sequence[dt.date], newest: dict[str, pl.DataFrame]
) -> Iterator[WeekRows]:
    """Everything the weeks may read, long, and handed out week by week."""
    gather.weeks_at_once(con, weeks)
    population = gather.with_area(con, gather.rows(con, "population"))
    long = {kind: gather.rows(con, statement) for kind, statement in STATEMENT_OF_KIND.items()}
    deficits, results = gather.rows(con, "deficit_long"), gather.rows(con, "value_long")
    gained = gather.rows(con, "deficit_change")
    run, days = gather.rows(con, "status_run"), gather.rows(con, "days_long")
    for week in weeks:
        pick = pl.col("week") == week
        here = population.filter(pick).sort("person_id")
        if here.is_empty():
            raise FeatureError(f"nobody is registered as known on {week:%Y-%m-%d}: is the registration extract there?")
        if here["person_id"].n_unique() != here.height:
            raise FeatureError(f"{week:%Y-%m-%d}: a person would have two rows in the matrix")
        heard = {name: gather.heard_from(newest.get(name), week, t, here) for name, t in declared.tables.items()}
        yield WeekRows(
            week,
            here,
            {k: f.filter(pick) for k, f in long.items()},
            deficits.filter(pick),
            heard,
            run.filter(pick),
            days.filter(pick),
            results.filter(pick),
            gained.filter(pick),
        )


def _write(out: Path, declared: FeatureSet, read: WeekRows, *, cohort_only: bool) -> Path:
    columns, judged = week_values(declared, read)
    week, population = read.week, read.population
    member = in_cohort(columns["age"], columns["housebound_class"])
    people = population.drop(NOT_KEPT).with_columns(
        aged_65_flag=pl.Series(columns["age"] >= 65),
        housebound_flag=pl.Series(columns["housebound_class"] >= HOUSEBOUND),
        cohort_flag=pl.Series(member),
    )
    matrix = pl.DataFrame(
        {"person_id": population["person_id"]}
        | {name: pl.Series(name, columns[name], nan_to_null=True) for name in declared.names}
    )
    if cohort_only:
        people, matrix = people.filter("cohort_flag"), matrix.filter(pl.Series(member))
    folder = out / f"week={week:%Y-%m-%d}"
    staging = out / f".writing-week={week:%Y-%m-%d}"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    matrix.write_parquet(staging / "matrix.parquet", compression="zstd", row_group_size=131_072)
    people.write_parquet(staging / "person.parquet", compression="zstd")
    if judged and not cohort_only:
        persons = population["person_id"].to_numpy()
        shown = pl.concat([evidence(judged[name], persons) for name in sorted(judged)])
        shown.write_parquet(staging / "evidence.parquet", compression="zstd")
    unknown = [name for name in declared.names if matrix[name].null_count() == matrix.height]
    about = {
        "week": f"{week:%Y-%m-%d}",
        "rows": matrix.height,
        "cohort_only": cohort_only,
        "declarations": declared.fingerprint,
        "codelists": declared.codelist_versions,
        "unknown_features": unknown,
    }
    (staging / "about.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    if folder.exists():
        shutil.rmtree(folder)
    staging.rename(folder)
    return folder / "matrix.parquet"
