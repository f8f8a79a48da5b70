"""What stands on the sheet of details about each person."""

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from models.outcome import load_outcomes
from outreach import load_list
from outreach.background import background
from tests.examples.outreach import MONDAY, Example, example

SPELL = "person_id bigint, admission_date date, discharge_date date, emergency_flag boolean"
SCORED = {
    "emergency_admission_90d": 0.314,
    "emergency_bed_days_12m": 3.24,
    "fall_or_fracture_12m": 0.004,
    "housebound_hidden": 0.9,
}


@pytest.fixture
def record(tmp_path: Path) -> Example:
    made = example(tmp_path)
    made.con.execute(f"create table inpatient_spell ({SPELL}, known_from date, known_until date)")
    made.person(1, 0.4, frailty_level=3, frailty_code_days_since=40, frailty_index_band=3, deficit_count=14)
    made.features[1] |= {"deficits_new_365": 2, "housebound_class": 2, "rockwood_score": 0, "rockwood_days_since": 3653}
    made.person(2, 0.3)
    scores = [(1, outcome, score) for outcome, score in SCORED.items()]
    pl.DataFrame(scores, schema=["person_id", "outcome", "score"], orient="row").write_parquet(
        tmp_path / "several.parquet"
    )
    return made


def stay(record: Example, start: dt.date, nights: int | None, *, emergency: bool = True) -> None:
    end = start + dt.timedelta(days=nights) if nights is not None else None
    record.add("inpatient_spell", person_id=1, admission_date=start, discharge_date=end, emergency_flag=emergency)


def told(record: Example) -> dict[int, dict[str, str]]:
    folder = record.features_of(MONDAY)
    kept = pl.DataFrame(
        {
            "phenotype": "housebound",
            "person_id": 1,
            "level": 2,
            "since_date": None,
            "rule": "nurse",
            "fact": ["nursed"],
            "event_date": [dt.date(2025, 12, 3)],
            "count": 5,
            "status": None,
        },
        schema_overrides={"since_date": pl.Date, "status": pl.String},
    )
    kept.write_parquet(folder / f"week={MONDAY}" / "evidence.parquet")
    scores = record.folder / "several.parquet"
    found = background(record.con, MONDAY, [1, 2], features=folder, scores=scores, declaration=load_list())
    return {row["person_id"]: row for row in found.to_dicts()}


def test_risks_are_told_by_kind_in_their_order_and_nothing_that_was_not_declared(record: Example) -> None:
    assert told(record)[1]["risks"].split("\n") == [
        "• Emergency stay, 90 days: 31 in 100",
        "• Days in hospital, 12 months: 3.2 expected",
        "• Fall or fracture, 12 months: less than 1 in 100",
    ]


def test_what_a_clinician_recorded_stands_before_the_computed_index_and_what_is_new_in_it(record: Example) -> None:
    assert told(record)[1]["frailty"].split("\n") == [
        "• Severe, recorded by a clinician, 3 Dec 2025",
        "• Computed index: 14 of 36 deficits, severe",
        "• New in it within 12 months: 2",
    ]


def test_the_level_of_being_housebound_comes_with_its_evidence(record: Example) -> None:
    assert told(record)[1]["housebound"].startswith("Probably housebound: ")
    assert "3 Dec 2025" in told(record)[1]["housebound"]


def test_the_two_newest_emergency_stays_are_told_as_known_that_monday(record: Example) -> None:
    stay(record, dt.date(2025, 12, 20), None)
    stay(record, dt.date(2025, 10, 1), 1)
    stay(record, dt.date(2025, 6, 1), 4)
    stay(record, dt.date(2025, 11, 1), 2, emergency=False)
    stay(record, dt.date(2024, 1, 1), 9)
    assert told(record)[1]["stays"].split("\n") == [
        "• 20 Dec 2025, no discharge known",
        "• 1 Oct 2025, 1 night",
        "• 3 in 12 months",
    ]


def test_what_was_not_delivered_is_not_known(record: Example) -> None:
    record.con.execute("drop table inpatient_spell")
    assert set(told(record)[2].values()) == {2, "Not known"}


def test_no_stay_is_said_to_be_none_that_is_known(record: Example) -> None:
    assert told(record)[2]["stays"] == "None known in the last 12 months"


def test_every_risk_that_a_list_tells_is_an_outcome_whose_number_may_be_shown() -> None:
    outcomes = load_outcomes()
    asked = load_list().other_risks
    assert {r.outcome for r in asked} == {o.name for o in outcomes.values() if o.shown}
    assert all(bool(outcomes[r.outcome].counts) == r.days for r in asked)
