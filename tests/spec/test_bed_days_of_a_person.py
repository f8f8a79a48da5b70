"""How many days in hospital count after a Monday: a tiny record and the number. Read as the definition."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from models.outcome import follow_up, load_outcomes
from tests.tiny_record import TinyRecord

MONDAY = dt.date(2023, 1, 2)
DATA_DATE = dt.date(2024, 6, 3)
OUTCOME = load_outcomes()["emergency_bed_days_12m"]


def day(number: int) -> dt.date:
    return MONDAY + dt.timedelta(days=number)


def stay(record: TinyRecord, start: int, end: int | None, *, emergency: bool = True) -> TinyRecord:
    out = None if end is None else day(end)
    return record.add("inpatient_spell", admission_date=day(start), discharge_date=out, emergency_flag=emergency)


def days(record: TinyRecord) -> tuple[float, str]:
    panel = pl.DataFrame({"week": [MONDAY], "person_id": [1]})
    row = follow_up(record.con, OUTCOME, panel, data_date=DATA_DATE).row(0, named=True)
    return row["amount"], next((name for name in ("event", "competing", "censored") if row[name]), "none")


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (10, 15, 5),  # five midnights
        (10, 10, 0),  # home the same day
        (-5, 3, 3),  # under way on the Monday: what is left of it
        (360, 400, 5),  # to the end of the window
        (365, 370, 0),
        (-9, 0, 0),
        (355, None, 10),  # no discharge yet
    ],
)
def test_midnights_of_a_stay_within_the_window_count(start, end, expected):
    assert days(stay(TinyRecord().person(1), start, end)) == (expected, "event" if expected else "none")


def test_stays_add_up_and_planned_ones_do_not_count():
    record = stay(stay(stay(TinyRecord().person(1), 10, 13), 100, 104), 200, 210, emergency=False)
    assert days(record) == (7, "event")


def test_days_end_with_death_and_are_known_then():
    record = stay(TinyRecord().person(1, end_date=day(50)), 40, None).add("death", death_date=day(50))
    assert days(record) == (10, "event")
    without = TinyRecord().person(1, end_date=day(50)).add("death", death_date=day(50))
    assert days(without) == (0, "competing")


def test_days_of_someone_who_left_before_the_window_was_over_are_not_known():
    assert days(stay(TinyRecord().person(1, end_date=day(200)), 10, 15)) == (0, "censored")
