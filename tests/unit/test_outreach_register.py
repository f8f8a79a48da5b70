"""The register: everyone who is or may be housebound, uncapped and unranked."""

import datetime as dt
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from commissioning.marts import REGISTER_SCHEMA
from data_contracts.identity import person_ref
from outreach import TeamsFile, wording
from outreach.register import PROFILE, PROFILE_SCHEMA, RegisterReport, build_register
from outreach.stored import ROWS
from tests.examples.outreach import MONDAY, Example, example, opt_out_policy

WEEK = dt.timedelta(weeks=1)


def evidence(people: list[int]) -> pl.DataFrame:
    rows = [(p, dt.date(2025, 3, 1), "visited at home on 4 days") for p in people]
    schema = {"person_id": pl.Int64, "since_date": pl.Date, "words": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def build(record: Example, week: dt.date = MONDAY) -> RegisterReport:
    return build_register(
        record.con,
        week,
        features=record.features_of(week),
        evidence=evidence,
        out=record.folder / "register" / f"week={week}",
        earlier=record.folder / "register",
        row_key=b"key",
        teams=TeamsFile.model_validate({"default": {"new_contact_slots": 1}}),
        policy=opt_out_policy(record.folder),
    )


@pytest.fixture
def record(tmp_path: Path) -> Example:
    made = example(tmp_path)
    for person in range(1, 31):
        made.person(person, None, age=80.0, housebound_class=float(1 + person % 3))
    return made


def sheet(report: RegisterReport, name: str) -> str:
    page = openpyxl.load_workbook(report.files[0])[name]
    return "\n".join(str(c.value) for row in page.iter_rows() for c in row if c.value)


def test_everyone_is_on_it_whatever_the_capacity_and_in_no_order_of_need(record: Example) -> None:
    report = build(record)
    rows = pl.read_parquet(report.files[0].parent / ROWS).filter(pl.col("sheet") == "register")
    assert report.people == 30
    assert sorted(rows["person_id"]) == list(range(1, 31))
    assert "Visited at home".lower() in sheet(report, "Register").lower()


def test_a_person_in_a_care_home_is_on_it_and_a_child_or_someone_not_indicated_is_not(record: Example) -> None:
    record.person(50, None, age=70.0, care_home_class=2.0, housebound_class=0.0)
    record.person(51, None, age=12.0, housebound_class=3.0)
    record.person(52, None, age=70.0, housebound_class=0.0)
    record.person(53, None, age=70.0)
    text = sheet(build(record), "Register")
    assert person_ref(50) in text
    assert "In a care home" in text
    assert not [p for p in (51, 52, 53) if person_ref(p) in text]


def test_the_opted_out_and_the_sensitive_are_not_on_it(record: Example) -> None:
    record.add("opt_out", person_id=1, opt_out_type="national", start_date=MONDAY)
    record.person(60, None, age=70.0, housebound_class=3.0, sensitive=True)
    text = sheet(build(record), "Register")
    assert not [p for p in (1, 60) if person_ref(p) in text]


def test_joiners_leavers_and_what_ends_soon_stand_first(record: Example) -> None:
    build(record)
    record.features[1]["housebound_class"] = 0.0
    record.features[2] |= {"housebound_for_now": 1.0, "housebound_days_since": 170.0}
    record.person(70, None, age=90.0, housebound_class=1.0)
    record.add("death", person_id=3, death_date=MONDAY, death_source="gp", known_from=MONDAY)
    report = build(record, MONDAY + 4 * WEEK)
    book = openpyxl.load_workbook(report.files[0])
    assert book.sheetnames[:4] == ["Joined this month", "Ends soon", "Left this month", "Register"]
    assert (report.joined, report.left) == (1, 2)
    assert person_ref(70) in sheet(report, "Joined this month")
    assert "For now, until" in sheet(report, "Ends soon")
    assert wording.STATUS_WORDS["dead"] in sheet(report, "Left this month")


def test_somebody_of_whom_a_team_wrote_that_they_had_died_is_on_it_no_more(record: Example) -> None:
    rows = pl.read_parquet(build(record).files[0].parent / ROWS)
    row = rows.filter(sheet="register", person_id=3)["row_id"].item()
    texts = "row_id varchar, outcome varchar, came_of_it varchar, reasons_fit varchar, register_answer varchar"
    record.con.execute(
        f"create table outreach_feedback ({texts}, found_at varchar, person_id bigint, delivery_id bigint, "
        "not_until date, known_from date, known_until date)"
    )
    record.add("outreach_feedback", row_id=row, outcome="Had died", delivery_id=1, known_from=MONDAY + WEEK)
    report = build(record, MONDAY + 4 * WEEK)
    assert person_ref(3) not in sheet(report, "Register")
    assert wording.STATUS_WORDS["died_told"] in sheet(report, "Left this month")


def test_the_cause_is_said_as_the_council_wrote_it_and_never_what_may_not_be_printed(record: Example) -> None:
    record.con.execute(
        "create table care_event (person_id bigint, primary_support_reason varchar, event_date date, "
        "known_from date, known_until date)"
    )
    reasons = {
        1: "Physical support: Personal care support",
        2: "Mental health support",
        3: "Social support: Support to unpaid carer",
    }
    for person, reason in reasons.items():
        record.add("care_event", person_id=person, primary_support_reason=reason, event_date=dt.date(2025, 3, 1))
    record.add(
        "care_event", person_id=1, primary_support_reason="Mental health support", event_date=MONDAY, known_from=MONDAY
    )
    page = openpyxl.load_workbook(build(record).files[0])["Register"]
    said = {str(r[1].value).split("\n")[0]: r[6].value for r in page.iter_rows(min_row=2) if r[1].value}
    assert said[person_ref(1)] == "Physical (council, 1 Mar 2025)"
    assert said[person_ref(2)] == "Other: see the record (council, 1 Mar 2025)"
    assert said[person_ref(3)] == said[person_ref(4)] == wording.NOT_KNOWN


def test_every_row_asks_whether_it_is_still_right(record: Example) -> None:
    page = openpyxl.load_workbook(build(record).files[0])["Register"]
    (rule,) = page.data_validations.dataValidation
    assert "No longer housebound" in rule.formula1


def test_what_commissioners_may_count_is_kept_beside_it_in_few_words(record: Example) -> None:
    profile = pl.read_parquet(build(record).files[0].parent / PROFILE)
    assert dict(profile.schema) == PROFILE_SCHEMA == REGISTER_SCHEMA  # the two rooms know each other by this alone
    assert sorted(profile["person_id"]) == list(range(1, 31))
    assert set(profile["register_level"]) == set(wording.HOUSEBOUND_WORDS.values())
    assert set(profile["seen"]) <= {wording.NOT_KNOWN, wording.SEEN_BY_NOBODY, wording.SEEN_BY_SOMEBODY}
