"""A returned workbook is a source like any other, and changes the next list."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import openpyxl
import polars as pl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from data_contracts.conform import conform_source
from data_contracts.contract import load_contracts
from data_contracts.identity import Vault, person_ref, pseudonyms
from data_contracts.ledger import DeliveryLedger
from data_contracts.rules import code_set
from outreach import ListReport, wording
from outreach.columns import ADD, DETAIL, NEW
from outreach.feedback import OTHER_TEAM, UNKNOWN_ROW, results
from outreach.register import COLUMNS as REGISTER
from outreach.stored import read_rows
from record import open_histories, update_history
from tests.examples.outreach import DECLARED, MONDAY, OTHER_PRACTICE, PRACTICE, Example, example
from tests.unit.test_outreach_list import build, statuses

WEEK = dt.timedelta(weeks=1)
NEXT = MONDAY + WEEK
RETURNED = MONDAY + dt.timedelta(days=4)
CONTRACT = load_contracts()["outreach_feedback"]
KEY = b"k" * 32
NUMBER = "9990000018"


@pytest.fixture
def record(tmp_path: Path) -> Example:
    made = example(tmp_path)
    for person in range(1, 7):
        made.person(person, 0.6 - person / 100)
    return made


def top_of(page: Worksheet) -> int:
    return next(r for r in range(1, 30) if page.cell(r, 1).value == "Row")


def column_of(page: Worksheet, heading: str) -> int:
    return next(c.column for c in page[top_of(page)] if c.value == heading)


def write(page: Worksheet, row: int, heading: str, value: object) -> None:
    """Fills the n-th row of a sheet's table."""
    page.cell(top_of(page) + row, column_of(page, heading)).value = value  # type: ignore[assignment]


def give_back(
    record: Example,
    report: ListReport,
    fill: Callable[[openpyxl.Workbook], None],
    *,
    file: int = 0,
    day: dt.date = RETURNED,
    name: str = "list.xlsx",
) -> DeliveryLedger:
    """Fills a list's workbook as a team would, drops it into the inbox and reads it."""
    book = openpyxl.load_workbook(report.files[file])
    fill(book)
    place = record.folder / "inbox" / CONTRACT.id / day.isoformat()
    place.mkdir(parents=True, exist_ok=True)
    book.save(place / name)
    return take_in(record)


def take_in(record: Example) -> DeliveryLedger:
    rooms = {
        "inbox": record.folder / "inbox",
        "lake": record.folder / "lake",
        "vault": Vault(record.folder / "vault", KEY),
    }
    (entry,) = conform_source(record.con, CONTRACT, **rooms)
    update_history(record.con, CONTRACT, lake=record.folder / "lake")
    open_histories(record.con, [CONTRACT], lake=record.folder / "lake")
    record.con.execute("create or replace view outreach_feedback as select * from outreach_feedback_history")
    return entry


def answered(record: Example, outcome: str, **more: object) -> ListReport:
    """The next list after the team wrote one outcome in the first row of this one."""

    def fill(book: openpyxl.Workbook) -> None:
        write(book.worksheets[0], 1, "Outcome", outcome)
        for heading, value in more.items():
            write(book["Details"], 1, heading.replace("_", " "), value)

    entry = give_back(record, build(record, slots=2), fill)
    assert entry.fate == "accepted"
    return build(record, NEXT, slots=2)


def test_what_a_team_wrote_decides_the_next_list(record: Example) -> None:
    wrote = {
        "Seen": "seen",
        "Booked": "seen",
        "Already known to us": "on_caseload",
        "Not appropriate": "not_appropriate",
        "Declined for now": "declined",
        "Had died": "died_told",
        "Could not contact": "still_here",
        "Wrong person": "still_here",
    }
    for person in (7, 8, 9, 10):
        record.person(person, 0.6 - person / 100)

    def fill(book: openpyxl.Workbook) -> None:
        for row, outcome in enumerate(wrote, start=1):
            write(book.worksheets[0], row, "Outcome", outcome)

    give_back(record, build(record, slots=8), fill)
    report = build(record, NEXT, slots=1)
    after = statuses(report)
    assert [after[person] for person in range(1, 9)] == list(wrote.values())
    assert (report.answered, report.teams[0].shown) == (8, 1)


def test_no_answer_is_not_seen(record: Example) -> None:
    give_back(record, build(record, slots=2), lambda book: None)
    report = build(record, NEXT, slots=2)
    assert statuses(report)[1] == "still_here"
    assert report.answered == 0


