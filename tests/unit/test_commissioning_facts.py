"""What is counted, when and for whom, before anything is rounded."""

import datetime as dt
from pathlib import Path

import pytest

from commissioning import facts
from commissioning.declaration import code_flags, load_indicators
from commissioning.provider_type import ProviderTypeError, provider_types
from tests.examples.commissioning import DATA_DATE, MODERATE, SEVERE, Record, record

at = dt.datetime.fromisoformat
JANUARY, DECEMBER, NOVEMBER = dt.date(2026, 1, 1), dt.date(2025, 12, 1), dt.date(2025, 11, 1)


@pytest.fixture
def made(tmp_path: Path) -> Record:
    return record(tmp_path)


def facts_of(made: Record, indicator: str, *columns: str) -> list[tuple[object, ...]]:
    """Rows of one fact as `(month_start, value, *columns)`, in order."""
    indicators = tuple(i for i in load_indicators() if i.id == indicator)
    made.con.execute("create or replace temp table list_ledger (week date, person_id bigint, shown boolean)")
    facts.prepare(made.con, DATA_DATE, facts.months_to(DATA_DATE, 24), facts.read_policy(made.policy))
    facts.gather(made.con, indicators, DATA_DATE)
    chosen = ", ".join(("month_start", "value", *columns))
    rows = made.con.sql(f"select {chosen} from mart_fact_{indicator} order by all").fetchall()
    facts.release(made.con)
    return rows


def test_midnights_are_counted_in_the_month_they_end_a_day_of(made: Record) -> None:
    made.stay(made.person(1), dt.date(2025, 11, 29), dt.date(2025, 12, 2))
    assert facts_of(made, "emergency_bed_days") == [(NOVEMBER, 2), (DECEMBER, 1)]


def test_a_stay_within_a_day_has_no_midnight_but_is_an_admission(made: Record) -> None:
    made.stay(made.person(1), dt.date(2025, 12, 5), dt.date(2025, 12, 5))
    assert facts_of(made, "emergency_bed_days") == []
    assert facts_of(made, "emergency_admissions") == [(DECEMBER, 1)]


def test_a_planned_stay_counts_nowhere(made: Record) -> None:
    made.stay(made.person(1), dt.date(2025, 12, 5), dt.date(2025, 12, 9), emergency_flag=False)
    assert facts_of(made, "emergency_bed_days") + facts_of(made, "emergency_admissions") == []


def test_a_stay_over_many_months_gives_each_its_whole_number_of_midnights(made: Record) -> None:
    made.stay(made.person(1), dt.date(2025, 2, 20), dt.date(2025, 5, 3))
    rows = facts_of(made, "emergency_bed_days")
    assert [value for _, value in rows] == [9, 31, 30, 2]
    assert sum(value for _, value in rows) == (dt.date(2025, 5, 3) - dt.date(2025, 2, 20)).days


def test_an_open_stay_is_counted_to_the_last_day_that_the_extract_covers_and_marked(made: Record) -> None:
    made.stay(made.person(1), dt.date(2025, 12, 30), None)
    made.stay(made.person(2), dt.date(2026, 1, 2), dt.date(2026, 1, 4))
    rows = facts_of(made, "emergency_bed_days", "open_value")
    assert rows == [(DECEMBER, 2, 2), (JANUARY, 2, 0), (JANUARY, 3, 3)]


def test_a_stay_that_became_known_after_the_data_date_does_not_count(made: Record) -> None:
    made.stay(made.person(1), dt.date(2025, 12, 5), dt.date(2025, 12, 9), known_from=DATA_DATE + dt.timedelta(days=1))
    assert facts_of(made, "emergency_bed_days") == []


def test_a_version_that_was_replaced_does_not_count_twice(made: Record) -> None:
    made.person(1)
    made.stay(1, dt.date(2025, 12, 5), None, known_until=dt.date(2026, 1, 5))
    made.stay(1, dt.date(2025, 12, 5), dt.date(2025, 12, 8), known_from=dt.date(2026, 1, 5))
    assert facts_of(made, "emergency_bed_days") == [(DECEMBER, 3)]


