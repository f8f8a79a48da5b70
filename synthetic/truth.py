"""True states and true risks: what evaluation may read and no delivery ever holds."""

from __future__ import annotations

import copy
import dataclasses
import datetime as dt
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic import number, rng
from synthetic.course import begin, following_onset, live, onset_hazard
from synthetic.life import Life
from synthetic.people import YEAR, People
from synthetic.rng import F64, I64, U64
from synthetic.state import NEVER, State, World

STATES = ("housebound", "home", "alone", "palliative")
T = TypeVar("T", People, State)


def states(life: Life) -> dict[str, pl.DataFrame]:
    """The true lives as tables.

    ``person`` (one row a person), ``spell`` (one row per person, state and stretch of months in which it held one
    value other than 0), ``condition`` (one row per condition that began), ``stay`` (one row per emergency stay),
    ``number`` (one row per NHS number that changed, was merged or was mistaken for another's).
    """
    return {
        "person": _persons(life),
        "spell": _spells(life),
        "condition": _conditions(life),
        "stay": _stays(life),
        "number": _numbers(life),
    }


def write_states(made: list[dict[str, pl.DataFrame]], folder: Path, part: int) -> None:
    """Writes one part of the people as ``<table>/<part>.parquet``, in order of NHS number."""
    for name in made[0]:
        target = folder / name / f"{part:04d}.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        pl.concat([m[name] for m in made]).sort(pl.all()).write_parquet(target, compression="zstd")


def _persons(life: Life) -> pl.DataFrame:
    everyone = np.arange(len(life.people))
    return pl.DataFrame({
        "nhs_number": life.numbers, "birth_date": life.date(life.people.birth_day), "female": life.people.female,
        "entry_date": life.date(life.people.entry_day), "exit_date": life.date(life.course.exit_day),
        "death_date": life.date(life.course.death_day), "hidden_factor": life.people.hidden[everyone],
    })  # fmt: skip


def _spells(life: Life) -> pl.DataFrame:
    parts = []
    for name in STATES:
        value = life.course.month[name].astype(np.int8) * life.course.month["here"]
        before = np.vstack([np.zeros((1, value.shape[1]), np.int8), value[:-1]])
        after = np.vstack([value[1:], np.zeros((1, value.shape[1]), np.int8)])
        person, start = np.nonzero(((value != before) & (value != 0)).T)
        _, stop = np.nonzero(((value != after) & (value != 0)).T)
        ends = 28 * (stop + 1) - 1
        open_ended = stop == len(value) - 1
        parts.append(pl.DataFrame({
            "nhs_number": life.numbers[person], "state": np.full(len(person), name), "value": value[start, person],
            "start_date": life.date(28 * start), "end_date": life.date(np.where(open_ended, NEVER, ends)),
        }))  # fmt: skip
    return pl.concat(parts)


def _conditions(life: Life) -> pl.DataFrame:
    person, which = np.nonzero(life.course.onset < life.world.days)
    names = pl.Series([c.name for c in life.rules.conditions])
    day = life.course.onset[person, which].astype(np.int64)
    return pl.DataFrame({
        "nhs_number": life.numbers[person], "condition": names.gather(pl.Series(which)), "onset_date": life.date(day),
    })  # fmt: skip


def _numbers(life: Life) -> pl.DataFrame:
    told = number.told(life)
    person, day = told["_person"].to_numpy(), told["day"].to_numpy()
    back = np.where((told["kind"] == number.CONFUSED).to_numpy(), day + number.WITHDRAWN, NEVER)
    return pl.DataFrame({
        "nhs_number": life.numbers[person], "kind": told["kind"], "superseded_number": told["superseded"],
        "current_number": told["current"], "change_date": life.date(day), "told_date": life.date(day + number.TOLD),
        "withdrawn_date": life.date(back),
    })  # fmt: skip


def _stays(life: Life) -> pl.DataFrame:
    s = life.stay
    return pl.DataFrame({
        "nhs_number": life.numbers[s["person"]], "admission_date": life.date(s["day"]),
        "ready_date": life.date(s["ready"]),
        "discharge_date": life.date(s["out"]), "home_date": life.date(s["home"]), "pathway": s["pathway"],
        "fall": s["fall"].astype(bool), "died": s["dies"].astype(bool),
    })  # fmt: skip


