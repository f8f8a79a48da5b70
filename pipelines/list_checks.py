"""What is looked at anew when lists have been made: counts only, never a person.

The checks read what was written, not what was meant: a list is looked at as a stranger would.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

import sql
from outreach import ListReport, load_list
from outreach.build import POLICY
from outreach.eligibility import PURPOSE, read_policy
from pipelines.findings import Finding
from pipelines.release.checks import FRESH_DAYS, MUST_BE_FRESH, newest_received
from pipelines.stages import list_of_week, record_opened
from pipelines.store import Store

POSSIBLE, LEDGER, LIST = ("list", "considered"), ("list", "ledger"), ("weekly_list",)


@dataclass(frozen=True)
class Check:
    """One check of one asset, what it means, and whether it stops the run."""

    asset: tuple[str, ...]
    name: str
    means: str
    blocking: bool = False


CHECKS = (
    Check(
        POSSIBLE,
        "nothing_missing",
        "Every feature that the list reads is there, and hospital beds can be seen.",
    ),
    Check(
        POSSIBLE,
        "fresh",
        f"Deaths, registrations and opt-outs are at most {FRESH_DAYS} days old on the Monday; a release asks again.",
    ),
    Check(LEDGER, "nobody_twice", "Nobody stands twice in the ledger of a week.", blocking=True),
    Check(
        LEDGER,
        "only_eligible",
        "Nobody shown is known to have died, has opted out, is in a hospital bed, or lies below the threshold unless a "
        "team added them.",
    ),
    Check(LEDGER, "churn", "No more of the list than declared comes from nowhere near the last one."),
    Check(LIST, "within_capacity", "No team's list is longer than the team can see.", blocking=True),
    Check(
        LIST,
        "as_given_out",
        "Nothing that would change a list came after it was made. A list stays as it was given out; this tells how "
        "many people would stand otherwise.",
    ),
)


@dataclass(frozen=True)
class WeekLists:
    """The lists of a week as they lie there."""

    report: ListReport

    @cached_property
    def ledger(self) -> pl.DataFrame:
        """The ledger as it was written."""
        return pl.read_parquet(self.report.ledger)

    @property
    def week(self) -> dt.date:
        """Its Monday."""
        return self.report.week


def findings_of(store: Store, made: Sequence[WeekLists]) -> list[Finding]:
    """Every check over the lists of some weeks, in the order of `CHECKS`."""
    look: dict[str, Callable[[], tuple[list[str], str]]] = {
        "nothing_missing": lambda: _missing(made[-1].report),
        "fresh": lambda: _fresh(store, made[-1].week),
        "nobody_twice": lambda: _twice(made),
        "only_eligible": lambda: _eligible(store, made[-1]),
        "churn": lambda: _churn(made),
        "within_capacity": lambda: _capacity(made),
        "as_given_out": lambda: _given_out(made),
    }
    found = []
    for check in CHECKS:
        wrong, well = look[check.name]()
        counts = _counts(check.name, made)
        found.append(
            Finding(check.asset, check.name, not wrong, " ".join(wrong) or well, blocking=check.blocking, counts=counts)
        )
    return found


def _counts(name: str, made: Sequence[WeekLists]) -> dict[str, int]:
    reports = [m.report for m in made]
    if name == "within_capacity":
        return {"shown": sum(r.shown for r in reports), "capacity": sum(t.capacity for r in reports for t in r.teams)}
    return {"people": sum(r.otherwise for r in reports)} if name == "as_given_out" else {}


def _missing(newest: ListReport) -> tuple[list[str], str]:
    told = []
    if newest.missing_features:
        told.append(f"Features not there: {', '.join(newest.missing_features)}.")
    if newest.hospital_to is None:
        told.append("Who is in hospital cannot be seen.")
    return told, "Nothing is missing."


def _fresh(store: Store, week: dt.date) -> tuple[list[str], str]:
    newest = newest_received(store, until=week)
    told = []
    for source, words in MUST_BE_FRESH.items():
        if source not in newest:
            told.append(f"{words} were never delivered.")
        elif (age := (week - newest[source]).days) > FRESH_DAYS:
            told.append(f"{words} are {age} days old on the Monday.")
    return told, "Deaths, registrations and opt-outs are fresh."


def _twice(made: Sequence[WeekLists]) -> tuple[list[str], str]:
    twice = [(m.week, len(m.ledger) - m.ledger["person_id"].n_unique()) for m in made]
    return [f"{w}: {count:,} rows of people who are there already." for w, count in twice if count], "Nobody is twice."


def _eligible(store: Store, newest: WeekLists) -> tuple[list[str], str]:
    """The people shown, against the record opened anew."""
    week, shown = newest.week, newest.ledger.filter("shown")
    declared = list_of_week(store, week)
    low = shown.filter(~pl.col("added") & (pl.col("score").fill_null(-1) < declared.threshold))
    with record_opened(store) as con:
        con.register("opt_out_policy", read_policy(POLICY).to_arrow())
        oldest = week - dt.timedelta(days=declared.hospital_snapshot_days)
        against = {
            "are known to have died": con.sql(sql.load("outreach/known_dead"), params={"index": week}).pl(),
            "have opted out": con.sql(sql.load("purpose/opted_out"), params={"index": week, "purpose": PURPOSE}).pl(),
            "are in a hospital bed": con.sql(
                sql.load("outreach/in_hospital"), params={"index": week, "oldest": oldest}
            ).pl(),
        }
    counts = {said: len(shown.join(people, on="person_id", how="semi")) for said, people in against.items()}
    counts["lie below the threshold"] = len(low)
    return [f"{n:,} of the people shown {said}." for said, n in counts.items() if n], "Everyone shown may be shown."


def _churn(made: Sequence[WeekLists]) -> tuple[list[str], str]:
    bound = load_list().churn_warns
    told = [(m.week, m.report.churn) for m in made if m.report.churn is not None and m.report.churn > bound]
    said = [f"{week}: {share:.0%} of those shown were nowhere near the list before." for week, share in told]
    return said, "Lists hang together with those before."


def _capacity(made: Sequence[WeekLists]) -> tuple[list[str], str]:
    over = [
        f"{m.week} {team}: {shown} shown, {places} can be seen."
        for m in made
        for team, places, shown in m.ledger.filter("shown").group_by("team", "capacity").len().sort("team").rows()
        if shown > places
    ]
    return over, "Every list is within its team's capacity."


def _given_out(made: Sequence[WeekLists]) -> tuple[list[str], str]:
    told = "; ".join(f"{m.week}: {m.report.otherwise:,} people" for m in made if m.report.otherwise)
    well = "Every list says what it would say if it were made now."
    if not told:
        return [], well
    return [f"Files came after a list for their Monday was made. It stays; made now it would differ: {told}."], well
