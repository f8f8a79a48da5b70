"""The present of each person, the world they share, and the log of what happens to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray

from synthetic.people import YEAR, BoolArray, People
from synthetic.rng import F64, I64, U64
from synthetic.rules import Rules

NEVER = 2**30
OWN, RESIDENTIAL, NURSING = 0, 1, 2
AT_HOME, TEMPORARY, PERMANENT = 0, 1, 2
NEEDS_HELP = 1.8  # dependence from which somebody has to help
MONTH = 4  # weeks between two moves of the slow states


@dataclass(frozen=True)
class World:
    """What all people share: the seed, the span in days from the first day (a Monday), and the rules.

    ``first_weekday_of_year`` is the day of the year (0-365) of the first day, for the winter wave.
    """

    seed: int
    days: int
    first_day_of_year: int
    rules: Rules

    @property
    def weeks(self) -> int:
        """Whole weeks in the span."""
        return self.days // 7

    def winter(self, week: int) -> float:
        """The yearly wave: 1 in the first week of January, -1 in the first of July."""
        return float(np.cos(2 * np.pi * (self.first_day_of_year + 7 * week - 3) / YEAR))


@dataclass
class State:
    """Everything about the present that the future depends on; one element per person.

    Days count from the first day of the world. ``chronic`` and ``acute`` are the two parts of dependence, ``recent``
    the raised hazard after an emergency stay, ``vulnerability`` the slow unrecorded swing; ``onset`` (people,
    conditions) is the day each condition began or will begin; ``hospital_until`` is the last day of a stay.
    ``reabled_until`` is the last day on which reablement speeds healing.
    ``relative`` says that someone from outside the household helps; ``strain`` is how hard it has become for them.
    """

    week: int
    chronic: F64
    acute: F64
    recent: F64
    vulnerability: F64
    onset: NDArray[np.int32]
    alive: BoolArray
    present: BoolArray
    alone: BoolArray
    widowed: BoolArray
    home: NDArray[np.int8]
    housebound: NDArray[np.int8]
    palliative: BoolArray
    hospital_until: I64
    dies_on: I64
    carer_lost_until: I64
    reabled_until: I64
    relative: BoolArray
    strain: F64
    practice: I64
    threshold: F64
    log_crisis: F64 = field(default_factory=lambda: np.zeros(0))
    log_fall: F64 = field(default_factory=lambda: np.zeros(0))
    log_death: F64 = field(default_factory=lambda: np.zeros(0))

    @property
    def dependence(self) -> F64:
        """Chronic and acute part together."""
        return self.chronic + self.acute

    @property
    def cared(self) -> BoolArray:
        """Who needs help at home and has it from somebody unpaid: a partner or others they live with, or a relative."""
        return (self.dependence >= NEEDS_HELP) & (self.home == OWN) & (self.relative | ~self.alone)

    @property
    def strained(self) -> F64:
        """Strain of the carer, from 0 to 2; 0 for those without one."""
        return np.clip(self.strain, 0.0, 2.0) * self.cared


class Log:
    """What happened, as columns: ``log.add("stay", person=..., day=...)``, read back by ``log.table("stay")``."""

    def __init__(self) -> None:
        self._parts: dict[str, list[dict[str, NDArray]]] = {}

    def add(self, kind: str, **columns: NDArray) -> None:
        """Append rows; all columns have one length."""
        if len(next(iter(columns.values()))):
            self._parts.setdefault(kind, []).append(columns)

    def table(self, kind: str) -> dict[str, NDArray]:
        """All rows of a kind, column by column; empty when nothing of the kind happened."""
        parts = self._parts.get(kind, [])
        return {name: np.concatenate([p[name] for p in parts]) for name in parts[0]} if parts else {}


@dataclass
class Scene:
    """One run of people at one week, as the rules see it: who, where they stand, the world, their streams, the log."""

    people: People
    state: State
    world: World
    key: U64
    log: Log
    week: int = 0
    changed: dict[str, F64] | None = None  # what contacts add this week, see ``act``

    @property
    def day(self) -> int:
        """Monday of the week, in days from the first."""
        return 7 * self.week

    @property
    def course(self) -> SimpleNamespace:
        """The declared numbers of the course of lives."""
        return self.world.rules.course

    def has(self, condition: str, who: I64) -> BoolArray:
        """Who of ``who`` has a condition this week."""
        return self.state.onset[who, self.world.rules.condition(condition).index] <= self.day


def logistic(x: F64) -> F64:
    """Probability of log odds."""
    return 1 / (1 + np.exp(-x))
