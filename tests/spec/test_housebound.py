"""Who is housebound, at which level and why: hand-worked cases, and a plain reference that must agree on any record."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import features
from features.declaration import FeatureSet
from tests.reference import housebound as reference
from tests.spec.housebound_world import BOOKED, CODED, MONDAY, add_to, silent_practice
from tests.spec.render import PAGE, page
from tests.tiny_record import PRACTICE, TinyRecord, code_of, tiny_codelists

HERE = Path(__file__).parent
CASES = yaml.safe_load((HERE / "housebound.yaml").read_text(encoding="utf-8"))
CARE_HOME = yaml.safe_load((HERE / "care_home.yaml").read_text(encoding="utf-8"))
OFFSET = 1000  # person of the first care-home case


@pytest.fixture(scope="module")
def declared(tmp_path_factory: pytest.TempPathFactory) -> FeatureSet:
    return tiny_codelists(tmp_path_factory.mktemp("codelists"))


@pytest.fixture(scope="module")
def week(declared: FeatureSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One matrix with a person for each case."""
    record = TinyRecord().alive_sources(MONDAY)
    for number, case in [*enumerate(CASES, start=1), *enumerate(CARE_HOME, start=OFFSET)]:
        practice = silent_practice(record, case["expect"].get("silent"))
        record.person(number, practice_code=practice)
        if registered := case.get("registered"):
            place = "update person set residential_institute_code = ? where person_id = ?"
            record.con.execute(place, [registered, number])
        for line in case["record"]:
            day, _, what = line.partition(" ")
            add_to(record, declared, number, dt.date.fromisoformat(day), what, practice)
    folder = tmp_path_factory.mktemp("week")
    features.build_matrix(record.con, [MONDAY], out=folder, declared=declared)
    return folder


def matrix_row(folder: Path, person: int) -> dict[str, Any]:
    path = folder / f"week={MONDAY}" / "matrix.parquet"
    return pl.read_parquet(path).row(by_predicate=pl.col("person_id") == person, named=True)


@pytest.mark.parametrize(("number", "case"), list(enumerate(CASES, start=1)), ids=[c["case"] for c in CASES])
def test_the_level_is_what_the_case_says(number, case, week):
    row = matrix_row(week, number)
    expected = {name: value for name, value in case["expect"].items() if name != "silent"}
    columns = {"level": "housebound_class"}
    assert {name: row[columns.get(name, f"housebound_{name}")] for name in expected} == expected


@pytest.mark.parametrize(
    ("number", "case"), list(enumerate(CARE_HOME, start=OFFSET)), ids=[c["case"] for c in CARE_HOME]
)
def test_care_home_residence_is_what_the_case_says(number, case, week):
    row = matrix_row(week, number)
    expected = {name: value for name, value in case["expect"].items() if name != "silent"}
    assert {name: row[f"care_home_{name}"] for name in expected} == expected


def number_of(text: str) -> int:
    return next(n for n, c in enumerate(CASES, start=1) if c["case"] == text)


def test_the_evidence_tells_what_speaks_for_and_against_newest_first(week, declared):
    person = number_of("at the surgery after the code")
    shown = features.housebound_evidence(week, MONDAY, [person], declared=declared)
    assert shown["words"].to_list() == ["came to the surgery on 1 Aug 2023", "recorded as housebound on 1 Jun 2023"]
    assert shown["against"].to_list() == [True, False]
    assert set(shown["level"]) == {"probable"}
    assert set(shown["since_date"]) == {dt.date(2023, 6, 1)}


def test_a_renewed_code_dates_from_its_first_entry_and_visits_from_the_first_that_counts(week, declared):
    renewed = features.housebound_evidence(week, MONDAY, [number_of("a code that was renewed")], declared=declared)
    assert set(renewed["since_date"]) == {dt.date(2015, 1, 1)}
    visited = number_of("three visits at home and never at the surgery")
    shown = features.housebound_evidence(week, MONDAY, [visited], declared=declared).row(0, named=True)
    assert shown["since_date"] == dt.date(2023, 5, 1)
    assert shown["rule"] == "visited_at_home_and_never_at_the_surgery"
    assert shown["words"] == "visited at home by the practice on 3 days in the last 12 months, latest 1 Jan 2024"


