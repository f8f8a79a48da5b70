"""The command line. Each command says in its help what it does, with an example.

Exit codes: 0 done; 1 the run or the data has a problem; 2 what was asked cannot be done as asked; 3 another process
is writing to this home. Nothing heavy is imported before a command needs it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.codelist import codelist
from pipelines.commands.compare import compare
from pipelines.commands.engine import engine
from pipelines.commands.model import model
from pipelines.commands.operate import backup, docs, doctor, forget, restore
from pipelines.commands.quality import quality
from pipelines.commands.source import source
from pipelines.commands.synth import synth
from pipelines.errors import StopError
from pipelines.store import Store

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="From delivered extracts to a weekly list, as it was known on any Monday.\n\n"
    "Start with `anticipate demo`, then `anticipate ui`.",
)
Engine = Annotated[str | None, typer.Option(help="duckdb or spark.", show_default="as the settings say, else duckdb")]
Master = Annotated[
    str | None, typer.Option(help="Where Spark runs: local[2], spark://host:7077, k8s://https://host, yarn.")
]
app.add_typer(source, name="source")
app.add_typer(codelist, name="codelist")
app.add_typer(quality, name="quality")
app.add_typer(forget, name="forget")
for _command in (doctor, backup, restore, docs, compare, engine):
    app.command()(_command)
app.add_typer(model, name="model")
app.add_typer(synth, name="synth")


def main() -> None:
    """Entry point: runs a command; a problem that a person can put right is one sentence and an exit code."""
    try:
        app()
    except StopError as stop:
        sys.stderr.write(f"{stop}\n")
        sys.exit(stop.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write("Stopped; what was published before is untouched, and the run can be started again.\n")
        sys.exit(130)


@app.callback()
def choose_home(
    context: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option(
            help="Where deliveries, lake and publications live.", envvar="ANTICIPATE_HOME", show_default="./home"
        ),
    ] = None,
) -> None:
    """Remember the home for the command."""
    context.obj = Store.at(home)
    os.environ["ANTICIPATE_HOME"] = str(context.obj.home)  # where the site's own declarations are looked for
    if (context.obj.home / "anticipate.toml").exists():
        from pipelines.settings import apply_settings

        apply_settings(context.obj)


@app.command()
def demo(
    context: typer.Context,
    people: Annotated[int, typer.Option(min=500, help="How many artificial people.")] = 20_000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same people.")] = 1,
    weeks: Annotated[int, typer.Option(min=1, max=52, help="How many weekly deliveries.")] = 4,
) -> None:
    """Make an artificial population, deliver it week by week, run every week, and say where the results are.

    Example: `anticipate --home demo demo --people 5000 --weeks 2`
    """
    from pipelines.demo import run_demo

    run_demo(context.obj, people=people, seed=seed, weeks=weeks)


@app.command()
def run(
    context: typer.Context,
    week: Annotated[
        str | None, typer.Option(help="A Monday, YYYY-MM-DD.", show_default="the latest that was delivered for")
    ] = None,
    engine: Engine = None,
    master: Master = None,
) -> None:
    """Run one week: read what was delivered, bring the record up to date, score, make the lists, publish.

    Example: `anticipate run --week 2026-01-05`, past one machine `anticipate run --engine spark --master spark://host:7077`
    """
    from pipelines.engines import choose
    from pipelines.terminal import run_week

    choose(engine, master)
    run_week(context.obj, week)


@app.command()
def train(
    context: typer.Context,
    week: Annotated[
        str | None, typer.Option(help="A Monday, YYYY-MM-DD.", show_default="the latest that was delivered for")
    ] = None,
    outcome: Annotated[
        list[str] | None,
        typer.Option(help="Only this outcome; may be given again.", show_default="the routine ones"),
    ] = None,
    *,
    quick: Annotated[
        bool, typer.Option("--quick", help="Leave out held-out practices and the loss from fewer sources.")
    ] = False,
    engine: Engine = None,
    master: Master = None,
) -> None:
    """Train models as at one week, whether or not a training is due, and let them compete with those in use.

    Example: `anticipate train --week 2026-01-05 --outcome fall_or_fracture_12m`
    """
    from pipelines.engines import choose
    from pipelines.terminal import train_week

    choose(engine, master)
    train_week(context.obj, week, outcomes=outcome or [], thorough=not quick)


@app.command()
def ui(
    context: typer.Context,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port.", show_default="3000")] = None,
    host: Annotated[str | None, typer.Option(help="Address.", show_default="127.0.0.1, this machine only")] = None,
    *,
    read_only: Annotated[bool | None, typer.Option("--read-only", help="For viewers: nothing can be started.")] = None,
) -> None:
    """Open Dagster on http://127.0.0.1: assets, runs, checks, schedule, and jobs with a form to fill in.

    Example: `anticipate ui --port 3001`
    """
    from pipelines.ui import serve

    serve(context.obj, port=port, host=host, read_only=read_only)


@app.command()
def status(
    context: typer.Context,
    files: Annotated[bool, typer.Option("--files", help="One line a delivered file, not only a source.")] = False,
) -> None:
    """What was delivered and what became of every record, how the last runs went, what is published.

    Example: `anticipate status --files`
    """
    from pipelines.terminal import show_status

    show_status(context.obj, files=files)


@app.command()
def query(
    context: typer.Context,
    sql: Annotated[str, typer.Argument(help="One SELECT.")],
    *,
    analyst: Annotated[
        bool, typer.Option("--analyst", help="Ask the record-level analyst file, not the warehouse.")
    ] = False,
    csv: Annotated[Path | None, typer.Option(help="Write the whole result to this CSV file.")] = None,
    parquet: Annotated[Path | None, typer.Option(help="Write the whole result to this Parquet file.")] = None,
    rows: Annotated[int, typer.Option(min=1, help="Rows shown in the terminal.")] = 40,
) -> None:
    """Ask the published warehouse in SQL, read-only, also while a run is writing.

    Example: `anticipate query "select source, sum(accepted) from delivery group by all"`
    """
    from pipelines.terminal import show_query

    show_query(context.obj, sql, analyst=analyst, csv=csv, parquet=parquet, rows=rows)


@app.command()
def export(
    context: typer.Context,
    indicators: Annotated[
        list[str] | None, typer.Argument(help="Ids of indicators.", show_default="all tables")
    ] = None,
    *,
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("export"),
    formats: Annotated[str, typer.Option(help="Of csv, parquet, xlsx, with commas.")] = "csv,parquet,xlsx",
) -> None:
    """Take published commissioning tables out as CSV, Parquet and one Excel workbook with its definitions.

    Example: `anticipate export emergency_bed_days --out beds --formats xlsx`
    """
    from pipelines.export import export as write_tables

    written = write_tables(context.obj, out, indicators=indicators or (), formats=formats.split(","))
    sys.stdout.write(f"{len(written)} files in {out.absolute()}\n")


@app.command()
def person(
    context: typer.Context,
    reference: Annotated[str, typer.Argument(metavar="PERSON_ID", help="13 letters and digits, as on a list.")],
    week: Annotated[str | None, typer.Option(help="A Monday, YYYY-MM-DD.", show_default="the newest published")] = None,
    events: Annotated[int, typer.Option(min=1, help="Events shown, newest first.")] = 30,
) -> None:
    """The record, features and scores of one pseudonymous person as known on a Monday. Never an NHS number.

    Example: `anticipate person 128GGYHYYK08N --week 2026-01-05`
    """
    from pipelines.terminal import show_person

    show_person(context.obj, reference, week, events=events)


@app.command()
def release(
    context: typer.Context,
    team: Annotated[str, typer.Argument(help="The team's code, as in the name of its list.")],
    purpose: Annotated[str, typer.Option(help="What for; one of the purposes of your role.")],
    *,
    week: Annotated[str | None, typer.Option(help="A Monday, YYYY-MM-DD.", show_default="the newest list")] = None,
    at_practice: Annotated[
        bool, typer.Option("--at-practice", help="Row ids and pseudonyms only; the practice says who they are.")
    ] = False,
    register: Annotated[bool, typer.Option("--register", help="The register instead of the weekly list.")] = False,
) -> None:
    """Release one team's list with NHS numbers. Who asks is the account; each person shown goes into the audit log.

    Example: `anticipate release U05048 --week 2026-02-23 --purpose "direct care"`
    """
    from pipelines.commands.release import release_list

    release_list(context.obj, team, week, purpose, at_practice=at_practice, register=register)


@app.command()
def why(
    context: typer.Context,
    reference: Annotated[str, typer.Argument(metavar="PERSON_ID", help="13 letters and digits, as on a list.")],
    week: Annotated[str | None, typer.Option(help="A Monday, YYYY-MM-DD.", show_default="the newest list")] = None,
) -> None:
    """Why a person is on that week's list, or why not. Answers for anybody.

    Example: `anticipate why 128GGYHYYK08N --week 2026-02-23`
    """
    from pipelines.why import why as answer

    found = answer(context.obj, reference, week)
    sys.stdout.write(f"{found.reference}, list of {found.week}\n" + "".join(f"- {s}\n" for s in found.sentences))


@app.command()
def register(
    context: typer.Context,
    week: Annotated[str | None, typer.Option(help="A Monday, YYYY-MM-DD.", show_default="the newest list")] = None,
) -> None:
    """Build each neighbourhood's register: who is or may be housebound or lives in a care home. Uncapped, unranked.

    Example: `anticipate register`, then `anticipate release U05048 --register --purpose "direct care"`
    """
    from pipelines.register import show_register

    show_register(context.obj, week)


@app.command()
def evaluate(context: typer.Context) -> None:
    """Whether the lists help, harm or cannot be told, under the declared design; harm stops the next release.

    Example: `anticipate evaluate`
    """
    from pipelines.commands.evaluate import show_evaluation

    show_evaluation(context.obj)


@app.command()
def feedback(context: typer.Context) -> None:
    """What teams wrote on their lists: uptake, yield, what could not be taken and in which cell, safety incidents.

    Drop a returned workbook into `inbox/outreach_feedback/<received YYYY-MM-DD>/`; the next run reads it.

    Example: `anticipate feedback`
    """
    from pipelines.commands.feedback import show_feedback

    show_feedback(context.obj)


@app.command()
def audit(
    context: typer.Context,
    person: Annotated[str | None, typer.Option(help="Who saw this person? 13 letters and digits.")] = None,
) -> None:
    """Check that the audit log is whole, say which released lists are overdue for deletion, or who saw a person.

    Example: `anticipate audit --person 128GGYHYYK08N`
    """
    from pipelines.commands.release import show_audit

    show_audit(context.obj, person)


@app.command()
def relocate(context: typer.Context) -> None:
    """After a home was moved or restored elsewhere: let the analyst files name the lake where it lies now.

    Example: `anticipate --home /new/place relocate`
    """
    from pipelines.lock import writing
    from pipelines.relocate import relocate as rewrite

    with writing(context.obj.home, "relocate"):
        count = rewrite(context.obj)
    sys.stdout.write(f"{count} publications rewritten.\n")


if __name__ == "__main__":
    main()
