"""Does the evaluation find what was planted? Artificial people on whom outreach acts, through the whole path.

    python -m tests.bench.outreach_effect --people 60000 --folder effect

A county is delivered up to a Monday and run (conform, record, features, training, scores, lists) under a declared
lot. Each team's list is released through the door, comes back with *Seen*, and the released numbers become contacts.
The same county lives on three times: contacts that help, contacts that harm, none. What follows is delivered, read into
the record, and `anticipate evaluate` is asked. Beside its answer stands the truth: the mean difference that the same
contacts make for the same people, over many futures.

Nothing here is part of the product. Every effect is declared in `synthetic/rules.yaml`; none is a claim about care.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import os
import shutil
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import openpyxl
import polars as pl
import yaml

from commissioning.sources import sources_of
from data_contracts.contract import load_contracts
from data_contracts.identity import pseudonyms
from data_contracts.withheld import NUMBER_CHANGES
from outreach.evaluation import Effect
from outreach.ledger import ledgers
from outreach.links import follow, linked
from outreach.stored import SUFFIX
from pipelines import stages
from pipelines.account import account
from pipelines.evaluate import Evaluated, evaluate_lists
from pipelines.feedback import SOURCE, feedback_now
from pipelines.release.door import NUMBERS, release
from pipelines.release.roles import ROLES, demonstration_roles
from pipelines.runner import run_job
from pipelines.store import Store
from record import all_tables
from synthetic import generate, resume
from synthetic.plan import first_day

LAST = dt.date(2026, 2, 23)
YEARS = 6
HORIZON_WEEKS = 26
KNOWN_AFTER_WEEKS = 11
"""Weeks after the horizon until hospital stays are known."""

SPAN = HORIZON_WEEKS + KNOWN_AFTER_WEEKS
MONDAY = LAST - dt.timedelta(weeks=SPAN - 1)
KINDS: dict[str, tuple[str, ...]] = {
    "help": ("home_visit", "medicines_review", "carer_support", "care_plan"),
    "harm": ("harm",),
    "nothing": (),
}
PLACES = 0.03 * 0.6 / 17
"""Places of one team for each person of the county: a little more than half of those who can be listed."""

LOT = {"kind": "ties", "declared_on": "2025-01-01", "approval": "artificial people only", "band": 0.2}


class NoListError(RuntimeError):
    """No list was made; the message says why."""


@dataclass(frozen=True)
class Found:
    """What `evaluate` said, what is true of admissions, and how many contacts came back as made."""

    said: Evaluated
    truth: float
    contacts: int

    @property
    def admissions(self) -> Effect:
        """The estimate for emergency admissions."""
        return next(e for e in self.said.effects if e.outcome == "admissions")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=60_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path("effect"))
    parser.add_argument("--futures", type=int, default=20, help="over which the truth is averaged")
    given = parser.parse_args()
    began = time.perf_counter()
    county = County(given.folder, given.people, given.seed)
    store = county.list_made()
    numbers = released_and_returned(store) if not county.numbers.exists() else county.numbers.read_text().split()
    county.numbers.write_text("\n".join(numbers))
    print(f"{len(numbers):,} people released and seen, {time.perf_counter() - began:.0f} s", flush=True)
    for kind in KINDS:
        found = county.lived_on(store, kind, numbers, futures=given.futures)
        print(line(kind, found.admissions, found.truth), f"{time.perf_counter() - began:.0f} s", flush=True)


def line(kind: str, found: Effect, truth: float) -> str:
    """One answer beside the truth."""
    interval = "no interval" if found.low is None else f"{found.estimate:+.3f} ({found.low:+.3f} to {found.high:+.3f})"
    stop = "; the next release is stopped" if found.harm else ""
    counts = f"{found.shown:,} shown, {found.not_shown:,} not"
    return f"planted {kind:8} truth {truth:+.3f}   found {interval}: {found.says}{stop}   [{counts}]"


@dataclass(frozen=True)
class County:
    """Artificial people of one seed, below one folder."""

    folder: Path
    people: int
    seed: int

    @property
    def numbers(self) -> Path:
        """Whom the released lists named; a bench that was stopped goes on from here."""
        return self.folder / "released.txt"

    def generate(self, name: str, contacts: Path | None = None) -> Path:
        """The county's deliveries, with contacts or without; returns the inbox."""
        inbox = self.folder / name / "inbox"
        if not inbox.exists():
            generate(
                inbox,
                people=self.people,
                seed=self.seed,
                years=YEARS,
                weekly_deliveries=SPAN,
                last_delivery=LAST,
                contacts=contacts,
            )
        return inbox

    def list_made(self) -> Store:
        """A home in which the list of `MONDAY` was made under the lot."""
        store = Store.at(self.folder / "home")
        if self.numbers.exists():
            return store
        store.prepare()
        _write_key(store, self.seed)
        deliver(self.generate("county"), store, after=dt.date.min, until=MONDAY)
        places = {"new_contact_slots": max(2, round(self.people * PLACES)), "evaluation_share": 1.0}
        _write(store.home / "site" / "teams.yaml", yaml.safe_dump({"default": places}))
        _write(store.home / "site" / "design.yaml", yaml.safe_dump({**LOT, "horizon_days": 7 * HORIZON_WEEKS}))
        _write(store.governance / ROLES, demonstration_roles(account(), dt.date(2099, 12, 31)))
        os.environ["ANTICIPATE_HOME"] = str(store.home)
        outcome = run_job(store, "weekly", week=MONDAY)
        if not outcome.success:
            raise SystemExit("\n".join(outcome.reasons))
        if not ledgers(stages.list_folder(store)):
            raise NoListError("No model of so few people may be shown, so there is no list: take more people.")
        return store

    def lived_on(self, listed: Store, kind: str, numbers: Collection[str], *, futures: int) -> Found:
        """The county after one kind of contact: what the product finds, and what is true."""
        stopped = self.stopped()
        own = set(numbers) & set(pl.Series(stopped.numbers).cast(pl.String))  # lives go by the last number of a person
        contacts = write_contacts(self.folder / f"{kind}.csv", own, KINDS[kind])
        inbox = self.generate(f"county-{kind}", contacts) if KINDS[kind] else self.generate("county")
        store = Store.at(self.folder / f"home-{kind}")
        shutil.rmtree(store.home, ignore_errors=True)
        shutil.copytree(listed.home, store.home, symlinks=True)
        os.environ["ANTICIPATE_HOME"] = str(store.home)
        read_on(store, inbox)
        returned = feedback_now(store).results
        truth = self.planted(stopped, store, contacts, futures=futures)
        return Found(evaluate_lists(store), truth, int(returned["contacts"].sum()))

    def stopped(self) -> resume.Stopped:
        """The same people as they stand on `MONDAY`."""
        begins = first_day(LAST, YEARS, SPAN)
        return resume.stop_at(
            self.folder / "state.npz",
            people=self.people,
            seed=self.seed,
            first_day=begins,
            days=(LAST - begins).days,
            week=(MONDAY - begins).days // 7,
        )

    def planted(self, stopped: resume.Stopped, store: Store, contacts: Path, *, futures: int) -> float:
        """The truth: what the contacts change for those shown by the lot, in the mean over futures."""
        shown = pl.DataFrame({"person_id": shown_by_lot(store)})
        named = pl.DataFrame({"nhs_number": stopped.numbers}).with_columns(
            person_id=pseudonyms(stages.open_key(store), "nhs_number", pl.Series(stopped.numbers).cast(pl.String))
        )
        people = named.join(shown, on="person_id").select("nhs_number")
        total = 0
        for salt in range(1, futures + 1):
            with_, without = (
                resume.live_on(stopped, weeks=HORIZON_WEEKS, contacts=c, salt=salt).join(people, on="nhs_number")
                for c in (contacts, None)
            )
            total += int(with_["emergency_admissions"].sum()) - int(without["emergency_admissions"].sum())
        return total / futures / max(1, len(people))


