"""What the record writers ask of a run of lives: who was where, when, and how well the practice writes things down."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic import rng
from synthetic.course import Course
from synthetic.people import BoolArray, People, geography
from synthetic.rng import F64, I64
from synthetic.rules import Rules
from synthetic.state import MONTH, World

_STRIDE = 1 << 21
_SHIFT = 1 << 20


@dataclass
class Life:
    """Lives ready to be written down.

    ``numbers`` are the NHS numbers; days count from ``first_day``, a Monday; ``history`` is the day of the historic
    delivery. ``old_numbers`` were carried until ``changed_on`` (see ``number``).
    """

    people: People
    course: Course
    world: World
    numbers: I64
    first_day: dt.date
    history: int
    elective: dict[str, NDArray] = field(default_factory=dict)
    old_numbers: I64 = field(default_factory=lambda: np.zeros(0, np.int64))
    changed_on: I64 = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def rules(self) -> Rules:
        """The declared rules."""
        return self.world.rules

    @cached_property
    def leaves(self) -> I64:
        """Last day in the county: of death or of departure."""
        return np.minimum(self.course.death_day, self.course.exit_day)

    @cached_property
    def stay(self) -> dict[str, NDArray]:
        """Emergency stays in order of person and day."""
        table = self.course.log.table("stay")
        if not table:
            names = ("person", "day", "out", "home", "ready", "cause", "pathway", "dies", "fall", "reabled", "confused")
            return {k: np.zeros(0, np.int64) for k in names}
        order = np.lexsort((table["day"], table["person"]))
        return {name: column[order] for name, column in table.items()}

    @cached_property
    def _stay_at(self) -> I64:
        return self.stay["person"] * _STRIDE + self.stay["day"] + _SHIFT

    def in_hospital(self, person: I64, day: I64) -> BoolArray:
        """Whether each person lies in a hospital bed on that day, first and last day included."""
        if not len(self._stay_at):
            return np.zeros(len(person), dtype=bool)
        at = np.maximum(np.searchsorted(self._stay_at, person * _STRIDE + day + _SHIFT, side="right") - 1, 0)
        return (self.stay["person"][at] == person) & (self.stay["day"][at] <= day) & (self.stay["home"][at] >= day)

    def back_home(self, person: I64, day: I64) -> I64:
        """The same day, or the day after a stay for those who lie in hospital on it."""
        out = day
        while (away := self.in_hospital(person, out)).any():
            at = np.searchsorted(self._stay_at, person * _STRIDE + out + _SHIFT, side="right") - 1
            out = np.where(away, self.stay["home"][at] + 1, out)
        return out

    def can_be(self, code: object, person: I64) -> BoolArray:
        """Whether a code or product may concern each person, by sex (``men_only`` in the rules)."""
        only_men = code in self.rules.section["men_only"]
        return ~self.people.female[person] if only_men else np.ones(len(person), dtype=bool)

    def lives_here(self, person: I64, day: I64) -> BoolArray:
        """Whether each person was in the county and alive on that day (records from before entry do not count)."""
        here = (day >= self.people.entry_day[person]) & (day <= self.leaves[person])
        return here & (day >= 0) & (day < self.world.days)

    def record_exists(self, person: I64, day: I64) -> BoolArray:
        """Whether a GP record can hold something of that day: born, not gone, within the span; lifelong."""
        return (day >= self.people.birth_day[person]) & (day <= self.leaves[person]) & (day < self.world.days)

    @cached_property
    def _moves(self) -> tuple[I64, I64, I64]:
        table = self.course.log.table("practice")
        if not table:
            return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64)
        order = np.lexsort((table["day"], table["person"]))
        return tuple(table[k][order] for k in ("person", "day", "practice"))  # type: ignore[return-value]

    def practice_at(self, person: I64, day: I64) -> I64:
        """Index of the practice that each person was with on that day."""
        who, since, to = self._moves
        out = self.people.practice[person]
        if not len(who):
            return out
        at = np.searchsorted(who * _STRIDE + since + _SHIFT, person * _STRIDE + day + _SHIFT, side="right") - 1
        at = np.maximum(at, 0)
        return np.where((who[at] == person) & (since[at] <= day), to[at], out)

    def state(self, name: str, person: I64, day: I64) -> NDArray:
        """A slow state (``dependence``, ``housebound``, …) of each person in the month of that day."""
        table = self.course.month[name]
        month = np.clip(day // (7 * MONTH), 0, len(table) - 1)
        return table[month, person]

    def has(self, condition: str, person: I64, day: I64) -> BoolArray:
        """Whether each person had the condition on that day."""
        return self.course.onset[person, self.rules.condition(condition).index] <= day

    def age(self, person: I64, day: I64) -> F64:
        """Age in years."""
        return (day - self.people.birth_day[person]) / 365.25

    @cached_property
    def quality(self) -> dict[str, F64]:
        """How well each practice records: ``general``, ``housebound``, ``frailty``, ``social``; one value each."""
        p = self.rules.practice
        key = rng.keyed(self.world.seed ^ 0xACE, np.arange(len(geography().practice)))
        general = p.general["low"] + (p.general["high"] - p.general["low"]) * rng.uniform(key, "general")
        out = {"general": general}
        for topic in ("housebound", "frailty", "social"):
            spec = getattr(p, topic)
            poor = rng.uniform(key, topic) < spec["poor_share"]
            spread = 0.7 + 0.6 * rng.uniform(key, topic + " spread")
            out[topic] = np.clip(np.where(poor, spec["poor"], spec["good"]) * spread, 0, 0.97)
        out["issue_days"] = np.array(p.issue_days, float)[
            rng.pick(rng.uniform(key, "issue"), np.ones(len(p.issue_days)))
        ]
        return out

    def key(self, person: I64) -> NDArray[np.uint64]:
        """The stream of each row's person."""
        return self.people.key[person]

    def date(self, day: I64) -> pl.Series:
        """Days as calendar dates; days of ``NEVER`` or beyond a century become missing."""
        offset = (self.first_day - dt.date(1970, 1, 1)).days
        far = np.abs(day) > 60_000
        out = pl.Series((np.where(far, 0, day) + offset).astype(np.int32)).cast(pl.Date)
        return out.set(pl.Series(far), None) if far.any() else out

    def practice_code(self, person: I64, day: I64) -> pl.Series:
        """Code of the practice of each row."""
        return pl.Series(geography().practice).gather(pl.Series(self.practice_at(person, day)))


def spread(count: I64) -> tuple[I64, I64]:
    """For ``count[i]`` copies of each row: the row of every copy, and its turn from 0."""
    row = np.repeat(np.arange(len(count)), count)
    return row, np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)


def ordinal(person: I64) -> I64:
    """Number of each row among its person's, from 1; rows have to be in order of person."""
    return np.arange(len(person)) - np.searchsorted(person, person, side="left") + 1


def weekday(day: I64) -> I64:
    """The same day, or the Friday before a weekend (day 0 is a Monday)."""
    over = day % 7
    return np.where(over >= 5, day - (over - 4), day)


def rows(person: I64, day: I64, known: I64, **columns: object) -> pl.DataFrame:
    """A frame of delivered rows, keyed by lake column name; ``_person``, ``_day`` and ``_known`` are for the writer."""
    return pl.DataFrame({"_person": person, "_day": day, "_known": known, **columns})


def clock(u: F64, first_hour: float = 8.0, last_hour: float = 18.5) -> pl.Series:
    """Times of day between two hours, to the minute."""
    minutes = np.floor(60 * (first_hour + (last_hour - first_hour) * u)).astype(np.int64) % 1440
    return pl.Series(minutes * 60_000_000_000).cast(pl.Time)
