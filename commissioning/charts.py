"""Figures from published tables, and the sentence that says what each shows to someone who cannot see it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import plotly.graph_objects as go
import polars as pl

from commissioning.declaration import Indicator
from commissioning.disclosure import ALL
from commissioning.tables import NO_DATA

INK, QUIET = "#14202B", "#4A5A68"
# Light to dark, so that the order survives black-and-white print; each differs from its neighbour by more than 3 : 1.
SHADES = ("#C9D6DF", "#7FB0C8", "#2E7DA6", "#123A5A")
STANDARD_COLOUR = "#8A3B00"
XPERIOD = {"month": "M1", "quarter": "M3", "year": "M12"}
FONT = "Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"


def stacked(frame: pl.DataFrame, dimension: str, indicator: Indicator) -> go.Figure:
    """Bars by one dimension with the total as a line; provisional periods are hatched, gaps stay empty.

    Args:
        frame: a published table by `dimension`, in order.
        dimension: its column.
        indicator: whose table it is.
    """
    figure = go.Figure()
    parts = [v for v in frame[dimension].unique(maintain_order=True) if v != ALL]
    for part, shade in zip(parts, _shades(len(parts)), strict=True):
        rows = frame.filter(pl.col(dimension) == part)
        hatch = ["/" if p else "" for p in rows["provisional"]]
        figure.add_bar(
            name=part,
            **_x(rows),
            y=rows["value"].to_list(),
            marker={"color": shade, "line": {"color": "#FFFFFF", "width": 0.5}, "pattern": {"shape": hatch, "size": 5}},
            hovertemplate="%{x|%b %Y}: %{y:,}",
        )
    whole = frame.filter(pl.col(dimension) == ALL)
    figure.add_scatter(
        name="All",
        **_x(whole),
        y=whole["value"].to_list(),
        mode="lines+markers",
        line={"color": INK, "width": 1.5},
        marker={"size": 5, "symbol": ["circle-open" if p else "circle" for p in whole["provisional"]]},
        connectgaps=False,
        hovertemplate="%{x|%b %Y}: %{y:,}",
    )
    figure.update_layout(barmode="stack")
    return _finish(figure, whole, indicator.unit)


def share(frame: pl.DataFrame, indicator: Indicator) -> go.Figure:
    """The declared part of the whole in per cent, with its national standard where there is one."""
    rows = frame.filter(pl.col(str(indicator.share_of)) == indicator.share)
    figure = go.Figure()
    figure.add_scatter(
        name=indicator.share,
        **_x(rows),
        y=rows["share_percent"].to_list(),
        mode="lines+markers",
        line={"color": SHADES[3], "width": 2},
        marker={"size": 7, "symbol": ["circle-open" if p else "circle" for p in rows["provisional"]]},
        connectgaps=False,
        hovertemplate="%{x|%b %Y}: %{y} %",
    )
    if indicator.standard is not None and len(rows):
        figure.add_scatter(
            name=f"Standard {indicator.standard:g} %",
            **_x(rows),
            y=[indicator.standard] * len(rows),
            mode="lines",
            line={"color": STANDARD_COLOUR, "dash": "dash", "width": 1.5},
            hoverinfo="skip",
        )
    figure.update_yaxes(range=[0, 101], ticksuffix=" %")
    return _finish(figure, rows, "")


def in_words(rows: pl.DataFrame, column: str, unit: str) -> str:
    """The text alternative: first and last settled figure, highest and lowest."""
    known = rows.filter(pl.col(column).is_not_null() & ~pl.col("provisional"))
    if known.is_empty():
        return "No figure is published for a settled period."
    period = known["period"][0]
    first, last = known.row(0, named=True), known.row(-1, named=True)
    high = known.sort(column, "start").row(-1, named=True)
    low = known.sort(column, "start").row(0, named=True)

    def said(row: dict[str, Any]) -> str:
        return f"{row[column]:,} {unit} in {period_name(period, row['start'])}"

    missing = [period_name(period, start) for start in rows.filter(pl.col("status") == NO_DATA)["start"]]
    gaps = f" No data for {', '.join(missing)}." if missing else ""
    return f"From {said(first)} to {said(last)}; highest {said(high)}, lowest {said(low)}.{gaps}"


def period_name(period: str, start: dt.date) -> str:
    """A period as it is said.

    >>> period_name("month", dt.date(2025, 11, 1)), period_name("quarter", dt.date(2025, 10, 1))
    ('Nov 2025', 'Oct to Dec 2025')
    >>> period_name("year", dt.date(2025, 4, 1))
    '2025/26'
    """
    if period == "month":
        return f"{start:%b %Y}"
    if period == "quarter":
        return f"{start:%b} to {start.replace(month=start.month + 2):%b %Y}"
    return f"{start.year}/{(start.year + 1) % 100:02d}"


def _x(rows: pl.DataFrame) -> dict[str, Any]:
    period = rows["period"][0] if len(rows) else "month"
    starts = [s.isoformat() for s in rows["start"]]
    return {"x": starts, "xperiod": XPERIOD[period], "xperiodalignment": "middle"}


def _gaps(rows: pl.DataFrame) -> list[tuple[str, str]]:
    """Runs of periods without data: the first day, and the first day after."""
    if rows.is_empty():
        return []
    length = {"month": "1mo", "quarter": "3mo", "year": "12mo"}[rows["period"][0]]
    missing = pl.col("status") == NO_DATA
    runs = (
        rows.with_columns(run=missing.rle_id(), after=pl.col("start").dt.offset_by(length))
        .filter(missing)
        .group_by("run", maintain_order=True)
        .agg(pl.col("start").min(), pl.col("after").max())
    )
    return [(first.isoformat(), after.isoformat()) for first, after in runs.select("start", "after").iter_rows()]


def _shades(count: int) -> list[str]:
    return [SHADES[i * (len(SHADES) - 1) // max(count - 1, 1)] for i in range(count)]


def _finish(figure: go.Figure, rows: pl.DataFrame, unit: str) -> go.Figure:
    for first, after in _gaps(rows):
        figure.add_vrect(x0=first, x1=after, fillcolor="#EEF1F4", line_width=0, layer="below")
        figure.add_annotation(
            x=first, y=0.5, yref="paper", text="no data", textangle=-90, xanchor="left", showarrow=False
        )
    figure.update_layout(
        template="none",
        font={"family": FONT, "size": 13, "color": INK},
        height=340,
        margin={"l": 60, "r": 16, "t": 24, "b": 44},
        legend={"orientation": "h", "y": 1.12, "x": 0, "traceorder": "normal"},
        hovermode="x unified",
        separators=".,",
        dragmode=False,
    )
    figure.update_yaxes(title_text=unit, rangemode="tozero", gridcolor="#E3E8EC", tickformat=",", fixedrange=True)
    figure.update_xaxes(tickformat="%b %Y", gridcolor="#FFFFFF", fixedrange=True)
    return figure
