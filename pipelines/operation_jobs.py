"""What those who run an installation decide or look into, as jobs with a form that is filled in already.

Only counts and decisions reach the run page, small numbers of people protected.
"""

from pathlib import Path

import dagster as dg
import polars as pl
from pydantic import Field

from pipelines.codelists import difference, people_moved
from pipelines.hindsight import look_back
from pipelines.lock import writing
from pipelines.moved import parts_told
from pipelines.presentation import markdown
from pipelines.promotion import in_words, put_into_use, said
from pipelines.resources import Home


class HindsightForm(dg.Config):
    """One past Monday."""

    week: str = Field(default="", description="A Monday, YYYY-MM-DD; empty: the one before the newest delivery's.")


class CodelistForm(dg.Config):
    """One codelist, and another version of it."""

    codelist: str = Field(default="falls", description="A codelist.")
    file: str = Field(
        default="", description="Another version, CSV or TRUD text, on this machine; empty: shipped against in use."
    )
    code_column: str = Field(default="", description="Its column of codes, where it is not recognised.")
    only: dict[str, str] = Field(default={}, description="Column and value, for a file that holds many lists.")
    people: bool = Field(default=False, description="How many people it moves: computes every feature twice.")


class PromoteForm(dg.Config):
    """One model and why."""

    model_id: str = Field(default="", description="As the list of kept models says it; empty: only show that list.")
    why: str = Field(default="", description="Who decided it and why. Dagster's own account is kept as who did it.")
    week: str = Field(default="", description="From which Monday; empty: the first that is not yet scored.")
    override: bool = Field(default=False, description="Although it has not passed every test.")


@dg.op(out=dg.Out(dg.Nothing), description="A past week as known then and as known now, and what arrived since.")
def look_back_at_week(context: dg.OpExecutionContext, config: HindsightForm, home: Home) -> None:
    """People, sources and features in counts; nothing of it is stored."""
    with writing(home.store.home, f"the run {context.job_name} {context.run_id[:8]}"):
        found = look_back(home.store, config.week or None)
    context.add_output_metadata(
        {
            "week": f"{found.week} as known then, and as known on {found.now}",
            "known then": found.reproduced,
            "people": dg.MetadataValue.md(markdown(found.people)),
            "what became known since": dg.MetadataValue.md(markdown(found.sources, rows=200)),
            "features that change": dg.MetadataValue.md(markdown(found.features, rows=500)),
            "risks as known now": dg.MetadataValue.md(markdown(found.relisted.scores)),
            "lists as known now": found.relisted.says or dg.MetadataValue.md(markdown(found.relisted.lists)),
        }
    )


@dg.op(out=dg.Out(dg.Nothing), description="Codes added and removed, and how many people move.")
def show_codelist_difference(context: dg.OpExecutionContext, config: CodelistForm, home: Home) -> None:
    """The codes and, when asked, the features that change for somebody."""
    changed = difference(
        config.codelist,
        Path(config.file) if config.file else None,
        code_column=config.code_column or None,
        only=config.only or None,
    )
    entries = [(w, e.code, e.label) for w, es in (("added", changed.added), ("removed", changed.removed)) for e in es]
    codes = pl.DataFrame(entries, schema={"change": pl.String, "code": pl.String, "label": pl.String}, orient="row")
    old, new = changed.old, changed.new
    facts: dict[str, dg.MetadataValue | str] = {
        "versions": f"{old.version} ({old.origin}) against {new.version} ({new.origin})",
        "codes": dg.MetadataValue.md(markdown(codes, rows=500)),
    }
    if config.people:
        week, moved = people_moved(home.store, changed)
        rows = [(name, *parts_told(people, tuple(parts))) for name, people, *parts in moved.iter_rows()]
        table = pl.DataFrame(rows, schema=moved.columns, orient="row")
        facts[f"people on {week}"] = dg.MetadataValue.md(markdown(table, rows=500))
    context.add_output_metadata(facts)


@dg.op(out=dg.Out(dg.Nothing), description="Let a kept model score from a Monday on.")
def put_model_into_use(context: dg.OpExecutionContext, config: PromoteForm, home: Home) -> None:
    """The decision as it is kept, and all kept models afterwards."""
    from models.promotion import overview

    decided = "nothing: no model was named"
    if config.model_id:
        done = put_into_use(home.store, config.model_id, config.week or None, why=config.why, override=config.override)
        decided = in_words(done)
    with said():
        kept = overview(home.store.models)
    context.add_output_metadata({"decided": decided, "kept models": dg.MetadataValue.md(markdown(kept))})


@dg.job(name="as_known_now", description="A past week as known then and as known now: what arrived since, in counts.")
def hindsight_job() -> None:
    """One past week twice."""
    look_back_at_week()


@dg.job(name="codelist_diff", description="What another version of a codelist changes, and for how many people.")
def codelist_job() -> None:
    """Two versions of one list."""
    show_codelist_difference()


@dg.job(name="promote", description="Put a kept model into use. As it is filled in, it only shows the kept models.")
def promote_job() -> None:
    """A decision about a model."""
    put_model_into_use()
