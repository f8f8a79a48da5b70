"""A past Monday in hindsight: late rows are seen, corrections and withdrawals act, what came after does not leak in."""

import duckdb
import pytest

from data_contracts.contract import load_contracts
from pipelines import stages
from pipelines.errors import MistakeError
from pipelines.hindsight import look_back
from pipelines.store import Store
from record import open_in_hindsight
from tests.deliveries import World, day

WEEK, SINCE = "2026-01-12", "2026-01-19"
HYPERTENSION = "38341003"


def registered(n, **more):
    return {"nhs_number": n, "start_date": "2010-01-01", **more}


def event(n, happened, entered, **more):
    named = {"nhs_number": n, "record_id": n, "code": HYPERTENSION, "event_date": happened, "record_date": entered}
    return {**named, **more}


def in_hindsight(world, *sources):
    world.connect(*sources)
    con = duckdb.connect()
    open_in_hindsight(con, load_contracts().values(), lake=world.lake, week=day(WEEK))
    return con


def test_a_row_entered_late_is_there_in_hindsight_and_one_that_happened_later_is_not(tmp_path):
    world = World(tmp_path)
    world.deliver("gp_event", SINCE, [event(1, "2026-01-06", "2026-01-15"), event(2, "2026-01-13", "2026-01-13")])
    con = in_hindsight(world, "gp_event")
    rows = con.sql("select event_date, entered_date, known_from, known_until from gp_event").fetchall()
    assert rows == [(day("2026-01-06"), None, day(WEEK), None)]


def test_a_correction_and_a_withdrawal_made_since_act_in_hindsight(tmp_path):
    world = World(tmp_path)
    world.deliver("gp_event", "2026-01-05", [event(n, "2025-12-01", "2025-12-02", value="1") for n in (1, 2, 3)])
    corrected = event(1, "2025-12-01", "2025-12-02", value="5")
    withdrawn = event(2, "2025-12-01", "2025-12-02", is_deleted="Y")
    world.deliver("gp_event", SINCE, [corrected, withdrawn])
    con = in_hindsight(world, "gp_event")
    assert [float(v) for (v,) in con.sql("select value from gp_event order by value").fetchall()] == [1.0, 5.0]


def test_a_death_told_later_is_known_a_later_death_and_a_later_move_are_not(tmp_path):
    world = World(tmp_path)
    world.deliver("gp_registration", "2026-01-05", [registered(n, lsoa_code="E01013453") for n in (1, 2, 3, 4)])
    told = [
        registered(1, death_date="2026-01-08", end_date="2026-01-08"),
        registered(2, death_date="2026-01-14", end_date="2026-01-14"),
        registered(3, lsoa_code="E01013454"),  # moved house; who is not named at all has moved away
        registered(5, start_date="2026-01-09"),
        registered(6, start_date="2026-01-13"),
    ]
    world.deliver("gp_registration", SINCE, told)
    con = in_hindsight(world, "gp_registration")
    assert con.sql("select death_date from death").fetchall() == [(day("2026-01-08"),)]
    starts = con.sql("select start_date, end_date, count(*) from registration group by all order by all").fetchall()
    old, new = day("2010-01-01"), day("2026-01-09")
    assert sorted(starts, key=str) == sorted([(old, day("2026-01-08"), 1), (old, None, 3), (new, None, 1)], key=str)
    assert con.sql("select count(*) from person where lsoa_code = 'E01013454'").fetchall() == [(0,)]


def test_a_stay_that_had_not_ended_has_no_end_in_hindsight(tmp_path):
    world = World(tmp_path)
    stay = {"nhs_number": 1, "admission_date": "2026-01-06", "episode_start": "2026-01-06"}
    world.deliver(
        "apc",
        "2026-03-02",
        [
            {**stay, "episode_id": 1, "episode_end": "2026-01-08"},
            {**stay, "episode_id": 2, "episode_order": 2, "episode_start": "2026-01-08", "episode_end": "2026-01-20",
             "discharge_date": "2026-01-20", "discharge_method": "1"},
            {**stay, "episode_id": 3, "episode_order": 3, "episode_start": "2026-01-14", "episode_end": "2026-01-20"},
        ],
    )  # fmt: skip
    con = in_hindsight(world, "apc")
    query = "select admission_date, discharge_date, episode_count from spell"
    assert con.sql(query).fetchall() == [(day("2026-01-06"), None, 2)]


@pytest.fixture(scope="module")
def looked_back(tmp_path_factory):
    """Twelve people, one week computed and stored; then ten late entries arrive."""
    home = tmp_path_factory.mktemp("hindsight")
    world, store = World(home), Store.at(home)
    sources = ("gp_registration", "gp_event")
    people = range(1, 13)
    world.deliver("gp_registration", "2026-01-05", [registered(n) for n in people], historic=True)
    first = [event(n, "2025-11-03", "2025-11-03", record_id=100 + n, code="73211009") for n in people]
    world.deliver("gp_event", "2026-01-05", first)
    world.connect(*sources)
    built = stages.build_features(store, [day(WEEK)])[0]
    before = (built.folder / "matrix.parquet").read_bytes()
    world.deliver("gp_event", SINCE, [event(n, "2026-01-06", "2026-01-07") for n in people if n > 2])
    world.connect(*sources)
    found = look_back(store, WEEK)
    assert (built.folder / "matrix.parquet").read_bytes() == before
    assert not list(store.temporary.iterdir())
    return store, found


def test_a_week_computed_again_as_known_then_equals_what_is_stored(looked_back):
    assert looked_back[1].as_stored is True


def test_what_arrived_late_is_counted_by_source_and_by_feature(looked_back):
    found = looked_back[1]
    (row,) = found.sources.iter_rows(named=True)
    assert (row["source"], row["late"], row["gone"]) == ("gp_event", "10 in 10 rows", "nobody")
    assert (row["days, median"], row["features moved of"]) == (7, "10")
    moved = {r["feature"]: r for r in found.features.iter_rows(named=True)}
    assert (moved["deficit_hypertension"]["people"], moved["deficit_hypertension"]["higher"]) == ("10", "10")
    assert "deficit_diabetes" not in moved
    assert found.people["as known then"].to_list() == ["12"]


def test_a_week_after_which_nothing_came_has_nothing_to_explain(looked_back):
    with pytest.raises(MistakeError, match="Nothing was received after"):
        look_back(looked_back[0], SINCE)


@pytest.mark.slow
def test_fewer_than_eight_people_are_not_counted(tmp_path):
    world, store = World(tmp_path), Store.at(tmp_path)
    world.deliver("gp_registration", "2026-01-05", [registered(n) for n in range(1, 13)], historic=True)
    told = [event(n, "2026-01-02", "2026-01-02", record_id=100 + n) for n in range(1, 13)]
    world.deliver("gp_event", "2026-01-05", told, historic=True)
    world.deliver("gp_event", SINCE, [event(n, "2026-01-06", "2026-01-07") for n in (1, 2, 3)])
    world.connect("gp_registration", "gp_event")
    found = look_back(store, WEEK)
    (row,) = found.sources.iter_rows(named=True)
    assert (row["late"], row["days, median"]) == ("fewer than 8", None)
    assert found.as_stored is None
    assert set(found.features["people"]) == {"fewer than 8"}
