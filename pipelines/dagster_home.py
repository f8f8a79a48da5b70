"""Dagster's folder inside a home, and the instance that lives in it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.store import Store

if TYPE_CHECKING:
    from dagster import DagsterInstance

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
