"""The 36 deficits and what is made of them: hand-worked cases, and a plain reference on generated records."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import features
from features.declaration import FeatureSet
from features.measurements import measures
from tests.reference import deficits as reference
from tests.reference.deficits import Event
from tests.tiny_record import TinyRecord, code_of, tiny_codelists

MONDAY = dt.date(2024, 3, 4)
CASES = yaml.safe_load((Path(__file__).parent / "frailty_index.yaml").read_text(encoding="utf-8"))
COLUMN = {"count": "deficit_count", "band": "frailty_index_band", "disagreement": "frailty_disagreement"}


@pytest.fixture(scope="module")
def declared(tmp_path_factory: pytest.TempPathFactory) -> FeatureSet:
    return tiny_codelists(tmp_path_factory.mktemp("codelists"))


def events_of(case: dict[str, Any], declared: FeatureSet) -> list[Event]:
    """A case's deficits and lines as GP entries, known from the day they happened."""
    events = [
        Event(name, dt.date(2010, 1, 1), dt.date(2010, 1, 1)) for name in declared.deficits[: case.get("deficits", 0)]
    ]
    for line in case["record"]:
        when, _, what = line.partition(" ")
        if what == "medicines":
            continue
        day = dt.date.fromisoformat(when)
        word, *rest = what.split(" ", 3)
        if word == "value":
            unit = rest[2] if len(rest) > 2 else None
            events.append(Event(rest[0], day, day, value=Decimal(rest[1]), unit=unit))
        else:
            events.append(Event(word, day, day))
    return events


def add(record: TinyRecord, declared: FeatureSet, person: int, event: Event) -> None:
    record.add(
        "gp_event",
        person,
        event_date=event.day,
        code=code_of(declared, event.codelist),
        value=event.value,
        unit=event.unit,
        known_from=event.known_from,
        known_until=event.known_until,
        entered_date=event.entered,
    )


def week_of(record: TinyRecord, declared: FeatureSet, folder: Path) -> dict[int, dict[str, Any]]:
    path = features.build_matrix(record.con, [MONDAY], out=folder, declared=declared)[MONDAY]
    return {row["person_id"]: row for row in pl.read_parquet(path).iter_rows(named=True)}


@pytest.fixture(scope="module")
def rows(declared: FeatureSet, tmp_path_factory: pytest.TempPathFactory) -> dict[int, dict[str, Any]]:
    record = TinyRecord().alive_sources(MONDAY)
    for person, case in enumerate(CASES, start=1):
        record.person(person, case.get("born", "1940-03-15"), case.get("sex", "2"))
        for event in events_of(case, declared):
            add(record, declared, person, event)
        for line in case["record"]:
            if line.endswith(" medicines"):
                for product in range(int(line.split()[0])):
                    record.add("medication", person, event_date=dt.date(2024, 1, 1), product_code=100 + product)
    return week_of(record, declared, tmp_path_factory.mktemp("week"))


@pytest.mark.parametrize(("person", "case"), list(enumerate(CASES, start=1)), ids=[c["case"] for c in CASES])
def test_the_index_is_what_the_case_says(person, case, rows):
    got = {name: rows[person][COLUMN.get(name, f"deficit_{name}")] for name in case["expect"]}
    assert got == case["expect"]


def test_a_value_counts_from_the_week_in_which_it_was_known_and_until_it_is_withdrawn(declared, tmp_path):
    record = TinyRecord().person(1).person(2).alive_sources(MONDAY)
    low, later = {"value": Decimal(100), "unit": "g/L"}, MONDAY + dt.timedelta(days=1)
    add(record, declared, 1, Event("haemoglobin", dt.date(2024, 1, 1), later, **low))
    add(record, declared, 2, Event("haemoglobin", dt.date(2024, 1, 1), dt.date(2024, 1, 2), MONDAY, **low))
    got = week_of(record, declared, tmp_path)
    assert [got[p]["deficit_anaemia_and_haematinic_deficiency"] for p in (1, 2)] == [0, 0]


def test_every_description_of_the_index_names_the_codelists_and_their_version(declared):
    for name in ("deficit_count", "frailty_index_band", "frailty_disagreement"):
        assert "codelists starter-1" in declared.by_name[name].description


