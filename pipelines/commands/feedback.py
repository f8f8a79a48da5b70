"""What `anticipate feedback` prints."""

from __future__ import annotations

from pipelines.feedback import feedback_now
from pipelines.store import Store
from pipelines.terminal import console, show


def show_feedback(store: Store) -> None:
    """Uptake and yield by list, what could not be taken, and the safety incident list."""
    found = feedback_now(store)
    if not found.results["answered"].sum():
        console.print("No list has come back with an answer yet.")
    show(found.results, "What came of each list")
    if len(found.faults):
        show(found.faults, "Not taken, by cell")
    if len(found.incidents):
        show(found.incidents, "Safety incident list")