def test_frailty_is_as_known_at_admission_never_from_what_the_stay_produced(made: Record) -> None:
    made.person(1)
    before, during = dt.date(2025, 11, 1), dt.date(2025, 12, 6)
    made.add("gp_event", person_id=1, code=MODERATE, event_date=before, known_from=before)
    made.add("gp_event", person_id=1, code=SEVERE, event_date=during, known_from=during)
    made.add("gp_event", person_id=1, code=SEVERE, event_date=before, known_from=during)
    made.stay(1, dt.date(2025, 12, 5), dt.date(2025, 12, 9))
    assert facts_of(made, "emergency_bed_days", "frailty_band") == [(DECEMBER, 4, "Moderate")]


def test_the_people_of_april_keep_the_band_of_april_and_nobody_joins(made: Record) -> None:
    for person, birth in ((1, dt.date(1940, 5, 15)), (2, dt.date(1960, 9, 15))):
        made.person(person, birth=birth)
        for code, day in ((MODERATE, dt.date(2024, 5, 1)), (SEVERE, dt.date(2025, 6, 1))):
            made.add("gp_event", person_id=person, code=code, event_date=day, known_from=day)
        made.stay(person, dt.date(2025, 12, 5), dt.date(2025, 12, 9))
    assert facts_of(made, "emergency_admissions", "person_id", "frailty_band") == [
        (DECEMBER, 1, 1, "Severe"),
        (DECEMBER, 1, 2, "Severe"),
    ]
    # The second person became 65 in September.
    assert facts_of(made, "april_admissions", "person_id", "frailty_band") == [(DECEMBER, 1, 1, "Moderate")]
    assert facts_of(made, "april_bed_days", "person_id", "age_band") == [(DECEMBER, 4, 1, "75 to 84")]


def test_the_newest_frailty_code_wins_downgrades_too(made: Record) -> None:
    made.person(1)
    made.add("gp_event", person_id=1, code=SEVERE, event_date=dt.date(2024, 1, 1))
    made.add("gp_event", person_id=1, code=MODERATE, event_date=dt.date(2025, 1, 1))
    made.stay(1, dt.date(2025, 12, 5), dt.date(2025, 12, 9))
    assert facts_of(made, "emergency_admissions", "frailty_band") == [(DECEMBER, 1, "Moderate")]


def test_place_is_where_the_person_was_known_to_live_on_the_day(made: Record) -> None:
    made.person(1)
    moved = dt.date(2025, 12, 20)
    made.con.execute("update person set known_until = $moved", {"moved": moved})
    made.add(
        "person",
        person_id=1,
        birth_month=dt.date(1940, 5, 15),
        lsoa_code="E01000002",
        sensitive_flag=False,
        known_from=moved,
    )
    made.stay(1, dt.date(2025, 12, 5), dt.date(2025, 12, 9))
    made.stay(1, dt.date(2025, 12, 28), dt.date(2025, 12, 29))
    assert facts_of(made, "emergency_admissions", "place") == [(DECEMBER, 1, "Place 1"), (DECEMBER, 1, "Place 2")]


def test_only_people_registered_with_the_board_that_day_count(made: Record) -> None:
    made.person(1)
    made.con.execute("update registration set end_date = date '2025-12-04'")
    made.stay(1, dt.date(2025, 12, 5), dt.date(2025, 12, 9))
    made.stay(2, dt.date(2025, 12, 5), dt.date(2025, 12, 9))
    assert facts_of(made, "emergency_admissions") == []


def test_of_two_registrations_at_once_the_later_one_says_the_neighbourhood(made: Record) -> None:
    made.person(1)
    made.add("registration", person_id=1, practice_code="C81002", start_date=dt.date(2025, 6, 1), end_date=None)
    made.stay(1, dt.date(2025, 5, 5), dt.date(2025, 5, 6))
    made.stay(1, dt.date(2025, 12, 5), dt.date(2025, 12, 6))
    rows = facts_of(made, "emergency_admissions", "pcn")
    assert [pcn for _, _, pcn in rows] == ["Network 1 (U10001)", "Network 2 (U10002)"]


