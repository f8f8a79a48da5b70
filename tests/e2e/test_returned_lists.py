"""What can go wrong with a returned list, in one workbook: told by file and cell, and the good rows taken."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import openpyxl
import polars as pl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from commissioning.disclosure import round_count
from data_contracts.contract import load_contracts
from outreach.feedback import OTHER_PERSON, OTHER_TEAM, UNKNOWN_ROW
from outreach.row_id import id_in
from outreach.stored import SUFFIX, load_sheet, read_rows
from pipelines import stages
from pipelines.feedback import SOURCE, feedback_now
from pipelines.hidden import confirmed_by_teams
from pipelines.release.door import release
from pipelines.store import Store
from record import all_tables

NOW = dt.datetime(2026, 3, 2, 8, tzinfo=dt.UTC)
MONDAY = dt.date(2026, 2, 23)
BACK = "2026-02-27"


def longer_lists(store: Store) -> None:
    """The list of the last Monday as it had been with more places than the demonstration has."""
    folder = stages.list_folder(store)
    model = str(pl.read_parquet(folder / f"week={MONDAY}" / "ledger.parquet")["model_id"][0])
    shutil.rmtree(folder)
    (store.home / "site" / "teams.yaml").write_text("default: {new_contact_slots: 20}\nteams: []\n")
    stages.build_week_lists(store, MONDAY, model_id=model)


def two_teams(store: Store) -> list[str]:
    """The two teams with most people to answer for."""
    sheets = [load_sheet(p) for p in (stages.list_folder(store) / f"week={MONDAY}").glob(f"*{SUFFIX}")]
    many = sorted(sheets, key=lambda s: (-sum(len(x.people) for x in s.sections if x.key in ("new", "still")), s.team))
    return [s.team for s in many[:2]]


def released(store: Store, team: str) -> openpyxl.Workbook:
    return openpyxl.load_workbook(release(store, team, MONDAY, "direct care", now=NOW).folder / f"{team}.xlsx")


def rows_of(book: openpyxl.Workbook) -> list[tuple[Worksheet, int]]:
    """Rows that somebody could answer, sheet by sheet."""
    found = []
    for title in ("New this week", "Standing concerns", "Still here"):
        if title in book.sheetnames:
            page = book[title]
            top = next(r for r in range(1, 30) if page.cell(r, 1).value == "Row")
            found += [(page, r) for r in range(top + 1, page.max_row + 1) if page.cell(r, 2).value]
    return found


def column(page: Worksheet, heading: str) -> int:
    return next(c.column for row in page.iter_rows(max_row=30) for c in row if c.value == heading)


def at(page: Worksheet, row: int, heading: str) -> str:
    return f"{page.title}!{page.cell(row, column(page, heading)).coordinate}"


def drop(store: Store, name: str, book: openpyxl.Workbook) -> Path:
    place = store.inbox / SOURCE / BACK
    place.mkdir(parents=True, exist_ok=True)
    book.save(place / name)
    return place / name


def read(store: Store) -> None:
    for _ in stages.conform(store, [load_contracts()[SOURCE]]):
        pass
    for _ in stages.build_record(store, all_tables()):
        pass


def test_each_fault_is_told_by_its_cell_and_no_good_row_is_lost(
    own_home: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTICIPATE_HOME", str(own_home.home))
    longer_lists(own_home)
    mine, theirs = two_teams(own_home)
    book, other = released(own_home, mine), released(own_home, theirs)
    rows = rows_of(book)
    assert len(rows) >= 6, "the demonstration's lists are too short for this test"
    (
        (good, good_row),
        (odd, odd_row),
        (edited, edited_row),
        (swapped, swapped_row),
        (loan, loan_row),
        (lost, lost_row),
    ) = rows[:6]
    for page, row in rows[:6]:
        page.cell(row, column(page, "Outcome")).value = "Seen"
    odd.cell(odd_row, column(odd, "Outcome")).value = "Seen, and had tea"
    edited.cell(edited_row, column(edited, "Who")).value = "999 000 0019"  # its check digit does not fit
    swapped.cell(swapped_row, column(swapped, "Who")).value = good.cell(good_row, column(good, "Who")).value
    their_page, their_row = rows_of(other)[0]
    loan.cell(loan_row, 1).value = their_page.cell(their_row, 1).value
    loan.cell(loan_row, column(loan, "Who")).value = None
    lost.cell(lost_row, 1).value = "6 ZZZZZZZZZZ"
    details = book["Details"]
    top = next(r for r in range(1, 30) if details.cell(r, 1).value == "Row")
    details.cell(top, column(details, "What came of it")).value = "Result"
    details.cell(top + 1, column(details, "Result")).value = "A need was found"
    first = drop(own_home, "list.xlsx", book)
    again = first.read_bytes()
    read(own_home)
    (first.parent).mkdir(parents=True, exist_ok=True)
    (first.parent / "again.xlsx").write_bytes(again)
    read(own_home)

    told = feedback_now(own_home)
    faults = told.faults.with_columns(said=pl.col("at") + ": " + pl.col("wrong"))["said"].to_list()

    assert set(told.faults["file"]) == {"list.xlsx"}

    def wrong(place: str, words: str) -> bool:
        return any(place in said and words in said for said in faults)

    assert wrong(at(odd, odd_row, "Outcome"), "C06")
    assert wrong(at(edited, edited_row, "Who"), "N02")
    assert wrong(f"{swapped.title} row {swapped_row}", OTHER_PERSON)
    assert wrong(f"{loan.title} row {loan_row}", OTHER_TEAM)
    assert wrong(f"{lost.title} row {lost_row}", UNKNOWN_ROW)
    assert wrong("", "heading in Details!")
    assert told.incidents["kind"].to_list() == ["Another NHS number came back"]
    result = told.results.filter((pl.col("team") == mine) & (pl.col("week") == MONDAY)).row(0, named=True)
    assert (result["answered"], result["contacts"], result["needs_found"]) == (1, 1, 1)


@pytest.mark.slow
def test_what_teams_answer_on_a_register_stands_beside_what_the_model_expected(
    own_home: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTICIPATE_HOME", str(own_home.home))
    rows = read_rows(stages.register_folder(own_home))
    monday = rows["week"].max()
    assert isinstance(monday, dt.date)
    here = rows.filter((pl.col("week") == monday) & (pl.col("sheet") == "register"))
    team = here.group_by("team").len().sort("len", "team", descending=[True, False])["team"][0]
    people = here.filter(pl.col("team") == team).unique("person_id").sort("row_id").head(12)
    score_by_model(own_home, monday, people["person_id"], chance=0.5)
    assert confirmed_by_teams(own_home, MONDAY).is_empty()
    book = openpyxl.load_workbook(
        release(own_home, team, monday, "direct care", now=NOW, what="register").folder / f"{team}.xlsx"
    )
    confirmed = 3 * len(people) // 4
    answers = {row_id: "Confirmed" if n < confirmed else "Not housebound" for n, row_id in enumerate(people["row_id"])}
    for page in book.worksheets:
        for row in range(1, page.max_row + 1):
            if answer := answers.get(id_in(str(page.cell(row, 1).value or "")) or ""):
                page.cell(row, column(page, "Still right?")).value = answer
    drop(own_home, "register.xlsx", book)
    read(own_home)
    told = confirmed_by_teams(own_home, MONDAY + dt.timedelta(days=7)).filter(pl.col("chance") == "all")
    assert len(people) >= 8
    assert told.select("people", "expected").rows() == [(round_count(len(people)), 0.5)]
    assert told["found"][0] == pytest.approx(confirmed / len(people), abs=0.005)
    assert told["low"][0] < 0.5 < told["high"][0], "three of four among so few do not contradict a half"


def score_by_model(store: Store, week: dt.date, people: pl.Series, *, chance: float) -> None:
    """Chances of being housebound without a code, as a model that has passed would have written them."""
    path = stages.score_folder(store) / f"week={week}" / "score.parquet"
    scores = pl.read_parquet(path)
    own = scores.filter(pl.col("outcome") == scores["outcome"][0], ~pl.col("person_id").is_in(people.implode()))
    one = (
        scores.head(1)
        .drop("person_id")
        .with_columns(outcome=pl.lit("hidden_housebound"), score=pl.lit(chance), retrospective_flag=pl.lit(value=False))
    )
    added = people.to_frame("person_id").join(one, how="cross").select(scores.columns)
    pl.concat([own, added]).sort("person_id", "outcome").write_parquet(path)
