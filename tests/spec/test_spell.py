"""Spells, continuous inpatient spells, and what was known of them: hand-worked cases."""

import pytest

from tests.deliveries import World, day


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def episode(n, start, end, *, admitted=None, discharged="", **more):
    return {
        "nhs_number": 1,
        "episode_id": n,
        "admission_date": admitted or start,
        "episode_start": start,
        "episode_end": end,
        "discharge_date": discharged,
        "discharge_method": "1" if discharged else "8",
        "discharge_destination": "19" if discharged else "98",
        **more,
    }


def as_known(con, table, on, columns):
    sql = (
        f"select {columns} from {table} where known_from <= $day and (known_until is null or known_until > $day) "
        "order by admission_date"
    )
    return [
        tuple(str(v) if v is not None else None for v in row) for row in con.execute(sql, {"day": day(on)}).fetchall()
    ]


def test_two_episodes_of_one_admission_are_one_spell_with_the_last_ones_discharge(world):
    world.deliver(
        "apc",
        "2026-01-05",
        [
            episode(1, "2025-03-01", "2025-03-04", admission_method="21", diagnosis_1="I500"),
            episode(
                2,
                "2025-03-04",
                "2025-03-09",
                admitted="2025-03-01",
                discharged="2025-03-09",
                episode_order=2,
                discharge_destination="54",
            ),
        ],
        historic=True,
    )
    con = world.connect("apc")
    columns = (
        "spell_id, admission_date, discharge_date, discharge_destination, episode_count, emergency_flag, "
        "primary_diagnosis"
    )
    assert as_known(con, "spell", "2025-12-01", columns) == [
        ("1", "2025-03-01", "2025-03-09", "54", "2", "True", "I500")
    ]


def test_a_stay_is_known_only_as_its_episodes_are_coded(world):
    world.deliver(
        "apc",
        "2026-01-05",
        [
            episode(1, "2025-03-01", "2025-03-04"),
            episode(2, "2025-03-04", "2025-03-30", admitted="2025-03-01", discharged="2025-03-30", episode_order=2),
        ],
        historic=True,
    )
    con = world.connect("apc")
    columns = "admission_date, discharge_date, episode_count"
    assert as_known(con, "spell", "2025-04-14", columns) == []
    assert as_known(con, "spell", "2025-04-15", columns) == [("2025-03-01", None, "1")]
    assert as_known(con, "spell", "2025-05-10", columns) == [("2025-03-01", None, "1")]
    assert as_known(con, "spell", "2025-05-11", columns) == [("2025-03-01", "2025-03-30", "2")]


def test_a_transfer_within_three_days_continues_the_stay_and_a_readmission_does_not(world):
    world.deliver(
        "apc",
        "2026-01-05",
        [
            episode(1, "2025-03-01", "2025-03-05", discharged="2025-03-05", discharge_destination="51"),
            episode(2, "2025-03-06", "2025-03-20", discharged="2025-03-20", provider_code="RFS", admission_method="81"),
            episode(3, "2025-03-22", "2025-03-25", discharged="2025-03-25"),
        ],
        historic=True,
    )
    con = world.connect("apc")
    columns = "cips_id, admission_date, discharge_date, spell_count, emergency_flag"
    assert as_known(con, "inpatient_spell", "2025-12-01", columns) == [
        ("1", "2025-03-01", "2025-03-20", "2", "True"),
        ("3", "2025-03-22", "2025-03-25", "1", "True"),
    ]


def test_a_gap_of_four_days_ends_the_stay_even_where_a_transfer_is_named(world):
    world.deliver(
        "apc",
        "2026-01-05",
        [
            episode(1, "2025-03-01", "2025-03-05", discharged="2025-03-05", discharge_destination="51"),
            episode(2, "2025-03-09", "2025-03-20", discharged="2025-03-20", admission_source="51"),
        ],
        historic=True,
    )
    con = world.connect("apc")
    assert len(as_known(con, "inpatient_spell", "2025-12-01", "cips_id")) == 2


def test_day_cases_and_regular_attendances_are_spells_but_no_stay_in_a_bed(world):
    world.deliver(
        "apc",
        "2026-01-05",
        [
            episode(1, "2025-03-01", "2025-03-01", discharged="2025-03-01", patient_class="2", admission_method="11"),
            episode(2, "2025-03-02", "2025-03-02", discharged="2025-03-02", patient_class="3", admission_method="13"),
            episode(3, "2025-03-03", "2025-03-03", discharged="2025-03-03", patient_class="3", admission_method="13"),
        ],
        historic=True,
    )
    con = world.connect("apc")
    assert len(as_known(con, "spell", "2025-12-01", "spell_id")) == 3
    assert as_known(con, "inpatient_spell", "2025-12-01", "cips_id") == []


def test_a_corrected_admission_changes_later_weeks_and_not_earlier_ones(world):
    world.deliver("apc", "2026-01-05", [episode(1, "2025-10-01", "2025-10-04", discharged="2025-10-04")])
    world.deliver("apc", "2026-02-02", [episode(1, "2025-10-01", "2025-10-14", discharged="2025-10-14")])
    con = world.connect("apc")
    assert as_known(con, "spell", "2026-02-01", "discharge_date") == [("2025-10-04",)]
    assert as_known(con, "spell", "2026-02-02", "discharge_date") == [("2025-10-14",)]


def test_no_day_shows_one_spell_twice(world):
    rows = [
        episode(n, f"2025-{m:02}-01", f"2025-{m:02}-{3 + n % 4:02}", discharged=f"2025-{m:02}-{3 + n % 4:02}")
        for n, m in enumerate(range(1, 10), start=1)
    ]
    world.deliver("apc", "2025-06-02", rows[:4])
    world.deliver("apc", "2025-12-01", rows)
    con = world.connect("apc")
    twice = con.execute(
        "select count(*) from spell a join spell b on a.person_id = b.person_id and a.spell_id = b.spell_id "
        "and a.known_from < b.known_from and (a.known_until is null or a.known_until > b.known_from)"
    ).fetchone()
    assert twice == (0,)
