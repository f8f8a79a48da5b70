"""Carries what happens in a run to whoever listens: the terminal of the one who started it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines import journal
from pipelines.settings import read_settings
from pipelines.store import Store

if TYPE_CHECKING:
    from dagster import DagsterEvent


@dataclass(frozen=True)
class Happening:
    """Something that a person watching wants to see: a step began or ended, or an asset is done."""

    what: str
    step: str
    asset: str = ""
    rows: int | None = None


Listener = Callable[[Happening], None]

_listeners: list[Listener] = []


@contextmanager
def hear(listener: Listener | None) -> Iterator[None]:
    """Let ``listener`` hear the events of the runs of this process."""
    if listener is None:
        yield
        return
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


class _Handler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        event = getattr(record, "dagster_event", None)
        if event is not None and (happening := _happening(event)):
            meta = getattr(record, "dagster_meta", None) or {}
            _keep(happening, str(meta.get("run_id", "")), event.job_name)
            for listener in _listeners:
                listener(happening)


def _keep(happening: Happening, run_id: str, job: str) -> None:
    """Write it to the home's log, unless its settings say otherwise; a full disk stops the run, not its log."""
    store = Store.at()
    with suppress(OSError):
        _write(store, happening, run_id, job)


def _write(store: Store, happening: Happening, run_id: str, job: str) -> None:
    if read_settings(store).log.file:
        level = "error" if happening.what == "broke" else "info"
        said = {"what": happening.what, "step": happening.step, "asset": happening.asset, "rows": happening.rows}
        journal.write(store, level=level, run=run_id, job=job, **{k: v for k, v in said.items() if v not in ("", None)})


def _happening(event: DagsterEvent) -> Happening | None:
    step = event.step_key or ""
    if event.is_step_start:
        return Happening("began", step)
    if event.is_step_success:
        return Happening("done", step)
    if event.is_step_failure:
        return Happening("broke", step)
    if event.is_step_skipped:
        return Happening("skipped", step)
    if event.is_step_materialization and event.asset_key:
        rows = event.step_materialization_data.materialization.metadata.get("dagster/row_count")
        return Happening("asset", step, event.asset_key.to_user_string(), getattr(rows, "value", None))
    return None


def listening_logger() -> logging.Logger:
    """A logger that passes events on and prints nothing itself."""
    logger = logging.Logger("anticipate")
    logger.addHandler(_Handler())
    return logger
