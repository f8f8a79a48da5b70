"""Files that come to the wrong place, twice, or too early: nothing is lost and nothing is counted twice."""

import gzip
from pathlib import Path

import duckdb
import pytest

import record
from data_contracts import readable
from data_contracts.conform import record_stray_files
from data_contracts.ledger import read_entries, read_ledger
from data_contracts.readable import FileRejectedError, make_readable
from tests.deliveries import World
from tests.faults.sender import RECEIVED, good, sheet, three

LATER = "2026-01-12"


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def strays(world):
    return record_stray_files(world.contracts, inbox=world.inbox, lake=world.lake)


def put(world, place, text):
    path = world.inbox / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def fold(world, source):
    """The versions that are held of one source, once conform and record have read what lies in the inbox."""
    world.conform(source)
    with duckdb.connect() as con:
        record.update_history(con, world.contracts[source], lake=world.lake)
        record.open_histories(con, [world.contracts[source]], lake=world.lake)
        return con.execute(f"select count(*) from {source}_history").fetchall()[0][0]


def open_versions(world, source):
    with duckdb.connect() as con:
        record.open_histories(con, [world.contracts[source]], lake=world.lake)
        return con.execute(f"select count(*) from {source}_history where known_until is null").fetchall()[0][0]


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ("ambulance/2026-01-05/cad.csv", "F01"),
        ("GP_EVENT/2026-01-05/events.csv", "F01"),
        ("events.csv", "F01"),
        ("gp_event/events.csv", "F02"),
        ("gp_event/05-01-2026/events.csv", "F02"),
        ("gp_event/2026-02-30/events.csv", "F02"),
        ("gp_event/2026-1-5/events.csv", "F02"),
        ("gp_event/2026-01-05/again/events.csv", "F02"),
    ],
)
def test_a_file_in_the_wrong_place_is_named_in_one_sentence_and_stays_where_it_is(world, place, code):
    path = put(world, place, three("gp_event"))
    world.deliver_text("gp_event", RECEIVED, sheet([good("gp_event", 9)]))
    [stray] = strays(world)
    assert (stray.fate, stray.code, stray.file) == ("rejected", code, "cad.csv" if "cad" in place else "events.csv")
    assert "\n" not in stray.message
    assert path.exists()
    assert [e.accepted for e in world.conform("gp_event")] == [1]


def test_a_file_in_the_wrong_place_does_not_take_the_entry_of_the_same_file_in_the_right_one(world):
    world.deliver_text("gp_event", RECEIVED, three("gp_event"))
    world.conform("gp_event")
    put(world, "gp_event/not a date/events.csv", three("gp_event"))
    strays(world)
    entries = read_entries(world.lake, "gp_event")
    assert sorted((e.fate, e.code, e.accepted) for e in entries) == [("accepted", "", 3), ("rejected", "F02", 0)]
    world.deliver_text("gp_event", LATER, three("gp_event"))
    assert [e.fate for e in world.conform("gp_event")] == ["resent"]


@pytest.mark.parametrize(
    "name", ["events.csv.part", "events.csv.filepart", "events.csv.tmp", ".events.csv", ".~lock.events.csv#"]
)
def test_a_file_still_being_written_under_another_name_is_left_alone(world, name):
    path = world.deliver_text("gp_event", RECEIVED, three("gp_event"), name=name)
    assert world.conform("gp_event") == []
    assert strays(world) == []
    assert path.exists()


class Growing(type(Path())):
    """A file that another process is writing: it is longer whenever it is looked at."""

    def stat(self, **how):
        with self.open("ab") as stream:
            stream.write(b"9")
        return super().stat(**how)


def test_a_file_that_grows_while_it_is_read_is_left_for_the_next_time(world, tmp_path):
    path = world.deliver_text("gp_event", RECEIVED, three("gp_event"))
    with pytest.raises(FileRejectedError) as problem:
        make_readable(Growing(path), world.contracts["gp_event"], tmp_path)
    assert problem.value.code == "F10"
    assert path.exists()


def test_a_file_sent_again_adds_nothing_and_every_sending_is_listed(world):
    world.deliver_text("apc", RECEIVED, three("apc"))
    assert fold(world, "apc") == 3
    for day, name in [(RECEIVED, "copy of file.csv"), (LATER, "file.csv"), (LATER, "file (1).csv")]:
        world.deliver_text("apc", day, three("apc"), name=name)
    assert fold(world, "apc") == 3
    assert sorted(e.fate for e in read_entries(world.lake, "apc")) == ["accepted", "resent", "resent", "resent"]
    assert not [path for path in world.inbox.rglob("*") if path.is_file()]


@pytest.mark.parametrize("form", ["the other way round", "gzipped", "with Windows line ends"])
def test_the_same_rows_under_another_name_and_in_another_form_are_counted_once(world, form):
    world.deliver_text("apc", RECEIVED, three("apc"))
    assert fold(world, "apc") == 3
    again: str | bytes = {
        "the other way round": sheet([good("apc", n) for n in (3, 2, 1)]),
        "gzipped": gzip.compress(three("apc").encode(), mtime=0),
        "with Windows line ends": three("apc").replace("\n", "\r\n"),
    }[form]
    world.deliver_text("apc", LATER, again, name="again.csv")
    assert fold(world, "apc") == 3
    kept = read_ledger(world.lake, "apc").sort("received").select("records", "accepted", "duplicate").rows()
    assert kept == [(3, 3, 0), (3, 0, 3)]