def test_a_registration_counts_from_when_it_was_known_to_its_last_day(made: Record) -> None:
    made.add("person", person_id=1, birth_month=dt.date(1940, 5, 15), lsoa_code="E01000001", sensitive_flag=False)
    start, known, end = dt.date(2025, 11, 1), dt.date(2025, 11, 8), dt.date(2025, 12, 20)
    made.add("registration", person_id=1, practice_code="C81001", start_date=start, end_date=end, known_from=known)
    for day in (dt.date(2025, 11, 7), known, end, end + dt.timedelta(days=1)):
        made.stay(1, day, day)
    assert facts_of(made, "emergency_admissions") == [(NOVEMBER, 1), (DECEMBER, 1)]


def test_people_under_65_do_not_count_in_what_is_said_of_those_over(made: Record) -> None:
    made.person(1, birth=dt.date(1960, 12, 15))
    made.stay(1, dt.date(2025, 12, 14), dt.date(2025, 12, 16))
    made.stay(1, dt.date(2025, 12, 15), dt.date(2025, 12, 16))
    assert facts_of(made, "emergency_admissions", "age_band") == [(DECEMBER, 1, "65 to 74")]


@pytest.mark.parametrize("why", ["opt-out", "sensitive"])
def test_an_opt_out_or_a_sensitive_flag_takes_all_of_a_persons_activity_out(made: Record, why: str) -> None:
    made.person(1)
    made.stay(1, dt.date(2025, 12, 5), dt.date(2025, 12, 9))
    assert facts_of(made, "emergency_admissions") == [(DECEMBER, 1)]
    if why == "opt-out":
        made.add("opt_out", person_id=1, opt_out_type="national", start_date=dt.date(2026, 1, 5))
    else:
        made.con.execute("update person set sensitive_flag = true")
    assert facts_of(made, "emergency_admissions") == []


def test_people_are_counted_at_the_start_of_the_month_alive_registered_and_65(made: Record) -> None:
    made.person(1, birth=dt.date(1960, 11, 15))
    made.person(2)
    made.add("death", person_id=2, death_date=dt.date(2025, 11, 30), known_from=dt.date(2025, 12, 10))
    by_month = [row for row in facts_of(made, "registered_people", "age_band") if row[0] >= NOVEMBER]
    # Person 1 turned 65 on 15 November; the death of person 2 was not known on 1 December.
    assert by_month == [
        (NOVEMBER, 1, "85 and over"),
        (DECEMBER, 1, "65 to 74"),
        (DECEMBER, 1, "85 and over"),
        (JANUARY, 1, "65 to 74"),
    ]


@pytest.mark.parametrize(
    ("ended", "said"),
    [
        (at("2025-12-05 11:30"), "Within two hours"),
        (at("2025-12-05 11:31"), "Later than two hours"),
        (at("2025-12-06 00:10"), "Later than two hours"),
        (None, "No visit recorded"),
        (at("2025-12-05 09:00"), None),
    ],
)
def test_the_two_hour_clock_is_met_at_120_minutes_and_a_clock_that_runs_backwards_is_left_out(
    made: Record, ended: dt.datetime | None, said: str | None
) -> None:
    add_clock(made, at("2025-12-05 09:30"), ended)
    assert facts_of(made, "urgent_response", "response") == ([(DECEMBER, 1, said)] if said else [])


def test_a_clock_over_midnight_is_measured_across_it(made: Record) -> None:
    add_clock(made, at("2025-12-31 23:00"), at("2026-01-01 01:00"))
    assert facts_of(made, "urgent_response", "response") == [(DECEMBER, 1, "Within two hours")]


