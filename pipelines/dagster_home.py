"""Dagster's folder inside a home, and the instance that lives in it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.store import Store

if TYPE_CHECKING:
    from dagster import DagsterInstance, DagsterRun

LOCATION = "pipelines.definitions"
SETTINGS = Path(__file__).parents[1] / "dagster.yaml"


def prepare_dagster(store: Store) -> None:
    """Copy the repository's ``dagster.yaml`` into the home and point Dagster, and this product, at that home."""
    store.dagster_home.mkdir(parents=True, exist_ok=True)
    target = store.dagster_home / "dagster.yaml"
    if not target.exists() or target.read_bytes() != SETTINGS.read_bytes():
        waiting = target.with_suffix(".partial")
        shutil.copyfile(SETTINGS, waiting)
        waiting.replace(target)
    os.environ["DAGSTER_HOME"] = str(store.dagster_home)
    os.environ["ANTICIPATE_HOME"] = str(store.home)


def open_instance(store: Store) -> DagsterInstance:
    """The instance of this home; the caller closes it (it is a context manager)."""
    from dagster import DagsterInstance

    from pipelines.event_log import hasten

    prepare_dagster(store)
    hasten(store.dagster_home)
    return DagsterInstance.from_config(str(store.dagster_home))


def show_with_location(instance: DagsterInstance, run: DagsterRun) -> None:
    """Let Dagster's pages show a run that was executed here among those of the code location that ``ui`` serves.

    A run executed in process is not tied to any location, so the timeline, the page that everyone lands on, would
    leave it out. Dagster has no public call for this.
    """
    from dagster._core.remote_origin import (
        ManagedGrpcPythonEnvCodeLocationOrigin,
        RemoteJobOrigin,
        RemoteRepositoryOrigin,
    )
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

    location = ManagedGrpcPythonEnvCodeLocationOrigin(LoadableTargetOrigin(module_name=LOCATION), LOCATION)
    repository = RemoteRepositoryOrigin(location, "__repository__")
    instance.run_storage.replace_job_origin(run, RemoteJobOrigin(repository, run.job_name))