def test_a_decline_ends_and_a_date_under_not_again_until_counts_where_it_is_later(record: Example) -> None:
    answered(record, "Seen", Not_again_until=dt.datetime(2026, 12, 1))  # noqa: DTZ001
    weeks = DECLARED.feedback["Seen"].weeks
    assert weeks
    later = MONDAY + dt.timedelta(weeks=weeks + 5)
    assert statuses(build(record, later))[1] == "seen"
    assert statuses(build(record, dt.date(2026, 12, 7)))[1] == "shown"


def test_an_answer_counts_from_the_monday_after_it_came(record: Example) -> None:
    first = build(record, slots=2)
    give_back(record, first, lambda b: write(b.worksheets[0], 1, "Outcome", "Seen"), day=NEXT + dt.timedelta(days=1))
    assert statuses(build(record, NEXT, slots=2))[1] == "still_here"
    assert statuses(build(record, NEXT + WEEK, slots=2))[1] == "seen"


def test_a_death_told_by_a_team_and_a_wrong_person_are_on_the_incident_list(record: Example) -> None:
    first = build(record, slots=2)

    def fill(book: openpyxl.Workbook) -> None:
        write(book.worksheets[0], 1, "Outcome", "Had died")
        write(book.worksheets[0], 2, "Outcome", "Wrong person")

    give_back(record, first, fill)
    report = build(record, NEXT, slots=2)
    assert set(report.incidents["kind"]) == {"Had died: no death is recorded", "Wrong person"}
    record.add("death", person_id=1, death_date=MONDAY, death_source="gp", known_from=MONDAY)
    assert build(record, NEXT + WEEK).incidents["kind"].to_list() == ["Wrong person"]


def test_a_sheet_that_was_sorted_and_partly_deleted_still_finds_its_people(record: Example) -> None:
    first = build(record, slots=4)

    def fill(book: openpyxl.Workbook) -> None:
        page = book.worksheets[0]
        top = top_of(page)
        rows = [[c.value for c in page[r]] for r in range(top + 1, top + 5)]
        rows[2][8] = "Seen"
        page.delete_rows(top + 4)
        for r, cells in enumerate([rows[2], rows[0], rows[1]], start=top + 1):
            for c, value in enumerate(cells, start=1):
                page.cell(r, c).value = value

    give_back(record, first, fill)
    after = statuses(build(record, NEXT, slots=4))
    assert (after[3], after[1], after[4]) == ("seen", "still_here", "still_here")


def test_a_changed_heading_is_found_by_what_stands_under_it_and_said_by_cell(record: Example) -> None:
    first = build(record, slots=2)

    def fill(book: openpyxl.Workbook) -> None:
        write(book.worksheets[0], 1, "Outcome", "Seen")
        book.worksheets[0].cell(top_of(book.worksheets[0]), column_of(book.worksheets[0], "Outcome")).value = "Result"

    entry = give_back(record, first, fill)
    assert any("New this week!I" in n and "was read as 'Outcome'" in n for n in entry.notes)
    assert statuses(build(record, NEXT, slots=2))[1] == "seen"


def test_an_outcome_that_is_not_in_the_list_is_a_warning_and_changes_nothing(record: Example) -> None:
    entry = give_back(record, build(record, slots=2), lambda b: write(b.worksheets[0], 1, "Outcome", "Had tea"))
    assert (entry.fate, entry.faults["C06"], entry.quarantined) == ("accepted", 1, 0)
    assert statuses(build(record, NEXT, slots=2))[1] == "still_here"


def test_a_number_that_cannot_be_is_set_aside_and_its_neighbours_are_taken(record: Example) -> None:
    def fill(book: openpyxl.Workbook) -> None:
        write(book.worksheets[0], 1, "Who", "999 000 0019\nborn 1 May 1940, female")
        write(book.worksheets[0], 1, "Outcome", "Seen")
        write(book.worksheets[0], 2, "Outcome", "Seen")

    entry = give_back(record, build(record, slots=2), fill)
    assert (entry.quarantined, entry.faults["N02"]) == (1, 1)
    after = statuses(build(record, NEXT, slots=2))
    assert (after[1], after[2]) == ("still_here", "seen")


def test_another_persons_number_beside_a_row_is_an_incident_and_the_answer_is_not_taken(record: Example) -> None:
    def fill(book: openpyxl.Workbook) -> None:
        write(book.worksheets[0], 1, "Who", "999 000 0018\nborn 1 May 1940, female")
        write(book.worksheets[0], 1, "Outcome", "Seen")

    give_back(record, build(record, slots=2), fill)
    report = build(record, NEXT, slots=2)
    assert statuses(report)[1] == "still_here"
    assert report.feedback_faults == 1
    assert report.incidents["kind"].to_list() == ["Another NHS number came back"]


