"""How drift is measured: by hand-worked indices, a moved feature, a silent source, and a week whose window closed."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from models.coding_change import by_practice, changed, changes
from models.drift import WeekDrift, feature_drift, newest_closed, shares, stability_index, training_bins
from models.outcome import follow_up, load_outcomes
from tests.small_world import END, small_world
from tests.tiny_record import TinyRecord


def test_the_stability_index_of_a_hand_worked_example():
    # (0.4 - 0.5) ln(0.4 / 0.5) + (0.6 - 0.5) ln(0.6 / 0.5) = 0.0223 + 0.0182
    assert stability_index([0.5, 0.5], [0.4, 0.6]) == pytest.approx(0.0405, abs=1e-4)
    assert stability_index([0.2, 0.8], [0.2, 0.8]) == 0


def test_every_row_falls_into_one_bin_and_the_unknown_into_their_own():
    value = np.array([0, 0, 1, 5, 9, np.nan])
    found = shares(value, np.array([0.0, 5.0]))
    assert found == pytest.approx([2 / 6, 2 / 6, 1 / 6, 1 / 6], abs=1e-6)


def test_a_moved_feature_and_one_that_fell_silent_are_told_apart():
    rng = np.random.default_rng(1)
    then = np.column_stack([rng.normal(size=5000), rng.poisson(2, 5000), rng.normal(size=5000)])
    bins = training_bins(["steady", "moved", "silent"], then)
    now = np.column_stack([rng.normal(size=4000), rng.poisson(4, 4000), np.full(4000, np.nan)])
    drift = WeekDrift(feature_drift(bins, ["steady", "moved", "silent"], now), None, None)
    assert drift.moved(0.25) == ["moved"]
    assert drift.newly_unknown(0.1) == ["silent"]
    assert drift.features["steady"]["psi"] < 0.01


def test_a_feature_that_is_always_the_same_has_no_index_and_an_unknown_one_can_be_binned():
    bins = training_bins(["constant", "unknown"], np.column_stack([np.zeros(50), np.full(50, np.nan)]))
    found = feature_drift(bins, ["constant", "unknown"], np.column_stack([np.zeros(9), np.full(9, np.nan)]))
    assert [f["psi"] for f in found.values()] == [0, 0]


def coding(**newest: int) -> pl.DataFrame:
    """Entries of practices that wrote 400 a quarter in the year before, and so many in the newest."""
    rows = [(practice, quarter, 400) for practice in newest for quarter in (2, 3, 4, 5)]
    rows += [(practice, 1, count) for practice, count in newest.items() if count]
    return pl.DataFrame(rows, schema=["practice_code", "quarter", "entry_count"], orient="row")


def test_a_practice_that_codes_twice_as_much_as_before_is_told_apart_from_a_season_that_all_have():
    found = changes(coding(A=300, B=300, C=600, D=310, E=0))
    assert dict(found.iter_rows())["C"] == 2
    assert changed(found, 1.5)["practice_code"].to_list() == ["E", "C"]
    assert changed(changes(coding(A=200, B=200, C=210)), 1.5).is_empty()


def test_a_practice_with_few_entries_or_a_short_past_is_not_compared():
    few = pl.DataFrame({"practice_code": ["F"] * 5, "quarter": [1, 2, 3, 4, 5], "entry_count": [90, 5, 5, 5, 5]})
    new = pl.DataFrame({"practice_code": ["N"] * 2, "quarter": [1, 2], "entry_count": [900, 900]})
    found = changes(pl.concat([coding(A=400, B=400), few, new]))
    assert found["practice_code"].to_list() == ["A", "B"]
    assert changes(few).is_empty()


def test_entries_are_counted_by_quarter_as_known_on_the_monday():
    week = dt.date(2023, 1, 2)
    record = TinyRecord()
    for days in (1, 91, 92, 455, 456, 0):
        record.add("gp_event", event_date=week - dt.timedelta(days=days), code=1)
    record.add("gp_event", event_date=week - dt.timedelta(days=5), code=1, known_from=week + dt.timedelta(days=1))
    found = by_practice(record.con, week)
    assert found.select("quarter", "entry_count").rows() == [(1, 2), (2, 1), (5, 1)]


def test_calibration_in_the_large_is_of_the_newest_week_that_has_closed_and_was_not_scored_in_retrospect(tmp_path):
    con, outcome = small_world(800), load_outcomes()["emergency_admission_12m"]
    weeks = [dt.date(2022, 9, 5), dt.date(2022, 9, 12), dt.date(2024, 9, 2)]
    (person,) = con.sql("select distinct person_id from registration order by 1").pl().get_columns()
    for week in weeks:
        panel = pl.DataFrame({"week": week, "person_id": person})
        fate = follow_up(con, outcome, panel, data_date=END)
        frame = panel.with_columns(
            score=pl.when(fate["event"]).then(0.8).otherwise(0.1),
            outcome=pl.lit(outcome.name),
            retrospective_flag=pl.lit(week == weeks[1]),
        )
        path = tmp_path / f"week={week}" / "score.parquet"
        path.parent.mkdir()
        frame.write_parquet(path)
    closed = newest_closed(con, outcome, score_folder=tmp_path, data_date=END)
    assert closed is not None
    assert (closed.week, closed.people) == (weeks[0], len(person))
    assert closed.ratio > 0
    low, high = closed.interval()
    assert low < closed.ratio < high
    assert newest_closed(con, outcome, score_folder=tmp_path, data_date=dt.date(2023, 1, 2)) is None
