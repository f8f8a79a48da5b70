"""One team's list as an Excel workbook: A4 landscape, no macros, opens alike in Excel and LibreOffice."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from outreach import wording
from outreach.sheet import Cell, Column, Section, TeamSheet

A4 = 9
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
PERSON_ROW_HEIGHT = 34
CHOSEN = ("outcome", "fit", "came", "right")
"""Kinds of cells in which one of a list is chosen."""
LINE_HEIGHT = 13
LETTERS_A_UNIT = 1.1
"""Letters of Arial 10 that fit into one unit of a column's width; a little fewer than measured, so that none is cut."""

HEADING_HEIGHT = 34
ROWS_A_SIDE = 12
ABOUT_WIDTH = 120
MAXIMUM_CELL = 32_000


def write_workbook(sheet: TeamSheet, path: Path) -> None:
    """Writes the workbook; the same sheet gives the same bytes."""
    partial = path.with_suffix(".partial")
    book = xlsxwriter.Workbook(
        str(partial), {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    book.set_properties(
        {
            "title": sheet.title,
            "subject": f"Week of {wording.uk_date(sheet.week)}",
            "created": dt.datetime.combine(sheet.week, dt.time(), dt.UTC),
        }
    )
    looks = _looks(book)
    for index, section in enumerate(sheet.sections):
        _write_section(book, sheet, section, looks, first=index == 0)
    _write_about(book, sheet, looks)
    book.close()
    partial.replace(path)


def as_text(value: str) -> str:
    """Text that no spreadsheet takes for a formula, even after a copy through CSV."""
    value = value[:MAXIMUM_CELL]
    return f"'{value}" if value.startswith(FORMULA_STARTS) else value


def _looks(book: Any) -> dict[str, Format]:
    base = {"font_name": "Arial", "font_size": 10, "valign": "top"}
    cell = {**base, "valign": "vcenter", "border": 1, "border_color": "#7A7A7A", "text_wrap": True}
    return {
        "title": book.add_format({**base, "font_size": 15, "bold": True}),
        "line": book.add_format(base),
        "about": book.add_format({**base, "text_wrap": True}),
        "notice": book.add_format({**base, "bold": True}),
        "head": book.add_format({**cell, "bold": True, "bg_color": "#1F3A5F", "font_color": "#FFFFFF"}),
        "text": book.add_format(cell),
        "row_id": book.add_format({**cell, "font_size": 8, "num_format": "@"}),
        "integer": book.add_format({**cell, "num_format": "0", "align": "center"}),
        "percent": book.add_format({**cell, "num_format": "0.0%"}),
        "date": book.add_format({**cell, "num_format": "d mmm yyyy", "align": "left"}),
        **{kind: book.add_format({**cell, "bg_color": "#FFF9E0"}) for kind in (*CHOSEN, "entry")},
        "day": book.add_format({**cell, "bg_color": "#FFF9E0", "num_format": "d mmm yyyy", "align": "left"}),
    }


def _write_section(book: Any, sheet: TeamSheet, section: Section, looks: dict[str, Format], *, first: bool) -> None:
    page = book.add_worksheet(section.title[:31])
    top = _write_heading(page, sheet, section, looks, first=first)
    _set_up_page(page, section, top)
    page.set_row(top, HEADING_HEIGHT)
    for c, column in enumerate(section.columns):
        page.set_column(c, c, column.width)
        page.write_string(top, c, column.heading, looks["head"])
    for r, row in enumerate(section.rows, start=top + 1):
        page.set_row(r, _height(section.columns, row))
        for c, (column, value) in enumerate(zip(section.columns, row, strict=True)):
            _write_cell(page, (r, c), value, looks["row_id" if column.key == "row" else column.kind])
    last = top + len(section.rows)
    page.set_h_pagebreaks(range(top + 1 + ROWS_A_SIDE, last + 1, ROWS_A_SIDE))
    if not section.rows:
        page.write_string(top + 1, 0, section.empty, looks["line"])
    else:
        page.autofilter(top, 0, last, len(section.columns) - 1)
        _offer_choices(page, section, sheet, top + 1, last)
    page.write_string(last + 2, 0, wording.FOOTER, looks["notice"])


def _write_heading(
    page: Worksheet, sheet: TeamSheet, section: Section, looks: dict[str, Format], *, first: bool
) -> int:
    """Writes the lines above the table; returns the row of its headings."""
    page.write_string(0, 0, as_text(f"{sheet.title}. {section.title}" if not first else sheet.title), looks["title"])
    page.set_row(0, 22)
    page.write_string(1, 0, f"Week of Monday {wording.uk_date(sheet.week)}. {section.intro}", looks["line"])
    row = 2
    for notice in sheet.notices if first or section.key == "detail" else sheet.notices[:2]:
        page.write_string(row, 0, as_text(notice), looks["notice"])
        row += 1
    if first:
        page.write_string(row, 0, " ".join(sheet.room), looks["line"])
        row += 1
    return row + 1


def _set_up_page(page: Worksheet, section: Section, top: int) -> None:
    page.set_landscape()
    page.set_paper(A4)
    page.set_margins(left=0.4, right=0.4, top=0.4, bottom=0.55)
    page.fit_to_pages(1, 0)
    page.repeat_rows(top)
    page.freeze_panes(top + 1, 2)
    page.hide_gridlines(2)
    page.set_footer(f"&L&9{wording.FOOTER}&R&9{section.title.replace('&', '&&')}, page &P of &N")


def _write_cell(page: Worksheet, at: tuple[int, int], value: Cell, look: Format) -> None:
    r, c = at
    if value is None or value == "":
        page.write_blank(r, c, None, look)
    elif isinstance(value, str):
        page.write_string(r, c, as_text(value), look)
    elif isinstance(value, dt.date):
        page.write_datetime(r, c, dt.datetime.combine(value, dt.time()), look)
    else:
        page.write_number(r, c, value, look)


def _height(columns: tuple[Column, ...], row: tuple[Cell, ...]) -> int:
    """Height in points that holds the longest wrapped cell: LibreOffice does not always fit rows by itself."""
    texts = [(v, int(c.width * LETTERS_A_UNIT)) for v, c in zip(row, columns, strict=True) if isinstance(v, str)]
    lines = max((sum(-(-len(part) // w) or 1 for part in v.split("\n")) for v, w in texts), default=1)
    return max(PERSON_ROW_HEIGHT, LINE_HEIGHT * lines + 4)


def _offer_choices(page: Worksheet, section: Section, sheet: TeamSheet, first: int, last: int) -> None:
    offered = {
        "outcome": sheet.outcomes,
        "fit": wording.FITS,
        "came": wording.CAME_OF_IT,
        "right": wording.REGISTER_RIGHT,
    }
    for c, column in enumerate(section.columns):
        if column.kind in CHOSEN:
            rule = {
                "validate": "list",
                "source": list(offered[column.kind]),
                "error_title": column.heading,
                "error_message": "Choose one of the list.",
            }
            page.data_validation(first, c, last, c, rule)
        elif column.kind == "day":
            day = {"validate": "date", "criteria": ">", "value": sheet.week, "ignore_blank": True}
            page.data_validation(first, c, last, c, day)


def _write_about(book: Any, sheet: TeamSheet, looks: dict[str, Format]) -> None:
    page = book.add_worksheet(wording.SECTION_ABOUT[0])
    page.set_landscape()
    page.set_paper(A4)
    page.fit_to_pages(1, 0)
    page.hide_gridlines(2)
    page.set_column(0, 0, ABOUT_WIDTH)
    page.write_string(0, 0, wording.SECTION_ABOUT[0], looks["title"])
    for r, text in enumerate([*sheet.notices, *sheet.room, *sheet.about, wording.FOOTER], start=2):
        page.write_string(r, 0, as_text(text), looks["about"])
        page.set_row(r, LINE_HEIGHT * -(-len(text) // ABOUT_WIDTH) + 4)
