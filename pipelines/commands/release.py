"""What `anticipate release` and `anticipate audit` do and print."""

from __future__ import annotations

import datetime as dt

import polars as pl

from outreach.ledger import ledgers
from pipelines.errors import MistakeError, ProblemError
from pipelines.publish import publications
from pipelines.release.audit import Head
from pipelines.release.door import What, audit_log, overdue, release
from pipelines.stages import list_folder
from pipelines.store import Store
from pipelines.terminal import console, show
from pipelines.weeks import parse_week


def list_week(store: Store, asked: str | None) -> dt.date:
    """The Monday asked for, else that of the newest list.

    Raises:
        MistakeError: no list was made yet.
    """
    if asked:
        return parse_week(asked)
    weeks = [week for week, _ in ledgers(list_folder(store))]
    if not weeks:
        raise MistakeError(f"No list was made in {store.home} yet; `anticipate run` does that.")
    return max(weeks)


def release_list(
    store: Store, team: str, week: str | None, purpose: str, *, at_practice: bool, register: bool = False
) -> None:
    """Release, and say where the list lies and until when."""
    now = dt.datetime.now(tz=dt.UTC)
    what: What = "register" if register else "list"
    done = release(store, team, list_week(store, week), purpose, now=now, at_practice=at_practice, what=what)
    console.print(f"{done.people:,} people released to {done.folder}", soft_wrap=True)
    if done.left_out:
        console.print(f"{done.left_out:,} of the list as it was made are left out: death, move or opt-out since.")
    console.print(f"Delete it by {done.delete_by}. Audit log: {done.head.length:,} lines, head {done.head.head[:12]}.")


def known_heads(store: Store) -> list[Head]:
    """Heads of the audit chain that publications wrote down."""
    noted = [m["audit"] for m in publications(store) if "audit" in m]
    return [Head(int(n["length"]), str(n["head"])) for n in noted]


def show_audit(store: Store, person: str | None) -> None:
    """Verify the chain; with a person, say who saw them.

    Raises:
        ProblemError: the chain does not hold.
    """
    log = audit_log(store)
    if person:
        lines = [_seen(e) for e in log.about(person.upper().strip())]
        show(pl.DataFrame(lines), f"Who saw {person.upper()}") if lines else console.print(
            "Nobody was shown this person."
        )
    faults = log.verify(known_heads(store))
    if faults:
        raise ProblemError("\n".join(faults))
    head = log.head()
    console.print(f"The audit log holds: {head.length:,} lines, head {head.head[:12]}.")
    for folder in overdue(store, dt.datetime.now(tz=dt.UTC).date()):
        console.print(f"Overdue for deletion: {folder}", soft_wrap=True)


def _seen(entry: dict[str, str]) -> dict[str, str]:
    return {
        k: str(entry.get(k, "")) for k in ("at", "account", "person_asking", "role", "team", "week", "purpose", "way")
    }
