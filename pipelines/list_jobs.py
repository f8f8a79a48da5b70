"""What is asked of lists beside the weekly run, as jobs with a form that is filled in already.

Counts only reach the run page; what is about one person is written to the home, and the page says where.
"""

import dagster as dg
import polars as pl
from pydantic import Field

from pipelines.commands.evaluate import judged
from pipelines.commands.release import list_week
from pipelines.evaluate import evaluate_lists
from pipelines.feedback import feedback_now
from pipelines.presentation import markdown
from pipelines.register import build_week_register
from pipelines.resources import Home
from pipelines.stages import register_folder


class RegisterForm(dg.Config):
    """One Monday."""

    week: str = Field(default="", description="A Monday, YYYY-MM-DD; empty: the newest list.")


@dg.op(out=dg.Out(dg.Nothing), description="Each neighbourhood's register: uncapped, unranked, pseudonymous.")
def make_register(context: dg.OpExecutionContext, config: RegisterForm, home: Home) -> None:
    """The registers of one week; the run page shows counts and the folder."""
    week = list_week(home.store, config.week or None)
    made = build_week_register(home.store, week)
    counts = {k: v for k, v in vars(made).items() if isinstance(v, int)}
    context.add_output_metadata(
        {
            "week": str(week),
            "people": dg.MetadataValue.md(markdown(pl.DataFrame([counts]))),
            "folder": dg.MetadataValue.path(str(register_folder(home.store) / f"week={week}")),
        }
    )


@dg.op(out=dg.Out(dg.Nothing), description="Whether the lists help, harm or cannot be told.")
def ask_effect(context: dg.OpExecutionContext, home: Home) -> None:
    """The effects with intervals, or why there are none."""
    found = evaluate_lists(home.store)
    context.add_output_metadata(
        {
            "design": f"{found.design.kind}, declared {found.design.declared_on}",
            "lists judged": found.weeks,
            "effect": dg.MetadataValue.md(markdown(judged(found))) if found.effects else found.why_not,
            "harm": ", ".join(e.outcome for e in found.effects if e.harm) or "none found",
        }
    )


@dg.op(out=dg.Out(dg.Nothing), description="What teams wrote on their lists, in counts by list.")
def show_returned(context: dg.OpExecutionContext, home: Home) -> None:
    """Uptake and yield by list, what could not be taken and in which cell; incidents as a count."""
    found = feedback_now(home.store)
    context.add_output_metadata(
        {
            "lists": dg.MetadataValue.md(markdown(found.results, rows=200)),
            "not taken": dg.MetadataValue.md(markdown(found.faults, rows=200)),
            "safety incidents": len(found.incidents),
        }
    )


@dg.job(name="register", description="Build each neighbourhood's register of housebound people and care homes.")
def register_job() -> None:
    """Registers of one week."""
    make_register()


@dg.job(name="evaluate", description="Whether the lists help, harm or cannot be told; harm stops the next release.")
def evaluate_job() -> None:
    """The lists under the declared design."""
    ask_effect()


@dg.job(name="feedback", description="What came back from teams: uptake, yield, what could not be taken.")
def feedback_job() -> None:
    """Returned lists."""
    show_returned()