def test_a_clock_told_every_month_is_one_clock_with_the_end_it_gained(made: Record) -> None:
    for ended in (None, at("2025-12-05 10:00")):
        add_clock(made, at("2025-12-05 09:30"), ended)
    assert facts_of(made, "urgent_response", "response") == [(DECEMBER, 1, "Within two hours")]


def test_only_type_05_is_the_two_hour_clock(made: Record) -> None:
    add_clock(made, at("2025-12-05 09:30"), at("2025-12-05 10:00"), kind="07")
    assert facts_of(made, "urgent_response") == []


def add_clock(made: Record, started: dt.datetime, ended: dt.datetime | None, kind: str = "05") -> None:
    if not made.con.sql("select 1 from person").fetchall():
        made.person(1)
    made.add(
        "response_clock",
        person_id=1,
        referral_id=7,
        measurement_type=kind,
        start_date=started.date(),
        start_time=started.time(),
        end_date=ended.date() if ended else None,
        end_time=ended.time() if ended else None,
    )


def test_only_attended_contacts_count(made: Record) -> None:
    made.person(1)
    for code in ("5", "6", "7", "3"):
        made.add("community_contact", person_id=1, event_date=dt.date(2025, 12, 5), attendance_code=code)
    assert facts_of(made, "community_contacts") == [(DECEMBER, 2)]


def test_same_day_emergency_care_is_no_attendance(made: Record) -> None:
    made.person(1)
    for kind in ("01", "05", None):
        made.add("ed_attendance", person_id=1, event_date=dt.date(2025, 12, 5), department_type=kind)
    assert facts_of(made, "ed_attendances") == [(DECEMBER, 1), (DECEMBER, 1)]


def test_nothing_about_a_person_stays_on_the_connection(made: Record) -> None:
    made.person(1)
    facts_of(made, "registered_people")
    left = made.con.sql("select table_name from duckdb_tables() where temporary").fetchall()
    assert left == [("list_ledger",)]


def test_a_long_stay_is_counted_by_its_nights_in_the_month_it_ends(made: Record) -> None:
    made.person(1)
    for nights in (6, 7, 13, 14, 20, 21):
        made.stay(1, dt.date(2025, 11, 1), dt.date(2025, 11, 1) + dt.timedelta(days=nights))
    lengths = [length for _, _, length in facts_of(made, "long_stays", "stay_length")]
    assert lengths == ["14 to 20 nights"] * 2 + ["21 nights and more"] + ["7 to 13 nights"] * 2


@pytest.mark.parametrize(("back_after", "said"), [(0, "Back"), (30, "Back"), (31, "Not back")])
def test_back_within_30_days_counts_the_thirtieth_day(made: Record, back_after: int, said: str) -> None:
    made.person(1)
    left = dt.date(2025, 11, 1)
    made.stay(1, left - dt.timedelta(days=3), left, cips_id=1)
    again = left + dt.timedelta(days=back_after)
    made.stay(1, again, again + dt.timedelta(days=1), cips_id=2)
    made.stay(2, DATA_DATE, DATA_DATE, cips_id=3)
    first = facts_of(made, "readmissions", "afterwards")[0]
    assert str(first[2]).startswith(said)


def test_a_discharge_that_could_not_be_followed_for_30_days_is_no_discharge_without_return(made: Record) -> None:
    made.person(1)
    made.stay(1, dt.date(2025, 12, 20), dt.date(2025, 12, 24), cips_id=1)
    assert facts_of(made, "readmissions") == []


def test_days_after_being_ready_begin_at_the_newest_ready_date_and_never_before_the_admission(made: Record) -> None:
    made.person(1)
    admitted, left = dt.date(2025, 12, 1), dt.date(2025, 12, 9)
    made.stay(1, admitted, left)
    for ready in (dt.date(2025, 11, 20), dt.date(2025, 12, 6)):
        made.add(
            "hospital_episode", person_id=1, admission_date=admitted, discharge_date=left, discharge_ready_date=ready
        )
    assert facts_of(made, "delay_days") == [(DECEMBER, 3)]


