"""One team's list as a printable page: real headings and table headers, so that it can be read aloud."""

from __future__ import annotations

import datetime as dt
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from outreach import wording
from outreach.sheet import Cell, Column, TeamSheet

TEMPLATES = Path(__file__).parent / "templates"


def write_page(sheet: TeamSheet, path: Path) -> None:
    """Writes the page; everything it needs is in the one file."""
    html = _template().render(
        sheet=sheet,
        about=wording.SECTION_ABOUT[0],
        footer=wording.FOOTER,
        uk_date=wording.uk_date,
        pairs=lambda columns, row: zip(columns, row, strict=True),
        shown=shown,
    )
    partial = path.with_suffix(".partial")
    partial.write_text(html, encoding="utf-8")
    partial.replace(path)


def shown(column: Column, value: Cell) -> str:
    """A cell as it is read.

    >>> shown(Column("score", "Risk", 8, "percent"), 0.4213)
    '42.1%'
    """
    if value is None:
        return ""
    if isinstance(value, dt.date):
        return wording.uk_date(value)
    return f"{value:.1%}" if column.kind == "percent" else str(value)


@cache
def _template() -> Template:
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
    return environment.get_template("list.html.j2")
