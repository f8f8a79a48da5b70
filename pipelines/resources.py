"""What a step is handed: the home it works in, and the right to write to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from pydantic import PrivateAttr

from pipelines import engines
from pipelines.lake_version import bring_up_to_date
from pipelines.lock import writing
from pipelines.store import Store


class Home(dg.ConfigurableResource):
    """The home that `ANTICIPATE_HOME` names. Reading needs no lock."""

    @property
    def store(self) -> Store:
        """Paths and connections of this home."""
        return Store.at()


class Writer(dg.ConfigurableResource):
    """The home held for writing, from the first step of a run to its last.

    A run that starts while another process writes fails at once, and says who holds the home.
    """

    _store: Store = PrivateAttr()

    @property
    def store(self) -> Store:
        """Paths and connections of the home that is held."""
        return self._store

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Writer]:
        """Take the lock, clear away what a killed run left, hand over, let go."""
        self._store = Store.at().prepare()
        run = context.run
        with writing(self._store.home, f"the run {run.job_name} {run.run_id[:8]}" if run else "a run"):
            self._store.sweep()
            engines.check(self._store)
            bring_up_to_date(self._store)
            yield self
