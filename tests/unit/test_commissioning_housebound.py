"""Housebound levels month by month: as a Monday's features say them, and never from what came later."""

import datetime as dt
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

import features
from commissioning.housebound import CARE_HOME, LEVELS, keep_levels
from commissioning.sources import sources_behind
from features.declaration import FeatureSet
from tests.examples.commissioning import DATA_DATE, Record, record
from tests.spec.housebound_world import COUNCIL, HOSPITAL, MONDAY, WHAT, add_to
from tests.tiny_record import PRACTICE, TinyRecord, tiny_codelists
from tests.unit.test_commissioning_facts import facts_of

PEOPLE = 150
WEEKS = [MONDAY - dt.timedelta(days=7 * n) for n in (60, 20, 0)]
HOUSEBOUND = 160689007


def lives(declared: FeatureSet, seed: int) -> TinyRecord:
    """People of whom all kinds of things were recorded, some of it late and some taken back."""
    rng, made = np.random.default_rng(seed), TinyRecord().alive_sources(*WEEKS)
    what = (*WHAT, *("surgery", "visit at home", "housebound", "nurse at home") * 2, *COUNCIL, *HOSPITAL)
    for person in range(1, PEOPLE + 1):
        made.person(person)
        for _ in range(int(rng.integers(1, 12))):
            day = MONDAY - dt.timedelta(days=int(rng.integers(0, 900)))
            add_to(made, declared, person, day, str(rng.choice(what)), PRACTICE)
    made.con.execute("update gp_event set known_from = event_date + 60 where person_id % 3 = 0")
    made.con.execute("update gp_event set known_until = event_date + 200 where person_id % 7 = 0")
    return made


def levels_of(
    con: duckdb.DuckDBPyConnection, declared: FeatureSet, days: list[dt.date]
) -> dict[tuple[dt.date, int], str]:
    con.execute(
        "create or replace temp table mart_span as select person_id, 'Own home' as residence, "
        "date '2000-01-01' as from_day, date '9999-12-31' as to_day from person"
    )
    con.execute("create or replace temp view coded_gp_event as select * from gp_event")
    keep_levels(con, days, declared)
    rows = con.sql("select month_start, person_id, housebound_level from mart_housebound").fetchall()
    return {(day, person): level for day, person, level in rows}


def test_levels_are_those_that_the_features_of_the_day_give(tmp_path: Path) -> None:
    declared = tiny_codelists(tmp_path / "codelists")
    made = lives(declared, 7)
    features.build_matrix(made.con, WEEKS, out=tmp_path, declared=declared)
    found = levels_of(made.con, declared, sorted(WEEKS))
    expected = {}
    for week in WEEKS:
        matrix = pl.read_parquet(tmp_path / f"week={week}" / "matrix.parquet")
        for person, level, home in matrix.select("person_id", "housebound_class", "care_home_class").iter_rows():
            said = CARE_HOME if home >= 2 else LEVELS.get(int(level))
            if said and person <= PEOPLE:
                expected[week, person] = said
    assert found == expected
    assert set(found.values()) == {CARE_HOME, *LEVELS.values()}


def coded(made: Record, person: int, day: dt.date, known_from: dt.date) -> None:
    made.add("gp_event", person_id=person, event_date=day, code=HOUSEBOUND, known_from=known_from)


def test_a_stay_carries_the_level_known_on_the_first_of_its_month(tmp_path: Path) -> None:
    made = record(tmp_path)
    stay = (dt.date(2025, 11, 20), dt.date(2025, 12, 4))
    for person in (1, 2, 3, 4):
        made.stay(made.person(person), *stay)
    coded(made, 1, dt.date(2025, 6, 1), dt.date(2025, 6, 2))
    coded(made, 2, dt.date(2025, 11, 22), dt.date(2025, 11, 22))  # in the stay
    coded(made, 3, dt.date(2025, 6, 1), dt.date(2025, 12, 20))  # told after it
    rows = facts_of(made, "emergency_bed_days", "person_id", "housebound_level")
    assert {(person, level) for _, _, person, level in rows} == {
        (1, "Confirmed"),
        (2, "Not indicated"),
        (3, "Not indicated"),
        (4, "Not indicated"),
    }
    people = facts_of(made, "registered_people", "housebound_level")
    newest = {level: value for month, value, level in people if month == DATA_DATE.replace(day=1)}
    assert newest == {"Confirmed": 3, "Not indicated": 1}


def test_a_table_by_level_rests_on_every_source_of_the_rules() -> None:
    behind = sources_behind("emergency_bed_day", ("housebound_level",))
    assert {"gp_event", "gp_appointment", "csds_care_contact", "cld", "apc", "gp_registration"} <= behind
