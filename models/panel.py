"""Which past Mondays and which people a model learns from, and which it is tested on.

Several index weeks a person; no person is in both parts; the test weeks start a whole outcome window after the last
training week, so that no training outcome was still open when the test began.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

import sql
from features import FeatureError, FeatureSet
from features.cohort import week_file
from models.draws import mix
from models.errors import ModelError
from models.outcome import Outcome

HISTORY_WEEKS = 104
STEP_WEEKS = 13
TEST_WEEKS = 2
TEST_SHARE = 0.3
FOLDS = 3
MOST_ROWS = 500_000
AUDIT = ("sex_code", "ethnic_code", "lsoa_code")


@dataclass(frozen=True)
class PanelWeeks:
    """Mondays to train on and, a window later, to test on, both ascending; and the newest of all.

    What holds on a Monday itself has no window to wait for: it is learned and tested on ``recent``.
    """

    train: tuple[dt.date, ...]
    test: tuple[dt.date, ...]
    newest: dt.date

    @property
    def followed(self) -> tuple[dt.date, ...]:
        """Every Monday whose outcomes are known."""
        return (*self.train, *self.test)

    @property
    def recent(self) -> tuple[dt.date, ...]:
        """The test Mondays and the newest."""
        return (*self.test, self.newest)

    @property
    def all(self) -> tuple[dt.date, ...]:
        """Every Monday of which features are needed."""
        return (*self.followed, self.newest)


def history_start(con: duckdb.DuckDBPyConnection, data_date: dt.date) -> dt.date:
    """First day of the first month with at least half the stays of a median month: stray older rows do not count.

    Raises:
        ModelError: there is no hospital stay at all.
    """
    months = con.sql(sql.load("outcomes/monthly_event"), params={"data_date": data_date}).pl()
    if months.is_empty():
        raise ModelError("no hospital stay is known: without outcomes no model can be trained")
    full = months.filter(pl.col("stay_count") * 2 >= pl.col("stay_count").median())
    start: dt.date = full["month"][0]
    return start


def panel_weeks(con: duckdb.DuckDBPyConnection, *, data_date: dt.date, outcome: Outcome) -> PanelWeeks:
    """The index weeks whose outcomes are known by the data date, every quarter back to 104 weeks into the history.

    Raises:
        ModelError: the history is too short for one training and one test week.
    """
    first = history_start(con, data_date) + dt.timedelta(weeks=HISTORY_WEEKS)
    last = data_date - dt.timedelta(days=outcome.window_days + outcome.completeness_lag_days)
    last -= dt.timedelta(days=last.weekday())
    step = dt.timedelta(weeks=STEP_WEEKS)
    test = [last - step * n for n in range(TEST_WEEKS)]
    newest_train = test[-1] - dt.timedelta(days=outcome.window_days)
    newest_train -= dt.timedelta(days=newest_train.weekday())
    train = [newest_train - step * n for n in range(200) if newest_train - step * n >= first]
    if not train:
        raise ModelError(
            f"the history is too short for {outcome.name}: the first index week can be {first}, after {HISTORY_WEEKS} "
            f"weeks of history, and from there two windows of {outcome.window_days} days must be closed by {data_date}"
        )
    newest = data_date - dt.timedelta(days=data_date.weekday())
    return PanelWeeks(tuple(reversed(train)), tuple(reversed(test)), newest)


def is_test_person(person_id: np.ndarray) -> np.ndarray:
    """Whether a person belongs to the test part; the same people in every training."""
    return mix(person_id, 1) < TEST_SHARE


def fold_of(person_id: np.ndarray) -> np.ndarray:
    """The calibration fold of each person, 0 to ``FOLDS`` - 1."""
    return (mix(person_id, 2) * FOLDS).astype(np.int64)


def drawn(person_id: np.ndarray, share: float) -> np.ndarray:
    """Whether a person is among those learned from when that share is; whoever is in a smaller one is in a larger."""
    return mix(person_id, 3) < share


@dataclass(frozen=True)
class Part:
    """Rows of a panel in order of week and person.

    ``keys`` has week, person_id, practice_code (for clustered intervals), and sex_code, ethnic_code and lsoa_code (to
    audit by, never to predict from); ``values`` the features that a model may see.
    """

    keys: pl.DataFrame
    values: np.ndarray

    def column(self, names: Sequence[str], name: str) -> np.ndarray:
        """Values of one feature; all unknown when it is not among the names."""
        if name not in names:
            return np.full(len(self.values), np.nan)
        return self.values[:, list(names).index(name)]

    def only(self, wanted: np.ndarray) -> Part:
        """The rows for which ``wanted`` holds."""
        return self if wanted.all() else Part(self.keys.filter(pl.Series(wanted)), self.values[wanted])

    @property
    def occasion(self) -> np.ndarray:
        """A whole number for each person and week."""
        week = self.keys["week"].to_physical().to_numpy().astype(np.uint64)
        with np.errstate(over="ignore"):
            return np.asarray(self.keys["person_id"].to_numpy().astype(np.uint64) ^ (week * np.uint64(0x9E3779B1)))

    @property
    def practice(self) -> np.ndarray:
        """Practices as numbers from 0, in order of their codes."""
        return np.unique(self.keys["practice_code"].fill_null("").to_numpy(), return_inverse=True)[1]


def read_part(
    feature_folder: Path,
    weeks: Sequence[dt.date],
    declared: FeatureSet,
    *,
    test: bool,
    leave_out: pl.Series,
    most_rows: int = MOST_ROWS,
) -> Part:
    """The cohort of the weeks with the features a model may see; test people or all others.

    Args:
        feature_folder: the folder of weeks.
        weeks: Mondays.
        declared: the declarations that the matrices must have been made from.
        test: the test people, or else all others.
        leave_out: person_ids that opted out of this purpose.
        most_rows: more rows to learn from than that are not read: a share of the people is drawn, always the same.

    Raises:
        ModelError: a week has not been computed, or was computed from other declarations.
    """
    names = declared.model_names
    keys, values = [], []
    share = _share_kept(feature_folder, weeks, most_rows) if not test else 1.0
    for week in weeks:
        people = _people(feature_folder, week, declared)
        person = people["person_id"].to_numpy()
        wanted = people["cohort_flag"].to_numpy() & (is_test_person(person) == test) & drawn(person, share)
        wanted &= ~people["person_id"].is_in(leave_out.implode()).to_numpy()
        matrix = pl.read_parquet(week_file(feature_folder, week, "matrix.parquet"), columns=names)
        keys.append(people.filter(pl.Series(wanted)).select("person_id", "practice_code", *AUDIT, week=pl.lit(week)))
        values.append(matrix.filter(pl.Series(wanted)).to_numpy().astype(np.float32, copy=False))
    return Part(pl.concat(keys), np.concatenate(values))


def _people(feature_folder: Path, week: dt.date, declared: FeatureSet) -> pl.DataFrame:
    try:
        about = week_file(feature_folder, week, "about.json").read_text(encoding="utf-8")
    except FeatureError as problem:
        raise ModelError(str(problem)) from problem
    if declared.fingerprint not in about:
        raise ModelError(f"the features of {week:%Y-%m-%d} were made from other declarations: compute that week again")
    return pl.read_parquet(week_file(feature_folder, week, "person.parquet"))


def _share_kept(feature_folder: Path, weeks: Sequence[dt.date], most_rows: int) -> float:
    """Share of people that keeps training within ``most_rows``; whole people are kept, never single weeks."""
    try:
        files = [week_file(feature_folder, week, "person.parquet") for week in weeks]
    except FeatureError as problem:
        raise ModelError(str(problem)) from problem
    ((rows,),) = pl.scan_parquet(files).select(pl.col("cohort_flag").sum()).collect().rows()
    return min(1.0, most_rows / max(1.0, rows * (1 - TEST_SHARE)))