def test_an_older_submission_that_comes_later_does_not_take_the_place_of_the_newer(world):
    newer = good("csds_referral", 1, EFFECTIVE_FROM="2025-12-31", Discharge_Date="2025-12-24")
    world.deliver_text("csds_referral", RECEIVED, sheet([newer]))
    fold(world, "csds_referral")
    world.deliver_text("csds_referral", LATER, sheet([good("csds_referral", 1)]))
    fold(world, "csds_referral")
    kept = read_ledger(world.lake, "csds_referral").sort("received").select("accepted", "superseded").rows()
    assert kept == [(1, 0), (0, 1)]


@pytest.mark.parametrize("fault", ["headings only", "every date the other way round"])
def test_a_snapshot_that_holds_hardly_a_row_closes_nobodys_registration(world, fault):
    world.deliver_text("gp_registration", RECEIVED, three("gp_registration"))
    fold(world, "gp_registration")
    again = {
        "headings only": three("gp_registration").splitlines()[0] + "\n",
        "every date the other way round": three("gp_registration").replace("2004-07-12", "12/07/2004"),
    }[fault]
    world.deliver_text("gp_registration", LATER, again)
    assert fold(world, "gp_registration") == 3
    assert open_versions(world, "gp_registration") == 3


def test_a_snapshot_without_a_row_that_was_there_closes_it(world):
    world.deliver_text("gp_registration", RECEIVED, three("gp_registration"))
    fold(world, "gp_registration")
    world.deliver_text("gp_registration", LATER, sheet([good("gp_registration", n) for n in (1, 2)]))
    fold(world, "gp_registration")
    assert open_versions(world, "gp_registration") == 2


def test_a_rejected_file_is_told_once_and_stays_until_it_is_mended(world):
    path = world.deliver_text("ecds", RECEIVED, three("ecds").replace(",", ";"))
    for _ in range(2):
        assert [e.code for e in world.conform("ecds")] == ["F06"]
    path.write_text(three("ecds"))
    assert [(e.fate, e.accepted) for e in world.conform("ecds")] == [("accepted", 3)]
    assert [e.fate for e in read_entries(world.lake, "ecds")] == ["rejected", "accepted"]


@pytest.mark.parametrize("note", ["historic: [true", "- historic", "historic: perhaps", "\x00"])
def test_a_note_beside_the_files_that_cannot_be_read_holds_them_back_until_it_is_mended(world, note):
    path = world.deliver_text("gp_event", RECEIVED, three("gp_event"))
    (path.parent / "delivery.yaml").write_text(note)
    [entry] = world.conform("gp_event")
    assert (entry.fate, entry.code) == ("rejected", "F14")
    assert "delivery.yaml" in entry.message
    assert "\n" not in entry.message
    (path.parent / "delivery.yaml").write_text("historic: true\n")
    [entry] = world.conform("gp_event")
    assert (entry.fate, entry.historic, entry.accepted) == ("accepted", True, 3)


def test_headings_that_begin_like_a_zip_are_no_zip(world):
    rows = [{"PK": "x", **good("gp_event", n)} for n in (1, 2)]
    world.deliver_text("gp_event", RECEIVED, sheet(rows))
    assert [e.accepted for e in world.conform("gp_event")] == [2]


def test_a_byte_order_mark_before_text_in_another_encoding_is_no_surprise(world):
    text = sheet([good("organisation", 1, NAME="CAFÉ SURGERY")])
    world.deliver_text("organisation", RECEIVED, b"\xef\xbb\xbf" + text.encode("latin-1"))
    assert [e.accepted for e in world.conform("organisation")] == [1]


def test_a_letter_cut_in_two_at_the_end_of_the_file_is_no_surprise(world):
    text = sheet([good("organisation", 1), good("organisation", 2, PLACE="CAFÉ")]).encode()
    world.deliver_text("organisation", RECEIVED, text[: text.index("É".encode()) + 1])
    [entry] = world.conform("organisation")
    assert (entry.records, entry.accepted, entry.quarantined) == (2, 1, 1)


def test_one_bad_file_does_not_keep_its_neighbours_from_being_read(world):
    world.deliver_text("gp_event", RECEIVED, b"PK\x03\x04 no zip", name="a.zip")
    world.deliver_text("gp_event", RECEIVED, three("gp_event"), name="b.csv")
    world.deliver_text("gp_event", RECEIVED, b"", name="c.csv")
    assert [e.fate for e in world.conform("gp_event")] == ["rejected", "accepted", "rejected"]


def test_a_file_that_unpacks_without_end_is_given_up(world, monkeypatch):
    monkeypatch.setattr(readable, "LEAST_BOUND", 1 << 20)
    world.deliver_text("gp_event", RECEIVED, gzip.compress(b"A" * (1 << 24)), name="events.csv.gz")
    [entry] = world.conform("gp_event")
    assert (entry.fate, entry.code) == ("rejected", "F03")
    assert "200 times" in entry.message


@pytest.mark.parametrize("mark", ["events.csv.done", "events.done", ".done"])
def test_where_a_marker_is_asked_for_a_file_is_read_once_it_is_marked(world, mark):
    path = world.deliver("gp_event", RECEIVED, [], name="events.csv")
    assert world.conform("gp_event", marker=".done") == []
    assert path.exists()
    marker = put(world, f"gp_event/{RECEIVED}/{mark}", "")
    (entry,) = world.conform("gp_event", marker=".done")
    assert (entry.file, entry.fate) == ("events.csv", "accepted")
    assert marker.exists() == (mark == ".done"), "a file's own marker goes with it"
    assert strays(world) == []


def test_a_marker_that_nobody_asked_for_is_no_delivery(world):
    world.deliver("gp_event", RECEIVED, [], name="events.csv")
    put(world, f"gp_event/{RECEIVED}/events.csv.done", "")
    assert [e.file for e in world.conform("gp_event")] == ["events.csv"]
