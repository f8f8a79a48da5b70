"""`anticipate codelist`: look for what is wrong with codelists, and see what another version changes and for whom."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.errors import MistakeError, ProblemError

codelist = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Codelists: look for what is wrong with them; see what another version changes, and for how many people.\n\n"
    "Example: `anticipate codelist lint`",
)
SHOWN = 40


@codelist.command("lint")
def lint(
    names: Annotated[list[str] | None, typer.Argument(help="Codelists; all when none is named.")] = None,
    *,
    retired: Annotated[bool, typer.Option("--retired", help="Tell of every old id, too.")] = False,
) -> None:
    """Damage, doubles, codes of two deficits, words of another meaning, codes that need a value, known traps.

    Example: `anticipate codelist lint diabetes falls`
    """
    import polars as pl

    from pipelines.codelists import findings
    from pipelines.terminal import console, show

    found = findings(names)
    told = [f for f in found if retired or f.rule != "retired"]
    old = len(found) - len(told)
    rows = [(f.codelist, f.line, f.code, f.label, f.level, f.says) for f in told]
    if rows:
        show(pl.DataFrame(rows, schema=["codelist", "line", "code", "label", "level", "says"], orient="row"), "Found")
    else:
        console.print("Nothing found that needs looking at.")
    if old:
        console.print(f"{old} old ids are read and never written; --retired names them.")
    if errors := sum(f.level == "error" for f in told):
        raise ProblemError(f"{errors} errors: mend the lists, or say why in data_contracts/reference.")


@codelist.command("diff")
def diff(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A codelist.")],
    file: Annotated[
        Path | None,
        typer.Argument(help="Another version of it (CSV or TRUD text).", show_default="shipped against in use"),
    ] = None,
    *,
    code_column: Annotated[str | None, typer.Option(help="Its column of codes, where it is not recognised.")] = None,
    only: Annotated[str | None, typer.Option(help="COLUMN=VALUE, for a file that holds many lists.")] = None,
    people: Annotated[
        bool, typer.Option("--people", help="How many people of the home it moves: computes every feature twice.")
    ] = False,
) -> None:
    """Codes added and removed, and how many people move.

    Example: `anticipate --home demo codelist diff diabetes primary_care.txt --only Cluster_ID=DM_COD --people`
    """
    from pipelines.codelists import difference, people_moved
    from pipelines.moved import split, told
    from pipelines.terminal import console

    if only is not None and "=" not in only:
        raise MistakeError("--only takes COLUMN=VALUE, e.g. --only Cluster_ID=DM_COD")
    wanted = dict([only.split("=", 1)]) if only else None
    changed = difference(name, file, code_column=code_column, only=wanted)
    old, new = changed.old, changed.new
    console.print(f"{name}: {old.version} ({old.origin}, {len(old.entries)} rows)", soft_wrap=True)
    console.print(f"against {new.version} ({new.origin}, {len(new.entries)} rows)", soft_wrap=True)
    for word, entries in (("added", changed.added), ("removed", changed.removed)):
        console.print(f"{len(entries)} codes {word}")
        for entry in entries[:SHOWN]:
            console.print(f"  {entry.code:<19}{entry.label}", soft_wrap=True, markup=False)
        if len(entries) > SHOWN:
            console.print(f"  and {len(entries) - SHOWN} more")
    if people:
        week, moved = people_moved(context.obj, changed)
        console.print(f"On {week}:" if len(moved) else f"On {week} no feature of anybody changes.")
        for feature, count, higher, lower, *_ in moved.iter_rows():
            console.print(f"  {feature:<40}{told(count)}{split(higher, lower)}", soft_wrap=True)
