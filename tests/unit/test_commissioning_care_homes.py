"""Enhanced health in care homes: moves, plans within seven working days, and rates of residents over a year."""

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from commissioning import build_marts, load_indicators
from commissioning.facts import working_days
from tests.examples.commissioning import DATA_DATE, Record, many, record
from tests.unit.test_commissioning_facts import facts_of

IN_TIME, LATER, NONE = "Within seven working days", "Later", "No plan recorded"
DECEMBER = dt.date(2025, 12, 1)
CARE_HOME_CODE = 394923006


@pytest.fixture
def made(tmp_path: Path) -> Record:
    return record(tmp_path)


def placed(made: Record, person: int, day: dt.date) -> int:
    made.add(
        "care_service", person_id=made.person(person), event_date=day, service_component="Long term residential care"
    )
    return person


def planned(made: Record, person: int, day: dt.date, kind: str = "03") -> None:
    made.add("care_plan", person_id=person, plan_type=kind, event_date=day)


def plans(made: Record) -> list[tuple[object, object]]:
    return [(person, said) for _, _, person, said in facts_of(made, "care_home_plans", "person_id", "plan_made")]


def test_working_days_leave_out_weekends_and_bank_holidays() -> None:
    days = dict(working_days(dt.date(2025, 12, 22), dt.date(2026, 1, 2)).iter_rows())
    assert days[dt.date(2025, 12, 28)] == days[dt.date(2025, 12, 24)] == 3
    assert days[dt.date(2026, 1, 2)] == 7


def test_a_plan_is_in_time_up_to_the_seventh_working_day_after_the_move(made: Record) -> None:
    moved = dt.date(2025, 12, 18)
    for person, day in enumerate((moved, dt.date(2025, 12, 31), dt.date(2026, 1, 2), dt.date(2025, 12, 17)), start=1):
        planned(made, placed(made, person, moved), day)
    planned(made, placed(made, 5, moved), moved, kind="02")
    assert plans(made) == [(1, IN_TIME), (2, IN_TIME), (3, LATER), (4, NONE), (5, NONE)]


def test_the_earliest_source_says_when_somebody_moved_and_only_once(made: Record) -> None:
    placed(made, 1, dt.date(2025, 12, 10))
    made.add("gp_event", person_id=1, event_date=dt.date(2025, 12, 1), code=CARE_HOME_CODE)
    placed(made, 2, dt.date(2025, 6, 2))
    made.add("gp_event", person_id=2, event_date=dt.date(2025, 12, 1), code=CARE_HOME_CODE)
    for person in (1, 2):
        planned(made, person, dt.date(2025, 12, 9))
    rows = facts_of(made, "care_home_plans", "person_id", "plan_made")
    assert rows == [(dt.date(2025, 6, 1), 1, 2, LATER), (DECEMBER, 1, 1, IN_TIME)]


def test_an_address_that_becomes_that_of_a_registered_home_is_a_move(made: Record) -> None:
    told = dt.date(2025, 12, 1)
    made.add("care_home", location_id="1-1000001", lsoa_code="E01000001", household_id=77)
    for person in (1, 2):
        made.person(person)
        made.con.execute(f"update person set known_until = '{told}' where person_id = {person}")
        row = {"birth_month": dt.date(1940, 5, 15), "sex_code": "2", "lsoa_code": "E01000001", "sensitive_flag": False}
        made.add("person", person_id=person, household_id=76 + person, known_from=told, **row)
    made.person(3)
    made.con.execute("update person set household_id = 77 where person_id = 3")  # was there when the record began
    assert plans(made) == [(1, NONE)]


def test_rates_of_residents_are_those_of_a_year_and_tell_no_new_cell(tmp_path: Path) -> None:
    made = many(record(tmp_path), 3000, years=2)
    made.con.execute("update person set residential_institute_code = 'A' where person_id % 4 = 0")
    days = ", ".join(f"date '{d}'" for d in ("2025-10-06", "2025-11-03", "2025-11-10", "2025-12-01"))
    made.con.execute(
        "insert into gp_appointment (person_id, event_date, status_code, place_code, known_from) "
        "select p.person_id, d.day, 'Attended', 'Care Home', d.day from person as p "
        f"cross join (select unnest([{days}]) as day) as d where p.residential_institute_code = 'A'"
    )
    wanted = {"care_home_seen", "care_home_admissions", "emergency_admissions", "registered_people"}
    chosen = tuple(i for i in load_indicators() if i.id in wanted)
    report = build_marts(
        made.con, data_date=DATA_DATE, out=tmp_path / "mart", months=6, policy=made.policy, indicators=chosen
    )
    row = read(report.folder, "care_home_seen").row(by_predicate=pl.col("start") == dt.date(2025, 11, 1), named=True)
    assert row["rate"] == round(row["value"] * 12 / row["population"], 1) == pytest.approx(24, abs=0.3)
    ours = read(report.folder, "care_home_admissions").drop("rate")
    theirs = read(report.folder, "emergency_admissions_by_residence").filter(residence="Care home")
    assert ours.height == 6
    assert ours.equals(theirs.select(ours.columns))


def read(folder: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(folder / f"{name}.parquet")
