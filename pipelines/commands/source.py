"""`anticipate source`: add a source from a sample file, check contracts, compare versions, list what there is."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.errors import MistakeError, ProblemError

if TYPE_CHECKING:
    from data_contracts.sample import Sample
    from pipelines.sources import NewSource

source = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Delivered sources: add one from a sample file, check contracts, compare versions, list what there is.\n\n"
    "Example: `anticipate source list`",
)


@source.command("new")
def new(
    name: Annotated[str, typer.Argument(help="Name of the source, e.g. ambulance.")],
    sample: Annotated[Path, typer.Option("--from", help="A sample file with headings and some rows.")],
    *,
    event_date: Annotated[str | None, typer.Option(help="Column: when it happened.")] = None,
    end_date: Annotated[str | None, typer.Option(help="Column: when it ended, for stays and episodes.")] = None,
    known: Annotated[str | None, typer.Option(help="Column: when it was entered; else the event date counts.")] = None,
    lag: Annotated[int | None, typer.Option(min=0, help="Days after that until it reaches you.")] = None,
    resend: Annotated[str | None, typer.Option(help="How it is sent again: delta, snapshot or rolling.")] = None,
    key: Annotated[str | None, typer.Option(help="Columns that name one row, joined by commas.")] = None,
    person: Annotated[str | None, typer.Option(help="Column with NHS numbers.")] = None,
    purpose: Annotated[list[str] | None, typer.Option(help="An agreed purpose; may be given several times.")] = None,
    agreement: Annotated[str, typer.Option(help="The agreement behind the purposes.")] = "",
    review: Annotated[str | None, typer.Option(help="Day on which the agreement is reviewed, YYYY-MM-DD.")] = None,
    controller: Annotated[str, typer.Option(help="Who is responsible for the data.")] = "",
    every: Annotated[int, typer.Option(min=1, help="Days between deliveries.")] = 7,
    limit: Annotated[int | None, typer.Option(min=1, help="Days after which it counts as gone.")] = None,
) -> None:
    """Write a contract, an artificial example and a test from a sample file; asks for what a file cannot tell.

    Example: `anticipate source new ambulance --from sample.csv --event-date call_connect_time --lag 1 --resend delta`
    """
    from data_contracts.scaffold import Answers
    from pipelines.sources import look_at, new_source

    seen = look_at(sample)
    _say_what_was_seen(seen)
    happened, days, kind, keyed = _still_asked_for(seen, event_date, lag, resend, key)
    answers = Answers(
        event_date=happened,
        end_date=end_date,
        known_columns=(known or happened,),
        known_lag=days,
        delivery=kind,
        key=keyed,
        person=person or (seen.person.name if seen.person else None),
        agreed=tuple(purpose or ()),
        agreement=agreement,
        review=_day(review) if review else None,
        controller=controller,
        frequency=every,
        staleness=limit or 3 * every,
    )
    _say_what_was_made(name, new_source(name, seen, answers), agreed=bool(answers.agreed))


def _still_asked_for(
    seen: Sample, event_date: str | None, lag: int | None, resend: str | None, key: str | None
) -> tuple[str, int, str, tuple[str, ...]]:
    """What a file cannot tell, as given or asked for: event date, days until known, how it is sent again, key."""
    happened = _ask(event_date, "--event-date", "Which column says when it happened?", seen.dates)
    said = None if lag is None else str(lag)
    days = int(_ask(said, "--lag", "How many days later does it reach you?", ("1", "7", "42")))
    kind = _ask(resend, "--resend", "How is it sent again (delta, snapshot, rolling)?", ("delta", "snapshot"))
    keyed = key or _ask(None, "--key", "Which columns name one row?", [",".join(k) for k in seen.keys] or [""])
    return happened, days, kind, tuple(k.strip() for k in keyed.split(",") if k.strip())


def _say_what_was_made(name: str, made: NewSource, *, agreed: bool) -> None:
    from pipelines.terminal import console

    for heading, why in made.scaffold.left_out.items():
        console.print(f"Left out: {heading} ({why}).")
    for what, path in {"contract": made.contract, "example": made.example, "test": made.test}.items():
        console.print(f"{what:<9}{path}", soft_wrap=True)
    if not agreed:
        console.print("No purpose was named: the source is in no product until its contract says what was agreed.")
    console.print(f"Read the contract, then: anticipate source check {name}")


@source.command("check")
def check(names: Annotated[list[str] | None, typer.Argument(help="Sources; all when none is named.")] = None) -> None:
    """Validate contracts against the Open Data Contract Standard 3.1 and read their examples.

    Example: `anticipate source check ambulance`
    """
    import polars as pl

    from pipelines.sources import check_sources
    from pipelines.terminal import show

    found = check_sources(names)
    rows = [(c.source, c.version, c.columns, c.example, c.problem or "holds") for c in found]
    schema = ["source", "version", "columns", "example", "result"]
    show(pl.DataFrame(rows, schema=schema, orient="row"), "Contracts")
    if bad := [c for c in found if c.problem]:
        raise ProblemError("\n".join(f"{c.source}: {c.problem}" for c in bad))


@source.command("diff")
def diff(
    context: typer.Context,
    old: Annotated[str, typer.Argument(help="A contract file, or a source: as the home was last run with it.")],
    new_file: Annotated[
        str | None, typer.Argument(metavar="NEW", help="A contract file.", show_default="the contract in force")
    ] = None,
) -> None:
    """Breaking and other changes between two versions; turned away when the version number does not admit them.

    Example: `anticipate source diff ambulance`
    """
    from pipelines.sources import difference
    from pipelines.terminal import console

    changes = difference(context.obj, old, new_file)
    for change in changes:
        console.print(f"{'breaking' if change.breaking else 'other':<9}{change.what}", soft_wrap=True)
    if not changes:
        console.print("Nothing changed that matters to reading.")


@source.command("list")
def list_all(context: typer.Context) -> None:
    """Owner, cadence, freshness and volume of every source.

    Example: `anticipate source list`
    """
    from pipelines.sources import list_sources
    from pipelines.terminal import show

    show(list_sources(context.obj), "Sources; ages are counted to the newest delivery of any")


def _say_what_was_seen(seen: Sample) -> None:
    import polars as pl

    from pipelines.terminal import show

    rows = []
    for c in seen.columns:
        marks = {
            "person": c.person,
            "identifier": c.identifier,
            "SNOMED CT": c.code_system,
            "day first": c.day_first,
            "left out": c.tells_who,
            f"{len(c.codes)} codes": bool(c.codes),
        }
        rows.append(
            (c.header, c.name, c.type, f"{c.filled:.0%}", c.distinct, ", ".join(m for m, on in marks.items() if on))
        )
    schema = ["heading", "column", "type", "filled", "different", "seems to be"]
    show(pl.DataFrame(rows, schema=schema, orient="row"), f"{seen.path.name}: {seen.rows} rows")


def _ask(answer: str | None, option: str, question: str, offered: Sequence[str]) -> str:
    """The answer given as an option, or at the terminal; elsewhere the option is needed."""
    if answer is not None:
        return answer
    if not sys.stdin.isatty():
        raise MistakeError(f"{question} Say so with {option}; the sample suggests {', '.join(offered) or 'nothing'}.")
    return str(typer.prompt(question, default=offered[0] if offered else None))


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise MistakeError(f"{text!r} is not a date; write YYYY-MM-DD.") from None
