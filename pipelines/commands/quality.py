"""`anticipate quality`: the weekly page, workbooks for senders, expectations over what is published."""

from __future__ import annotations

from typing import Annotated

import typer

quality = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="How good what was delivered is, and what to tell the sender.\n\nExample: `anticipate quality page`",
)
Week = Annotated[str | None, typer.Option(help="A Monday, YYYY-MM-DD.", show_default="the latest delivered for")]


@quality.command("page")
def page(context: typer.Context, week: Week = None) -> None:
    """Write the data-quality page of a week: by source and practice, with trend, and the effect on the list.

    Example: `anticipate quality page --week 2026-01-05`
    """
    from pipelines.assets.quality import page_path
    from pipelines.terminal import console, run_shown
    from pipelines.weeks import choose_week

    monday = choose_week(context.obj, week)
    run_shown(context.obj, "quality_report", monday)
    console.print(page_path(context.obj, monday), soft_wrap=True)


@quality.command("errors")
def errors(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help="The source, e.g. gp_event.")],
    received: Annotated[
        str | None, typer.Option(help="Day received, YYYY-MM-DD.", show_default="the newest day")
    ] = None,
) -> None:
    """Write a workbook for the sender of each file: every row set aside, by row number, rule and remedy.

    Example: `anticipate quality errors gp_event`
    """
    from pipelines.quality.sender import write_reports
    from pipelines.terminal import console

    written = write_reports(context.obj, source, received)
    for path in written:
        console.print(str(path), soft_wrap=True)
    if not written:
        console.print("Nothing to tell: every row was accepted without a warning.")


@quality.command("expectations")
def expectations(context: typer.Context, week: Week = None) -> None:
    """Validate everything published with Great Expectations and write Data Docs.

    Example: `anticipate quality expectations`
    """
    from pipelines.quality.published import docs_folder
    from pipelines.terminal import console, run_shown
    from pipelines.weeks import choose_week

    run_shown(context.obj, "check_published", choose_week(context.obj, week))
    console.print(str(docs_folder(context.obj) / "index.html"), soft_wrap=True)