def shown_by_lot(store: Store) -> list[int]:
    """People whom the lot has shown, as known now."""
    ((_, path),) = ledgers(stages.list_folder(store))
    ledger = pl.read_parquet(path).filter(pl.col("arm") == "shown").select("person_id")
    with stages.record_opened(store) as con:
        return follow(ledger, linked(con, dt.date.max))["person_id"].to_list()


def deliver(inbox: Path, store: Store, *, after: dt.date, until: dt.date, only: Collection[str] | None = None) -> None:
    """Copies the deliveries of some days, `after` left out, into the inbox of a home."""
    for day in sorted(inbox.glob("*/*")):
        wanted = only is None or day.parent.name in only
        if wanted and after.isoformat() < day.name <= until.isoformat():
            shutil.copytree(day, store.inbox / day.parent.name / day.name)


def released_and_returned(store: Store) -> list[str]:
    """Releases each team's list, sends each back with *Seen* in every row; the numbers that were released."""
    now = dt.datetime.combine(MONDAY, dt.time(8), dt.UTC)
    back = store.inbox / SOURCE / (MONDAY + dt.timedelta(days=4)).isoformat()
    back.mkdir(parents=True)
    numbers: list[str] = []
    for sheet in sorted((stages.list_folder(store) / f"week={MONDAY}").glob(f"*{SUFFIX}")):
        team = sheet.name.removesuffix(SUFFIX)
        done = release(store, team, MONDAY, "direct care", now=now)
        numbers += (done.folder / NUMBERS).read_text().split() if done.people else []
        _answered(done.folder / f"{team}.xlsx", back / f"{team}.xlsx")
    return numbers


def _answered(workbook: Path, target: Path) -> None:
    """A returned workbook: everybody new was seen."""
    book = openpyxl.load_workbook(workbook)
    for page in book.worksheets:
        heads = {c.value: c for row in page.iter_rows(max_row=20) for c in row}
        if page.title in ("New this week", "Standing concerns") and "Outcome" in heads:
            outcome, who = heads["Outcome"], heads["Who"]
            for row in range(outcome.row + 1, page.max_row + 1):
                if page.cell(row, who.column).value:
                    page.cell(row, outcome.column).value = "Seen"
    book.save(target)


def write_contacts(path: Path, numbers: Iterable[str], kinds: Collection[str]) -> Path:
    """A contacts file: everybody who was seen, the day after the Monday of the list."""
    rows = [(n, MONDAY + dt.timedelta(days=1), kind) for n in sorted(numbers) for kind in kinds or ("none",)]
    pl.DataFrame(rows, schema=["nhs_number", "date", "kind"], orient="row").write_csv(path)
    return path


def read_on(store: Store, inbox: Path) -> None:
    """What was delivered after the list, of the sources that an evaluation reads, becomes record."""
    wanted = {NUMBER_CHANGES, SOURCE}.union(*(sources_of(t) for t in ("inpatient_spell", "death", "community_contact")))
    deliver(inbox, store, after=MONDAY, until=LAST, only=wanted)
    contracts = [c for c in load_contracts().values() if c.id in wanted]
    for _ in stages.conform(store, contracts):
        pass
    for _ in stages.build_record(store, all_tables()):
        pass


def _write_key(store: Store, seed: int) -> None:
    """The key of a county is its seed's: who is drawn, and who is listed of few people, depends on pseudonyms."""
    store.key_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    store.key_file.write_bytes(hashlib.sha256(f"county {seed}".encode()).digest())
    store.key_file.chmod(0o600)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
