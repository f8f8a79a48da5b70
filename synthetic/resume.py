"""Lives stopped at a week, saved, and lived on with or without contacts, for an evaluation to be held against."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from synthetic import rules
from synthetic.act import Acts, acts, load_state, read_contacts, save_state
from synthetic.course import Course, begin, live
from synthetic.people import People, head_count, make, nhs_numbers
from synthetic.rng import I64
from synthetic.state import NEVER, State, World


@dataclass(frozen=True)
class Stopped:
    """Everybody at the start of a week: who, where they stand, in which world, under which numbers."""

    people: People
    state: State
    world: World
    numbers: I64
    first_day: dt.date

    @property
    def date(self) -> dt.date:
        """The Monday at which they stand."""
        return self.first_day + dt.timedelta(weeks=self.state.week)


def stop_at(path: Path, *, people: int, seed: int, first_day: dt.date, days: int, week: int) -> Stopped:
    """Lives a county up to a week and saves it.

    Args:
        path: file to write (``.npz``).
        people: registered at any time.
        seed: of the world.
        first_day: first day lived, a Monday.
        days: span over which births and arrivals are planned; the same span makes the same people as ``generate``.
        week: first week not lived.
    """
    plan: dict[str, object] = {"people": people, "seed": seed, "first_day": first_day.isoformat(), "days": days}
    who, world, numbers = _county(plan)
    state = live(who, begin(who, world), world, week, record=False).final
    save_state(path, state, plan)
    return Stopped(who, state, world, numbers, first_day)


def load(path: Path) -> Stopped:
    """A county as it was saved."""
    state, plan = load_state(path)
    who, world, numbers = _county(plan)
    return Stopped(who, state, world, numbers, dt.date.fromisoformat(str(plan["first_day"])))


def _county(plan: dict[str, object]) -> tuple[People, World, I64]:
    first_day, days, seed = (
        dt.date.fromisoformat(str(plan["first_day"])),
        int(str(plan["days"])),
        int(str(plan["seed"])),
    )
    declared = rules.load()
    count = head_count(int(str(plan["people"])), days / 365.25)
    who = make(0, count, count=count, seed=seed, days=days, rules=declared)
    world = World(seed, days, first_day.timetuple().tm_yday - 1, declared)
    return who, world, nhs_numbers(who.index, count=count, seed=seed)


def live_on(stopped: Stopped, *, weeks: int, contacts: Path | None = None, salt: int = 0) -> pl.DataFrame:
    """Lives everyone on and says what happened.

    Args:
        stopped: where they stand; not changed.
        weeks: how long.
        contacts: a contacts file (``act.CONTACT_COLUMNS``); None for life without.
        salt: 0 for the one history that ``generate`` also tells; another number for another future.

    Returns:
        One row per person alive and here at the start, in order of ``nhs_number``: ``index_date``,
        ``emergency_admissions``, ``first_admission_date``, ``bed_days`` (midnights in an acute bed of stays begun
        within the span, counted to its end), ``hospital_falls`` (stays after a fall), ``death_date`` (null: alive).

    Raises:
        ValueError: the contacts file cannot be read, or names someone who is not of this county.
    """
    chosen: Acts | None = None
    if contacts is not None:
        told = read_contacts(contacts, stopped.world.rules)
        if strangers := told.filter(~pl.col("nhs_number").is_in(stopped.numbers.tolist())).height:
            raise ValueError(f"{contacts.name}: {strangers} contacts are with people who are not of this county.")
        chosen = acts(told, stopped.numbers, stopped.first_day, stopped.world.rules)
    until = stopped.state.week + weeks
    course = live(stopped.people, stopped.state, stopped.world, until, record=False, salt=salt, acts=chosen)
    return _outcomes(stopped, course, 7 * until)


def _outcomes(stopped: Stopped, course: Course, end: int) -> pl.DataFrame:
    n = len(stopped.people)
    stay = course.log.table("stay")
    none = np.zeros(0, np.int64)
    who, day, out = (stay.get(k, none) for k in ("person", "day", "out"))
    first = np.full(n, NEVER, np.int64)
    np.minimum.at(first, who, day)
    nights = np.minimum(out, end) - day

    def count(weights: I64 | None = None) -> I64:
        return np.bincount(who, weights=weights, minlength=n).astype(np.int64)

    frame = pl.DataFrame({
        "nhs_number": stopped.numbers, "index_date": np.full(n, np.datetime64(stopped.date)),
        "emergency_admissions": count(), "first_admission_date": _dates(stopped.first_day, first),
        "bed_days": count(nights), "hospital_falls": count(stay.get("fall", none).astype(np.int64)),
        "death_date": _dates(stopped.first_day, course.death_day),
    })  # fmt: skip
    here = pl.Series(stopped.state.alive & stopped.state.present)
    return frame.filter(here).with_columns(pl.col("index_date").cast(pl.Date)).sort("nhs_number")


def _dates(first_day: dt.date, day: I64) -> pl.Series:
    far = day >= NEVER
    since = (first_day - dt.date(1970, 1, 1)).days
    dates = pl.Series((np.where(far, 0, day) + since).astype(np.int32)).cast(pl.Date)
    return dates.set(pl.Series(far), None)
