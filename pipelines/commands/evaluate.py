"""What `anticipate evaluate` prints."""

from __future__ import annotations

import polars as pl

from pipelines.evaluate import Evaluated, evaluate_lists
from pipelines.store import Store
from pipelines.terminal import console, show


def show_evaluation(store: Store) -> None:
    """The effect of the lists with intervals, or why it cannot be told."""
    found = evaluate_lists(store)
    console.print(f"Design: {found.design.kind}, declared {found.design.declared_on}; {found.weeks:,} lists judged.")
    if found.why_not:
        console.print(found.why_not)
        return
    show(
        judged(found), f"Shown less not shown, for each person in {found.design.horizon_days} days, with 95 % interval"
    )
    console.print(
        "A model is not judged by what happened to people whom a list has reached: teams changed what would have been."
    )
    for effect in found.effects:
        if effect.harm:
            console.print(f"[bold red]Harm[/]: more {effect.outcome} among people shown. The next release is stopped.")


def judged(found: Evaluated) -> pl.DataFrame:
    """One row an outcome: shown less not shown, with its interval and what it says."""
    return pl.DataFrame([vars(e) for e in found.effects])
