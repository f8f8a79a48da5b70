"""What analysts do daily, as jobs with a form that is filled in already and a result on the run page.

Nothing about one person enters Dagster's event log: a person's page and the rows of a record-level query are written
to the home's analyst folder (readable by its owner only), and the run page shows where.
"""

import html
from pathlib import Path

import dagster as dg
import polars as pl
from pydantic import Field

from pipelines.compare import compare_weeks
from pipelines.person import PersonView, read_person
from pipelines.presentation import markdown
from pipelines.query import query, write_table
from pipelines.resources import Home
from pipelines.status import COUNTS, read_status
from pipelines.store import Store
from pipelines.why import why as why_listed


class StatusForm(dg.Config):
    """Nothing has to be filled in."""

    files: bool = Field(default=False, description="One line a delivered file, not only a source.")


class QueryForm(dg.Config):
    """SQL over what is published."""

    sql: str = Field(
        default="select source, sum(records) as records, sum(accepted) as accepted "
        "from delivery group by source order by source",
        description="One SELECT. `show tables` lists the tables.",
    )
    analyst: bool = Field(
        default=False,
        description="Ask the record-level analyst file. Rows are then written to a file and not shown here.",
    )


class PersonForm(dg.Config):
    """One pseudonymous person on one Monday."""

    person_id: str = Field(default="0000000000000", description="13 letters and digits, as on a list.")
    week: str = Field(default="", description="A Monday, YYYY-MM-DD; empty: the newest published week.")


class WhyForm(dg.Config):
    """One pseudonymous person and one Monday's list."""

    person_id: str = Field(default="0000000000000", description="13 letters and digits, as on a list.")
    week: str = Field(default="", description="A Monday, YYYY-MM-DD; empty: the newest list.")


class CompareForm(dg.Config):
    """Two Mondays."""

    earlier: str = Field(default="", description="A Monday, YYYY-MM-DD; empty: the week before.")
    later: str = Field(default="", description="A Monday, YYYY-MM-DD; empty: the newest published week.")


@dg.op(out=dg.Out(dg.Nothing), description="Deliveries, the fate of their records, failed checks, what is published.")
def show_status(context: dg.OpExecutionContext, config: StatusForm, home: Home) -> None:
    """Accounting, findings and publication as Markdown on the run page."""
    found = read_status(home.store)
    manifest = found.published or {}
    table = found.files if config.files else found.sources.select("source", "newest", "files", *COUNTS)
    context.add_output_metadata(
        {
            "accounting": dg.MetadataValue.md(markdown(table, rows=500)),
            "checks that do not hold": dg.MetadataValue.md(markdown(found.checks)),
            "rows by rule": dg.MetadataValue.md(markdown(found.faults, rows=200)),
            "files waiting": found.waiting,
            "published week": str(manifest.get("week", "nothing is published")),
            "model": str(manifest.get("model_id") or "none"),
        }
    )


@dg.op(out=dg.Out(dg.Nothing), description="One SELECT over the published warehouse, read-only.")
def ask(context: dg.OpExecutionContext, config: QueryForm, home: Home) -> None:
    """The result as Markdown, or, for the analyst file, the path of a CSV file."""
    table = query(home.store, config.sql, analyst=config.analyst)
    facts: dict[str, dg.MetadataValue | int] = {"rows": len(table)}
    if config.analyst:
        path = _private_file(home.store, f"query-{context.run_id[:8]}.csv")
        write_table(table, csv=path)
        facts["result"] = dg.MetadataValue.path(str(path))
    else:
        facts["result"] = dg.MetadataValue.md(markdown(table, rows=200))
    context.add_output_metadata(facts)


@dg.op(out=dg.Out(dg.Nothing), description="The record, features and scores of one person as known on a Monday.")
def show_person(context: dg.OpExecutionContext, config: PersonForm, home: Home) -> None:
    """A page in the analyst folder; the run page shows its path only."""
    view = read_person(home.store, config.person_id, config.week or None)
    path = _private_file(home.store, f"person-{context.run_id[:8]}.html")
    path.write_text(person_page(view), encoding="utf-8")
    context.add_output_metadata({"page": dg.MetadataValue.path(str(path))})