def test_a_fall_needs_an_injury_first_and_a_fall_among_the_other_diagnoses(made: Record) -> None:
    made.person(1)
    for day, main, other in ((1, "S720", "W190"), (5, "S720", "I10X"), (9, "J181", "W190")):
        on = dt.date(2025, 12, day)
        made.stay(1, on, on, primary_diagnosis=main)
        made.add("hospital_episode", person_id=1, admission_date=on, diagnosis_1=main, diagnosis_3=other)
    assert facts_of(made, "fall_admissions") == [(DECEMBER, 1)]
    assert facts_of(made, "sensitive_admissions") == [(DECEMBER, 1)]


def test_at_home_on_the_day_is_alive_in_no_hospital_bed_and_in_no_care_home(made: Record) -> None:
    left = dt.date(2025, 9, 1)
    for person in range(1, 5):
        made.person(person)
        made.stay(person, left - dt.timedelta(days=4), left)
        made.add("care_service", person_id=person, event_date=left, service_component="Reablement")
    looked_at = left + dt.timedelta(days=91)
    made.stay(2, looked_at, looked_at + dt.timedelta(days=1))
    made.add("care_service", person_id=3, event_date=looked_at, service_component="Long term nursing care")
    made.add("death", person_id=4, death_date=looked_at)
    made.stay(5, DATA_DATE, DATA_DATE)
    said = [afterwards for _, _, afterwards in facts_of(made, "at_home_91", "afterwards")]
    assert said == ["At home"] + ["Not at home"] * 3
    assert facts_of(made, "at_home_91_former") == []


def test_a_two_day_clock_from_a_hospital_bed_is_in_the_local_series_alone(made: Record) -> None:
    made.person(1)
    started = at("2025-12-05 09:30")
    add_clock(made, started, at("2025-12-07 18:00"), kind="06")
    made.add("community_referral", person_id=1, referral_id=7, event_date=started.date(), source_code="06")
    assert facts_of(made, "reablement_after_discharge", "response") == [(DECEMBER, 1, "Within two days")]
    assert facts_of(made, "reablement_two_days") == []


def test_spend_is_the_weekly_cost_by_days_of_the_month_in_whole_pounds(made: Record) -> None:
    made.person(1)
    made.add(
        "care_service",
        person_id=1,
        event_date=dt.date(2025, 11, 24),
        end_date=dt.date(2025, 12, 8),
        weekly_cost=700,
        service_component="Day support",
    )
    made.add("care_service", person_id=1, event_date=dt.date(2025, 11, 24), service_component="Equipment")
    assert facts_of(made, "care_spend") == [(NOVEMBER, 700), (DECEMBER, 700)]


