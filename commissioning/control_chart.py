"""Control charts of the published series, only where every figure of it is shown.

Whether a point is a signal is told by the counts before rounding: of small counts, rounding alone makes signals. What
is drawn, centre and limits, is made from the published figures, so that it tells no more than those. A month has 28 to
31 days and many series a season: the limits follow both, the points stay as they are published.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
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
    "place": "Place of residence; 'All' is the whole board",
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
    "place": "Place of residence; 'All' is the whole board",
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


def charts_by_place(indicator: Indicator, cells: pl.DataFrame, published: pl.DataFrame) -> list[Charted]:
    """The charts of those Places of which every figure is published.

    Args:
        indicator: whose series they are.
        cells: the true cells of its table by Place; by anything else than a share it has been narrowed to the margin.
        published: the same cells as published, gaps included.
    """
    places = sorted(set(published["place"].unique()) - {ALL})
    made = (chart(indicator, cells.filter(place=p), published.filter(place=p), place=p) for p in places)
    return [charted for charted in made if charted]


def chart(indicator: Indicator, cells: pl.DataFrame, published: pl.DataFrame, *, place: str = ALL) -> Charted | None:
    """The chart of one series; None where a part of it is not published.

    Args:
        indicator: whose series it is.
        cells: the true cells of its table of the whole board, or of one Place, or of the declared share.
        published: the same cells as published, gaps included.
        place: of which Place.
    """
    if indicator.snapshot:
        return None  # each count of people holds most of those of the month before: the rules suppose otherwise
    line = _line(indicator, cells, published)
    if line is None or line["value"].null_count() == line.height:
        return None
    period = str(line["period"][0])
    value, shown = (line[c].to_numpy().astype(np.float64) for c in ("value", "shown"))
    days = np.ones(len(value)) if indicator.share_of else _lengths(line)
    phase, length = _phase(line, period)
    seasonal = spc.has_season(value / days, phase, length)
    steps = _steps(indicator, line["start"].to_list())
    ceiling = 100.0 if indicator.share_of else None
    season, scale = _scaled(value, days, phase, length, seasonal=seasonal)
    count = line["count"].to_numpy().astype(np.float64)
    made = spc.xmr(value / scale, steps=steps, count=count, seasonal=seasonal and not season, ceiling=ceiling)
    _, drawn_scale = _scaled(shown, days, phase, length, seasonal=seasonal)
    drawn = spc.xmr(shown / drawn_scale, steps=steps, ceiling=ceiling)
    points = _points(indicator, line, replace(drawn, rules=made.rules), drawn_scale)
    named = pl.lit(place).alias("place")
    summary = _summary(indicator, line, made, season=season).with_columns(named)
    return Charted(points.with_columns(named).select(list(POINT_COLUMNS)), summary.select(list(SUMMARY_COLUMNS)))


def _scaled(value: Series, days: Series, phase: np.ndarray, length: int, *, seasonal: bool) -> tuple[bool, Series]:
    """Whether a season is taken out, and what each value is divided by: the days of its period, and the season."""
    season = spc.season_of(value / days, phase, length) if seasonal else None
    return (False, days) if season is None else (True, days * season[phase])


def _line(indicator: Indicator, cells: pl.DataFrame, published: pl.DataFrame) -> pl.DataFrame | None:
    """The settled series in order of time: `period`, `start`, `value`, `count`, `shown`; null where nothing came.

    `value` and `count` are before rounding, `shown` is the value as published.
    """
    true = _values(indicator, cells, "value").select("start", "value", "count")
    said = _values(indicator, published, "published").select("start", shown="value")
    shown = published
    if indicator.share_of:
        shown = published.filter(pl.col(indicator.share_of).is_in([ALL, indicator.share]))
    if shown.filter(pl.col("status") == SUPPRESSED).height or not shown.filter(pl.col("status") == PUBLISHED).height:
        return None
    values = true.join(said, on="start", how="left")
    settled = shown.select("period", "start", "provisional").unique().filter(~pl.col("provisional"))
    return settled.join(values, on="start", how="left").sort("start") if settled.height else None


def _values(indicator: Indicator, frame: pl.DataFrame, column: str) -> pl.DataFrame:
    """`start`, `value` (the count, or the declared share in per cent) and `count`, what the value counts."""
    if not indicator.share_of:
        return frame.select("start", value=pl.col(column).cast(pl.Float64), count=column)
    dimension = pl.col(indicator.share_of)
    whole = frame.filter(dimension == ALL).select("start", whole=column)
    part = frame.filter(dimension == indicator.share).select("start", part=column)
    share = pl.min_horizontal(pl.col("part") * 100 / pl.col("whole"), 100.0)
    value = pl.when(pl.col("whole") > 0).then(share)
    return whole.join(part, on="start").select("start", value=value, count="whole")


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
