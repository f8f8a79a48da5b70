"""The commissioners' page: one HTML file that needs nothing else, made only from published tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import polars as pl
import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from plotly.offline import get_plotlyjs

from commissioning import page_data, page_tables, wording
from commissioning.control_chart import recording_changes
from commissioning.declaration import (
    CODE_GROUPS,
    DIMENSIONS,
    FRAILTY_BANDS,
    GROUPS,
    ORDER,
    Indicator,
    load_indicators,
    table_name,
)
from commissioning.disclosure import ALL, SUPPRESSED
from commissioning.services import services
from commissioning.spc import expected_false_alarms
from commissioning.tables import NO_DATA, MartReport, read_catalogue
from data_contracts.codelist import versions_in_words
from data_contracts.words import check_words
from features import load_features

TEMPLATES = Path(__file__).parent / "templates"
DEMONSTRATION: Final = "Demonstration: not for clinical use"
HEADINGS: Final = {"rate": "{rate_words}", "share_percent": "%"}


@dataclass(frozen=True)
class PageHeading:
    """What the run knows about the page.

    Attributes:
        title: of the page.
        known_to: name of a source → the day to which it is known.
        approved: someone has signed that this may be used; otherwise every page says that it is a demonstration.
        notes: further sentences.
    """

    title: str = "Emergency care and community services for older people"
    known_to: Mapping[str, dt.date] = field(default_factory=dict)
    approved: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Panel:
    """One indicator on the page: the whole board as a table and in words, and what it means.

    Attributes:
        rows: empty when nothing is published; `why` then says why.
        splits: dimensions by which the chart can be split, with their words.
    """

    indicator: Indicator
    words: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    period: str
    why: str
    splits: tuple[tuple[str, str], ...]
    latest: str
    compared: str
    signal: str
    variation: str


def write_dashboard(marts: MartReport | Path, out_html: Path, *, heading: PageHeading | None = None) -> Path:
    """Writes the page from published tables.

    Args:
        marts: what `build_marts` returned, or the folder it wrote; tables are read where their `path` says.
        out_html: the file to write.
        heading: what the run knows.

    Raises:
        WordError: a text holds a word that may not reach people.
    """
    report = marts if isinstance(marts, MartReport) else read_catalogue(marts)
    heading = heading or PageHeading()
    series = pl.read_parquet(report.table("signal").path)
    signals = {row["indicator"]: row for row in series.filter(place=ALL).iter_rows(named=True)}
    panels = [_panel(report, i, signals.get(i.id)) for i in _counted(report)]
    board = [p for p in panels if p.indicator.board]
    panels_by_id = {p.indicator.id: p for p in panels}
    html = _template().render(
        heading=heading,
        demonstration=DEMONSTRATION,
        report=report,
        groups=[(title, [p for p in panels if p.indicator.group == key]) for key, title in GROUPS.items()],
        areas=page_data.areas(report),
        bands=[b for b in ORDER["frailty_band"] if b != ALL],
        data=page_data.as_json(report, [p.indicator for p in panels if p.rows]),
        board=board,
        alarms=expected_false_alarms(sum(p.variation not in ("", "no icon") for p in board)),
        place_alarms=page_data.place_alarms(series),
        changes=_changes(report),
        places=_places(report),
        restated=_restated(report),
        services=page_tables.service_rows(panels_by_id),
        steps=page_tables.steps(report),
        rates=page_tables.standardised_rates(report),
        ahead=page_tables.ahead(report),
        scenarios=page_tables.scenarios(report),
        costs=page_tables.cost_rows(report),
        undated=[c for c in recording_changes() if c.day is None],
        notes=_notes(report),
        codelists=_codelists(),
        uk_date=uk_date,
        number=number,
        plotly_js=get_plotlyjs(),
    )
    check_words([f.note for s in services() for f in s.published])
    check_words([heading.title, *heading.notes, *(p.words for p in panels)])
    partial = out_html.with_suffix(".partial")
    partial.write_text(html, encoding="utf-8")
    partial.replace(out_html)
    return out_html


def _codelists() -> tuple[str, ...]:
    """Name and version of every codelist behind the figures: frailty, groups of codes, and what features read."""
    bands = yaml.safe_load(FRAILTY_BANDS.read_text(encoding="utf-8"))
    groups = yaml.safe_load(CODE_GROUPS.read_text(encoding="utf-8"))
    return versions_in_words(
        [*bands, *(name for lists in groups.values() for name in lists), *load_features().used_codelists]
    )


def _counted(report: MartReport) -> list[Indicator]:
    """The indicators that the report counted, in order."""
    there = {t.indicator for t in report.tables}
    return [i for i in load_indicators() if i.id in there]


def _panel(report: MartReport, indicator: Indicator, signal: dict[str, Any] | None) -> Panel:
    table = report.table(table_name(indicator.id, (indicator.share_of,) if indicator.share_of else ()))
    frame = pl.read_parquet(table.path)
    column, unit = ("share_percent", "per cent") if indicator.share_of else ("value", indicator.unit)
    line = frame.filter(pl.col(indicator.share_of) == indicator.share) if indicator.share_of else frame
    headings, rows = _table(frame, line, indicator)
    latest, compared = _latest(line, column, f"% {str(indicator.share).lower()}" if indicator.share_of else unit)
    others = {d for c in indicator.cuts for d in c.by} - {indicator.share_of}
    return Panel(
        indicator=indicator,
        words=wording.in_words(line, column, unit) if len(line) else "",
        headings=headings,
        rows=rows,
        period=table.period or "",
        why=table.why,
        splits=tuple((d, "network" if d == "pcn" else d.replace("_", " ")) for d in DIMENSIONS if d in others),
        latest=latest,
        compared=compared,
        signal=str(signal["said"]) if signal else "",
        variation=str(signal["variation"]) if signal else "",
    )


def _table(
    frame: pl.DataFrame, line: pl.DataFrame, indicator: Indicator
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """The chart's numbers, newest first: a column a part of a share, then the rate or share of the line."""
    dimension = indicator.share_of
    parts = list(frame[dimension].unique(maintain_order=True)) if dimension else [ALL]
    extra = next((c for c in HEADINGS if c in line.columns), None)
    wide = {part: frame.filter(pl.col(dimension) == part) if dimension else frame for part in parts}
    rows = []
    for at in reversed(range(len(line))):
        cells = [number(wide[p]["value"][at], wide[p]["status"][at]) for p in parts]
        if extra:
            cells.append(number(line[extra][at], line["status"][at]))
        name = wording.period_name(line["period"][at], line["start"][at])
        rows.append((f"{name} (prov.)" if line["provisional"][at] else name, *cells))
    added = [HEADINGS[extra].format(rate_words=indicator.rate_words)] if extra else []
    return ("Period", *parts, *added), tuple(rows)