def test_care_is_told_by_the_type_of_provider_that_the_dated_table_says_and_else_is_not_known(
    made: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = "location_id,provider_type,from_date,until_date,source\n1-1,NHS,2020-01-01,2025-12-01,told\n"
    (tmp_path / "provider_type.csv").write_text(f"{table}1-1,Independent,2025-12-01,,told\n", encoding="utf-8")
    monkeypatch.setenv("ANTICIPATE_SITE", str(tmp_path))
    for person, home in ((1, "1-1"), (2, "1-2"), (3, None)):
        made.person(person)
        made.add(
            "care_service",
            person_id=person,
            event_date=dt.date(2025, 10, 20),
            end_date=dt.date(2025, 12, 8),
            weekly_cost=700,
            service_component="Long term nursing care",
            care_home_location_id=home,
        )
    said = facts_of(made, "care_packages", "person_id", "provider_type")
    assert [row for row in said if row[2] == 1] == [(NOVEMBER, 1, 1, "NHS"), (DECEMBER, 1, 1, "Independent")]
    assert {row[3] for row in said if row[2] != 1} == {"Not known"}
    spent = facts_of(made, "care_spend", "person_id", "provider_type")
    assert [row for row in spent if row[0] == DECEMBER] == [
        (DECEMBER, 700, 1, "Independent"),
        (DECEMBER, 700, 2, "Not known"),
        (DECEMBER, 700, 3, "Not known"),
    ]


def test_care_is_told_by_the_newest_support_reason_up_to_the_day_and_by_council(made: Record) -> None:
    for person in (1, 2):
        made.person(person)
        for council in ("A", "B")[:person]:
            made.add(
                "care_service",
                person_id=person,
                event_date=dt.date(2025, 10, 20),
                end_date=dt.date(2025, 12, 8),
                service_component="Extra care housing",
                authority_code=council,
            )
    for day, reason in (
        (dt.date(2025, 10, 1), "Physical support: Personal care support"),
        (dt.date(2025, 11, 9), "Support with memory and cognition"),
        (dt.date(2025, 12, 9), "Unknown"),
    ):
        made.add("care_event", person_id=1, event_date=day, event_type="Review", primary_support_reason=reason)
    assert facts_of(made, "care_packages", "person_id", "support_reason", "council") == [
        (NOVEMBER, 1, 1, "Physical support", "A"),
        (NOVEMBER, 1, 2, "Not known", "More than one"),
        (DECEMBER, 1, 1, "Support with memory and cognition", "A"),
        (DECEMBER, 1, 2, "Not known", "More than one"),
    ]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("1-1,Charity,2020-01-01,,told", "none of"),
        ("1-1,NHS,,,told", "from_date and source"),
        ("1-1,NHS,2020-01-01,,", "from_date and source"),
        ("1-1,NHS,2019-01-01,,told", "two types on 2020-06-01"),
    ],
)
def test_a_table_of_providers_that_contradicts_itself_is_refused(tmp_path: Path, line: str, fault: str) -> None:
    table = tmp_path / "provider_type.csv"
    header = "location_id,provider_type,from_date,until_date,source"
    table.write_text(f"{header}\n{line}\n1-1,Council,2020-06-01,,told\n", encoding="utf-8")
    with pytest.raises(ProviderTypeError, match=fault):
        provider_types(table)


def test_a_care_home_outside_the_area_is_told_from_one_that_nobody_registered(made: Record) -> None:
    for person, home in ((1, "1-1"), (2, "1-2"), (3, "1-3")):
        made.person(person)
        made.add(
            "care_service",
            person_id=person,
            event_date=dt.date(2025, 12, 20),
            service_component="Long term nursing care",
            care_home_location_id=home,
        )
    made.add("care_home", location_id="1-1", lsoa_code="E01000001")
    made.add("care_home", location_id="1-2", lsoa_code="E01999999")
    areas = [area for _, _, area in facts_of(made, "placements", "home_area")]
    assert areas == ["In the area", "Not known", "Outside the area"]


def test_a_resident_who_returns_to_the_care_home_leaves_on_pathway_0(made: Record) -> None:
    for person, lives in ((1, "R"), (2, None)):
        made.person(person)
        made.con.execute("update person set residential_institute_code = ? where person_id = ?", [lives, person])
        made.stay(person, dt.date(2025, 12, 1), dt.date(2025, 12, 5), discharge_destination="56")
    pathways = [pathway for _, _, pathway in facts_of(made, "discharge_pathways", "pathway")]
    assert pathways == ["Pathway 0", "Pathway 3"]


def test_the_newest_code_of_a_group_counts_from_the_month_after_it_until_one_says_otherwise(made: Record) -> None:
    flags = {(group, flag): code for group, code, flag in code_flags()}
    made.person(1)
    made.add("gp_event", person_id=1, code=flags["housebound", 1], event_date=dt.date(2025, 10, 20))
    made.add("gp_event", person_id=1, code=flags["housebound", 0], event_date=dt.date(2025, 12, 20))
    assert facts_of(made, "housebound_people") == [(NOVEMBER, 1), (DECEMBER, 1)]
    assert facts_of(made, "carers_known") == facts_of(made, "dementia_people") == []
