"""Cost of people by frailty band in three columns that are never added: activity at unit cost, spend, cash releasable.

Made from published figures alone, so that it tells nothing more than those do.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import polars as pl
import yaml

from commissioning.declaration import ORDER
from commissioning.published import newest_year, summed
from data_contracts import site

UNIT_COSTS = Path(__file__).parent / "unit_cost.yaml"
COLUMNS: Final = {
    "frailty_band": "frailty recorded by a clinician, as known at the time; 'All' is the margin",
    "indicator": "id of the indicator whose published figures these are",
    "start": "first day of its newest twelve settled months",
    "end": "first day after them",
    "activity": "how many, from published figures; null where one of them is not shown",
    "unit_cost": "pounds for one; null where nobody has given it",
    "price_year": "year of those prices",
    "unit_cost_source": "where the unit cost comes from",
    "activity_cost": "activity at unit cost, in pounds; no money that anybody has, null without a unit cost",
    "spend": "pounds that a commissioner really spent, null where no source tells",
    "cash_releasable": "pounds: 0 unless a named bed, ward or contract closes",
}


class UnitCostError(ValueError):
    """The table of unit costs cannot be used; the message says what to change."""


def unit_costs(path: Path | None = None) -> dict[str, Any]:
    """The unit costs in use: those of the site, else those that are shipped, all missing.

    Raises:
        UnitCostError: a cost or a closure has no source.
    """
    path = path or site.own_or(UNIT_COSTS)
    said: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    for line in said["activity"]:
        if line["pounds"] is not None and not (line.get("source") and line.get("price_year")):
            raise UnitCostError(f"{path.name}: {line['indicator']!r} has a unit cost without a source or a price year")
    for closure in said["closures"]:
        if not (closure.get("what") and closure.get("source")):
            raise UnitCostError(f"{path.name}: cash is released only by a named closure with a source")
    return said


def costs(frames: Mapping[str, pl.DataFrame], said: Mapping[str, Any] | None = None) -> pl.DataFrame:
    """One row a frailty band and indicator, bands in reading order.

    Args:
        frames: published cells by table name.
        said: the unit costs; None: those in use.
    """
    said = said or unit_costs()
    lines = [*said["activity"], *({"indicator": i, "pounds": None, "spend": True} for i in said["spend"])]
    rows = [row for line in lines for row in _rows(frames.get(f"{line['indicator']}_by_frailty_band"), line, said)]
    order = {band: place for place, band in enumerate(ORDER["frailty_band"])}
    place = pl.col("frailty_band").replace_strict(order, default=len(order), return_dtype=pl.Int64)
    return pl.DataFrame(rows, schema=schema(), orient="row").sort(place, maintain_order=True)


def schema() -> dict[str, Any]:
    """Columns and types of the table."""
    kinds: dict[str, Any] = {"start": pl.Date, "end": pl.Date, "unit_cost": pl.Float64}
    kinds |= dict.fromkeys(("activity", "price_year", "activity_cost", "spend", "cash_releasable"), pl.Int64)
    return {c: kinds.get(c, pl.String) for c in COLUMNS}


def _rows(frame: pl.DataFrame | None, line: Mapping[str, Any], said: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    span = newest_year(frame)
    if frame is None or span is None:
        return []
    totals: dict[str, int | None] = dict(summed(frame, span, ("frailty_band",)).iter_rows())
    closed = sum(int(c["pounds"]) for c in said["closures"] if c["indicator"] == line["indicator"])
    rows: list[tuple[Any, ...]] = []
    for band, total in totals.items():
        spent = bool(line.get("spend"))
        price = line["pounds"]
        costed = None if price is None or total is None else round(total * float(price))
        rows.append(
            (
                *(band, line["indicator"], span.start, span.end, None if spent else total),
                *(price, line.get("price_year"), line.get("source"), costed),
                *(total if spent else None, closed if band == "All" else 0),
            )
        )
    return rows
