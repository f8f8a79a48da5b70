"""The weekly data-quality page: one file, no script, counts of practices and people but nobody's record."""

from __future__ import annotations

import datetime as dt
from functools import cache
from pathlib import Path

import polars as pl
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from data_contracts.ledger import write_text_safely
from pipelines.quality.measure import CHECKS, MOST_SILENT_DAYS, Quality

TEMPLATES = Path(__file__).parent / "templates"
WIDTH, HEIGHT = 70, 24


def write_page(found: Quality, path: Path) -> None:
    """Writes the page; everything it needs is in the one file."""
    write_text_safely(path, page(found))


def page(found: Quality) -> str:
    """The page as text."""
    late = found.week - dt.timedelta(days=MOST_SILENT_DAYS)
    trends = {
        source: {name: _line(rows[name]) for name in ("records", "quarantined", "unmatched")}
        for (source,), rows in found.deliveries.filter(~pl.col("historic")).group_by("source", maintain_order=True)
    }
    moved = found.columns.filter((pl.col("first") - pl.col("newest")).abs() > 0.02)
    emptiest = found.columns.filter(pl.col("newest") < 1).sort("newest").head(30)
    return _template().render(
        found=found,
        sources=found.sources.filter(pl.col("files") > 0).rows(named=True),
        absent=found.sources.filter(pl.col("files") == 0)["source"].to_list(),
        trends=trends,
        untold={"records": "", "quarantined": "", "unmatched": ""},
        checks=[(f, CHECKS[f.check]) for f in found.findings],
        moved=moved.rows(named=True),
        emptiest=emptiest.rows(named=True),
        quiet=found.practices.filter(pl.col("newest") < late).rows(named=True),
        practices=_by_practice(found.practices),
        percent=lambda v: "" if v is None else f"{v:.1%}",
        plain=lambda v: "" if v is None else f"{v:,}" if isinstance(v, int) else str(v),
    )


def _by_practice(practices: pl.DataFrame) -> list[dict[str, object]]:
    """One row a practice, one column a source: rows received in the last 28 days."""
    if practices.is_empty():
        return []
    wide = practices.pivot(on="source", index="practice", values="rows_28_days", aggregate_function="sum")
    return wide.sort("practice").rows(named=True)


def _line(values: pl.Series) -> str:
    """A small line of the values, as the points of a polyline; empty with fewer than two."""
    if len(values) < 2:
        return ""
    top = max(int(values.max() or 0), 1)  # type: ignore[arg-type]
    step = WIDTH / (len(values) - 1)
    return " ".join(f"{i * step:.0f},{HEIGHT - 2 - (HEIGHT - 4) * v / top:.0f}" for i, v in enumerate(values))


@cache
def _template() -> Template:
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
    return environment.get_template("quality.html.j2")
