"""What councils tell around the care that they arrange: a tiny record, a Monday, the value. One build for all."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import features
from features.declaration import FeatureSet
from tests.spec.housebound_world import MONDAY
from tests.tiny_record import AREAS, TinyRecord, tiny_codelists

Rows = list[tuple[str, dict[str, Any]]]
SERVED = {"client_type": "Service user"}
LATER = MONDAY + dt.timedelta(days=1)


def request(day: str, **known: Any) -> tuple[str, dict[str, Any]]:
    return ("care_event", {"event_date": day, "event_type": "Request", **SERVED, **known})


def review(day: str, reason: str) -> tuple[str, dict[str, Any]]:
    return ("care_event", {"event_date": day, "event_type": "Review", "review_reason": reason, **SERVED})


def service(day: str, component: str, kind: str) -> tuple[str, dict[str, Any]]:
    return ("care_service", {"event_date": day, "service_component": component, "service_type": kind})


def home_care(day: str, end: str | None, units: int) -> tuple[str, dict[str, Any]]:
    name, values = service(day, "Home support or domiciliary care", "Long term support: Community")
    return (name, {**values, "end_date": end, "planned_units": units})


CASES: dict[str, tuple[Rows, dict[str, float | None]]] = {
    "nothing told of this person, by a council that tells of others": (
        [],
        {"council_requests_365": 0, "council_request_days_since": 730, "emergency_support_365": 0, "home_care_open": 0},
    ),
    "three requests, one of them longer ago": (
        [request("2022-06-01"), request("2023-06-01"), request("2024-01-20")],
        {"council_requests_90": 1, "council_requests_365": 2, "council_request_days_since": 44},
    ),
    "a request that a later return told of": (
        [request("2024-01-20", known_from=LATER)],
        {"council_requests_365": 0, "council_request_days_since": 730},
    ),
    "a request that was taken back": ([request("2024-01-20", known_until=MONDAY)], {"council_requests_365": 0}),
    "a request that was taken back afterwards": (
        [request("2024-01-20", known_until=LATER)],
        {"council_requests_365": 1},
    ),
    "a request on the Monday itself": (
        [request(str(MONDAY), known_from=MONDAY - dt.timedelta(days=9))],
        {"council_requests_365": 0},
    ),
    "a request by a carer for themself is no request for this person": (
        [("care_event", {"event_date": "2024-01-20", "event_type": "Request", "client_type": "Unpaid carer"})],
        {"council_requests_365": 0},
    ),
    "reviews as planned, for need, in hospital and about a carer": (
        [
            review("2023-06-01", "Planned – annual review"),
            review("2023-07-01", "Unplanned – change of need"),
            review("2023-08-01", "unplanned - hospital"),
            review("2023-09-01", "Unplanned – carer related"),
        ],
        {"unplanned_reviews_365": 2, "carer_related_reviews_365": 1, "unplanned_review_days_since": 216},
    ),
    "assessed as a carer, and had respite as one": (
        [
            ("care_event", {"event_date": "2023-10-01", "event_type": "Assessment", "client_type": "Unpaid carer"}),
            service("2023-11-01", "Unpaid carer respite", "Unpaid carer support: Direct to unpaid carer"),
        ],
        {"supported_as_carer_365": 2, "respite_services_365": 0, "council_requests_365": 0},
    ),
    "cared for, and had respite": (
        [service("2023-11-01", "Unpaid carer respite", "Unpaid carer support: Support involving the person cared-for")],
        {"respite_services_365": 1, "supported_as_carer_365": 0, "care_services_open": 0},
    ),
    "emergency support": (
        [service("2024-02-01", "Emergency support", "Short term support: Other short term")],
        {"emergency_support_365": 1, "emergency_support_days_since": 32},
    ),
    "home care in three steps": (
        [
            home_care("2023-01-01", "2023-10-14", 4),
            home_care("2023-10-15", "2024-01-14", 9),
            home_care("2024-01-15", None, 14),
        ],
        {"home_care_weekly_hours": 14, "home_care_hours_more_90": 5, "home_care_hours_more_180": 10},
    ),
}
AT_ONE_ADDRESS = (301, 302)
ELSEWHERE, NOWHERE = 303, 304


@pytest.fixture(scope="module")
def declared(tmp_path_factory: pytest.TempPathFactory) -> FeatureSet:
    return tiny_codelists(tmp_path_factory.mktemp("codelists"))


@pytest.fixture(scope="module")
def week(declared: FeatureSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A couple of whom one is assessed as a carer, someone in a district of which nobody tells, one of no address."""
    record = TinyRecord().alive_sources(MONDAY)
    for number, (rows, _) in enumerate(CASES.values(), start=1):
        record.person(number)
        for table, values in rows:
            record.add(table, number, **values)
    for person in (*AT_ONE_ADDRESS, ELSEWHERE, NOWHERE):
        record.person(person)
    carer = {"event_date": "2023-10-01", "event_type": "Assessment", "client_type": "Unpaid carer"}
    record.add("care_event", AT_ONE_ADDRESS[0], **carer)
    record.con.execute("update person set household_id = 7 where person_id in (301, 302)")
    record.con.execute("update person set lsoa_code = ? where person_id = ?", [list(AREAS)[1], ELSEWHERE])
    record.con.execute("update person set lsoa_code = null where person_id = ?", [NOWHERE])
    folder = tmp_path_factory.mktemp("week")
    features.build_matrix(record.con, [MONDAY], out=folder, declared=declared)
    return folder


def of_person(week: Path, person: int) -> dict[str, Any]:
    matrix = pl.read_parquet(week / f"week={MONDAY}" / "matrix.parquet")
    return matrix.row(by_predicate=pl.col("person_id") == person, named=True)


@pytest.mark.parametrize("case", CASES)
def test_a_council_s_return_says(case, week):
    expected = CASES[case][1]
    got = of_person(week, list(CASES).index(case) + 1)
    assert {name: got[name] for name in expected} == expected


@pytest.mark.parametrize("person", [ELSEWHERE, NOWHERE])
def test_where_no_council_has_told_anything_it_is_unknown_and_never_zero(person, week):
    got = of_person(week, person)
    told_by_councils = ("council_requests_365", "council_request_days_since", "unplanned_reviews_365")
    assert [got[name] for name in (*told_by_councils, "emergency_support_365", "home_care_weekly_hours")] == [None] * 5
    assert got["ed_attendances_365"] == 0


def test_a_carer_at_the_address_is_counted_for_audit_and_never_told_to_the_other(week, declared):
    carer, other = AT_ONE_ADDRESS
    assert of_person(week, other)["household_council_carers"] == 1
    assert of_person(week, carer)["household_council_carers"] == 0
    assert "household_council_carers" not in declared.model_names
    said = features.reasons(week, MONDAY, list(AT_ONE_ADDRESS), declared=declared)
    assert said["person_id"].to_list() == [carer]
    assert said["sentence"].to_list() == [
        "assessed or supported by the council as a carer in the last 12 months, on 1 Oct 2023"
    ]


def test_the_sentences_tell_count_window_and_latest_date(week, declared):
    numbers = {case: number for number, case in enumerate(CASES, start=1)}
    told = ("three requests, one of them longer ago", "home care in three steps", "emergency support")
    said = features.reasons(week, MONDAY, [numbers[case] for case in told], declared=declared)["sentence"].to_list()
    assert "2 requests to the council for support in the last 12 months, latest 20 Jan 2024" in said
    assert "one spell of emergency support from the council in the last 12 months, from 1 Feb 2024" in said
    assert "council-arranged home care is 10 planned units a week more than six months ago" in said
