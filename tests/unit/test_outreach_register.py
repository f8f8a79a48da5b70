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
