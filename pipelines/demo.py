"""The demonstration: artificial people, delivered week by week as a sender would, each week run like any other."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import time
from pathlib import Path

from rich.progress import Progress

from pipelines.errors import MistakeError
from pipelines.store import Store
from pipelines.terminal import console, run_shown, show_places


def run_demo(store: Store, *, people: int, seed: int, weeks: int) -> None:
    """Generate, then deliver and run one week after the other, and say where the results are.

    A demonstration that was stopped goes on where it was when it is started again.

    Raises:
        MistakeError: the home holds other deliveries, or a demonstration of other people.
    """
    began = time.monotonic()
    asked = {"people": people, "seed": seed, "weeks": weeks}
    made = _made(store, asked) or _make(store, asked)
    _write_roles(store)
    _write_teams(store, people)
    mondays = [dt.date.fromisoformat(day) for day in made["deliveries"]][1:]
    os.environ["ANTICIPATE_LAST_WEEK"] = max(mondays).isoformat()
    for monday in mondays:
        files = _deliver(store, monday)
        console.print(f"[bold]{monday:%A %d %B %Y}[/]: {files:,} files delivered")
        run_shown(store, "weekly", monday)
    console.print(f"\n{people:,} artificial people, {len(mondays)} weeks, in {time.monotonic() - began:.0f} s")
    show_places(store)


def _folder(store: Store) -> Path:
    return store.home / "demo"


def _write_roles(store: Store) -> None:
    """So that whoever runs the demonstration can release lists of its artificial people."""
    from pipelines.account import account
    from pipelines.release.roles import ROLES, demonstration_roles

    path = store.governance / ROLES
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_text(demonstration_roles(account(), dt.date(2099, 12, 31)), encoding="utf-8")


def _write_teams(store: Store, people: int) -> None:
    """Fewer places than life has, because a demonstration has fewer people: a list stays a choice."""
    path = store.home / "site" / "teams.yaml"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        slots = min(15, max(2, round(people / 5_000)))
        path.write_text(
            f"# Places for {people:,} artificial people; outreach/teams.yaml says what else can be set.\n"
            f"default:\n  new_contact_slots: {slots}\n  re_review_share: 0.2\nteams: []\n",
            encoding="utf-8",
        )


def _made(store: Store, asked: dict[str, int]) -> dict[str, list[str]] | None:
    """What an earlier start made; None when there is nothing yet."""
    note = _folder(store) / "demo.json"
    if note.exists():
        before = json.loads(note.read_text(encoding="utf-8"))
        if before["asked"] != asked:
            said = ", ".join(f"--{k} {v}" for k, v in before["asked"].items())
            raise MistakeError(f"{store.home} holds a demonstration made with {said}; choose another --home.")
        return {"deliveries": before["deliveries"]}
    if any(store.inbox.glob("*/*/*")) or any(store.lake.glob("ledger/*/*.json")):
        raise MistakeError(f"{store.home} holds deliveries already; choose another --home for a demonstration.")
    return None


def _make(store: Store, asked: dict[str, int]) -> dict[str, list[str]]:
    from synthetic import generate

    store.prepare()
    shutil.rmtree(_folder(store), ignore_errors=True)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task(f"making {asked['people']:,} artificial people", total=None)
        manifest = generate(
            _folder(store) / "inbox",
            people=asked["people"],
            seed=asked["seed"],
            weekly_deliveries=asked["weeks"],
            progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    rows = sum(int(str(f["rows"])) for f in manifest.files)
    console.print(f"{asked['people']:,} artificial people made: {len(manifest.files)} files, {rows:,} rows")
    deliveries = [day.isoformat() for day in manifest.deliveries]
    note = {"asked": asked, "deliveries": deliveries}
    (_folder(store) / "demo.json").write_text(json.dumps(note, indent=1) + "\n", encoding="utf-8")
    return {"deliveries": deliveries}


def _deliver(store: Store, monday: dt.date) -> int:
    """Move every delivery up to that Monday into the inbox; returns how many files."""
    files = 0
    for folder in sorted((_folder(store) / "inbox").glob("*/*")):
        if folder.name <= monday.isoformat():
            target = store.inbox / folder.parent.name / folder.name
            target.parent.mkdir(parents=True, exist_ok=True)
            files += sum(1 for p in folder.iterdir() if p.name != "delivery.yaml")
            folder.rename(target)
    return files
