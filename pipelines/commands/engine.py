"""The command that tells which engine a home runs on, and which statements need one of their own."""

from __future__ import annotations

from typing import Annotated

import typer


def engine(
    context: typer.Context,
    statement: Annotated[
        str | None, typer.Argument(help="A statement, as `record/spell`: print it as Spark reads it.")
    ] = None,
) -> None:
    """Say what large statements run on, whether it can start, and which statements Spark has of its own, and why.

    Example: `anticipate engine`, or `anticipate engine record/spell`
    """
    from pipelines import engines
    from pipelines.errors import MistakeError
    from pipelines.terminal import console
    from sql import dialect, statements

    if statement is not None:
        if statement not in statements():
            raise MistakeError(f"There is no statement {statement!r}; `ls sql/*/` shows them all.")
        console.print(dialect.load_spark(statement), markup=False, highlight=False, soft_wrap=True)
        return
    said = engines.chosen(context.obj)
    engines.check(context.obj)
    where = f" on {said.master}" if said.name == "spark" else ""
    console.print(
        f"Record, features, outcomes, scores and marts of {context.obj.home} are built on {said.name}{where}."
    )
    console.print(dialect.told(), markup=False, highlight=False, soft_wrap=True)