def _latest(line: pl.DataFrame, column: str, unit: str) -> tuple[str, str]:
    """The newest settled figure, and the same period of the year before."""
    settled = line.filter(~pl.col("provisional") & pl.col(column).is_not_null())
    if settled.is_empty():
        return "", ""
    last = settled.row(-1, named=True)
    name = wording.period_name(last["period"], last["start"])
    said = f"{last[column]:,} {unit}, {name}"
    before = last["start"].replace(year=last["start"].year - 1)
    earlier = settled.filter(pl.col("start") == before)
    if earlier.is_empty():
        return said, ""
    sign = " %" if column == "share_percent" else ""
    return said, f"{earlier[column][0]:,}{sign} in {wording.period_name(last['period'], before)}"


def _changes(report: MartReport) -> list[dict[str, Any]]:
    """Why bed days changed, one entry a comparison, with the width of each part's bar in per cent."""
    frame = pl.read_parquet(report.table("bed_day_change").path)
    widest = max((abs(v) for v in frame["value"]), default=0) or 1
    found = []
    for (name,), rows in frame.group_by("comparison", maintain_order=True):
        head = rows.row(0, named=True)
        difference = head["second_value"] - head["first_value"]
        found.append(
            {
                "name": name,
                "first": _span_name(head["first_start"], head["first_end"]),
                "second": _span_name(head["second_start"], head["second_end"]),
                "first_value": f"{head['first_value']:,}",
                "second_value": f"{head['second_value']:,}",
                "difference": signed(difference),
                "percent": f"{100 * difference / head['first_value']:+.0f} %".replace("-", "−"),
                "beds": f"{abs(difference) / (head['second_end'] - head['second_start']).days:,.1f}",
                "more": "more" if difference > 0 else "fewer",
                "parts": [
                    {
                        "words": r["meaning"],
                        "value": signed(r["value"]),
                        "width": round(abs(r["value"]) * 48 / widest, 1),
                        "up": r["value"] > 0,
                    }
                    for r in rows.iter_rows(named=True)
                ],
            }
        )
    return found


