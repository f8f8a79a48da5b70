"""What the frailty index gained in a year: what is new, what is old and newly recorded, what is newly delivered."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

import features
from features.declaration import FeatureSet
from tests.tiny_record import TinyRecord, code_of, tiny_codelists

MONDAY = dt.date(2024, 3, 4)
CASES = yaml.safe_load((Path(__file__).parent / "index_change.yaml").read_text(encoding="utf-8"))
COLUMN = {"entered": "entered_date", "received": "known_from", "withdrawn": "known_until"}


@pytest.fixture(scope="module")
def declared(tmp_path_factory: pytest.TempPathFactory) -> FeatureSet:
    return tiny_codelists(tmp_path_factory.mktemp("codelists"))


def entry(line: str, declared: FeatureSet) -> dict[str, Any]:
    """One line as a row; what was entered later was received then, unless the line says otherwise."""
    day, name, *more = line.split()
    told = {COLUMN[word]: dt.date.fromisoformat(when) for word, when in zip(more[::2], more[1::2], strict=True)}
    known = told.get("entered_date", dt.date.fromisoformat(day))
    return {"event_date": dt.date.fromisoformat(day), "code": code_of(declared, name), "known_from": known, **told}


@pytest.fixture(scope="module")
def rows(declared: FeatureSet, tmp_path_factory: pytest.TempPathFactory) -> dict[int, dict[str, Any]]:
    later = MONDAY + dt.timedelta(weeks=40)  # in one pass with it: what it learns must not be told to the Monday before
    record = TinyRecord().alive_sources(MONDAY, later)
    for person, case in enumerate(CASES, start=1):
        record.person(person, case.get("born", "1940-03-15"))
        for line in case["record"]:
            record.add("gp_event", person, **entry(line, declared))
    made = features.build_matrix(record.con, [MONDAY, later], out=tmp_path_factory.mktemp("week"), declared=declared)
    path = made[MONDAY]
    return {row["person_id"]: row for row in pl.read_parquet(path).iter_rows(named=True)}


@pytest.mark.parametrize(("person", "case"), list(enumerate(CASES, start=1)), ids=[c["case"] for c in CASES])
def test_what_the_index_gained_is_what_the_case_says(person, case, rows):
    assert {name: rows[person][f"deficits_{name}_365"] for name in case["expect"]} == case["expect"]


def test_two_strengths_of_one_medicine_are_one_and_another_strength_is_no_start(declared, tmp_path):
    weaker, stronger, unlisted = 318605000, 318590006, 999
    record = TinyRecord().alive_sources(MONDAY).person(1)
    for day, product in (
        (dt.date(2023, 6, 1), weaker),
        (dt.date(2024, 2, 1), stronger),
        (dt.date(2024, 2, 1), unlisted),
    ):
        record.add("medication", 1, event_date=day, product_code=product)
    path = features.build_matrix(record.con, [MONDAY], out=tmp_path, declared=declared)[MONDAY]
    row = pl.read_parquet(path).row(0, named=True)
    assert (row["distinct_medicines_365"], row["medicines_started_90"], row["medicines_stopped_90"]) == (2, 1, 0)
