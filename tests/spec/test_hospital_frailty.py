"""Hospital Frailty Risk Score and Charlson index: hand-worked cases, and a plain reference on generated stays."""

from __future__ import annotations

import datetime as dt
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import features
from data_contracts.contract import REFERENCE
from features.declaration import FeatureSet
from tests.reference import hospital
from tests.reference.hospital import Episode
from tests.tiny_record import TinyRecord, tiny_codelists

MONDAY = dt.date(2024, 3, 4)
CASES = yaml.safe_load((Path(__file__).parent / "hospital_frailty.yaml").read_text(encoding="utf-8"))
COLUMN = {"tenths": "hospital_frailty_tenths", "band": "hospital_frailty_band", "under_75": "hospital_frailty_under_75"}
WEIGHTS = ("charlson_1987", "quan_2011", "shmi_2020")


@pytest.fixture(scope="module")
def declared(tmp_path_factory: pytest.TempPathFactory) -> FeatureSet:
    return tiny_codelists(tmp_path_factory.mktemp("codelists"))


def add(record: TinyRecord, person: int, number: int, episode: Episode) -> None:
    record.add(
        "hospital_episode",
        person,
        episode_id=number,
        provider_code=episode.provider,
        admission_date=episode.admitted,
        episode_start=episode.admitted,
        discharge_date=episode.discharged,
        known_from=episode.known_from,
        known_until=episode.known_until,
        **{f"diagnosis_{n}": code for n, code in enumerate(episode.diagnoses, start=1)},
    )


def stay_of(line: str) -> Episode:
    """A line of a case: day of discharge or "in hospital", and diagnoses."""
    when, _, codes = line.removeprefix("in ").partition(" ")
    left = None if when == "hospital" else dt.date.fromisoformat(when)
    admitted = (left or MONDAY) - dt.timedelta(days=9)
    return Episode("RTG", admitted, left, tuple(codes.split()), admitted)


def week_of(record: TinyRecord, declared: FeatureSet, folder: Path) -> dict[int, dict[str, Any]]:
    path = features.build_matrix(record.con, [MONDAY], out=folder, declared=declared)[MONDAY]
    return {row["person_id"]: row for row in pl.read_parquet(path).iter_rows(named=True)}


@pytest.fixture(scope="module")
def rows(declared: FeatureSet, tmp_path_factory: pytest.TempPathFactory) -> dict[int, dict[str, Any]]:
    record = TinyRecord().alive_sources(MONDAY)
    for person, case in enumerate(CASES, start=1):
        record.person(person, case.get("born", "1940-03-15"))
        for number, line in enumerate(case["record"]):
            add(record, person, 100 * person + number, stay_of(line))
    return week_of(record, declared, tmp_path_factory.mktemp("week"))


@pytest.mark.parametrize(("person", "case"), list(enumerate(CASES, start=1)), ids=[c["case"] for c in CASES])
def test_the_score_is_what_the_case_says(person, case, rows):
    assert {name: rows[person][COLUMN.get(name, name)] for name in case["expect"]} == case["expect"]


def test_a_stay_counts_once_its_discharge_is_known_and_by_the_diagnoses_then_known(declared, tmp_path):
    admitted, left, later = dt.date(2024, 2, 1), dt.date(2024, 2, 9), MONDAY + dt.timedelta(days=1)
    record = TinyRecord().person(1).person(2).alive_sources(MONDAY)
    add(record, 1, 1, Episode("RTG", admitted, left, ("F009",), later))
    add(record, 2, 2, Episode("RTG", admitted, left, ("F009",), left, later))
    add(record, 2, 2, Episode("RTG", admitted, left, ("F009", "G819"), later))
    got = week_of(record, declared, tmp_path)
    assert (got[1]["hospital_frailty_tenths"], got[2]["hospital_frailty_tenths"]) == (None, 71)


def test_the_discharge_that_another_episode_of_the_stay_tells_counts_for_all_of_it(declared, tmp_path):
    admitted, left = dt.date(2024, 2, 1), dt.date(2024, 2, 9)
    record = TinyRecord().person(1).alive_sources(MONDAY)
    add(record, 1, 1, Episode("RTG", admitted, None, ("F009",), left))
    add(record, 1, 2, Episode("RTG", admitted, left, ("G819",), left))
    assert week_of(record, declared, tmp_path)[1]["hospital_frailty_tenths"] == 115


def test_without_hospital_episodes_nothing_is_known(declared, tmp_path):
    record = TinyRecord().person(1).alive_sources(MONDAY)
    record.con.execute("drop table hospital_episode")
    row = week_of(record, declared, tmp_path)[1]
    assert [v for name, v in row.items() if name.startswith(("hospital_frailty", "charlson"))] == [None] * 6


@cache
def some_codes() -> list[str]:
    """Codes of every family and prefix, and their neighbours."""
    frailty = pl.read_csv(REFERENCE / "hospital_frailty.csv")["icd10_code"].to_list()
    prefixes = pl.read_csv(REFERENCE / "charlson_prefix.csv", infer_schema=False)["icd10_prefix"].to_list()
    return sorted({c[:4].ljust(4, last) for c in (*frailty, *prefixes) for last in "0X"} | {"H259", "B24X"})


days = st.dates(dt.date(2022, 1, 1), dt.date(2024, 4, 1))
versions = st.builds(
    lambda provider, admitted, nights, codes, lag, gone: Episode(
        provider,
        admitted,
        None if nights is None else admitted + dt.timedelta(days=nights),
        tuple(codes),
        admitted + dt.timedelta(days=lag),
        None if gone is None else admitted + dt.timedelta(days=lag + gone),
    ),
    st.sampled_from(["RTG", "RX1"]),
    st.one_of(days, st.sampled_from([MONDAY - dt.timedelta(days=n) for n in (1, 10, 730, 731, 740)])),
    st.one_of(st.none(), st.sampled_from([0, 1, 10, 30])),
    st.lists(st.deferred(lambda: st.sampled_from(some_codes())), max_size=6),
    st.integers(0, 60),
    st.one_of(st.none(), st.integers(1, 400)),
)


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.lists(st.lists(versions, max_size=6), min_size=20, max_size=60))
def test_sql_equals_the_plain_reference_on_any_stays(declared, tmp_path_factory, people):
    record = TinyRecord().alive_sources(MONDAY)
    for person, episodes in enumerate(people, start=1):
        record.person(person)
        for number, episode in enumerate(episodes):
            add(record, person, 100 * person + number, episode)
    got = week_of(record, declared, tmp_path_factory.mktemp("world"))
    for person, episodes in enumerate(people, start=1):
        codes = hospital.codes_of_stays(episodes, MONDAY)
        expected = [hospital.frailty_tenths(codes), *(hospital.charlson(codes, w) for w in WEIGHTS)]
        names = ["hospital_frailty_tenths", "charlson_1987", "charlson_quan_2011", "charlson_shmi_2020"]
        assert [got[person][name] for name in names] == expected, episodes
