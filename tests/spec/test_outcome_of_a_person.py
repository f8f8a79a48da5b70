"""What became of a person from a Monday on: a tiny record, an outcome, the expected fate. Read as the definition."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from models.outcome import follow_up, load_outcomes
from tests.tiny_record import TinyRecord

MONDAY = dt.date(2023, 1, 2)
DATA_DATE = dt.date(2024, 6, 3)
OUTCOME = load_outcomes()["emergency_admission_12m"]


def day(number: int) -> dt.date:
    return MONDAY + dt.timedelta(days=number)


def fate(record: TinyRecord, data_date: dt.date = DATA_DATE) -> tuple[str, int]:
    panel = pl.DataFrame({"week": [MONDAY], "person_id": [1]})
    row = follow_up(record.con, OUTCOME, panel, data_date=data_date).row(0, named=True)
    words = [name for name in ("event", "competing", "censored") if row[name]]
    assert len(words) <= 1
    return (words[0] if words else "none", row["time_days"])


def admitted(record: TinyRecord, number: int, *, emergency: bool = True, known: dt.date | None = None) -> TinyRecord:
    return record.add(
        "inpatient_spell", admission_date=day(number), emergency_flag=emergency, known_from=known or day(number)
    )


@pytest.mark.parametrize(
    ("number", "expected"), [(0, ("event", 0)), (364, ("event", 364)), (365, ("none", 365)), (-1, ("none", 365))]
)
def test_the_window_is_the_monday_and_the_364_days_after_it(number, expected):
    assert fate(admitted(TinyRecord().person(1), number)) == expected


def test_the_first_event_counts():
    assert fate(admitted(admitted(TinyRecord().person(1), 200), 40)) == ("event", 40)


def test_a_planned_stay_is_no_event():
    assert fate(admitted(TinyRecord().person(1), 40, emergency=False)) == ("none", 365)


def test_a_stay_known_only_after_the_data_date_is_not_seen():
    assert fate(admitted(TinyRecord().person(1), 40, known=DATA_DATE + dt.timedelta(days=1))) == ("none", 365)


def test_death_before_the_event_is_no_event_and_competing():
    record = TinyRecord().person(1, end_date=day(100)).add("death", death_date=day(100))
    assert fate(record) == ("competing", 100)


def test_an_event_on_the_day_of_death_is_an_event():
    record = admitted(TinyRecord().person(1).add("death", death_date=day(100)), 100)
    assert fate(record) == ("event", 100)


def test_leaving_the_board_before_the_event_is_neither():
    assert fate(TinyRecord().person(1, end_date=day(100))) == ("censored", 100)


def test_an_event_before_leaving_is_an_event():
    assert fate(admitted(TinyRecord().person(1, end_date=day(100)), 50)) == ("event", 50)


def test_a_death_long_after_leaving_does_not_tell_what_happened_between():
    assert fate(TinyRecord().person(1, end_date=day(100)).add("death", death_date=day(150))) == ("censored", 100)


@pytest.mark.parametrize(("gap", "expected"), [(20, ("none", 365)), (60, ("censored", 100))])
def test_moving_to_another_practice_of_the_board_is_not_leaving(gap, expected):
    record = TinyRecord().person(1, end_date=day(100))
    record.add("registration", practice_code="C81002", start_date=day(100 + gap))
    assert fate(record) == expected


def test_a_window_that_had_not_closed_is_neither():
    data_date = day(200 + OUTCOME.completeness_lag_days)
    assert fate(TinyRecord().person(1), data_date) == ("censored", 200)
    assert fate(admitted(TinyRecord().person(1), 150), data_date) == ("event", 150)
