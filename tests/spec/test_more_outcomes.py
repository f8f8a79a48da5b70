"""What counts as each of the further outcomes, in tiny records. Read as the definitions."""

from __future__ import annotations

import csv
import datetime as dt

import polars as pl
import pytest

from data_contracts.contract import CODELISTS
from models.outcome import follow_up, load_outcomes
from tests.tiny_record import TinyRecord

MONDAY = dt.date(2023, 1, 2)
DATA_DATE = dt.date(2024, 12, 2)


def day(number: int) -> dt.date:
    return MONDAY + dt.timedelta(days=number)


def fate(outcome: str, record: TinyRecord) -> str:
    panel = pl.DataFrame({"week": [MONDAY], "person_id": [1]})
    row = follow_up(record.con, load_outcomes()[outcome], panel, data_date=DATA_DATE).row(0, named=True)
    return next((name for name in ("event", "competing", "censored") if row[name]), "none")


def code(codelist: str) -> int:
    with (CODELISTS / f"{codelist}.csv").open(encoding="utf-8") as file:
        return next(int(row["code"]) for row in csv.DictReader(file))


def stay(**diagnoses: str) -> TinyRecord:
    method = diagnoses.pop("method", "21")
    return TinyRecord().person(1).add("hospital_episode", admission_date=day(30), admission_method=method, **diagnoses)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (stay(diagnosis_1="S720"), "event"),
        (stay(diagnosis_1="M809"), "event"),
        (stay(diagnosis_1="S010", diagnosis_2="W190"), "event"),
        (stay(diagnosis_1="S010", diagnosis_8="W010"), "event"),
        (stay(diagnosis_1="S010", diagnosis_2="W500"), "none"),
        (stay(diagnosis_1="J180"), "none"),
        (stay(diagnosis_1="S720", method="11"), "none"),
    ],
)
def test_a_fracture_or_a_fall_as_outside_cause_in_an_emergency_stay_is_a_fall_or_fracture(record, expected):
    assert fate("fall_or_fracture_12m", record) == expected


@pytest.mark.parametrize("column", ["chief_complaint_code", "diagnosis_code_1"])
def test_a_fall_seen_in_an_emergency_department_counts_without_admission(column):
    seen = TinyRecord().person(1).add("ed_attendance", event_date=day(3), **{column: code("fall")})
    assert fate("fall_or_fracture_12m", seen) == "event"
    other = TinyRecord().person(1).add("ed_attendance", event_date=day(3), **{column: code("dementia")})
    assert fate("fall_or_fracture_12m", other) == "none"


@pytest.mark.parametrize(
    ("outcome", "component"),
    [
        ("care_home_placement_12m", "Long term nursing care"),
        ("care_home_placement_12m", "Long term residential care"),
        ("home_care_12m", "Home support or domiciliary care"),
    ],
)
def test_a_council_service_counts_on_the_day_it_begins(outcome, component):
    def begun(number: int, component: str = component) -> str:
        record = TinyRecord().person(1).add("care_service", event_date=day(number), service_component=component)
        return fate(outcome, record)

    assert [begun(-1), begun(0), begun(364), begun(365)] == ["none", "event", "event", "none"]
    assert begun(5, "Equipment") == "none"


def package(*services: tuple[int, int | None, float | None]) -> str:
    """What home support told by first day, last day and planned units a week comes to from day 0 on."""
    record = TinyRecord().person(1)
    for start, end, units in services:
        ends = {} if end is None else {"end_date": day(end)}
        told = {"service_component": "Home support or domiciliary care", "planned_units": units, **ends}
        record.add("care_service", event_date=day(start), **told)
    return fate("home_care_12m", record)


@pytest.mark.parametrize(
    ("services", "expected"),
    [
        ([(-100, 50, 5), (50, None, 14)], "event"),
        ([(-100, 50, 14), (50, None, 5)], "none"),
        ([(-100, 50, 14), (50, None, 14)], "none"),
        ([(-100, None, 5), (60, None, 2)], "event"),
        ([(-100, 50, 14), (70, None, 14)], "none"),
        ([(-100, 50, 14), (79, None, 5)], "event"),
        ([(-100, 40, 14), (40, 50, 5), (50, None, 10)], "none"),
        ([(-100, 10, 14), (10, 50, 5), (50, None, 10)], "event"),
        ([(-100, 50, None), (50, None, 14)], "none"),
        ([(-100, None, 5)], "none"),
    ],
    ids=[
        "more units when one follows another",
        "fewer units",
        "as many units",
        "one more beside the first",
        "the same again after three weeks away",
        "begun again after more than four weeks",
        "a dip of ten days that is made good",
        "more than there was in four weeks",
        "units not told",
        "nothing changes",
    ],
)
def test_a_package_of_home_care_counts_when_it_is_new_or_grows(services, expected):
    assert package(*services) == expected


def test_becoming_housebound_is_a_code_in_the_window_and_an_end_code_is_none():
    for codelist, expected in (("housebound", "event"), ("bedbound", "event"), ("housebound_ended", "none")):
        record = TinyRecord().person(1).add("gp_event", event_date=day(60), code=code(codelist))
        assert fate("housebound_12m", record) == expected, codelist


def test_death_is_an_event_of_its_own_outcome_even_when_the_practice_ended_the_registration_first():
    record = TinyRecord().person(1, end_date=day(97)).add("death", death_date=day(100))
    assert fate("death_12m", record) == "event"
    assert fate("home_care_12m", record) == "competing"
    assert fate("death_12m", TinyRecord().person(1, end_date=day(50)).add("death", death_date=day(100))) == "censored"


def test_every_outcome_says_what_a_team_can_do_and_only_death_has_no_number():
    outcomes = load_outcomes()
    assert all(o.action and o.definition and o.completeness_reason for o in outcomes.values())
    assert [o.name for o in outcomes.values() if not o.shown] == ["death_12m"]
    routine = ["emergency_admission_12m", "emergency_admission_90d", "emergency_bed_days_12m"]
    assert [o.name for o in outcomes.values() if o.routine] == routine
