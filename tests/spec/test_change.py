"""What a change is: a tiny record, a Monday, the expected value. One build for all; a person for each case."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import features
from features.declaration import FeatureSet
from tests.spec.housebound_world import MONDAY
from tests.tiny_record import TinyRecord, code_of, tiny_codelists

HOME_CARE = {"service_component": "Home support or domiciliary care", "service_type": "Long term support: Community"}
OWN_MEANS = 999  # a mode of arrival that is in no list
Rows = list[tuple[str, str, dict[str, Any]]]  # table, day, values; a `codelist` stands for its code


def missed(day: str) -> tuple[str, str, dict[str, Any]]:
    return ("gp_appointment", day, {"status_code": "DNA", "mode_code": "Face-to-Face"})


def weight(day: str, value: float, unit: str = "kg") -> tuple[str, str, dict[str, Any]]:
    return ("gp_event", day, {"codelist": "weight", "value": value, "unit": unit})


def blood(day: str, value: float, unit: str | None) -> tuple[str, str, dict[str, Any]]:
    return ("gp_event", day, {"codelist": "haemoglobin", "value": value, "unit": unit})


def code(day: str, name: str) -> tuple[str, str, dict[str, Any]]:
    return ("gp_event", day, {"codelist": name})


def issue(day: str, product: int) -> tuple[str, str, dict[str, Any]]:
    return ("medication", day, {"product_code": product})


CASES: dict[str, tuple[Rows, dict[str, float | None]]] = {
    "the first missed appointment in two years": ([missed("2024-02-01")], {"gp_missed_new_90": 1}),
    "missed before as well": ([missed("2022-03-05"), missed("2024-02-01")], {"gp_missed_new_90": 0}),
    "missed before, but longer ago than two years": (
        [missed("2022-03-04"), missed("2024-02-01")],
        {"gp_missed_new_90": 1},
    ),
    "missed, but not lately": ([missed("2023-06-01")], {"gp_missed_new_90": 0}),
    "a walking aid for the first time": ([code("2024-02-01", "walking_aid")], {"walking_aid_new_90": 1}),
    "three urgent contacts lately and none before": (
        [("ed_attendance", d, {}) for d in ("2024-01-10", "2024-02-01", "2024-02-20")],
        {"urgent_contacts_excess_90": 3},
    ),
    "as many urgent contacts as before": (
        [("ed_attendance", d, {}) for d in ("2023-04-01", "2023-07-01", "2023-10-01", "2024-02-01")],
        {"urgent_contacts_excess_90": pytest.approx(1 - 3 * 90 / 275)},
    ),
    "fewer urgent contacts than before": ([("ed_attendance", "2023-07-01", {})], {"urgent_contacts_excess_90": 0}),
    "a tenth of the weight lost": (
        [weight("2022-06-01", 80), weight("2023-01-01", 90), weight("2024-01-01", 72)],
        {"weight_fall_730": 10},
    ),
    "weight gained": ([weight("2022-06-01", 80), weight("2024-01-01", 82)], {"weight_fall_730": 0}),
    "one weight only": ([weight("2024-01-01", 80)], {"weight_fall_730": None}),
    "two weights 89 days apart": ([weight("2023-10-04", 80), weight("2024-01-01", 70)], {"weight_fall_730": None}),
    "two weights 90 days apart": ([weight("2023-10-03", 80), weight("2024-01-01", 60)], {"weight_fall_730": 25}),
    "no weight in the last year": ([weight("2022-06-01", 80), weight("2023-03-04", 70)], {"weight_fall_730": None}),
    "a weight in stone is left out": (
        [weight("2022-06-01", 80), weight("2024-01-01", 72), weight("2024-02-01", 30, "st")],
        {"weight_fall_730": 10},
    ),
    "haemoglobin in two units": (
        [blood("2022-06-01", 12.0, "g/dL"), blood("2024-01-01", 90, "g/L")],
        {"haemoglobin_fall_730": 25},
    ),
    "one product new, one kept, one given up": (
        [
            *(issue(d, 1) for d in ("2023-05-01", "2023-08-01", "2024-02-01")),
            *(issue(d, 2) for d in ("2024-01-10", "2024-02-10")),
            *(issue(d, 3) for d in ("2023-05-01", "2023-08-01")),
            issue("2023-06-01", 4),
        ],
        {"medicines_started_90": 1, "medicines_stopped_90": 1, "distinct_medicines_365": 4},
    ),
    "home care went from 5 to 14 hours": (
        [
            ("care_service", "2023-01-01", {"end_date": dt.date(2024, 1, 15), "planned_units": 5, **HOME_CARE}),
            ("care_service", "2024-01-16", {"planned_units": 14, **HOME_CARE}),
        ],
        {"home_care_hours_more_90": 9, "home_care_weekly_hours": 14},
    ),
    "home care grew smaller": (
        [
            ("care_service", "2023-01-01", {"end_date": dt.date(2024, 1, 15), "planned_units": 14, **HOME_CARE}),
            ("care_service", "2024-01-16", {"planned_units": 5, **HOME_CARE}),
        ],
        {"home_care_hours_more_90": 0},
    ),
    "no longer a carer": ([code("2022-01-01", "carer_is"), code("2023-01-01", "carer_is_ended")], {"is_carer": 0}),
    "lives alone, then with family": (
        [code("2022-01-01", "lives_alone"), code("2023-01-01", "lives_alone_absent")],
        {"lives_alone": 0},
    ),
    "attended with the second most urgent acuity": (
        [("ed_attendance", "2024-02-01", {"acuity_code": 1064911000000105})],
        {"ed_urgent_attendances_90": 1},
    ),
    "had a carer, who is no longer there": (
        [code("2022-01-01", "carer_has"), code("2024-02-01", "carer_has_absent")],
        {"carer_lost_365": 1, "has_carer": 0},
    ),
    "lost the carer 365 days ago": (
        [code("2022-01-01", "carer_has"), code("2023-03-05", "carer_has_absent")],
        {"carer_lost_365": 1},
    ),
    "lost the carer 366 days ago": (
        [code("2022-01-01", "carer_has"), code("2023-03-04", "carer_has_absent")],
        {"carer_lost_365": 0},
    ),
    "never had a carer": ([code("2024-02-01", "carer_has_absent")], {"carer_lost_365": 0}),
    "lost a carer and has another": (
        [code("2022-01-01", "carer_has"), code("2023-09-01", "carer_has_absent"), code("2023-10-01", "carer_has")],
        {"carer_lost_365": 0},
    ),
    "had a carer by a code, and none as the council tells it": (
        [code("2022-01-01", "carer_has"), ("care_event", "2023-11-01", {"has_unpaid_carer": "No"})],
        {"carer_lost_365": 1},
    ),
    "a walking aid recorded 1096 days ago": (
        [code("2021-03-04", "walking_aid")],
        {"walking_aid_in_use": 1, "walking_aid_new_90": 0},
    ),
    "a walking aid recorded 1097 days ago": ([code("2021-03-03", "walking_aid")], {"walking_aid_in_use": 0}),
    "a catheter cared for 183 days ago": ([code("2023-09-03", "urinary_catheter")], {"catheter_in_use": 1}),
    "a catheter cared for 184 days ago": ([code("2023-09-02", "urinary_catheter")], {"catheter_in_use": 0}),
    "came by ambulance once, and once by own means": (
        [
            ("ed_arrival", "2024-02-01", {"codelist": "ed_arrival_ambulance"}),
            ("ed_arrival", "2024-02-20", {"code": OWN_MEANS}),
        ],
        {"ed_ambulance_arrivals_30": 0, "ed_ambulance_arrivals_90": 1, "ed_ambulance_arrival_days_since": 32},
    ),
}


@pytest.fixture(scope="module")
def declared(tmp_path_factory: pytest.TempPathFactory) -> FeatureSet:
    return tiny_codelists(tmp_path_factory.mktemp("codelists"))


@pytest.fixture(scope="module")
def matrix(declared: FeatureSet, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    record = TinyRecord().alive_sources(MONDAY)
    for number, (rows, _) in enumerate(CASES.values(), start=1):
        record.person(number)
        for table, day, given in rows:
            values = dict(given)
            if name := values.pop("codelist", None):
                values["code"] = code_of(declared, name)
            record.add(table, number, event_date=dt.date.fromisoformat(day), **values)
    _households(record, declared)
    folder: Path = tmp_path_factory.mktemp("week")
    return pl.read_parquet(features.build_matrix(record.con, [MONDAY], out=folder, declared=declared)[MONDAY])


def _households(record: TinyRecord, declared: FeatureSet) -> None:
    """201 and 202 share an address, both frail, 202 is a carer; 203 lives alone; 204 to 214 share an institution."""
    for person in range(201, 216):
        record.person(person)
        address = {201: 7, 202: 7, 203: 8, 215: None}.get(person, 9)
        record.con.execute("update person set household_id = ? where person_id = ?", [address, person])
    for person in (201, 202):
        record.add("gp_event", person, event_date=dt.date(2023, 1, 1), code=code_of(declared, "frailty_severe"))
    record.add("gp_event", 202, event_date=dt.date(2023, 1, 1), code=code_of(declared, "carer_is"))


@pytest.mark.parametrize("case", CASES)
def test_the_change_is_what_the_case_says(case, matrix):
    number = list(CASES).index(case) + 1
    row = matrix.row(by_predicate=pl.col("person_id") == number, named=True)
    expected = CASES[case][1]
    assert {name: row[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("person", "others", "frail", "carers"),
    [(201, 1, 1, 1), (202, 1, 1, 0), (203, 0, 0, 0), (204, None, None, None), (215, None, None, None)],
)
def test_a_household_counts_others_and_an_institution_or_no_address_is_unknown(person, others, frail, carers, matrix):
    row = matrix.row(by_predicate=pl.col("person_id") == person, named=True)
    names = ("household_others", "household_frail_others", "household_frail_carers")
    assert [row[name] for name in names] == [others, frail, carers]


def test_nothing_about_the_household_is_ever_printed_or_seen_by_a_model(declared):
    household = [f for f in declared.features if f.theme == "household"]
    assert household
    assert not any(f.reason or f.model_use for f in household)


def test_what_may_not_be_a_printed_reason_has_no_sentence(declared):
    silent = (
        "has_carer",
        "is_carer",
        "carer_lost",
        "learning_disability",
        "severe_mental_illness",
        "continence",
        "catheter",
    )
    kept = [f for f in declared.features if f.name.startswith((*silent, "advance_care_plan", "palliative"))]
    assert len(kept) >= len(silent)
    assert not any(f.reason for f in kept)
