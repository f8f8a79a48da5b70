"""Deliveries fold into versions: nothing counted twice, nothing lost, every past day readable."""

from data_contracts.ledger import read_ledger
from record import files_in_use
from tests.deliveries import World, day


def visible(con, table, on, columns="*"):
    return con.execute(
        f"select {columns} from {table} where known_from <= $day and (known_until is null or known_until > $day) "
        "order by all",
        {"day": day(on)},
    ).fetchall()


def test_a_snapshot_closes_who_is_absent_and_keeps_what_was_known(tmp_path):
    world = World(tmp_path)
    world.deliver("gp_registration", "2026-01-05", [{"nhs_number": 1}, {"nhs_number": 2}])
    world.deliver("gp_registration", "2026-01-12", [{"nhs_number": 1}])
    con = world.connect("gp_registration")
    assert len(visible(con, "gp_registration_history", "2026-01-05")) == 2
    assert len(visible(con, "gp_registration_history", "2026-01-12")) == 1
    assert len(visible(con, "person", "2026-01-12")) == 1
    fates = read_ledger(world.lake).select("records", "accepted", "duplicate", "superseded").rows()
    assert fates == [(2, 2, 0, 0), (1, 0, 1, 0)]


def test_a_changed_row_supersedes_from_the_day_it_came(tmp_path):
    world = World(tmp_path)
    world.deliver("gp_registration", "2026-01-05", [{"nhs_number": 1, "lsoa_code": "E01013453"}])
    world.deliver("gp_registration", "2026-01-12", [{"nhs_number": 1, "lsoa_code": "E01013454"}])
    con = world.connect("gp_registration")
    assert visible(con, "person", "2026-01-11", "lsoa_code") == [("E01013453",)]
    assert visible(con, "person", "2026-01-12", "lsoa_code") == [("E01013454",)]


def test_folding_week_by_week_and_all_at_once_give_the_same_history(tmp_path):
    deliveries = [
        ("2026-01-05", [{"nhs_number": 1}, {"nhs_number": 2}]),
        ("2026-01-12", [{"nhs_number": 1, "practice_code": "C81002", "start_date": "2026-01-07"}]),
        ("2026-01-19", [{"nhs_number": 1, "practice_code": "C81002", "start_date": "2026-01-07"}, {"nhs_number": 2}]),
    ]
    histories = []
    for at_once in (True, False):
        world = World(tmp_path / str(at_once))
        for received, rows in deliveries:
            world.deliver("gp_registration", received, rows)
            if not at_once:
                con = world.connect("gp_registration")
        con = world.connect("gp_registration")
        histories.append(con.execute("select * from gp_registration_history order by all").fetchall())
    assert histories[0] == histories[1]
    assert len(histories[0]) == 4


def test_a_delivery_that_turns_up_late_is_folded_where_it_belongs(tmp_path):
    early, late = World(tmp_path / "early"), World(tmp_path / "late")
    deliveries = [
        ("2026-01-05", [{"nhs_number": 1}]),
        ("2026-01-12", [{"nhs_number": 1, "lsoa_code": "E01013454"}]),
        ("2026-01-19", [{"nhs_number": 1, "lsoa_code": "E01013455"}]),
    ]
    for i in (0, 1, 2):
        early.deliver("gp_registration", *deliveries[i])
    for i in (0, 2, 1):
        late.deliver("gp_registration", *deliveries[i])
        late.connect("gp_registration")
    query = "select * from gp_registration_history order by all"
    expected = early.connect("gp_registration").execute(query).fetchall()
    assert late.connect("gp_registration").execute(query).fetchall() == expected


