"""Runs a Dagster job inside this process, tells a listener how it goes, and says in sentences why it ended."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines import engines
from pipelines.alerts import alerts_of_run, send
from pipelines.dagster_home import open_instance, prepare_dagster, show_with_location
from pipelines.lock import writing
from pipelines.progress import Listener, hear
from pipelines.store import Store
from pipelines.weeks import WEEK_TAG

if TYPE_CHECKING:
    from dagster import DagsterEvent, DagsterInstance, ExecuteInProcessResult


WRITERS = ("weekly", "train", "quality_report", "check_published")
"""Jobs that hold the home while they run."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended. ``reasons`` are sentences: what failed, and which checks stop the run; empty on success."""

    run_id: str
    success: bool
    reasons: tuple[str, ...]


def run_job(
    store: Store,
    job: str,
    *,
    week: dt.date | None = None,
    config: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    listener: Listener | None = None,
) -> Outcome:
    """Run one job of the definitions in this process, holding the home.

    Args:
        store: the home.
        job: name of the job.
        week: the partition, for a job that has weekly assets.
        config: run configuration.
        tags: tags shown with the run.
        listener: told what happens while it happens.

    Raises:
        LockedError: another process writes to this home.
        MistakeError: the engine chosen cannot run here.
    """
    engines.check(store)
    prepare_dagster(store.prepare())
    with writing(store.home, f"the job {job}"):
        from pipelines.definitions import defs
        from pipelines.event_log import release

        with open_instance(store) as instance, hear(listener):
            _close_killed(instance)
            definition = defs.resolve_job_def(job)
            partition = week.isoformat() if week and definition.partitions_def else None
            result = definition.execute_in_process(
                instance=instance,
                partition_key=partition,
                run_config={**(config or {}), "loggers": {"console": {}}},
                tags={**(tags or {}), **({WEEK_TAG: week.isoformat()} if week else {})},
                raise_on_error=False,
            )
            show_with_location(instance, result.dagster_run)
            if not result.success:
                steps = tuple(e.step_key or "" for e in result.all_events if e.is_step_failure)
                send(store, alerts_of_run(store, result.run_id, job, str(week or ""), steps))
        release()
    return Outcome(result.run_id, result.success, () if result.success else tuple(_reasons(result)))


def _close_killed(instance: DagsterInstance) -> None:
    """Mark runs that were killed as failed: whoever holds the home knows that no other writer is alive."""
    from dagster import DagsterRunStatus, RunsFilter

    begun = RunsFilter(statuses=[DagsterRunStatus.STARTED, DagsterRunStatus.STARTING])
    for run in instance.get_runs(begun):
        if run.job_name in WRITERS:
            instance.report_run_failed(run, "The process of this run ended before the run did; it can be run again.")


def _reasons(result: ExecuteInProcessResult) -> list[str]:
    checks = [
        f"{e.asset_key.to_user_string()}: {e.description}"
        for e in result.get_asset_check_evaluations()
        if not e.passed and e.blocking
    ]
    return checks or [_sentence(e) for e in result.all_events if e.is_step_failure] or ["The run did not finish."]


def _sentence(event: DagsterEvent) -> str:
    error = event.step_failure_data.error
    while error and error.cause:
        error = error.cause
    said = (error.message if error else "no reason was given").strip().splitlines()[0]
    kind, _, rest = said.partition(": ")
    return f"{event.step_key}: {rest or kind}"
