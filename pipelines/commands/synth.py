"""`anticipate synth`: artificial people as deliveries, their report, and their lives with and without contacts."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from pipelines.errors import MistakeError

synth = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Artificial people: deliveries of any size, a report beside published figures, lives with and without "
    "contacts.\n\nExample: `anticipate synth report --people 20000 --out report`",
)
People = Annotated[int, typer.Option(min=100, help="How many are registered at any time.")]
Seed = Annotated[int, typer.Option(help="The same seed makes the same people.")]
Contacts = Annotated[
    Path | None, typer.Option(exists=True, dir_okay=False, help="CSV with nhs_number, date, kind: outreach contacts.")
]


@synth.command("generate")
def generate_deliveries(
    *,
    out: Annotated[Path, typer.Option(help="Folder for inbox/ and truth/; new or empty.")],
    people: People = 20_000,
    seed: Seed = 1,
    weeks: Annotated[int, typer.Option(min=1, help="Weekly deliveries after the history.")] = 4,
    years: Annotated[int, typer.Option(min=1, help="Years of history before them.")] = 6,
    last: Annotated[str, typer.Option(help="Monday of the last delivery, YYYY-MM-DD.")] = "2026-02-23",
    fault_rate: Annotated[float, typer.Option(min=0, max=0.5, help="Share of rows spoilt on purpose.")] = 0.0005,
    contacts: Contacts = None,
    risk_week: Annotated[
        list[str] | None, typer.Option(help="A Monday at which true risks are written; may be given again.")
    ] = None,
    replicates: Annotated[int, typer.Option(min=1, help="Futures lived for each true risk.")] = 200,
    parquet: Annotated[bool, typer.Option("--parquet", help="Parquet files in place of text.")] = False,
    broken_files: Annotated[
        bool, typer.Option("--broken-files", help="Also send files that are spoilt as a whole.")
    ] = False,
) -> None:
    """Write a county as deliveries, and beside the inbox what is true.

    With the same seed, people and dates, a contacts file changes nothing before the first contact.

    Example: `anticipate synth generate --people 5000 --out county`
    """
    from pipelines.terminal import console
    from synthetic import generate

    if out.exists() and any(out.iterdir()):
        raise MistakeError(f"{out} is not empty; choose another folder.")
    try:
        made = generate(
            out / "inbox",
            people=people,
            seed=seed,
            last_delivery=_day(last),
            years=years,
            weekly_deliveries=weeks,
            fault_rate=fault_rate,
            contacts=contacts,
            parquet=parquet,
            broken_files=broken_files,
            risk_weeks=[_day(w) for w in risk_week or []],
            replicates=replicates,
        )
    except ValueError as problem:
        raise MistakeError(str(problem)) from problem
    rows = sum(int(str(f["rows"])) for f in made.files)
    console.print(f"{len(made.files):,} files, {rows:,} rows, {len(made.faults):,} faults on purpose: {out / 'inbox'}")
    console.print(f"What is true: {made.truth}", soft_wrap=True)


@synth.command("report")
def report(
    out: Annotated[Path, typer.Option(help="Folder for the report.")] = Path("synthetic-report"),
    people: People = 250_000,
    seed: Seed = 1,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes.", show_default="one a core")] = None,
) -> None:
    """Hold the artificial county against published figures, as a web page and as Markdown.

    Example: `anticipate synth report --people 20000 --out report`
    """
    from rich.progress import Progress

    from pipelines.terminal import console
    from synthetic import report as made

    with Progress(console=console, transient=True) as progress:
        task = progress.add_task(f"living {people:,} lives", total=None)
        counts = made.count(
            people, seed, workers=workers, progress=lambda d, n: progress.update(task, completed=d, total=n)
        )
    for path in made.write_report(out, people=people, seed=seed, counts=counts):
        console.print(str(path), soft_wrap=True)
    found = made.lines(counts)
    console.print(made.heading(people, seed, found))
    for line in (x for x in found if not x.met):
        here, target = made.number(line.achieved, line.kind), made.number(line.target, line.kind)
        console.print(f"- {line.said}: {here}, target {target}" + (f" ({line.remark})" if line.remark else ""))


@synth.command("stop")
def stop(
    out: Annotated[Path, typer.Argument(help="File to write (.npz).")],
    *,
    at: Annotated[str, typer.Option(help="Monday at which the lives are stopped, YYYY-MM-DD.")],
    people: People = 20_000,
    seed: Seed = 1,
    weeks: Annotated[int, typer.Option(min=1, help="As for `generate`.")] = 4,
    years: Annotated[int, typer.Option(min=1, help="As for `generate`.")] = 6,
    last: Annotated[str, typer.Option(help="As for `generate`.")] = "2026-02-23",
) -> None:
    """Live a county up to a Monday and save where everybody stands.

    The same people as `generate` makes with the same options.

    Example: `anticipate synth stop state.npz --at 2025-02-24 --people 5000`
    """
    from pipelines.terminal import console
    from synthetic import resume
    from synthetic.plan import first_day

    begins = first_day(_day(last), years, weeks)
    days, monday = (_day(last) - begins).days, _day(at)
    if monday.weekday() != 0 or monday <= begins:
        raise MistakeError(f"{at} is no Monday after {begins}.")
    week = (monday - begins).days // 7
    stopped = resume.stop_at(out, people=people, seed=seed, first_day=begins, days=days, week=week)
    here = int((stopped.state.alive & stopped.state.present).sum())
    console.print(f"{here:,} people as they stand on {stopped.date}: {out}", soft_wrap=True)


@synth.command("resume")
def live_on(
    state: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="From `anticipate synth stop`.")],
    out: Annotated[Path, typer.Option(help="Parquet file of what happened to each person.")],
    weeks: Annotated[int, typer.Option(min=1, help="How long to live on.")] = 52,
    contacts: Contacts = None,
    future: Annotated[int, typer.Option(min=0, help="0: the one history; another number: another future.")] = 0,
) -> None:
    """Live on from a saved state, with contacts or without, and say what happened to each person.

    Random numbers depend on seed, person, week and process alone: the same person with and without a contact differs
    only by its effect. Kinds of contact are declared under `outreach` in `synthetic/rules.yaml`.

    Example: `anticipate synth resume state.npz --contacts contacts.csv --out with.parquet`
    """
    from pipelines.terminal import console
    from synthetic import resume

    try:
        lived = resume.live_on(resume.load(state), weeks=weeks, contacts=contacts, salt=future)
    except ValueError as problem:
        raise MistakeError(str(problem)) from problem
    out.parent.mkdir(parents=True, exist_ok=True)
    scratch = out.with_name(out.name + ".part")
    lived.write_parquet(scratch)
    scratch.replace(out)
    told = f"{lived.height:,} people, {lived['emergency_admissions'].sum():,} emergency admissions in {weeks} weeks"
    console.print(f"{told}: {out}", soft_wrap=True)


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError as problem:
        raise MistakeError(f"{text!r} is no date; write YYYY-MM-DD.") from problem