@dg.op(out=dg.Out(dg.Nothing), description="Why one person is on a list or not.")
def show_why(context: dg.OpExecutionContext, config: WhyForm, home: Home) -> None:
    """A page in the analyst folder; the run page shows its path only."""
    found = why_listed(home.store, config.person_id, config.week or None)
    path = _private_file(home.store, f"why-{context.run_id[:8]}.html")
    lines = "".join(f"<li>{html.escape(s)}</li>" for s in found.sentences)
    title = f"{found.reference}, list of {found.week}"
    path.write_text(
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><h1>{title}</h1>"
        f"<p>Demonstration: not for clinical use.</p><ul>{lines}</ul></html>",
        encoding="utf-8",
    )
    context.add_output_metadata({"page": dg.MetadataValue.path(str(path))})


@dg.op(out=dg.Out(dg.Nothing), description="Two published weeks beside each other, in counts.")
def show_comparison(context: dg.OpExecutionContext, config: CompareForm, home: Home) -> None:
    """Who joined and left the lists and how scores moved, as Markdown on the run page."""
    found = compare_weeks(home.store, config.earlier, config.later)
    context.add_output_metadata(
        {
            "weeks": f"{found.earlier} and {found.later}",
            "lists by team": dg.MetadataValue.md(markdown(found.teams, rows=200)),
            "people by status": dg.MetadataValue.md(markdown(found.statuses)),
            "scores": dg.MetadataValue.md(markdown(found.scores)),
        }
    )


@dg.job(description="What was delivered, what became of every record, what is published. Press Launch.")
def status() -> None:
    """The status of the home."""
    show_status()


@dg.job(name="query", description="Ask the published warehouse in SQL; the result is shown on the run page.")
def query_job() -> None:
    """SQL over what is published."""
    ask()


@dg.job(description="One pseudonymous person as known on a Monday; the page is written to the analyst folder.")
def person() -> None:
    """One person's page."""
    show_person()


@dg.job(name="why", description="Why one person is on a list or not; the page is written to the analyst folder.")
def why_job() -> None:
    """One person and one list."""
    show_why()


@dg.job(name="compare_weeks", description="Who joined and left the lists between two weeks, in counts.")
def compare_job() -> None:
    """Two weeks beside each other."""
    show_comparison()


def person_page(view: PersonView) -> str:
    """A plain page of one person; pseudonymous, marked as a demonstration."""
    parts = [
        ("Record, newest first", view.timeline),
        ("Medicines issued in the last 12 months", view.medicines),
        ("Evidence for housebound and care home", view.evidence),
        (f"Computed frailty index: its deficits, by codelists {view.codelists}", view.deficits),
        ("Features", view.features.filter(~pl.col("nothing")).drop("nothing", "value")),
        ("Scores", view.scores),
        ("Lists", view.lists),
    ]
    body = "".join(f"<h2>{title}</h2>{_html(table)}" for title, table in parts if len(table))
    style = "<style>body{font:16px sans-serif}td,th{padding:2px 8px;text-align:left}</style>"
    head = f"<title>{view.reference}</title>{style}"
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8>{head}<h1>{view.reference} as known on {view.week}</h1>"
        f"<p>Demonstration: not for clinical use.</p>{_html(view.about)}{body}</html>"
    )


def _html(table: pl.DataFrame) -> str:
    head = "".join(f"<th>{html.escape(c.replace('_', ' '))}</th>" for c in table.columns)
    cells = ("".join(f"<td>{html.escape('' if v is None else str(v))}</td>" for v in row) for row in table.rows())
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>"


def _private_file(store: Store, name: str) -> Path:
    store.analyst.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = store.analyst / name
    path.touch(mode=0o600)
    return path
