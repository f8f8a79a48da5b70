"""`anticipate compare`: two weeks beside each other, or one past week as known then and as known now."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.errors import MistakeError
from pipelines.store import Store

SHOWN = 40


def compare(
    context: typer.Context,
    earlier: Annotated[str, typer.Option(help="A Monday, YYYY-MM-DD.", show_default="the week before")] = "",
    later: Annotated[str, typer.Option(help="A Monday, YYYY-MM-DD.", show_default="the newest list")] = "",
    *,
    as_known_now: Annotated[
        str, typer.Option(metavar="WEEK", help="One past Monday as known then and as known now: what arrived since.")
    ] = "",
) -> None:
    """Who joined and left the lists between two weeks; or what one past week looks like, as known now. Counts only.

    Example: `anticipate compare --as-known-now 2026-02-16`
    """
    if as_known_now and (earlier or later):
        raise MistakeError("Name two weeks, or one with --as-known-now.")
    if as_known_now:
        _in_hindsight(context.obj, as_known_now)
    else:
        _two_weeks(context.obj, earlier, later)


def _two_weeks(store: Store, earlier: str, later: str) -> None:
    from pipelines.compare import compare_weeks
    from pipelines.terminal import show

    found = compare_weeks(store, earlier, later)
    show(found.teams, f"Lists of {found.earlier} and {found.later}, by team")
    show(found.statuses, "People by status")
    show(found.scores, "Scores")


def _in_hindsight(store: Store, week: str) -> None:
    from pipelines.hindsight import look_back
    from pipelines.lock import writing
    from pipelines.terminal import console, show

    with writing(store.home, "compare --as-known-now"):  # a writer that begins would sweep the scratch folder away
        found = look_back(store, week)
    console.print(f"{found.week} as known then, and as known on {found.now}. {found.reproduced}", soft_wrap=True)
    show(found.people, "People")
    show(found.sources, "What became known since of what had happened before")
    show(found.features, "Features that change", rows=SHOWN)
    show(found.relisted.scores, "Risks given out, and as they would be as known now")
    show(found.relisted.lists, "Lists given out, and as they would be as known now")
    if found.relisted.says:
        console.print(found.relisted.says, soft_wrap=True)
