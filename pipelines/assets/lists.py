"""Lists, stage by stage: who may be listed, who is chosen within the places, and what each team reads."""

import datetime as dt
from collections.abc import Iterator

import dagster as dg

from outreach import load_list
from outreach.declaration import LISTS
from outreach.design import DESIGN
from outreach.teams import TEAMS
from pipelines import stages
from pipelines.assets.features import KEY as FEATURE
from pipelines.assets.models import SCORE
from pipelines.assets.record import table_key
from pipelines.findings import Finding, keep
from pipelines.list_checks import CHECKS, LEDGER, LIST, POSSIBLE, Check, WeekLists, findings_of
from pipelines.list_preview import preview
from pipelines.partitions import WEEKLY, weeks_of
from pipelines.presentation import code_reference
from pipelines.resources import Writer
from pipelines.training import NO_MODEL, models_in_use
from pipelines.withholding import opt_outs_unseen

KEY = dg.AssetKey(list(LIST))
_RECORD = ("person", "registration", "death", "organisation", "opt_out", "inpatient_day", "outreach_feedback")
_READ = [SCORE, FEATURE, *(table_key(t) for t in _RECORD)]


def _spec(key: tuple[str, ...], kinds: set[str], description: str, deps: list[dg.AssetKey]) -> dg.AssetSpec:
    return dg.AssetSpec(
        dg.AssetKey(list(key)),
        deps=deps,
        group_name="lists",
        owners=["team:outreach"],
        kinds=kinds,
        partitions_def=WEEKLY,
        description=description,
        metadata={"dagster/code_references": code_reference(LISTS / f"{load_list().id}.yaml", TEAMS, DESIGN)},
    )


_SPECS = [
    _spec(
        POSSIBLE,
        {"polars"},
        "Everyone considered for a list of the week, and for how many what stands against it: as known on the Monday. "
        "Counts by team; what is kept of it is the ledger.",
        _READ,
    ),
    _spec(
        LEDGER,
        {"parquet"},
        "The choice: everyone considered with score, rank, shown or not and why. Written once and never changed; lists "
        "are made in week order, each reading the last.",
        [dg.AssetKey(list(POSSIBLE))],
    ),
    _spec(
        LIST,
        {"excel", "html"},
        f"{load_list().title}: one workbook and one page a team, never longer than the team can see. "
        "Pseudonymous until released. Demonstration: not for clinical use until someone has signed.",
        [*_READ, dg.AssetKey(list(LEDGER))],
    ),
]


def _check_spec(check: Check) -> dg.AssetCheckSpec:
    ends = "Stops the run." if check.blocking else "Tells, does not stop."
    return dg.AssetCheckSpec(
        check.name, asset=dg.AssetKey(list(check.asset)), blocking=check.blocking, description=f"{check.means} {ends}"
    )


@dg.multi_asset(
    name="weekly_list",
    specs=_SPECS,
    check_specs=[_check_spec(c) for c in CHECKS],
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def weekly_list(context: dg.AssetExecutionContext, writer: Writer) -> Iterator[dg.MaterializeResult]:
    """Make the lists of the weeks asked for, in week order."""
    weeks = weeks_of(context)
    made = []
    for week in weeks:
        if models_in_use(writer.store, week).is_empty():
            yield from _none(context, writer, week)
            return
        made.append(_made(writer, week))
    findings = findings_of(writer.store, made)
    keep(writer.store, findings, run_id=context.run_id, step="weekly_list", week=weeks[-1])
    yield from _results(preview(made[-1]), findings)


def _made(writer: Writer, week: dt.date) -> WeekLists:
    """One week's lists, ranked by the model in use, with what must be said of it."""
    ranked_by = stages.list_of_week(writer.store, week).objective.outcome
    used = models_in_use(writer.store, week).filter(outcome=ranked_by).row(0, named=True)
    status = None if used["status"] == "champion" else f"Model status: {used['status']}."
    notes = [note for note in (status, opt_outs_unseen(writer.store.lake, week)) if note]
    return WeekLists(stages.build_week_lists(writer.store, week, model_id=used["model_id"], notes=notes))


def _none(context: dg.AssetExecutionContext, writer: Writer, week: dt.date) -> Iterator[dg.MaterializeResult]:
    """No model may be shown: no list is made, and that is said."""
    findings = [
        Finding(c.asset, c.name, passed=c.name != "nothing_missing", says=NO_MODEL, blocking=c.blocking) for c in CHECKS
    ]
    keep(writer.store, findings, run_id=context.run_id, step="weekly_list", week=week)
    nothing: dict[str, dg.MetadataValue | int | str] = {"dagster/row_count": 0, "said": NO_MODEL}
    yield from _results(dict.fromkeys((POSSIBLE, LEDGER, LIST), nothing), findings)


def _results(
    told: dict[tuple[str, ...], dict[str, dg.MetadataValue | int | str]], findings: list[Finding]
) -> Iterator[dg.MaterializeResult]:
    for asset, metadata in told.items():
        yield dg.MaterializeResult(
            asset_key=dg.AssetKey(list(asset)),
            metadata=metadata,
            check_results=[f.result() for f in findings if f.asset == asset],
        )
