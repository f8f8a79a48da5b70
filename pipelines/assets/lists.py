"""Lists: who a neighbourhood team should think about this week, no more than it can see, and why."""

import datetime as dt
from collections.abc import Iterator

import dagster as dg
import polars as pl

from outreach import ListReport, load_list
from outreach.declaration import LISTS
from outreach.teams import TEAMS
from pipelines import stages
from pipelines.assets.features import KEY as FEATURE
from pipelines.assets.models import SCORE
from pipelines.assets.record import table_key
from pipelines.findings import Finding, keep
from pipelines.partitions import WEEKLY, weeks_of
from pipelines.presentation import code_reference, markdown
from pipelines.resources import Writer
from pipelines.training import NO_MODEL, models_in_use
from pipelines.withholding import opt_outs_unseen

KEY = dg.AssetKey("weekly_list")
_RECORD = ("person", "registration", "death", "organisation", "opt_out", "inpatient_day", "outreach_feedback")


@dg.asset(
    key=KEY,
    deps=[SCORE, FEATURE, *(table_key(t) for t in _RECORD)],
    group_name="lists",
    owners=["team:outreach"],
    kinds={"excel", "parquet"},
    partitions_def=WEEKLY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    description=f"{load_list().title}: one workbook and one page a team, never longer than the team can see, and a "
    "ledger of everyone considered, shown or not and why. Lists are made in week order, each reading the last; a "
    "ledger is never changed. Demonstration: not for clinical use until someone has signed.",
    metadata={"dagster/code_references": code_reference(LISTS / f"{load_list().id}.yaml", TEAMS)},
    check_specs=[
        dg.AssetCheckSpec(
            "within_capacity",
            asset=KEY,
            blocking=True,
            description="No team's list is longer than the team can see. Stops the run.",
        ),
        dg.AssetCheckSpec(
            "nothing_missing",
            asset=KEY,
            description="Every feature that the list reads is there, and hospital beds can be seen. Tells, does not "
            "stop.",
        ),
        dg.AssetCheckSpec(
            "as_given_out",
            asset=KEY,
            description="Nothing that would change a list came after it was made. A list stays as it was given out; "
            "this tells how many people would stand otherwise.",
        ),
    ],
)
def weekly_list(context: dg.AssetExecutionContext, writer: Writer) -> Iterator[dg.MaterializeResult]:
    """Make the lists of the weeks asked for, in week order."""
    weeks = weeks_of(context)
    reports = []
    for week in weeks:
        if models_in_use(writer.store, week).is_empty():
            yield from _none(context, writer, week)
            return
        ranked_by = stages.list_of_week(writer.store, week).objective.outcome
        used = models_in_use(writer.store, week).row(by_predicate=pl.col("outcome") == ranked_by, named=True)
        status = None if used["status"] == "champion" else f"Model status: {used['status']}."
        notes = [note for note in (status, opt_outs_unseen(writer.store.lake, week)) if note]
        reports.append(stages.build_week_lists(writer.store, week, model_id=used["model_id"], notes=notes))
    findings = [_capacity(reports), _missing(reports), _given_out(reports)]
    keep(writer.store, findings, run_id=context.run_id, step="weekly_list", week=weeks[-1])
    yield dg.MaterializeResult(metadata=_metadata(reports[-1]), check_results=[f.result() for f in findings])


def _none(context: dg.AssetExecutionContext, writer: Writer, week: dt.date) -> Iterator[dg.MaterializeResult]:
    """No model may be shown: no list is made, and that is said."""
    findings = [
        Finding(("weekly_list",), "within_capacity", passed=True, says=NO_MODEL, blocking=True),
        Finding(("weekly_list",), "nothing_missing", passed=False, says=NO_MODEL),
        Finding(("weekly_list",), "as_given_out", passed=True, says=NO_MODEL),
    ]
    keep(writer.store, findings, run_id=context.run_id, step="weekly_list", week=week)
    yield dg.MaterializeResult(
        metadata={"dagster/row_count": 0, "said": NO_MODEL}, check_results=[f.result() for f in findings]
    )


def _capacity(reports: list[ListReport]) -> Finding:
    over = [
        f"{r.week} {t.team}: {t.shown} shown, {t.capacity} can be seen"
        for r in reports
        for t in r.teams
        if t.shown > t.capacity
    ]
    counts = {"shown": sum(r.shown for r in reports), "capacity": sum(t.capacity for r in reports for t in r.teams)}
    says = "; ".join(over) or "Every list is within its team's capacity."
    return Finding(("weekly_list",), "within_capacity", not over, says, blocking=True, counts=counts)


def _missing(reports: list[ListReport]) -> Finding:
    newest = reports[-1]
    told = []
    if newest.missing_features:
        told.append(f"Features not there: {', '.join(newest.missing_features)}.")
    if newest.hospital_to is None:
        told.append("Who is in hospital cannot be seen.")
    return Finding(("weekly_list",), "nothing_missing", not told, " ".join(told) or "Nothing is missing.")


def _given_out(reports: list[ListReport]) -> Finding:
    told = [f"{r.week}: {r.otherwise:,} people" for r in reports if r.otherwise]
    says = "Every list says what it would say if it were made now."
    if told:
        says = (
            f"Files came after a list for their Monday was made. It stays; made now it would differ: {'; '.join(told)}."
        )
    counts = {"people": sum(r.otherwise for r in reports)}
    return Finding(("weekly_list",), "as_given_out", not told, says, counts=counts)


def _metadata(report: ListReport) -> dict[str, dg.MetadataValue | int | str]:
    teams = pl.DataFrame([vars(t) for t in report.teams])
    statuses = pl.DataFrame({"status": list(report.statuses), "people": list(report.statuses.values())})
    return {
        "dagster/row_count": sum(report.statuses.values()),
        "shown": report.shown,
        "withheld": report.withheld,
        "two registrations": report.double_registrations,
        "teams": dg.MetadataValue.md(markdown(teams.drop("marginal_score"))),
        "people by status": dg.MetadataValue.md(markdown(statuses)),
        "practices without a team": ", ".join(report.unassigned) or "none",
        "share from nowhere near the last list": "no list before" if report.churn is None else f"{report.churn:.0%}",
        "rows of earlier lists answered": report.answered,
        "returned rows not taken": report.feedback_faults,
        "lines on the safety incident list": len(report.incidents),
        "content": report.content,
        "folder": dg.MetadataValue.path(str(report.ledger.parent)),
    }
