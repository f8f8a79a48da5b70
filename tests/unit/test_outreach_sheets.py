"""What a team reads: the workbook and the page."""

import datetime as dt
import re
import zipfile
from pathlib import Path

import openpyxl
import polars as pl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from data_contracts.identity import person_ref
from outreach import Heading, wording
from outreach.page import write_page
from outreach.rows import REASON_COLUMNS, first_reasons
from outreach.sheet import Column, Section, TeamSheet
from outreach.workbook import as_text, write_workbook
from tests.examples.outreach import DECLARED, MONDAY, Example, example, plain_reasons
from tests.unit.test_outreach_list import build


@pytest.fixture
def record(tmp_path: Path) -> Example:
    made = example(tmp_path)
    for person in range(1, 31):
        made.person(person, 0.8 - person / 100, sex=str(1 + person % 2), falls_90=float(person % 2))
    made.in_hospital(3, MONDAY - dt.timedelta(days=1))
    return made


def first_sheet(path: Path) -> Worksheet:
    return openpyxl.load_workbook(path).worksheets[0]


def test_the_first_sheet_prints_on_a4_landscape_with_frozen_repeated_headings(record: Example) -> None:
    page = first_sheet(build(record, slots=12).files[0])
    assert (page.page_setup.orientation, page.page_setup.paperSize) == ("landscape", 9)
    assert (page.page_setup.fitToHeight, page.sheet_properties.pageSetUpPr.fitToPage) == (0, True)
    assert page.freeze_panes == f"C{heading_row(page) + 1}"
    assert page.print_title_rows == f"${heading_row(page)}:${heading_row(page)}"
    assert wording.FOOTER in str(page.oddFooter.left.text)


def heading_row(page: Worksheet) -> int:
    return next(r for r in range(1, 20) if page.cell(r, 1).value == "Row")


def test_the_sheet_says_what_it_is_what_it_knows_and_what_it_must_not_be_used_for(record: Example) -> None:
    heading = Heading(model_id="m-42", known_to={"GP records": dt.date(2026, 1, 9)})
    page = first_sheet(build(record, heading=heading).files[0])
    said = "\n".join(str(page.cell(r, 1).value) for r in range(1, heading_row(page)))
    assert "Demonstration: not for clinical use" in said
    assert "GP records to 9 January 2026" in said
    assert "known to 11 January 2026" in said
    workbook = openpyxl.load_workbook(build(record, heading=heading).files[0])
    assert any("m-42" in str(row[0].value) for row in workbook["About this list"].iter_rows())


def test_the_codelists_behind_what_is_said_are_named_with_their_version(record: Example) -> None:
    about = openpyxl.load_workbook(build(record).files[0])["About this list"]
    said = [str(row[0].value) for row in about.iter_rows()]
    (lists,) = [text for text in said if text.startswith("Codelists of version")]
    assert "starter-1" in lists
    assert all(name in lists for name in ("lives alone", "housebound", "hearing impairment"))
    assert "not comparable with published ones" in lists


def test_an_approved_list_no_longer_says_demonstration(record: Example) -> None:
    report = build(record, heading=Heading(model_id="m", approved=True))
    assert wording.DEMONSTRATION not in report.files[1].read_text()


def test_each_person_is_a_reference_with_age_sex_practice_reason_risk_and_step(record: Example) -> None:
    page = first_sheet(build(record, slots=12).files[0])
    row = [c.value for c in page[heading_row(page) + 1]]
    assert row[1] == f"{person_ref(1)}\n85–89 woman\nMill Lane Surgery"
    assert row[2] == "One fall recorded in the last three months, on 3 Jan 2026"
    assert row[3:6] == ["Not known"] * 3
    assert row[6:8] == ["Falls review: the falls recovery service", "Very high: about 79 in 100"]
    assert len(row) == 9


def test_the_details_hold_the_same_people_in_the_same_rows(record: Example) -> None:
    book = openpyxl.load_workbook(build(record, slots=12).files[0])

    def people(sheet: Worksheet) -> list[str]:
        top = heading_row(sheet)
        return [str(sheet.cell(r, 1).value) for r in range(top + 1, top + 13)]

    assert people(book.worksheets[0]) == people(book["Details"])


def test_the_outcome_is_chosen_from_a_list_in_every_row(record: Example) -> None:
    page = first_sheet(build(record, slots=12).files[0])
    (rule,) = page.data_validations.dataValidation
    assert rule.type == "list"
    assert "Could not contact" in rule.formula1
    assert str(rule.sqref) == f"I{heading_row(page) + 1}:I{heading_row(page) + 12}"


