"""What Dagster shows of a week's lists, stage by stage: counts by team, small ones told as such; where files lie."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import polars as pl

from outreach.stored import ROWS
from pipelines.list_checks import LEDGER, LIST, POSSIBLE, WeekLists
from pipelines.moved import protected
from pipelines.presentation import markdown
from pipelines.webserver import LISTS, link_to

Told = dict[str, dg.MetadataValue | int | str]
_WHY = ["shown", "still_here", "over_capacity"]


def preview(made: WeekLists) -> dict[tuple[str, ...], Told]:
    """For each stage what is shown of it."""
    return {POSSIBLE: _considered(made), LEDGER: _chosen(made), LIST: _given(made)}


def _considered(made: WeekLists) -> Told:
    """How many people of each team could be listed, and what stands against the others."""
    report = made.report
    against = pl.when(pl.col("status").is_in(_WHY)).then(pl.lit("may be listed")).otherwise("status")
    counts = made.ledger.with_columns(status=against).group_by("team", "status").len("people").sort("team", "status")
    by_team = counts.pivot("status", index="team", values="people").fill_null(0).sort("team", nulls_last=True)
    return {
        "dagster/row_count": len(made.ledger),
        "people by team": _table(protected(by_team)),
        "withheld": report.withheld,
        "two registrations": report.double_registrations,
        "practices without a team": ", ".join(report.unassigned) or "none",
        "rows of earlier lists answered": report.answered,
        "returned rows not taken": report.feedback_faults,
        "people added who are not the team's to list": report.added_elsewhere,
        "lines on the safety incident list": len(report.incidents),
    }


def _chosen(made: WeekLists) -> Told:
    """Places and people by team; whom a declared design compares."""
    report = made.report
    arms = made.ledger.group_by("arm").len("people").drop_nulls("arm").sort("arm")
    statuses = pl.DataFrame({"status": list(report.statuses), "people": list(report.statuses.values())})
    return {
        "dagster/row_count": len(made.ledger),
        "teams": _table(pl.DataFrame([vars(t) for t in report.teams]).drop("marginal_score", strict=False)),
        "people by status": _table(protected(statuses)),
        "people compared": _table(protected(arms)),
        "share from nowhere near the last list": "no list before" if report.churn is None else f"{report.churn:.0%}",
        "content": report.content,
        "file": dg.MetadataValue.path(str(report.ledger)),
    }


def _given(made: WeekLists) -> Told:
    """What lies there for each team."""
    report = made.report
    rows = pl.read_parquet(report.ledger.parent / ROWS).group_by("team", "sheet").len("rows").sort("team", "sheet")
    sheets = rows.pivot("sheet", index="team", values="rows").fill_null(0).sort("team")
    books = [p for p in report.files if p.suffix == ".xlsx"]
    files = pl.DataFrame(
        {
            "team": [p.stem for p in books],
            "workbook": [_link(p) for p in books],
            "page": [_link(p.with_suffix(".html")) for p in books],
        },
        schema_overrides=dict.fromkeys(("team", "workbook", "page"), pl.String),
    )
    return {
        "dagster/row_count": sum(report.statuses.values()),
        "shown": report.shown,
        "teams": _table(pl.DataFrame([vars(t) for t in report.teams]).drop("marginal_score", strict=False)),
        "rows by sheet": _table(protected(sheets)),
        "workbooks": _table(files),
        "folder": dg.MetadataValue.path(str(report.ledger.parent)),
    }


def _link(file: Path) -> str:
    """A list as the pages of ``anticipate ui`` hand it out, when it is in the current publication."""
    return f"[{file.name}]({link_to(f'{LISTS}/{file.parent.name}/{file.name}')})"


def _table(table: pl.DataFrame) -> dg.MetadataValue:
    return dg.MetadataValue.md(markdown(table, rows=200))