def test_rows_of_another_team_and_rows_never_given_out_are_told_by_their_place(record: Example) -> None:
    record.person(20, 0.5, practice=OTHER_PRACTICE)
    first = build(record, slots=2)
    other = openpyxl.load_workbook(first.files[2]).worksheets[0]
    theirs = other.cell(top_of(other) + 1, 1).value

    def fill(book: openpyxl.Workbook) -> None:
        page = book.worksheets[0]
        page.cell(top_of(page) + 1, 1).value = theirs
        page.cell(top_of(page) + 2, 1).value = "2 ZZZZZZZZZZ"
        write(page, 1, "Outcome", "Seen")

    give_back(record, first, fill)
    from outreach.feedback import read_feedback

    told = read_feedback(record.con, NEXT, read_rows(record.folder / "list"))
    assert set(told.faults["fault"]) == {OTHER_TEAM, UNKNOWN_ROW}
    assert all(p.startswith("New this week row ") for p in told.faults["found_at"])
    assert statuses(build(record, NEXT, slots=2))[20] == "still_here"


def test_the_same_file_twice_adds_nothing_and_a_later_one_corrects_it(record: Example) -> None:
    first = build(record, slots=2)
    give_back(record, first, lambda b: write(b.worksheets[0], 1, "Outcome", "Seen"))
    kept = next((record.folder / "vault" / "received").iterdir())
    again = record.folder / "inbox" / CONTRACT.id / RETURNED.isoformat() / "again.xlsx"
    again.write_bytes(kept.read_bytes())
    assert take_in(record).fate == "resent"
    later = RETURNED + dt.timedelta(days=1)
    give_back(record, first, lambda b: write(b.worksheets[0], 1, "Outcome", "Could not contact"), day=later)
    assert statuses(build(record, NEXT, slots=2))[1] == "still_here"


def test_someone_whom_the_team_adds_takes_a_place_on_its_next_list_and_is_marked(record: Example) -> None:
    (person,) = pseudonyms(KEY, "nhs_number", pl.Series("n", [NUMBER])).to_list()
    record.person(person, 0.02, frailty_level=0.0, housebound_class=0.0, rockwood_score=1.0, frailty_index_band=0.0)
    first = build(record, slots=2)
    give_back(record, first, lambda b: write(b["Add a person"], 1, "NHS number", "999 000 0018"))
    report = build(record, NEXT, slots=2)
    row = pl.read_parquet(report.ledger).filter(pl.col("person_id") == person).row(0, named=True)
    assert (row["shown"], row["added"], row["rank"]) == (True, True, 1)
    assert report.teams[0].shown == 2
    assert wording.ADDED.strip() in report.files[1].read_text()


def test_someone_added_who_is_in_no_models_cohort_is_listed_without_a_risk(record: Example) -> None:
    (person,) = pseudonyms(KEY, "nhs_number", pl.Series("n", [NUMBER])).to_list()
    record.person(person, None, birth=dt.date(1980, 5, 15), frailty_level=0.0, housebound_class=0.0)
    first = build(record, slots=2)
    assert person not in statuses(first)
    give_back(record, first, lambda b: write(b["Add a person"], 1, "NHS number", "999 000 0018"))
    report = build(record, NEXT, slots=2)
    row = pl.read_parquet(report.ledger).filter(pl.col("person_id") == person).row(0, named=True)
    assert (row["shown"], row["added"], row["score"], row["arm"]) == (True, True, None, None)
    assert (report.teams[0].shown, report.teams[0].marginal_score) == (2, 0.57)
    assert wording.NO_RISK in report.files[1].read_text()


def test_a_child_whom_a_team_adds_is_not_listed(record: Example) -> None:
    (person,) = pseudonyms(KEY, "nhs_number", pl.Series("n", [NUMBER])).to_list()
    record.person(person, None, birth=dt.date(2012, 5, 15), frailty_level=0.0, housebound_class=0.0)
    give_back(record, build(record, slots=2), lambda b: write(b["Add a person"], 1, "NHS number", "999 000 0018"))
    assert person not in statuses(build(record, NEXT, slots=2))