def test_a_historic_row_tells_its_end_and_a_death_only_when_they_could_be_known(tmp_path):
    world = World(tmp_path)
    world.deliver(
        "gp_registration",
        "2026-01-05",
        [{"nhs_number": 1, "start_date": "2010-01-01", "end_date": "2025-06-01", "death_date": "2025-06-01"}],
        historic=True,
    )
    con = world.connect("gp_registration")
    columns = "end_date, death_date"
    assert visible(con, "gp_registration_history", "2010-01-05") == []
    assert visible(con, "gp_registration_history", "2025-06-07", columns) == [(None, None)]
    assert visible(con, "gp_registration_history", "2025-06-08", columns) == [(day("2025-06-01"), day("2025-06-01"))]
    assert visible(con, "death", "2025-06-07") == []


def test_a_first_load_does_not_tell_years_before_who_would_move_to_a_care_home(tmp_path):
    world = World(tmp_path)
    row = {"nhs_number": 1, "start_date": "2010-01-01", "residential_institute_code": "VM001"}
    world.deliver("gp_registration", "2026-01-05", [row], historic=True)
    world.deliver("gp_registration", "2026-01-12", [row | {"residential_institute_code": None}])
    con, column = world.connect("gp_registration"), "residential_institute_code"
    assert visible(con, "gp_registration_history", "2026-01-04", column) == [(None,)]
    assert visible(con, "gp_registration_history", "2026-01-05", column) == [("VM001",)]
    assert visible(con, "gp_registration_history", "2026-01-12", column) == [(None,)]


def event(record_id, code="160689007", **more):
    return {
        "nhs_number": 1,
        "record_id": record_id,
        "code": code,
        "event_date": "2025-12-01",
        "record_date": "2025-12-02",
        **more,
    }


def test_a_correction_and_a_withdrawal_of_gp_events_act_from_the_day_they_came(tmp_path):
    world = World(tmp_path)
    world.deliver("gp_event", "2026-01-05", [event(1), event(2), event(3)])
    world.deliver("gp_event", "2026-01-12", [event(1, value="5"), event(2, is_deleted="Y"), event(3)])
    con = world.connect("gp_event")
    assert len(visible(con, "gp_event_history", "2026-01-11")) == 3
    after = visible(con, "gp_event_history", "2026-01-12", "record_id, value")
    assert [(r, float(v) if v else None) for r, v in after] == [(1, 5.0), (3, None)]
    fates = read_ledger(world.lake).select("accepted", "superseded", "duplicate").rows()
    assert fates == [(1, 2, 0), (2, 0, 1)]


def test_a_withdrawal_that_carries_only_its_key_still_withdraws(tmp_path):
    world = World(tmp_path)
    world.deliver("gp_event", "2026-01-05", [event(1), event(2)])
    only_key = {"nhs_number": "", "practice_code": "", "code": "", "event_date": "", "record_date": ""}
    world.deliver("gp_event", "2026-01-12", [event(1, is_deleted="true", **only_key)])
    con = world.connect("gp_event")
    assert visible(con, "gp_event_history", "2026-01-12", "record_id") == [(2,)]


def test_historic_gp_events_are_known_by_entry_date_and_live_ones_not_before_they_came(tmp_path):
    world = World(tmp_path)
    world.deliver("gp_event", "2026-01-05", [event(1)], historic=True)
    world.deliver("gp_event", "2026-01-12", [event(2)])
    con = world.connect("gp_event")
    known = con.execute("select record_id, known_from from gp_event_history order by 1").fetchall()
    assert known == [(1, day("2025-12-02")), (2, day("2026-01-12"))]


def test_the_same_file_again_adds_nothing(tmp_path):
    world = World(tmp_path)
    world.deliver("gp_event", "2026-01-05", [event(1), event(2)])
    world.connect("gp_event")
    world.deliver("gp_event", "2026-01-12", [event(1), event(2)], name="again.csv")
    con = world.connect("gp_event")
    assert con.execute("select count(*) from gp_event_history").fetchone() == (2,)
    assert read_ledger(world.lake)["fate"].to_list() == ["accepted", "resent"]


