"""What a feature is: a tiny record, a Monday, the expected value. Read as the definition."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

import features
from features.declaration import FeatureSet
from tests.tiny_record import TinyRecord, code_of, tiny_codelists

MONDAY = dt.date(2024, 3, 4)
WEEK = dt.timedelta(days=7)


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


@pytest.fixture(scope="session")
def declared(tmp_path_factory: pytest.TempPathFactory) -> FeatureSet:
    return tiny_codelists(tmp_path_factory.mktemp("codelists"))


@pytest.fixture
def record() -> TinyRecord:
    return TinyRecord().person(1).alive_sources(MONDAY, MONDAY - WEEK)


def values(record: TinyRecord, declared: FeatureSet, folder: Path, week: dt.date = MONDAY, person: int = 1) -> dict:
    path = features.build_matrix(record.con, [week], out=folder, declared=declared)[week]
    return pl.read_parquet(path).row(by_predicate=pl.col("person_id") == person, named=True)


def stay(record: TinyRecord, start: str, end: str | None, *, emergency: bool = True, known: str | None = None) -> None:
    record.add(
        "inpatient_spell",
        admission_date=day(start),
        discharge_date=day(end) if end else None,
        emergency_flag=emergency,
        known_from=day(known or start),
    )


@pytest.mark.parametrize(
    ("born", "week", "age"),
    [("1958-03-15", "2024-03-11", 65), ("1959-03-15", "2024-03-11", 64), ("1958-03-15", "2024-03-18", 66)],
)
def test_age_is_in_completed_years_from_the_15th_of_the_birth_month(born, week, age, declared, tmp_path):
    record = TinyRecord().person(1, born).alive_sources(day(week))
    assert values(record, declared, tmp_path, day(week))["age"] == age


def test_a_window_holds_the_days_before_the_monday_and_not_the_monday(record, declared, tmp_path):
    for happened in ("2024-03-04", "2024-03-03", "2023-12-05", "2023-12-04"):
        record.add("ed_attendance", event_date=day(happened), known_from=day("2023-01-01"))
    got = values(record, declared, tmp_path)
    assert (got["ed_attendances_30"], got["ed_attendances_90"], got["ed_attendances_365"]) == (1, 2, 3)
    assert got["ed_attendance_days_since"] == 1


def test_an_event_counts_from_the_week_in_which_it_was_known(record, declared, tmp_path):
    stay(record, "2024-02-01", "2024-02-05", known="2024-03-01")
    assert values(record, declared, tmp_path, MONDAY - WEEK)["emergency_admissions_90"] == 0
    assert values(record, declared, tmp_path)["emergency_admissions_90"] == 1


def test_a_row_that_was_withdrawn_counts_until_then(record, declared, tmp_path):
    record.add("ed_attendance", event_date=day("2024-02-01"), known_until=MONDAY)
    assert values(record, declared, tmp_path, MONDAY - WEEK)["ed_attendances_90"] == 1
    assert values(record, declared, tmp_path)["ed_attendances_90"] == 0


def test_a_bed_night_is_a_midnight_and_an_open_stay_counts_to_the_monday(record, declared, tmp_path):
    stay(record, "2024-01-10", "2024-01-20")
    stay(record, "2024-03-01", None)
    got = values(record, declared, tmp_path)
    assert got["emergency_bed_nights_90"] == 10 + 3


def test_a_stay_that_straddles_the_start_of_the_window_counts_only_its_nights_within(record, declared, tmp_path):
    stay(record, "2023-12-01", "2023-12-10")
    got = values(record, declared, tmp_path)
    assert got["emergency_bed_nights_90"] == 5
    assert got["emergency_admissions_90"] == 0
    assert got["emergency_bed_nights_365"] == 9


def test_a_planned_stay_is_no_emergency(record, declared, tmp_path):
    stay(record, "2024-02-01", "2024-02-05", emergency=False)
    got = values(record, declared, tmp_path)
    assert (got["elective_admissions_90"], got["emergency_admissions_90"], got["emergency_bed_nights_90"]) == (1, 0, 0)


@pytest.mark.parametrize(
    ("codes", "level"),
    [
        ([], 0),
        ([("2023-01-01", "frailty_severe"), ("2024-01-01", "frailty_mild")], 1),
        ([("2023-01-01", "frailty_mild"), ("2024-01-01", "frailty_moderate")], 2),
        ([("2024-01-01", "frailty_mild"), ("2024-01-01", "frailty_severe")], 3),
    ],
)
def test_the_newest_frailty_code_wins_downgrades_too_and_on_one_day_the_higher(
    codes, level, record, declared, tmp_path
):
    for happened, name in codes:
        record.add("gp_event", event_date=day(happened), code=code_of(declared, name))
    assert values(record, declared, tmp_path)["frailty_level"] == level


def test_the_newest_rockwood_score_counts_whoever_recorded_it(record, declared, tmp_path):
    tool = code_of(declared, "rockwood_score")
    record.add("gp_event", event_date=day("2023-01-01"), code=code_of(declared, "rockwood_7"))
    record.add("gp_event", event_date=day("2023-02-01"), code=tool, value=4)
    assert values(record, declared, tmp_path)["rockwood_score"] == 4
    record.add("ed_attendance", event_date=day("2023-03-01"), frailty_score=6)
    assert values(record, declared, tmp_path)["rockwood_score"] == 6
    record.add("community_assessment", event_date=day("2023-04-01"), code=tool, score=5)
    record.add("community_assessment", event_date=day("2023-05-01"), code=tool, score=40)
    got = values(record, declared, tmp_path)
    assert (got["rockwood_score"], got["rockwood_days_since"]) == (5, (MONDAY - day("2023-04-01")).days)


def test_appointments_are_counted_by_mode(record, declared, tmp_path):
    for status, mode in [
        ("Attended", "Face-to-Face"),
        ("Attended", "Telephone"),
        ("Attended", "Home Visit"),
        ("DNA", "Face-to-Face"),
    ]:
        record.add("gp_appointment", event_date=day("2024-02-20"), status_code=status, mode_code=mode)
    got = values(record, declared, tmp_path)
    names = (
        "gp_contacts_30",
        "gp_face_to_face_contacts_90",
        "gp_remote_contacts_90",
        "gp_home_visits_90",
        "gp_missed_90",
    )
    assert [got[name] for name in names] == [3, 1, 1, 1, 1]


def test_a_deficit_stays_once_recorded_and_two_codes_of_it_count_once(record, declared, tmp_path):
    for happened, name in [("1999-01-01", "diabetes"), ("2023-01-01", "diabetes"), ("2020-01-01", "arthritis")]:
        record.add("gp_event", event_date=day(happened), code=code_of(declared, name))
    got = values(record, declared, tmp_path)
    assert (got["deficit_diabetes"], got["deficit_arthritis"], got["deficit_heart_failure"]) == (1, 1, 0)
    assert got["deficit_count"] == 2


@pytest.mark.parametrize(("products", "deficits"), [(4, 0), (5, 1)])
def test_five_different_medicines_in_a_year_are_a_deficit(products, deficits, record, declared, tmp_path):
    for product in range(products):
        for happened in ("2024-01-01", "2024-02-01"):
            record.add("medication", event_date=day(happened), product_code=100 + product)
    record.add("medication", event_date=day("2022-01-01"), product_code=999)
    got = values(record, declared, tmp_path)
    assert (got["distinct_medicines_365"], got["deficit_count"]) == (products, deficits)


def test_care_open_on_the_monday_is_counted_with_its_weekly_cost_and_hours(record, declared, tmp_path):
    home_care = {
        "service_type": "Long term support: Community",
        "service_component": "Home support or domiciliary care",
    }
    record.add("care_service", event_date=day("2022-01-01"), weekly_cost=210, planned_units=14, **home_care)
    record.add(
        "care_service",
        event_date=day("2022-01-01"),
        end_date=day("2023-01-01"),
        weekly_cost=90,
        planned_units=6,
        **home_care,
    )
    got = values(record, declared, tmp_path)
    assert (got["home_care_open"], got["home_care_weekly_hours"], got["care_weekly_cost"]) == (1, 14, 210)


def test_minutes_of_community_contact_are_added_up_within_the_window(record, declared, tmp_path):
    for happened, minutes in [("2024-02-01", 30), ("2024-02-08", 25), ("2024-02-15", None), ("2023-06-01", 60)]:
        record.add("community_contact", event_date=day(happened), attendance_code="5", duration_minutes=minutes)
    got = values(record, declared, tmp_path)
    assert (got["community_contact_minutes_90"], got["community_contact_minutes_365"]) == (55, 115)


def test_a_source_that_is_not_allowed_is_unknown_and_never_zero(record, declared, tmp_path):
    allowed = {"gp_event", "gp_medication", "apc"}
    path = features.build_matrix(record.con, [MONDAY], out=tmp_path, declared=declared, sources_allowed=allowed)[MONDAY]
    got = pl.read_parquet(path).row(0, named=True)
    assert got["ed_attendances_365"] is None
    assert got["care_services_open"] is None
    assert got["emergency_admissions_365"] == 0


def test_a_practice_that_has_gone_silent_makes_its_own_people_unknown(record, declared, tmp_path):
    record.person(2, practice_code="C81002")
    record.add("gp_event", 2, practice_code="C81002", event_date=day("2024-01-01"), code=code_of(declared, "diabetes"))
    heard, silent = values(record, declared, tmp_path), values(record, declared, tmp_path, person=2)
    assert (heard["deficit_diabetes"], silent["deficit_diabetes"]) == (0, None)
    assert silent["emergency_admissions_365"] == 0


def test_a_table_that_does_not_exist_is_unknown(record, declared, tmp_path):
    record.con.execute("drop table community_contact")
    assert values(record, declared, tmp_path)["district_nurse_contacts_90"] is None


def test_how_people_came_is_unknown_where_no_mode_of_arrival_is_told_though_they_came(record, declared, tmp_path):
    record.add("ed_attendance", event_date=day("2024-02-01"))
    record.con.execute("delete from ed_arrival")
    got = values(record, declared, tmp_path)
    assert (got["ed_attendances_90"], got["ed_ambulance_arrivals_90"]) == (1, None)


def test_where_the_address_lies_is_known_for_audit_alone_and_unknown_outside_the_area(record, declared, tmp_path):
    record.con.execute("update place set imd_decile = 2, rural_flag = true")
    record.person(2)
    record.con.execute("update person set lsoa_code = 'W01000001' where person_id = 2")
    here, away = values(record, declared, tmp_path), values(record, declared, tmp_path, person=2)
    assert (here["deprivation_decile"], here["rural_area"]) == (2, 1)
    assert (away["deprivation_decile"], away["rural_area"]) == (None, None)
    assert not {"deprivation_decile", "rural_area"} & set(declared.model_names)


def test_the_dead_and_the_deducted_are_not_in_the_matrix(declared, tmp_path):
    record = TinyRecord().person(1).person(2).person(3, end_date=day("2024-02-01")).alive_sources(MONDAY)
    record.add("death", 2, death_date=day("2024-02-10"), known_from=day("2024-02-12"))
    path = features.build_matrix(record.con, [MONDAY], out=tmp_path, declared=declared)[MONDAY]
    assert pl.read_parquet(path)["person_id"].to_list() == [1]


def test_of_two_registrations_the_latest_start_is_the_practice(record, declared, tmp_path):
    record.add("registration", practice_code="C81002", start_date=day("2023-01-01"))
    features.build_matrix(record.con, [MONDAY], out=tmp_path, declared=declared)
    person = features.people(tmp_path, MONDAY).row(0, named=True)
    assert (person["practice_code"], person["registration_count"]) == ("C81002", 2)


@pytest.mark.parametrize(
    ("born", "housebound", "member"),
    [
        ("1950-01-15", False, True),
        ("1990-01-15", False, False),
        ("1990-01-15", True, True),
        ("2010-01-15", True, False),
    ],
)
def test_the_cohort_is_65_and_over_or_an_adult_who_is_housebound(born, housebound, member, declared, tmp_path):
    record = TinyRecord().person(1, born).alive_sources(MONDAY)
    if housebound:
        record.add("gp_event", event_date=day("2023-01-01"), code=code_of(declared, "housebound"))
    features.build_matrix(record.con, [MONDAY], out=tmp_path, declared=declared)
    assert features.cohort(tmp_path, MONDAY)["person_id"].to_list() == ([1] if member else [])


def test_the_sentence_tells_count_window_and_latest_date(record, declared, tmp_path):
    for happened in ("2023-06-01", "2023-10-14"):
        stay(record, happened, happened)
    values(record, declared, tmp_path)
    said = features.reasons(tmp_path, MONDAY, [1], declared=declared).filter(theme="recent hospital use")
    assert said["sentence"].to_list() == ["2 emergency hospital stays in the last 12 months, latest 14 Oct 2023"]
    assert said["evidence_date"].to_list() == [day("2023-10-14")]


def test_nothing_is_said_of_zero_of_the_unknown_or_of_what_is_never_printed(record, declared, tmp_path):
    record.con.execute("drop table ed_attendance")
    record.add("mental_health_contact", event_date=day("2024-02-01"), attendance_code="5")
    record.add("gp_event", event_date=day("2024-01-01"), code=code_of(declared, "urinary_incontinence"))
    got = values(record, declared, tmp_path)
    assert (got["mental_health_contacts_90"], got["deficit_urinary_incontinence"]) == (1, 1)
    assert got["ed_attendances_90"] is None
    assert features.reasons(tmp_path, MONDAY, [1], declared=declared).is_empty()