def _span_name(start: dt.date, end: dt.date) -> str:
    last = end - dt.timedelta(days=1)
    return f"{start:%b %Y} to {last:%b %Y}"


def signed(value: int) -> str:
    """A difference with its sign: a true minus, so that it is read aloud as one.

    >>> signed(1200), signed(-15), signed(0)
    ('+1,200', '−15', '0')
    """
    return f"{value:+,}".replace("-", "−") if value else "0"


def _places(report: MartReport) -> dict[str, Any]:
    """Neighbourhoods side by side: the newest settled period that all of the board's indicators by PCN share."""
    named = [i for i in _counted(report) if i.rate_per and any(c.by == ("pcn",) for c in i.cuts)]
    columns, values = [], {}
    for indicator in named:
        frame = pl.read_parquet(report.table(f"{indicator.id}_by_pcn").path)
        settled = frame.filter(~pl.col("provisional") & (pl.col("status") != NO_DATA))
        if settled.is_empty():
            continue
        last = settled.filter(pl.col("start") == settled["start"].max())
        columns.append((indicator, wording.period_name(last["period"][0], last["start"][0])))
        values[indicator.id] = {
            pcn: (number(value, status), number(rate, status))
            for pcn, value, rate, status in last.select("pcn", "value", "rate", "status").iter_rows()
        }
    pcns = sorted({p for v in values.values() for p in v} - {ALL})
    rows = [(pcn, [values[i.id].get(pcn, ("–", "–")) for i, _ in columns]) for pcn in [*pcns, ALL] if columns]
    return {"columns": columns, "rows": rows}


def _restated(report: MartReport) -> dict[str, Any]:
    """Figures of the whole board that the release before showed otherwise, newest first; and how many in all."""
    frame = pl.read_parquet(report.table("restatement").path)
    names = {i.id: i.name for i in load_indicators()}
    whole = frame.filter(pl.col("table_name") == pl.col("indicator")).sort(
        "start", descending=True, maintain_order=True
    )
    rows = [
        (
            names[r["indicator"]],
            wording.period_name(r["period"].replace("day", "month"), r["start"]),
            f"{r['before']:,}",
            f"{r['now']:,}",
        )
        for r in whole.iter_rows(named=True)
    ]
    return {"count": f"{frame.height:,}", "rows": rows}


def _notes(report: MartReport) -> list[tuple[str, str]]:
    """What disclosure control and permissions did to each table."""
    names = {i.id: i.name for i in load_indicators()}
    told = []
    for table in report.tables:
        if table.indicator:
            title = f"{names[table.indicator]} {table.name.removeprefix(table.indicator).replace('_', ' ').strip()}"
            told.append((title, table.why))
    return told


def number(value: float | None, status: str) -> str:
    """A figure as it is written here: thousands with a comma, `*` suppressed, `no data` a gap, a dash unknown.

    >>> number(12345, "published"), number(None, "suppressed"), number(None, "no data")
    ('12,345', '*', 'no data')
    """
    if status == NO_DATA:
        return NO_DATA
    if value is None:
        return "*" if status == SUPPRESSED else "–"
    return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"


def uk_date(day: dt.date) -> str:
    """A date as it is written here: 5 January 2026."""
    return f"{day.day} {day:%B %Y}"


@cache
def _template() -> Template:
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
    environment.filters |= {
        "first_upper": lambda t: t[:1].upper() + t[1:],
        "first_lower": lambda t: t[:1].lower() + t[1:],
    }
    return environment.get_template("dashboard.html.j2")
