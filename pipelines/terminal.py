"""What the command line shows: progress of a run, tables, where things are."""

from __future__ import annotations

import datetime as dt
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from pipelines.errors import MistakeError, ProblemError
from pipelines.store import Store
from pipelines.weeks import LATEST_TAG, choose_week

if TYPE_CHECKING:
    import polars as pl

    from pipelines.progress import Happening, Listener

console = Console(width=None if sys.stdout.isatty() else 160)


def run_week(store: Store, asked: str | None) -> None:
    """Run the weekly job for one week, show progress, say where the results are."""
    week = choose_week(store, asked)
    run_shown(store, "weekly", week, tags={} if asked else {LATEST_TAG: "yes"})
    show_places(store)


def train_week(store: Store, asked: str | None, *, outcomes: Sequence[str], thorough: bool) -> None:
    """Train as at one week.

    Raises:
        MistakeError: an outcome is not declared.
    """
    from models import load_outcomes

    known = load_outcomes()
    if unknown := [name for name in outcomes if name not in known]:
        raise MistakeError(f"There is no outcome {unknown[0]!r}; declared are {', '.join(known)}.")
    week = choose_week(store, asked)
    form = {"retrain": True, "outcomes": list(outcomes), "thorough": thorough}
    run_shown(store, "train", week, config={"ops": {"model": {"config": form}}})


def run_shown(
    store: Store,
    job: str,
    week: dt.date,
    *,
    config: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
) -> None:
    """Run a job with progress shown.

    Raises:
        ProblemError: the run failed; the message says which step or check, and why.
        LockedError: another process writes to this home.
    """
    began = time.monotonic()
    with console.status(f"{job} {week}: starting") as spinner, _shown(job, week, spinner) as listener:
        from pipelines.runner import run_job

        outcome = run_job(store, job, week=week, config=config, tags=tags, listener=listener)
    if not outcome.success:
        raise ProblemError(
            "\n".join([f"The run for {week} did not complete. Nothing new is published.", *outcome.reasons])
        )
    console.print(f"[bold green]{job} {week}[/] done in {time.monotonic() - began:.0f} s")


@contextmanager
def _shown(job: str, week: dt.date, spinner: Any) -> Iterator[Listener]:
    """A listener that prints a line a step and keeps the spinner on what is being done."""
    began: dict[str, float] = {}
    assets: dict[str, int] = {}

    def listen(happening: Happening) -> None:
        step = happening.step
        if happening.what == "began":
            began[step] = time.monotonic()
            spinner.update(f"{job} {week}: {step}")
        elif happening.what == "asset":
            assets[step] = assets.get(step, 0) + 1
            rows = f", {happening.rows:,} rows" if happening.rows else ""
            spinner.update(f"{job} {week}: {happening.asset}{rows}")
        elif happening.what in ("done", "broke"):
            mark = "[green]✓[/]" if happening.what == "done" else "[red]✗[/]"
            seconds = time.monotonic() - began.get(step, time.monotonic())
            count = assets.get(step, 0)
            several = f"{count} assets" if count > 1 else ""
            console.print(f"  {mark} {step:<14} {seconds:6.1f} s  {several}")

    yield listen


def show_places(store: Store) -> None:
    """Say where lists, pages, model card and warehouse are, and how to open the UI."""
    from pipelines.publish import ANALYST, WAREHOUSE, current_manifest

    manifest = current_manifest(store)
    if manifest is None:
        return
    current = store.current
    grid = Table.grid(padding=(0, 2))
    places = {
        "lists": current / "lists" / f"week={manifest['week']}",
        "dashboard": current / "dashboard.html",
        "population": current / "population.html",
        "model card": current / "model_card.html",
        "warehouse": current / WAREHOUSE,
        "analyst file": current / ANALYST,
    }
    for name, path in places.items():
        if path.exists():
            grid.add_row(f"[bold]{name}[/]", str(path))
    grid.add_row("[bold]open Dagster[/]", f"anticipate --home {store.home} ui")
    console.print(grid, soft_wrap=True)


def show_status(store: Store, *, files: bool) -> None:
    """Print the status of a home."""
    from pipelines.status import COUNTS, read_status

    found = read_status(store)
    if files:
        show(found.files.drop("message"), "Delivered files, newest first")
    else:
        delivered = found.sources.filter(found.sources["files"].is_not_null())
        show(delivered.select("source", "newest", "files", *COUNTS), "Sources: the fate of their records")
        absent = found.sources.filter(found.sources["files"].is_null())["source"].to_list()
        if absent:
            console.print(f"Never delivered: {', '.join(absent)}")
    rejected = found.files.filter(found.files["fate"] == "rejected")
    if len(rejected):
        show(rejected.select("source", "file", "code", "message"), "Rejected files")
    if len(found.checks):
        show(found.checks, "Checks of the newest run that do not hold")
    if len(found.runs):
        show(found.runs, "Last runs")
    if found.waiting:
        console.print(f"{found.waiting:,} files wait in {store.inbox}")
    if found.published is None:
        console.print("Nothing is published yet.")
    else:
        console.print(
            f"Published: week [bold]{found.published['week']}[/], data to {found.published['data_date']}, "
            f"model {found.published.get('model_id') or 'none'}, run {found.published['run_id'][:8]}"
        )
        show_places(store)


def show_query(store: Store, sql: str, *, analyst: bool, csv: Path | None, parquet: Path | None, rows: int) -> None:
    """Ask, then print or write."""
    from pipelines.query import query, write_table

    table = query(store, sql, analyst=analyst)
    written = write_table(table, csv=csv, parquet=parquet)
    for path in written:
        console.print(f"{len(table):,} rows written to {path}", soft_wrap=True)
    if not written:
        show(table, rows=rows)


def show_person(store: Store, reference: str, week: str | None, *, events: int) -> None:
    """Print one person as known on a Monday."""
    from pipelines.person import read_person

    view = read_person(store, reference, week)
    show(view.about, f"{view.reference} as known on {view.week}")
    show(view.timeline, "Record, newest first", rows=events)
    if len(view.medicines):
        show(view.medicines, "Medicines issued in the last 12 months", rows=len(view.medicines))
    told = view.features.filter(~view.features["nothing"]).drop("nothing", "value")
    show(told, "Features that say something", rows=len(told) or 1)
    unknown = view.features.filter(view.features["value"].is_null())["feature"].to_list()
    if unknown:
        console.print(f"Unknown that week: {', '.join(unknown)}")
    if len(view.evidence):
        show(view.evidence, "Evidence for housebound and care home")
    if len(view.deficits):
        show(view.deficits, f"Computed frailty index: its deficits, by codelists {view.codelists}", rows=40)
    if len(view.scores):
        show(view.scores, "Scores")
    if len(view.lists):
        show(view.lists, "Lists")


def show(table: pl.DataFrame, title: str | None = None, *, rows: int = 200) -> None:
    """Print a table: numbers to the right with thousands, missing values as a dot."""
    shown = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name, kind in table.schema.items():
        number = kind.is_numeric()
        shown.add_column(name.replace("_", " "), justify="right" if number else "left", no_wrap=number, overflow="fold")
    for row in table.head(rows).rows():
        shown.add_row(*(_cell(v) for v in row))
    console.print(shown)
    if len(table) > rows:
        console.print(f"{len(table) - rows:,} more rows")


def _cell(value: Any) -> str:
    if value is None:
        return "·"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.4g}" if isinstance(value, float) else str(value).replace("[", "\\[")