def test_a_file_sent_a_third_time_is_still_known_from_the_first(tmp_path):
    world = World(tmp_path)
    for received in ("2026-01-05", "2026-01-12", "2026-01-19"):
        world.deliver("national_opt_out", received, [{"nhs_number": 1, "start_date": "2020-01-01"}])
        con = world.connect("national_opt_out")
    known = con.execute("select known_from, known_until from national_opt_out_history").fetchall()
    assert known == [(day("2026-01-05"), None)]
    assert read_ledger(world.lake)["fate"].to_list() == ["accepted", "resent", "resent"]


def test_a_snapshot_with_a_rejected_file_closes_nobody_until_the_file_is_mended(tmp_path):
    world = World(tmp_path)
    world.deliver("gp_registration", "2026-01-05", [{"nhs_number": 1}, {"nhs_number": 2}, {"nhs_number": 3}])
    world.deliver("gp_registration", "2026-01-12", [{"nhs_number": 1}], name="north.csv")
    world.deliver_text("gp_registration", "2026-01-12", "NHS_NUMBER;PRACTICE\n", name="south.csv")
    con = world.connect("gp_registration")
    assert len(visible(con, "person", "2026-01-12")) == 3
    world.deliver("gp_registration", "2026-01-12", [{"nhs_number": 2}], name="south.csv")
    con = world.connect("gp_registration")
    assert len(visible(con, "person", "2026-01-12")) == 2
    assert len(visible(con, "person", "2026-01-11")) == 3


def test_a_file_that_comes_a_third_time_is_still_known_from_the_first(tmp_path):
    world = World(tmp_path)
    for received in ("2026-01-05", "2026-01-12", "2026-01-19"):
        world.deliver("gp_registration", received, [{"nhs_number": 1}])
        con = world.connect("gp_registration")
    assert read_ledger(world.lake)["fate"].to_list() == ["accepted", "resent", "resent"]
    assert len(visible(con, "person", "2026-01-05")) == 1


def test_a_snapshot_that_comes_back_takes_the_one_between_back(tmp_path):
    world = World(tmp_path)
    first, second = [{"nhs_number": 1}, {"nhs_number": 2}], [{"nhs_number": 1}]
    for received, rows in (("2026-01-05", first), ("2026-01-12", second), ("2026-01-19", first)):
        world.deliver("gp_registration", received, rows)
        con = world.connect("gp_registration")
    seen = [len(visible(con, "person", day)) for day in ("2026-01-05", "2026-01-12", "2026-01-19")]
    assert seen == [2, 1, 2]
    fates = read_ledger(world.lake).select("fate", "records", "accepted", "duplicate", "superseded").rows()
    assert fates == [("accepted", 2, 2, 0, 0), ("accepted", 1, 0, 1, 0), ("accepted", 2, 1, 1, 0)]


def test_an_unchanged_file_beside_a_changed_one_still_says_that_its_people_are_there(tmp_path):
    world = World(tmp_path)
    for received, south in (("2026-01-05", [{"nhs_number": 2}]), ("2026-01-12", [{"nhs_number": 3}])):
        world.deliver("gp_registration", received, [{"nhs_number": 1}], name="north.csv")
        world.deliver("gp_registration", received, south, name="south.csv")
        con = world.connect("gp_registration")
    assert len(visible(con, "person", "2026-01-12")) == 2
    world.deliver("gp_registration", "2026-01-12", [{"nhs_number": 1}], name="north again.csv")
    assert [e.fate for e in world.conform("gp_registration")] == ["resent"]


def test_folding_anew_leaves_the_files_that_a_publication_names_as_they_were(tmp_path):
    world = World(tmp_path)
    world.deliver("gp_registration", "2026-01-12", [{"nhs_number": 1}])
    world.connect("gp_registration")
    before = {path: path.read_bytes() for path in files_in_use(world.lake)}
    world.deliver("gp_registration", "2026-01-05", [{"nhs_number": 2}])
    world.connect("gp_registration")
    assert {path: path.read_bytes() for path in before} == before
    assert len(files_in_use(world.lake)) == 3
    assert not files_in_use(world.lake) & set(before)
