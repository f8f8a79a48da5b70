"""The version of how a lake is laid out: an older one is brought up to date, a newer one is left alone.

A release that lays the lake out otherwise raises ``CURRENT`` and adds to ``STEPS`` how to get there from the version
before; the upgrade notes in ``docs/operations.md`` say what that does.
"""

from __future__ import annotations

from collections.abc import Callable

from data_contracts.ledger import write_text_safely
from pipelines import journal
from pipelines.errors import ProblemError
from pipelines.store import Store

CURRENT = 1
STEPS: dict[int, Callable[[Store], None]] = {}
"""By the version that a step leads to: version 2 would be reached by ``STEPS[2]``."""


def lake_version(store: Store) -> int | None:
    """The version of a home's lake; 1 for one from before versions were written; None for an empty one."""
    mark = store.lake / "version"
    if mark.exists():
        return int(mark.read_text(encoding="utf-8"))
    return 1 if any(store.lake.glob("ledger/*")) else None


def bring_up_to_date(store: Store) -> int:
    """Take the steps that a lake is behind; only a writer that holds the home may call it.

    Returns:
        How many steps were taken.

    Raises:
        ProblemError: the lake was written by a newer release.
    """
    version = lake_version(store)
    if version is not None and version > CURRENT:
        raise ProblemError(
            f"{store.home} was written by a newer release (lake version {version}, this one knows {CURRENT}); "
            "nothing was changed. Install that release, or restore a copy from before."
        )
    taken = 0
    for step in range((version or CURRENT) + 1, CURRENT + 1):
        STEPS[step](store)
        write_text_safely(store.lake / "version", f"{step}\n")
        journal.write(store, what=f"lake brought to version {step}")
        taken += 1
    if not (store.lake / "version").exists():
        write_text_safely(store.lake / "version", f"{CURRENT}\n")
    return taken
