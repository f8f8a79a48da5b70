"""When runs start by themselves: on Monday morning, and when something was delivered."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from data_contracts.contract import load_contracts
from data_contracts.intake import find_files
from pipelines.alerts import alerts_of_run, send
from pipelines.resources import Home
from pipelines.settings import read_settings
from pipelines.store import Store
from pipelines.weeks import LATEST_TAG, WEEK_TAG, latest_week

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

MONDAY_MORNING = "0 6 * * 1"


def monday_schedule(weekly: "UnresolvedAssetJobDefinition") -> dg.ScheduleDefinition:
    """The weekly job on Monday at 06:00 in London, for that Monday."""

    @dg.schedule(
        job=weekly,
        name="monday_morning",
        cron_schedule=MONDAY_MORNING,
        execution_timezone="Europe/London",
        description="Every Monday at 06:00, London time: run the week that begins today.",
    )
    def monday_morning(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        monday = context.scheduled_execution_time.date()
        return dg.RunRequest(run_key=monday.isoformat(), partition_key=monday.isoformat(), tags={LATEST_TAG: "yes"})

    return monday_morning


def inbox_sensor(weekly: "UnresolvedAssetJobDefinition") -> dg.SensorDefinition:
    """Requests the latest possible week when the inbox holds new content that has stopped growing."""

    @dg.sensor(
        job=weekly,
        name="inbox",
        minimum_interval_seconds=60,
        description="Looks at the inbox every minute. When files are there whose content was not seen before, and "
        "which have not changed since the last look, it runs the latest Monday that was delivered for.",
    )
    def inbox(context: dg.SensorEvaluationContext, home: Home) -> Iterator[dg.RunRequest | dg.SkipReason]:
        store = home.store
        seen = json.loads(context.cursor) if context.cursor else {"sizes": {}, "requested": ""}
        sizes = inbox_sizes(store)
        if not sizes:
            context.update_cursor(json.dumps({**seen, "sizes": {}}))
            yield dg.SkipReason("The inbox is empty.")
            return
        if sizes != seen["sizes"]:
            context.update_cursor(json.dumps({**seen, "sizes": sizes}))
            yield dg.SkipReason("Files are arriving; waiting until they have stopped changing.")
            return
        content = inbox_content(store)
        week = latest_week(store)
        if content == seen["requested"] or week is None:
            yield dg.SkipReason("Nothing new: what is in the inbox was tried already.")
            return
        context.update_cursor(json.dumps({"sizes": sizes, "requested": content}))
        tags = {"inbox": content[:12], LATEST_TAG: "yes"}
        yield dg.RunRequest(run_key=content, partition_key=week.isoformat(), tags=tags)

    return inbox


def failure_sensor() -> dg.SensorDefinition:
    """Tells people, by the ways that the settings name, of every run that broke down or was stopped by a check."""

    @dg.run_failure_sensor(
        name="alerts",
        description="Tells by file, e-mail or webhook (`anticipate.toml`) of runs that broke down, checks that stopped "
        "a run, and sources that are stale. Names runs, steps and checks, never a person.",
    )
    def alerts(context: dg.RunFailureSensorContext) -> None:
        store, run = Store.at(), context.dagster_run
        steps = tuple(e.step_key or "" for e in context.get_step_failure_events())
        found = alerts_of_run(store, run.run_id, run.job_name, run.tags.get(WEEK_TAG, ""), steps)
        for problem in send(store, found):
            context.log.error(problem)

    return alerts


def after_weekly_sensor(
    weekly: "UnresolvedAssetJobDefinition", quality: "UnresolvedAssetJobDefinition"
) -> dg.SensorDefinition:
    """Makes the data-quality page once a weekly run has succeeded."""

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS,
        monitored_jobs=[weekly],
        request_job=quality,
        name="quality_after_weekly",
        description="Makes the weekly data-quality page when a weekly run has succeeded, unless the settings say no.",
    )
    def quality_after_weekly(context: dg.RunStatusSensorContext) -> dg.RunRequest | dg.SkipReason:
        if not read_settings(Store.at()).quality.after_weekly:
            return dg.SkipReason("The settings say no (quality.after_weekly).")
        tags = context.dagster_run.tags
        week = tags.get("dagster/partition") or tags.get(WEEK_TAG)
        return dg.RunRequest(run_key=context.dagster_run.run_id, tags={WEEK_TAG: week} if week else {})

    return quality_after_weekly


def inbox_files(store: Store) -> list[Path]:
    """Files that a run would read, in order: of known sources, and marked where the settings ask for that."""
    marker = read_settings(store).inbox.marker
    return sorted(f.path for source in load_contracts() for f in find_files(store.inbox, source, marker))


def inbox_sizes(store: Store) -> dict[str, int]:
    """Size of each file, to tell whether it is still being written; never its modification time."""
    return {p.relative_to(store.inbox).as_posix(): p.stat().st_size for p in inbox_files(store)}


def inbox_content(store: Store) -> str:
    """One hash of the content of every file, whatever its name."""
    hashes = []
    for path in inbox_files(store):
        with path.open("rb") as stream:
            hashes.append(hashlib.file_digest(stream, "sha256").hexdigest())
    return hashlib.sha256("\n".join(sorted(hashes)).encode()).hexdigest()
