"""Use of services, medicines and change: a plain reference that must agree on any record, in one pass or alone."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import features
from features.declaration import FeatureSet
from tests.reference.counts import Row, expected
from tests.tiny_record import TinyRecord, code_of, tiny_codelists

MONDAY = dt.date(2024, 3, 4)
YEAR = [MONDAY - dt.timedelta(weeks=n) for n in reversed(range(52))]
EDGES = (-1, 0, 1, 29, 30, 31, 89, 90, 91, 179, 180, 181, 364, 365, 366, 729, 730, 731)


FRAILTY = {1: "frailty_mild", 2: "frailty_moderate", 3: "frailty_severe"}
REVIEWS = ("Unplanned – change of need", "Unplanned – carer related")
LONG_TERM = "Long term support: Community"
RESPITE = "Unpaid carer support: Support involving the person cared-for"
KINDS = [
    *("ed", "missed", "contact", "stay", "issue", "weight", "care", "request", "ambulance", "mental", "entry"),
    *("frailty", "carer", "support", "respite", "emergency", "review"),
]
FEW = {"issue": 6, "frailty": 3, "carer": 1, "review": 1}  # kinds whose value is one of a few, the largest of them


@pytest.fixture(scope="module")
def declared(tmp_path_factory: pytest.TempPathFactory) -> FeatureSet:
    return tiny_codelists(tmp_path_factory.mktemp("codelists"))


def columns(row: Row, declared: FeatureSet) -> tuple[str, dict[str, Any]]:
    """The record table of a row, and its values."""
    happened = {"event_date": row.day}
    return {
        "ed": ("ed_attendance", {**happened, "department_type": "01"}),
        "ambulance": ("ed_arrival", {**happened, "code": code_of(declared, "ed_arrival_ambulance")}),
        "mental": ("mental_health_contact", {**happened, "attendance_code": "5"}),
        "entry": ("gp_event", {**happened, "code": 1}),
        "frailty": ("gp_event", {**happened, "code": code_of(declared, FRAILTY.get(row.value, "frailty_mild"))}),
        "carer": (
            "gp_event",
            {**happened, "code": code_of(declared, ("carer_has_absent", "carer_has")[row.value % 2])},
        ),
        "support": (
            "care_service",
            {**happened, "end_date": row.end, "service_type": LONG_TERM, "weekly_cost": row.value},
        ),
        "respite": ("care_service", {**happened, "end_date": row.end, "service_type": RESPITE}),
        "emergency": ("care_service", {**happened, "end_date": row.end, "service_component": "Emergency support"}),
        "review": ("care_event", {**happened, "event_type": "Review", "review_reason": REVIEWS[row.value % 2]}),
        "missed": ("outpatient_appointment", {**happened, "attended_code": "3"}),
        "contact": ("community_contact", {**happened, "attendance_code": "5", "duration_minutes": row.value}),
        "stay": ("inpatient_spell", {"admission_date": row.day, "discharge_date": row.end, "emergency_flag": True}),
        "request": ("care_event", {**happened, "event_type": "Request", "client_type": "Service user"}),
        "issue": ("medication", {**happened, "product_code": row.value}),
        "weight": ("gp_event", {**happened, "code": code_of(declared, "weight"), "value": row.value, "unit": "kg"}),
        "care": (
            "care_service",
            {
                **happened,
                "end_date": row.end,
                "service_component": "Home support or domiciliary care",
                "planned_units": row.value,
            },
        ),
    }[row.kind]


days = st.one_of(
    st.dates(dt.date(2021, 9, 1), dt.date(2024, 4, 1)),
    st.sampled_from([MONDAY - dt.timedelta(days=n) for n in EDGES]),
)


@st.composite
def rows(draw: st.DrawFn) -> Row:
    kind = draw(st.sampled_from(KINDS))
    day = draw(days)
    known = day + dt.timedelta(days=draw(st.sampled_from([0, 0, 1, 40])))
    gone = known + dt.timedelta(days=draw(st.integers(1, 300))) if draw(st.integers(0, 3)) == 0 else None
    end = day + dt.timedelta(days=draw(st.integers(0, 200))) if draw(st.booleans()) else None
    least = {"carer": 0, "review": 0}.get(kind, 1)
    value = draw(st.integers(least, FEW[kind])) if kind in FEW else draw(st.integers(20, 260))
    return Row(kind, day, known, gone, end, value)


def built(people: list[list[Row]], declared: FeatureSet, weeks: list[dt.date], folder: Path) -> dict[dt.date, Path]:
    record = TinyRecord().alive_sources(*weeks)
    for person, happened in enumerate(people, start=1):
        record.person(person)
        for row in happened:
            table, values = columns(row, declared)
            record.add(table, person, known_from=row.known_from, known_until=row.known_until, **values)
    return features.build_matrix(record.con, weeks, out=folder, declared=declared)


def rounded(value: float | None) -> float | None:
    """As exactly as single precision holds a percentage."""
    return None if value is None else round(value, 3)


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.lists(st.lists(rows(), max_size=16), min_size=20, max_size=50))
def test_sql_equals_the_plain_reference_on_any_record(declared, tmp_path_factory, people):
    weeks = [MONDAY - dt.timedelta(weeks=30), MONDAY]
    paths = built(people, declared, weeks, tmp_path_factory.mktemp("world"))
    for week in weeks:
        got = {row["person_id"]: row for row in pl.read_parquet(paths[week]).iter_rows(named=True)}
        for person, happened in enumerate(people, start=1):
            told = {n: v for n, v in expected(happened, week).items() if n in declared.by_name}
            assert {n: rounded(got[person][n]) for n in told} == {n: rounded(v) for n, v in told.items()}, happened


@pytest.mark.slow
def test_a_week_has_the_same_bytes_alone_as_in_a_pass_over_52_weeks(declared, tmp_path):
    """Every family at once, and rows that come, change and are withdrawn at the edges of every window."""
    people = [
        [
            Row(
                kind,
                day,
                day + dt.timedelta(days=n % 50),
                end=day + dt.timedelta(days=20),
                value=1 + n % FEW[kind] if kind in FEW else 30 + n,
            )
            for n, edge in enumerate(EDGES)
            for day in [MONDAY - dt.timedelta(days=edge + shift)]
            for kind in KINDS
        ]
        for shift in range(0, 364, 40)
    ]
    together = built(people, declared, YEAR, tmp_path / "together")
    for week in YEAR[::10]:
        alone = built(people, declared, [week], tmp_path / f"{week}")
        assert pl.read_parquet(alone[week]).equals(pl.read_parquet(together[week])), week