@pytest.mark.parametrize(("person", "case"), list(enumerate(CASES, start=1)), ids=[c["case"] for c in CASES])
def test_the_evidence_names_just_the_deficits_of_the_matrix(person, case, rows, declared):
    row = rows[person]
    known = [
        {"event_date": e.day, "code": code_of(declared, e.codelist), "value": e.value, "unit": e.unit}
        for e in events_of(case, declared)
    ]
    schema = {"event_date": pl.Date, "code": pl.Int64, "value": pl.Decimal(19, 3), "unit": pl.String}
    shown = features.deficit_evidence(
        declared,
        pl.DataFrame(known, schema=schema),
        MONDAY,
        sex_code=case.get("sex", "2"),
        products=int(row["distinct_medicines_365"]),
    )
    found = set(shown["deficit"]) - {"polypharmacy"}
    assert found == {name for name in declared.deficits if row[f"deficit_{name}"] == 1}
    if row["deficit_count"] is not None:
        assert shown["deficit"].n_unique() == row["deficit_count"]


def test_the_evidence_dates_a_deficit_by_its_first_code_and_tells_a_result_in_the_unit_of_its_list(declared):
    anaemia, haemoglobin = (code_of(declared, n) for n in ("anaemia_and_haematinic_deficiency", "haemoglobin"))
    known = pl.DataFrame(
        {
            "event_date": [dt.date(2020, 1, 1), dt.date(2015, 1, 1), dt.date(2023, 1, 1)],
            "code": [anaemia, anaemia, haemoglobin],
            "value": [None, None, Decimal("11.4")],
            "unit": [None, None, "g/dL"],
        }
    )
    shown = features.deficit_evidence(declared, known, MONDAY, sex_code="2", products=None)
    assert shown.select("by", "since_date", "latest_date", "code", "value", "unit").rows() == [
        ("code", dt.date(2015, 1, 1), dt.date(2020, 1, 1), anaemia, None, None),
        ("result", dt.date(2023, 1, 1), dt.date(2023, 1, 1), haemoglobin, Decimal("114.000"), "g/L"),
    ]


days = st.one_of(
    st.dates(dt.date(2021, 1, 1), dt.date(2024, 4, 1)),
    st.sampled_from([MONDAY - dt.timedelta(days=n) for n in (-1, 0, 1, 364, 365, 366)]),
)
numbers = st.decimals(Decimal("0.1"), Decimal(150), places=1)
units = st.sampled_from([None, "", "g/L", "g/dL", "mL/min/1.73m2", "mU/L", "mmHg", "mg/mmol", "mg/g", "stone"])
coded = st.sampled_from(
    ["diabetes", "weight_loss_and_anorexia", "anaemia_and_haematinic_deficiency", "thyroid_disease"]
)


@st.composite
def events(draw: st.DrawFn) -> Event:
    day = draw(days)
    known = day + dt.timedelta(days=draw(st.one_of(st.integers(0, 60), st.integers(0, 700))))
    gone = known + dt.timedelta(days=draw(st.integers(1, 300))) if draw(st.booleans()) else None
    if draw(st.booleans()):
        entered = draw(st.one_of(st.none(), st.dates(day, known)))
        return Event(draw(coded), day, known, gone, entered=entered)
    return Event(draw(st.sampled_from(measures())), day, known, gone, draw(numbers), draw(units))


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.lists(st.tuples(st.sampled_from(["1", "2", None]), st.lists(events(), max_size=8)), min_size=20, max_size=60))
def test_sql_equals_the_plain_reference_on_any_record(declared, tmp_path_factory, people):
    record = TinyRecord().alive_sources(MONDAY, MONDAY - dt.timedelta(weeks=40))
    for person, (sex, happened) in enumerate(people, start=1):
        record.person(person, sex_code=sex)
        for event in happened:
            add(record, declared, person, event)
    weeks = [MONDAY - dt.timedelta(weeks=40), MONDAY]
    paths = features.build_matrix(record.con, weeks, out=tmp_path_factory.mktemp("world"), declared=declared)
    for week in weeks:
        got = {row["person_id"]: row for row in pl.read_parquet(paths[week]).iter_rows(named=True)}
        for person, (sex, happened) in enumerate(people, start=1):
            found = {name for name in declared.deficits if got[person][f"deficit_{name}"] == 1}
            assert found == reference.deficits(happened, week, sex), happened
            change = tuple(got[person][f"deficits_{name}_365"] for name in ("new", "newly_recorded", "newly_delivered"))
            assert change == reference.gained(happened, week), happened
