"""Control charts of the published series: computed from the counts before rounding, shown only where all is published.

A month has 28 to 31 days and many series a season: the limits follow both, the points stay as they are published.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
import yaml

from commissioning import spc
from commissioning.declaration import Indicator
from commissioning.disclosure import ALL, PUBLISHED, SUPPRESSED
from commissioning.spc import Series

RECORDING_CHANGES = Path(__file__).parent / "recording_change.yaml"
MONTHS_IN: Final = {"month": 1, "quarter": 3, "year": 12}
DAYS_IN_MONTH: Final = 365.25 / 12


@dataclass(frozen=True)
class Change:
    """A dated change of recording or organisation that starts the baseline of some charts anew."""

    day: dt.date | None
    what: str
    indicators: tuple[str, ...]
    source: str


@cache
def recording_changes(path: Path = RECORDING_CHANGES) -> tuple[Change, ...]:
    """All changes declared, dated or not."""
    said = yaml.safe_load(path.read_text(encoding="utf-8"))
    return tuple(Change(c["day"], c["what"], tuple(c["indicators"]), c["source"]) for c in said)


@dataclass(frozen=True)
class Charted:
    """One series with its chart.

    Attributes:
        points: one row a period, columns of `POINT_COLUMNS`.
        summary: one row, columns of `SUMMARY_COLUMNS`.
    """

    points: pl.DataFrame
    summary: pl.DataFrame


POINT_COLUMNS: Final = {
    "indicator": "id of the indicator",
    "period": "month or quarter",
    "start": "first day of the period",
    "centre": "mean of the baseline, for the days and the season of the period",
    "lower": "lower limit; no limit lies below 0",
    "upper": "upper limit",
    "signal": "rules that the point shows; null for none",
    "baseline": "why the baseline begins here; null elsewhere",
}
SUMMARY_COLUMNS: Final = {
    "indicator": "id of the indicator",
    "variation": "what the newest settled point shows: improving, concerning, special cause, nothing beyond chance, "
    "no icon",
    "assurance": "whether the standard will be met if nothing changes",
    "why_no_icon": "why there is no icon; empty where there is one",
    "said": "both in a sentence",
    "board": "whether it is one of the board's indicators",
    "points": "settled periods charted",
    "newest": "first day of the newest settled period charted",
    "season": "whether the limits follow a season",
}


def chart(indicator: Indicator, cells: pl.DataFrame, published: pl.DataFrame) -> Charted | None:
    """The chart of the whole board's series; None where a part of it is not published.

    Args:
        indicator: whose series it is.
        cells: the true cells of its table of the whole board, or of the declared share.
        published: the same cells as published, gaps included.
    """
    if indicator.snapshot:
        return None  # each count of people holds most of those of the month before: the rules suppose otherwise
    line = _line(indicator, cells, published)
    if line is None or line["value"].null_count() == line.height:
        return None
    period = str(line["period"][0])
    value = line["value"].to_numpy().astype(np.float64)
    days = np.ones(len(value)) if indicator.share_of or indicator.snapshot else _lengths(line)
    phase, length = _phase(line, period)
    even = value / days
    seasonal = spc.has_season(even, phase, length)
    season = spc.season_of(even, phase, length) if seasonal else None
    scale = days * (season[phase] if season is not None else 1.0)
    made = spc.xmr(
        value / scale,
        steps=_steps(indicator, line["start"].to_list()),
        count=line["count"].to_numpy().astype(np.float64),
        seasonal=seasonal and season is None,
        ceiling=100.0 if indicator.share_of else None,
    )
    return Charted(_points(indicator, line, made, scale), _summary(indicator, line, made, season=season is not None))


def _line(indicator: Indicator, cells: pl.DataFrame, published: pl.DataFrame) -> pl.DataFrame | None:
    """The series in order of time: `period`, `start`, `value`, `count`; null where nothing came or is not settled."""
    if indicator.share_of:
        dimension = indicator.share_of
        shown = published.filter(pl.col(dimension).is_in([ALL, indicator.share]))
        whole = cells.filter(pl.col(dimension) == ALL).select("start", whole="value")
        part = cells.filter(pl.col(dimension) == indicator.share).select("start", part="value")
        values = whole.join(part, on="start").select(
            "start",
            value=pl.when(pl.col("whole") > 0).then(pl.col("part") * 100 / pl.col("whole")),
            count=pl.col("whole"),
        )
    else:
        shown = published
        values = cells.select("start", value=pl.col("value").cast(pl.Float64), count="value")
    if shown.filter(pl.col("status") == SUPPRESSED).height or not shown.filter(pl.col("status") == PUBLISHED).height:
        return None
    settled = shown.select("period", "start", "provisional").unique().filter(~pl.col("provisional"))
    return settled.join(values, on="start", how="left").sort("start") if settled.height else None


def _lengths(line: pl.DataFrame) -> Series:
    months = MONTHS_IN[line["period"][0]]
    days = line.select(d=pl.col("start").dt.offset_by(f"{months}mo") - pl.col("start"))["d"].dt.total_days()
    return np.asarray(days.to_numpy() / (DAYS_IN_MONTH * months), dtype=np.float64)


def _phase(line: pl.DataFrame, period: str) -> tuple[np.ndarray, int]:
    months = MONTHS_IN[period]
    return (line["start"].dt.month().to_numpy().astype(np.int64) - 1) // months, 12 // months


def _steps(indicator: Indicator, starts: list[dt.date]) -> list[tuple[int, str]]:
    found = []
    for change in recording_changes():
        if change.day and indicator.id in change.indicators:
            at = sum(start < change.day for start in starts)
            if 0 < at < len(starts):
                found.append((at, change.what))
    return found


def _points(indicator: Indicator, line: pl.DataFrame, made: spc.Chart, scale: Series) -> pl.DataFrame:
    reasons = dict(made.steps)
    digits = 1 if indicator.share_of else 0
    return pl.DataFrame(
        {
            "indicator": [indicator.id] * line.height,
            "period": line["period"],
            "start": line["start"],
            "centre": np.round(made.centre * scale, digits),
            "lower": np.round(made.lower * scale, digits),
            "upper": np.round(made.upper * scale, digits),
            "signal": ["; ".join(rules) or None for rules in made.rules],
            "baseline": [reasons.get(at) for at in range(line.height)],
        },
        schema_overrides={"signal": pl.String, "baseline": pl.String},
    ).fill_nan(None)


def _summary(indicator: Indicator, line: pl.DataFrame, made: spc.Chart, *, season: bool) -> pl.DataFrame:
    seen = spc.variation(made, indicator.better)
    sure = spc.assurance(made, indicator.standard, indicator.better)
    known = line.filter(pl.col("value").is_not_null())
    rules = made.rules[int(np.flatnonzero(~np.isnan(made.value))[-1])]
    row = {
        "indicator": indicator.id,
        "variation": seen,
        "assurance": sure,
        "why_no_icon": made.why_no_icon,
        "said": said(seen, sure, made.why_no_icon, rules, indicator.standard),
        "board": indicator.board,
        "points": known.height,
        "newest": known["start"].max(),
        "season": season,
    }
    return pl.DataFrame([row])


def said(
    seen: spc.Variation, sure: spc.Assurance, why_no_icon: str, rules: tuple[str, ...], standard: float | None
) -> str:
    """Variation and assurance in a sentence.

    >>> said("nothing beyond chance", "no standard", "", (), None)
    'Nothing beyond chance.'
    >>> said("improving", "meets and misses by chance", "", ("shift",), 70)
    'Special cause, improving (shift). As things are, 70 % is met in some periods and not in others by chance.'
    """
    if why_no_icon:
        first = f"No sign is given: {why_no_icon}."
    elif seen == "nothing beyond chance":
        first = "Nothing beyond chance."
    else:
        first = f"Special cause{'' if seen == 'special cause' else ', ' + seen} ({', '.join(rules)})."
    more = {
        "consistently meets": "will be met",
        "consistently misses": "will not be met",
        "meets and misses by chance": "is met in some periods and not in others by chance",
        "no standard": "",
    }[sure]
    return f"{first} As things are, {standard:g} % {more}." if more else first
