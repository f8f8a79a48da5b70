"""Every file sent wrong has the expected fate, says why, keeps its good neighbours and counts nothing twice."""

import re
from collections import defaultdict

import polars as pl
import pytest

from tests.deliveries import World
from tests.faults import keys, shape, values
from tests.faults.sender import ANY, GOOD, RECEIVED, Case, good, sheet

CASES = [*shape.CASES, *keys.CASES, *values.CASES]
LEVELS = {"bad": "reject row", "warned": "warn"}


def conform(tmp_path, case):
    """The world after one file was delivered alone, and its ledger entry."""
    world = World(tmp_path)
    world.deliver_text(case.source, RECEIVED, case.data, name=case.filename)
    entries = world.conform(case.source)
    assert len(entries) == 1
    assert names_nobody(world, case)
    return world, entries[0].checked()


def names_nobody(world, case):
    """No number of a person in the file is repeated in ledger or quarantine."""
    text = case.data.encode() if isinstance(case.data, str) else case.data
    numbers = set(re.findall(r"\b9\d{8,9}\b", text.decode("latin-1")))
    said = "".join(path.read_text() for path in world.lake.glob("ledger/*/*.json"))
    said += world.quarantine(case.source).write_csv()
    return not any(number in said for number in numbers)


def said_by_row(quarantine, level):
    said = defaultdict(set)
    if len(quarantine):
        for row, rule in quarantine.filter(pl.col("level") == level).select("row_number", "rule").rows():
            said[row].add(rule)
    return dict(said)


def agrees(said, wanted):
    """Whether a row's rules are those expected; ``X`` stands for any rule of the contract's own."""
    if wanted == ANY:
        return bool(said)
    wanted = {wanted} if isinstance(wanted, str) else set(wanted)
    return {rule[0] if rule.startswith("X") else rule for rule in said} == wanted


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.source}-{case.name}")
def test_a_file_sent_wrong_meets_its_expected_fate(tmp_path, case: Case):
    world, entry = conform(tmp_path, case)
    if case.rejected:
        assert (entry.fate, entry.code, entry.accepted) == ("rejected", case.rejected, 0), entry.message
        assert is_one_sentence(entry.message)
        assert case.says in entry.message
        return
    assert entry.fate == "accepted", entry.message
    quarantine = world.quarantine(case.source)
    for name, level in LEVELS.items():
        said, wanted = said_by_row(quarantine, level), getattr(case, name)
        if name == "warned":  # a row in quarantine may be warned about as well
            said = {row: rules for row, rules in said.items() if row not in case.bad}
        assert said.keys() == wanted.keys(), (level, said, wanted)
        assert all(agrees(said[row], wanted[row]) for row in said), (level, said, wanted)
    assert set(said_by_row(quarantine, "duplicate")) == set(case.duplicate)
    assert set(said_by_row(quarantine, "superseded")) == set(case.superseded)
    fates = (entry.records, entry.accepted, entry.quarantined, entry.duplicate, entry.superseded, entry.withheld)
    assert fates == (
        case.records,
        case.accepted,
        len(case.bad),
        len(case.duplicate),
        len(case.superseded),
        len(case.withheld),
    )
    assert entry.unmatched == case.unmatched
    assert entry.sentinels == case.sentinels
    assert any(case.says in note for note in (*entry.notes, ""))
    [path] = (world.lake / "conform" / case.source).glob("*.parquet")
    kept = with_row_number(pl.read_parquet(path), case, said_by_row(quarantine, "reject row"))
    gone = {*case.bad, *case.duplicate, *case.superseded, *case.withheld}
    assert set(kept["row_number"]) == set(range(1, case.records + 1)) - gone
    if case.kept:
        column, value = case.kept
        assert kept.filter(pl.col("row_number") == 2)[column].to_list() == [value]


def with_row_number(kept, case, rejected):
    """Conform numbers well-formed rows from 0: here with their number in the file."""
    well_formed = [n for n in range(1, case.records + 1) if "R01" not in rejected.get(n, ())]
    return kept.with_columns(row_number=pl.Series([well_formed[i] for i in kept["row_index"]], dtype=pl.Int64))


def is_one_sentence(message):
    return "\n" not in message and message.endswith((".", "?")) and len(message) < 300


def test_there_are_files_enough_and_every_extract_is_among_them():
    assert len(CASES) >= 60
    assert {case.source for case in CASES} == set(GOOD)


@pytest.mark.parametrize("source", GOOD)
def test_headings_that_come_again_among_the_rows_are_set_aside_in_every_extract(tmp_path, source):
    again = sheet([good(source, 1), good(source, 2)]) + sheet([good(source, 3)])
    _, entry = conform(tmp_path, Case("headings again", source, again))
    assert (entry.records, entry.accepted, entry.quarantined) == (4, 3, 1)
