"""A person whose NHS number changed is one person from the day the change was known, and two before."""

import polars as pl
import pytest

from data_contracts.contract import CODELISTS
from data_contracts.identity import pseudonyms
from data_contracts.ledger import read_ledger
from data_contracts.withheld import CODELIST
from tests.deliveries import KEY, World, nhs_number
from tests.unit.test_history import visible

OBJECTION = pl.read_csv(CODELISTS / f"{CODELIST}.csv", infer_schema=False)["code"][0]
MONDAYS = ("2026-01-05", "2026-01-12", "2026-01-19")


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def ids(*numbers):
    return pseudonyms(KEY, "nhs_number", pl.Series([nhs_number(n) for n in numbers])).to_list()


def change(world, received, old, new, **more):
    world.deliver("nhs_number_change", received, [{"superseded_number": old, "current_person_id": new, **more}])


def test_rows_of_a_superseded_number_belong_to_the_new_one_from_the_day_it_was_known(world):
    old, new = ids(1, 2)
    world.deliver("gp_registration", MONDAYS[0], [{"nhs_number": 1}])
    change(world, MONDAYS[1], 1, 2)
    con = world.connect("nhs_number_change", "gp_registration")
    who = [visible(con, "registration", monday, "person_id") for monday in MONDAYS]
    assert who == [[(old,)], [(new,)], [(new,)]]


def test_two_numbers_merged_are_two_people_before_and_one_after(world):
    world.deliver("gp_registration", MONDAYS[0], [{"nhs_number": 1}, {"nhs_number": 2, "start_date": "2010-01-01"}])
    change(world, MONDAYS[1], 1, 2)
    con = world.connect("nhs_number_change", "gp_registration")
    assert [len(visible(con, "person", monday)) for monday in MONDAYS] == [2, 1, 1]
    assert [e.accepted for e in world.conform("gp_registration")] == []
    assert read_ledger(world.lake, "gp_registration")["accepted"].to_list() == [2]


def test_a_chain_of_changes_is_followed_and_a_change_taken_back_is_undone(world):
    first, second, third = ids(1, 2, 3)
    world.deliver("gp_registration", MONDAYS[0], [{"nhs_number": 1}])
    change(world, MONDAYS[0], 1, 2)
    change(world, MONDAYS[1], 2, 3)
    change(world, MONDAYS[2], 1, 2, is_withdrawn="true")
    con = world.connect("nhs_number_change", "gp_registration")
    who = [visible(con, "registration", monday, "person_id") for monday in MONDAYS]
    assert who == [[(second,)], [(third,)], [(first,)]]


def test_an_objection_goes_with_the_person_to_the_new_number(world):
    _, new = ids(1, 2)
    change(world, MONDAYS[0], 1, 2)
    event = {"event_date": "2026-01-01", "record_date": "2026-01-01"}
    world.deliver("gp_event", MONDAYS[0], [{"nhs_number": 1, "record_id": "1", "code": OBJECTION, **event}])
    world.deliver("gp_event", MONDAYS[1], [{"nhs_number": 2, "record_id": "2", "code": "60621009", **event}])
    con = world.connect("nhs_number_change", "gp_event")
    assert read_ledger(world.lake, "gp_event")["withheld"].to_list() == [1, 1]
    assert visible(con, "opt_out", MONDAYS[1], "person_id, opt_out_type") == [(new, "type1")]


def test_a_number_that_takes_its_own_place_or_is_no_number_is_set_aside(world):
    change(world, MONDAYS[0], 1, 1)
    change(world, MONDAYS[1], 1, "9999999999")
    entries = world.conform("nhs_number_change")
    assert [(e.accepted, e.quarantined, set(e.faults)) for e in entries] == [(0, 1, {"X01"}), (0, 1, {"N03"})]
