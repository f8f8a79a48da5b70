"""Rows that nobody may hold are dropped before anything else is done with them, and counted."""

import polars as pl
import pytest

from data_contracts.contract import CODELISTS, load_contracts
from data_contracts.ledger import read_ledger
from tests.deliveries import World

REAL = "4010232137"  # the example of the NHS data dictionary: a valid number outside the test range
EVENT = {"event_date": "2026-01-01", "record_date": "2026-01-01"}
FALL, ANOTHER = (
    pl.read_csv(CODELISTS / f"{name}.csv", infer_schema=False)["code"][0] for name in ("falls", "dementia")
)


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.setenv("ANTICIPATE_SITE", str(tmp_path / "site"))
    return World(tmp_path)


def list_codes(world, *codes):
    (world.home / "site").mkdir(exist_ok=True)
    (world.home / "site" / "restricted_codes.csv").write_text(
        "code,label,source\n" + "".join(f"{c},,\n" for c in codes)
    )


def events(world, numbers):
    rows = [
        {"nhs_number": number, "record_id": n, "code": code, **EVENT}
        for n, (number, code) in enumerate(((number, code) for number in numbers for code in (FALL, ANOTHER)), start=1)
    ]
    world.deliver("gp_event", "2026-01-05", rows)


def test_rows_with_a_restricted_code_are_dropped_and_counted(world):
    list_codes(world, FALL)
    events(world, [1, 2])
    con = world.connect("gp_event")
    assert con.execute("select distinct code from gp_event").fetchall() == [(int(ANOTHER),)]
    ledger = read_ledger(world.lake, "gp_event")
    assert ledger.select("records", "accepted", "withheld", "quarantined").row(0) == (4, 2, 2, 0)


def test_coded_rows_of_real_people_wait_for_the_list_and_are_then_read(world):
    events(world, [1, REAL])
    [entry] = world.conform("gp_event")
    assert (entry.fate, entry.code) == ("rejected", "F16")
    assert REAL not in entry.message
    list_codes(world, FALL)
    [entry] = world.conform("gp_event")
    assert (entry.fate, entry.accepted, entry.withheld) == ("accepted", 2, 2)


def test_a_source_without_codes_needs_no_list(world):
    assert not any(c.code_system for c in load_contracts()["gp_appointment"].columns)
    world.deliver("gp_registration", "2026-01-05", [{"nhs_number": REAL}])
    assert [e.fate for e in world.conform("gp_registration")] == ["accepted"]


def test_an_objection_is_known_by_the_list_that_the_site_has_put_in_the_place_of_ours(world):
    lists = world.home / "site" / "codelists"
    lists.mkdir(parents=True)
    (lists / "own.csv").write_text(f"code\n{FALL}\n", encoding="utf-8")
    declared = "type1_optout: {file: own.csv, version: '1', origin: here}"
    (world.home / "site" / "codelists.yaml").write_text(declared, encoding="utf-8")
    world.deliver("gp_event", "2026-01-05", [{"nhs_number": 1, "record_id": 1, "code": FALL, **EVENT}])
    [entry] = world.conform("gp_event")
    assert (entry.accepted, entry.withheld) == (0, 1)