@pytest.mark.parametrize("why", ["another team's", "nobody's", "opted out"])
def test_somebody_added_who_is_not_the_teams_to_list_is_told_to_it_by_row_and_not_named(
    record: Example, why: str
) -> None:
    (person,) = pseudonyms(KEY, "nhs_number", pl.Series("n", [NUMBER])).to_list()
    if why != "nobody's":
        record.person(person, 0.5, practice=PRACTICE if why == "opted out" else OTHER_PRACTICE)
    if why == "opted out":
        record.add("opt_out", person_id=person, opt_out_type="national", start_date=MONDAY)
    first = build(record, slots=2)
    give_back(record, first, lambda b: write(b["Add a person"], 1, "NHS number", "999 000 0018"))
    asked = openpyxl.load_workbook(first.files[0])["Add a person"]
    row = str(asked.cell(top_of(asked) + 1, 1).value).rsplit(" ", maxsplit=1)[-1]
    report = build(record, NEXT, slots=2)
    assert report.added_elsewhere == 1
    assert wording.ADDED_ELSEWHERE.format(rows=row) in report.files[1].read_text()
    assert person_ref(person) not in report.files[1].read_text()


def test_a_number_that_changed_between_list_and_return_is_the_same_person(record: Example) -> None:
    (now,) = pseudonyms(KEY, "nhs_number", pl.Series("n", [NUMBER])).to_list()

    def fill(book: openpyxl.Workbook) -> None:
        write(book.worksheets[0], 1, "Who", "999 000 0018\nborn 1 May 1940, female")
        write(book.worksheets[0], 1, "Outcome", "Seen")

    first = build(record, slots=2)
    assert statuses(first)[1] == "shown"
    give_back(record, first, fill)
    for table in ("person", "registration"):  # the record is read through the link: the old number is nobody any more
        record.con.execute(f"update {table} set person_id = {now} where person_id = 1")
    record.scores[now] = record.scores.pop(1)
    record.features[now] = record.features.pop(1)
    record.add("person_link", person_id=1, linked_person_id=now, known_from=RETURNED)
    report = build(record, NEXT, slots=2)
    row = pl.read_parquet(report.ledger).filter(pl.col("person_id") == now).row(0, named=True)
    assert (row["status"], row["last_listed"]) == ("seen", MONDAY)
    assert (report.feedback_faults, len(report.incidents)) == (0, 0)


def test_a_note_beside_the_table_is_never_read(record: Example) -> None:
    def fill(book: openpyxl.Workbook) -> None:
        page = book.worksheets[0]
        page.cell(top_of(page), 10).value = "Notes"
        page.cell(top_of(page) + 1, 10).value = "her daughter is called Rosalind"
        write(page, 1, "Outcome", "Seen")

    give_back(record, build(record, slots=2), fill)
    stored = [p for p in (record.folder / "lake").rglob("*") if p.is_file()]
    assert stored
    assert not [p for p in stored if b"Rosalind" in p.read_bytes()]


def test_a_file_that_is_no_workbook_is_rejected_in_one_sentence(record: Example) -> None:
    place = record.folder / "inbox" / CONTRACT.id / RETURNED.isoformat()
    place.mkdir(parents=True)
    (place / "list.xlsx").write_bytes(b"PK\x03\x04 not really")
    entry = take_in(record)
    assert (entry.fate, entry.code) == ("rejected", "F03")


def test_uptake_unanswered_share_and_yield_are_reported(record: Example) -> None:
    answered(record, "Seen", What_came_of_it="A plan was made")
    from outreach.feedback import read_feedback

    rows = read_rows(record.folder / "list")
    told = read_feedback(record.con, NEXT, rows)
    row = results(rows.filter(pl.col("week") == MONDAY), told.answers).row(0, named=True)
    assert (row["listed"], row["answered"], row["unanswered_share"]) == (2, 1, 0.5)
    assert (row["contacts"], row["plans"], row["needs_found"]) == (1, 1, 0)


def test_headings_and_choices_of_the_workbook_are_those_of_the_contract() -> None:
    printed = {c.heading for c in (*NEW, *DETAIL, *ADD, *REGISTER)}
    read = {c.header for c in CONTRACT.columns if c.name != "found_at"}
    assert read <= printed
    assert tuple(sorted(code_set("outreach_outcome"))) == tuple(sorted(DECLARED.outcomes))
    assert tuple(sorted(code_set("outreach_came_of_it"))) == tuple(sorted(wording.CAME_OF_IT))
    assert tuple(sorted(code_set("outreach_register_answer"))) == tuple(sorted(wording.REGISTER_RIGHT))
    assert tuple(sorted(code_set("outreach_reasons_fit"))) == tuple(sorted(wording.FITS))