def true_risk(
    people: People, world: World, numbers: I64, first_day: dt.date, *, week: int, replicates: int, from_age: float = 65
) -> pl.DataFrame:
    """True probabilities at the start of a week, by living the next year again and again.

    Everything that has happened is kept; illness yet to begin, crises, falls and deaths are drawn anew each time.
    Nobody leaves the area in a replicate. A stay under way keeps its length, which nobody knows in life.

    Args:
        people: a run of people.
        world: in which they live.
        numbers: their NHS numbers.
        first_day: date of day 0.
        week: index week, from the first.
        replicates: how many futures; the Monte Carlo error of a probability p is sqrt(p (1 - p) / replicates).
        from_age: only people of this age and over.

    Returns:
        One row per person alive and here: ``nhs_number, index_date, admission_365, admission_90, death_365,
        error_365`` (Monte Carlo standard error of ``admission_365``).
    """
    now = live(people, begin(people, world), world, week, record=False).final
    now.log_crisis = np.zeros(0)
    wanted = now.alive & now.present & (people.age(7 * week) >= from_age)
    partners = people.partner[wanted]
    index = np.union1d(np.flatnonzero(wanted), partners[partners >= 0])
    some, state = _subset(people, index), _subset(now, index)
    where = np.full(len(people) + 1, -1)
    where[index] = np.arange(len(index))
    some.partner = where[np.where(some.partner >= 0, some.partner, len(people))]
    hits = {name: np.zeros(len(index)) for name in ("admission_365", "admission_90", "death_365")}
    longer = dataclasses.replace(world, days=max(world.days, 7 * (week + 53)))
    for salt in range(1, replicates + 1):
        future = copy.copy(state)
        future.onset = _future_onsets(some, state, world, 7 * week, salt)
        course = live(some, future, longer, week + 53, record=False, salt=salt)
        stay = course.log.table("stay")
        for name, days in (("admission_365", 365), ("admission_90", 90)):
            if stay:
                within = stay["day"] < 7 * week + days
                hits[name][np.unique(stay["person"][within])] += 1
        hits["death_365"] += course.death_day < 7 * week + 365
    keep = wanted[index]
    p = {name: (count / replicates)[keep] for name, count in hits.items()}
    error = np.sqrt(p["admission_365"] * (1 - p["admission_365"]) / replicates)
    date = first_day + dt.timedelta(weeks=week)
    return pl.DataFrame({"nhs_number": numbers[index][keep], **p, "error_365": error}).with_columns(
        index_date=pl.lit(date)
    )


def _subset(thing: T, index: I64) -> T:
    size = len(thing.key) if isinstance(thing, People) else len(thing.alive)
    values: dict[str, Any] = {}
    for f in dataclasses.fields(thing):
        value = getattr(thing, f.name)
        values[f.name] = value[index] if isinstance(value, np.ndarray) and len(value) == size else value
    return type(thing)(**values)


def _future_onsets(people: People, state: State, world: World, day: int, salt: int) -> NDArray[np.int32]:
    """Onset days with the future drawn anew: the hazard left after today is spent by a fresh exponential."""
    key: U64 = rng.keyed(world.seed ^ (salt * 0x9E37), people.index)
    onset = state.onset.copy()
    ages: F64 = np.arange(0, 111, dtype=float)
    age_now = np.clip(people.age(day), 0, 110)
    for c in world.rules.conditions:
        later = onset[:, c.index] > day
        if c.follows:
            before = onset[:, world.rules.condition(c.follows).index].astype(np.int64)
            drawn = following_onset(key, c, before, day)
            onset[:, c.index] = np.where(later, np.maximum(drawn, day + 1), onset[:, c.index])
            continue
        curve = c.cumulative + 1e-9 * ages
        need = np.interp(age_now, ages, curve) + rng.exponential(key, "onset " + c.name) / onset_hazard(
            people, c, world.rules
        )
        age = np.interp(need, curve, ages, right=1e4)
        drawn = np.where(age > 120, NEVER, np.minimum(people.birth_day + age * YEAR, NEVER))
        onset[:, c.index] = np.where(later, np.maximum(drawn, day + 1), onset[:, c.index])
    return onset