def test_nobody_without_a_level_has_evidence(week, declared):
    shown = features.housebound_evidence(week, MONDAY, range(1, len(CASES) + 1), declared=declared)
    levels = pl.read_parquet(week / f"week={MONDAY}" / "matrix.parquet").filter(pl.col("housebound_class") >= 1)
    assert set(shown["person_id"]) == {p for p in levels["person_id"] if p < OFFSET}


def test_a_care_home_resident_is_marked_as_a_class_of_its_own(week, declared):
    residents = {n for n, c in enumerate(CASES, start=1) if any("care_home_nursing" in line for line in c["record"])}
    shown = features.housebound_evidence(week, MONDAY, range(1, len(CASES) + 1), declared=declared)
    assert set(shown.filter("care_home")["person_id"]) == residents & set(shown["person_id"])


def test_each_source_is_evidence_and_their_agreement_is_counted(week, declared):
    person = OFFSET + [c["case"] for c in CARE_HOME].index("the practice says residential and the council nursing")
    shown = features.care_home_evidence(week, MONDAY, [person], declared=declared)
    assert shown["words"].to_list() == [
        "recorded by the practice as living in a care home on 1 Jan 2023",
        "nursing home place arranged by the council",
    ]
    agreement = features.care_home_agreement(week, MONDAY, declared=declared)
    both = agreement.filter(pl.col("council") & pl.col("gp") & ~pl.col("hospital") & ~pl.col("registration"))
    assert both["people"].to_list() == [1]


HAPPENED = st.tuples(
    st.one_of(
        st.integers(0, 800), st.sampled_from([1, 182, 183, 184, 364, 365, 366, 729, 730, 731]), st.integers(800, 4000)
    ).map(lambda days: MONDAY - dt.timedelta(days=days)),
    st.sampled_from([*BOOKED, *CODED, "nurse at home"]),
)
LIVES = st.lists(st.lists(HAPPENED, max_size=9), min_size=60, max_size=60)


@settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],  # making sixty lives smaller takes an hour; the message shows whose
)
@given(lives=LIVES)
def test_any_record_gives_what_the_plain_reference_gives(lives, declared, tmp_path_factory):
    record = TinyRecord().alive_sources(MONDAY)
    for person, events in enumerate(lives, start=1):
        record.person(person)
        for day, what in events:
            add_to(record, declared, person, day, what, PRACTICE)
    path = features.build_matrix(record.con, [MONDAY], out=tmp_path_factory.mktemp("any"), declared=declared)[MONDAY]
    names = ["housebound_class", "housebound_for_now", "housebound_review_due"]
    found = pl.read_parquet(path).filter(pl.col("person_id") <= len(lives)).sort("person_id").select(names).rows()
    wrong = [(e, f) for e, f in zip(lives, found, strict=True) if f != reference.housebound(e, MONDAY)]
    assert not wrong


def test_levels_are_the_same_in_a_backfill_as_alone_and_wait_until_a_code_was_known(declared, tmp_path):
    weeks = [MONDAY + dt.timedelta(weeks=n) for n in range(3)]
    record = TinyRecord().person(1).alive_sources(*weeks)
    known = {"known_from": weeks[1], "practice_code": PRACTICE}
    record.add("gp_event", 1, event_date=dt.date(2024, 2, 1), code=code_of(declared, "housebound"), **known)
    together = features.build_matrix(record.con, weeks, out=tmp_path / "together", declared=declared)
    levels = [pl.read_parquet(together[week])["housebound_class"].to_list() for week in weeks]
    assert levels == [[0], [3], [3]]
    for week in weeks:
        alone = features.build_matrix(record.con, [week], out=tmp_path / "alone", declared=declared)[week]
        for name in ("matrix", "evidence"):
            assert (alone.parent / f"{name}.parquet").read_bytes() == (
                together[week].parent / f"{name}.parquet"
            ).read_bytes()


def test_the_page_that_clinicians_read_is_made_from_these_cases():
    assert PAGE.read_text(encoding="utf-8") == page(), "run `python -m tests.spec.render`"