def test_people_in_hospital_stand_on_their_own_sheet(record: Example) -> None:
    book = openpyxl.load_workbook(build(record, slots=12).files[0])
    refs = [str(c.value).split("\n")[0] for c in book["In hospital now"]["B"]]
    assert person_ref(3) in refs
    assert person_ref(3) not in [str(c.value).split("\n")[0] for c in book.worksheets[0]["B"]]


def test_how_many_were_left_off_and_the_marginal_risk_are_said(record: Example) -> None:
    text = build(record, slots=12).files[1].read_text()
    assert "17 more people" in text
    assert "The lowest risk on the list is about 67 in 100" in text


def hostile(text: str) -> TeamSheet:
    columns = (Column("person", "Person", 20), Column("why", "Why now", 20))
    section = Section("New this week", "", "", columns, ((text, text),))
    return TeamSheet("T1", text, MONDAY, (text,), (), (text,), (section,), ("Seen",))


@pytest.mark.parametrize("text", ["=1+1", "+44 1332", "-1", "@SUM(A1)", "\t=1", "https://example.org", "<b>&"])
def test_no_cell_from_data_begins_a_formula_or_a_link(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t.xlsx"
    write_workbook(hostile(text), path)
    with zipfile.ZipFile(path) as parts:
        sheets = [parts.read(n).decode() for n in parts.namelist() if n.startswith("xl/worksheets/")]
    assert not any(re.search(r"<f[ >]|<hyperlink", s) for s in sheets)
    values = [c.value for row in openpyxl.load_workbook(path).worksheets[0].iter_rows() for c in row if c.value]
    assert not [v for v in values if str(v)[0] in "=+-@\t\r"]


def test_text_for_a_cell_keeps_its_content() -> None:
    assert as_text("Fell at home") == "Fell at home"
    assert as_text("=cmd") == "'=cmd"


def test_the_page_escapes_what_comes_from_data(tmp_path: Path) -> None:
    write_page(hostile("<script>alert(1)</script>"), tmp_path / "t.html")
    assert "<script>" not in (tmp_path / "t.html").read_text()


def test_the_page_can_be_read_aloud_and_needs_nothing_from_elsewhere(record: Example) -> None:
    html = build(record, slots=12).files[1].read_text()
    assert html.count("<h1>") == 1
    assert 'lang="en-GB"' in html
    assert html.count("<table>") == html.count("<caption>") == html.count("<thead>")
    assert html.count('scope="row"') == html.count("<tr>") - html.count("<thead>")
    assert not re.search(r"(src|href)=\"(?!#)", html)
    assert wording.FOOTER in html


def test_what_is_said_first_is_recent_and_the_most_telling() -> None:
    rows = [
        (1, "gp_contacts_30", "contact with the practice", "one contact", MONDAY - dt.timedelta(days=1)),
        (1, "outpatient_attendances_90", "recent hospital use", "one appointment", MONDAY - dt.timedelta(days=2)),
        (1, "emergency_admissions_90", "recent hospital use", "home from hospital", MONDAY - dt.timedelta(days=30)),
        (1, "falls_365", "falls", "a fall", MONDAY - dt.timedelta(days=300)),
    ]
    said = first_reasons(pl.DataFrame(rows, schema=REASON_COLUMNS, orient="row"), MONDAY, DECLARED)
    assert said.row(0)[1:4] == ("Home from hospital", "One contact", "A fall")


def test_a_theme_on_which_the_risk_rests_comes_before_the_others_that_are_as_recent() -> None:
    rows = [
        (1, "emergency_admissions_90", "recent hospital use", "home from hospital", MONDAY - dt.timedelta(days=30)),
        (1, "gp_contacts_30", "contact with the practice", "one contact", MONDAY - dt.timedelta(days=1)),
        (1, "falls_365", "falls", "a fall", MONDAY - dt.timedelta(days=300)),
    ]
    frame = pl.DataFrame(rows, schema=REASON_COLUMNS, orient="row").with_columns(raises=pl.Series([None, True, True]))
    said = first_reasons(frame, MONDAY, DECLARED)
    assert said.row(0)[1:4] == ("One contact", "Home from hospital", "A fall")


def test_a_person_without_a_recent_event_stands_on_a_standing_concern(record: Example) -> None:
    def old(people: list[int]) -> pl.DataFrame:
        return plain_reasons(people).with_columns(evidence_date=dt.date(2025, 6, 1))

    assert "Standing concern: One fall" in build(record, reasons=old).files[1].read_text()


def test_a_person_without_any_reason_is_said_to_have_none(record: Example) -> None:
    assert wording.NO_REASON in build(record, reasons=lambda _: plain_reasons([])).files[1].read_text()
