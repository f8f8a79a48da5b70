"""The published tables as the page carries them: short, whole, and nothing that is not published."""

from __future__ import annotations

import json
from typing import Any

import polars as pl

from commissioning.declaration import Indicator
from commissioning.disclosure import ALL, PUBLISHED, SUPPRESSED
from commissioning.spc import expected_false_alarms
from commissioning.tables import NO_DATA, MartReport

AREAS = (("Place of residence", "place"), ("Primary care network", "pcn"))
STATUS = {PUBLISHED: 0, SUPPRESSED: 1, NO_DATA: 2}


def as_json(report: MartReport, indicators: list[Indicator]) -> str:
    """One entry an indicator, for the page's script.

    Each table is held by columns: `names` are the values of a dimension, `parts` their positions row by row; `ratio` is
    the rate or the share; `status` 0 published, 1 suppressed, 2 no data.
    """
    limits, series = (pl.read_parquet(report.table(t).path) for t in ("control_chart", "signal"))
    data = [_entry(report, i, limits.filter(indicator=i.id), series.filter(indicator=i.id)) for i in indicators]
    return _json(data)


def place_alarms(series: pl.DataFrame) -> str:
    """By Place what the page says when it is chosen: how many signs there are, and how many chance alone would make."""
    told = {}
    for (place,), own in series.filter(pl.col("place") != ALL).group_by("place", maintain_order=True):
        signed = own.filter(pl.col("variation") != "no icon").height
        told[place] = (
            f"{own.height} of its series are whole and charted, {signed} of them may carry a sign; if nothing had "
            f"changed, about {expected_false_alarms(signed):.1f} would still show one by chance."
        )
    return _json(told)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).replace("</", "<\\/")


def areas(report: MartReport) -> list[tuple[str, str, list[str]]]:
    """Places and networks that occur in a published table, for the filter."""
    found = []
    for title, dimension in AREAS:
        names: set[str] = set()
        for table in report.tables:
            if table.indicator and dimension in table.columns:
                names |= set(pl.read_parquet(table.path, columns=[dimension])[dimension].unique())
        found.append((title, dimension, sorted(names - {ALL})))
    return found


def _entry(report: MartReport, indicator: Indicator, limits: pl.DataFrame, series: pl.DataFrame) -> dict[str, Any]:
    columns = limits.select("place", pl.col("start").cast(pl.String), "centre", "lower", "upper", "signal")
    by_place: dict[str, list[list[Any]]] = {}
    for place, *point in columns.iter_rows():
        by_place.setdefault(place, []).append(point)
    return {
        "id": indicator.id,
        "name": indicator.name,
        "unit": indicator.unit,
        "rate_words": indicator.rate_words,
        "share_of": indicator.share_of,
        "share": indicator.share,
        "standard": indicator.standard,
        "limits": by_place,
        "said": dict(series.select("place", "said").iter_rows()),
        "tables": [_table(report, indicator, cut.by) for cut in indicator.cuts],
    }


def _table(report: MartReport, indicator: Indicator, by: tuple[str, ...]) -> dict[str, Any]:
    table = next(t for t in report.tables if t.indicator == indicator.id and _dimensions(t.columns) == by)
    frame = pl.read_parquet(table.path)
    names = [list(frame[d].unique(maintain_order=True)) for d in by]
    ratio = next((c for c in ("rate", "share_percent") if c in frame.columns), None)
    return {
        "by": list(by),
        "period": table.period,
        "names": names,
        "parts": [
            frame[d].replace_strict({n: k for k, n in enumerate(known)}, return_dtype=pl.Int64).to_list()
            for d, known in zip(by, names, strict=True)
        ],
        "start": frame["start"].cast(pl.String).to_list(),
        "value": frame["value"].to_list(),
        "status": frame["status"].replace_strict(STATUS, return_dtype=pl.Int64).to_list(),
        "provisional": frame["provisional"].cast(pl.Int64).to_list(),
        "ratio": frame[ratio].to_list() if ratio else None,
    }


def _dimensions(columns: Any) -> tuple[str, ...]:
    fixed = {"period", "start", "value", "population", "rate", "share_percent", "status", "provisional"}
    return tuple(c for c in columns if c not in fixed)
