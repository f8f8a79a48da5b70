"""How a life goes: the latent states of each person and the crises, stays, falls, moves and deaths that follow.

Weekly draws decide crises, falls and deaths; every fourth week the slow states move (dependence, illness, where a
person lives). All arrays run over people; nothing here writes a record. A run can stop, hand over its
:class:`State`, and go on, alone or two thousand times over with fresh numbers (``salt``).
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from synthetic import crisis, rng
from synthetic.people import YEAR, BoolArray, People
from synthetic.rng import F64, I64, U64
from synthetic.rules import Condition, Rules

NEVER = 2**30
OWN, RESIDENTIAL, NURSING = 0, 1, 2
AT_HOME, TEMPORARY, PERMANENT = 0, 1, 2
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
    practice: I64
    threshold: F64
    log_crisis: F64 = field(default_factory=lambda: np.zeros(0))
    log_fall: F64 = field(default_factory=lambda: np.zeros(0))
    log_death: F64 = field(default_factory=lambda: np.zeros(0))

    @property
    def dependence(self) -> F64:
        """Chronic and acute part together."""
        return self.chronic + self.acute


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
class Course:
    """The lives of a run of people.

    ``month`` holds the slow states at the start of every fourth week, arrays of shape (months, people):
    ``dependence``, ``chronic``, ``vulnerability`` (float32), ``housebound``, ``home``, ``alone``, ``palliative``,
    ``here`` (alive, arrived, not gone away). ``death_day`` and ``exit_day`` are ``NEVER`` for those who stay.
    """

    log: Log
    month: dict[str, NDArray]
    death_day: I64
    exit_day: I64
    onset: NDArray[np.int32]
    final: State


def begin(people: People, world: World) -> State:
    """The state of each person on the first day (or at entry, for those who come later)."""
    rules, key = world.rules, people.key
    c = rules.course
    n = len(people)
    age = np.maximum(people.age(0), 0.0)
    onset = _onsets(people, rules)
    has = (onset <= 0).astype(np.float64)
    function = np.array([x.function for x in rules.conditions])
    spread = c.dependence_hidden * people.hidden + 0.30 * rng.normal(key, "dependence")
    chronic = c.dependence_at_70 * np.exp(c.dependence_per_decade * (age - 70) / 10 + spread - 0.1)
    chronic = np.minimum(chronic + 0.7 * has @ function * rng.uniform(key, "toll") * 2, 7.5)
    dementia = has[:, rules.condition("dementia").index]
    start = c.care_home_at_start
    odds = start.constant + start.dependence * chronic + start.alone * people.alone + start.dementia * dementia
    in_home = (rng.uniform(key, "home at start") < _logistic(odds)) & (age >= 55)
    nursing = rng.uniform(key, "nursing") < c.nursing_share
    return State(
        week=0,
        chronic=chronic,
        acute=np.zeros(n),
        recent=np.zeros(n),
        vulnerability=c.vulnerability_sd * rng.normal(key, "vulnerability", -1 % 2**32),
        onset=onset,
        alive=np.ones(n, dtype=bool),
        present=people.entry_day == 0,
        alone=people.alone.copy(),
        widowed=np.zeros(n, dtype=bool),
        home=np.where(in_home, np.where(nursing, NURSING, RESIDENTIAL), OWN).astype(np.int8),
        housebound=np.zeros(n, dtype=np.int8),
        palliative=np.zeros(n, dtype=bool),
        hospital_until=np.full(n, -1, dtype=np.int64),
        dies_on=np.full(n, NEVER, dtype=np.int64),
        carer_lost_until=np.full(n, -1, dtype=np.int64),
        practice=people.practice.copy(),
        threshold=c.housebound_at + 0.55 * rng.normal(key, "housebound at"),
    )


def live(people: People, state: State, world: World, until: int, *, record: bool = True, salt: int = 0) -> Course:
    """Runs everyone from ``state.week`` to week ``until``.

    Args:
        people: who.
        state: where they stand; not changed.
        world: span and rules.
        until: first week not lived.
        record: keep the monthly states (the log is always kept).
        salt: 0 for the one true history; another number gives another future from the same state, in which nobody
            leaves the area.
    """
    s = copy.deepcopy(state)
    key = people.key if salt == 0 else rng.keyed(world.seed ^ (salt * 0x9E37), people.index)
    log, months = Log(), []
    death_day, exit_day = np.full(len(people), NEVER, np.int64), np.full(len(people), NEVER, np.int64)
    for week in range(s.week, until):
        if week % MONTH == 0 or not len(s.log_crisis):
            _slow_states(people, s, world, key, week, log, None if salt else exit_day)
            if record:
                months.append(_snapshot(s))
        _week(people, s, world, key, week, log, death_day)
    s.week = until
    return Course(log, _stack(months), death_day, exit_day, s.onset, s)


def _week(people: People, s: State, world: World, key: U64, week: int, log: Log, death_day: I64) -> None:
    """Draws of one week: deaths, crises, falls; then healing."""
    c = world.rules.course
    monday = 7 * week
    here = s.alive & s.present
    recent = np.minimum(s.recent, 2.0)
    weekly = 7 / YEAR
    dies = here & (rng.uniform(key, "death", week) < np.exp(s.log_death + c.death_recent * recent) * weekly)
    dies &= s.hospital_until < monday
    day = monday + np.floor(7 * rng.uniform(key, "day of death", week)).astype(np.int64)
    s.dies_on = np.where(dies, np.minimum(s.dies_on, day), s.dies_on)
    wave = 1 + c.crisis_winter * world.winter(week)
    crisis_now = rng.uniform(key, "crisis", week) < np.exp(s.log_crisis + c.crisis_recent * recent) * weekly * wave
    fall_now = rng.uniform(key, "fall", week) < np.exp(s.log_fall + 0.3 * recent) * weekly
    for kind, now in (("crisis", crisis_now), ("fall", fall_now)):
        who = np.flatnonzero(now & here)
        on = monday + np.floor(7 * rng.uniform(key[who], kind + " day", week)).astype(np.int64)
        free = (s.hospital_until[who] < on) & (s.dies_on[who] > on)
        crisis.happen(kind, people, s, world, key, who[free], on[free], week, log)
    gone = s.alive & (s.dies_on < monday + 7)
    death_day[gone] = s.dies_on[gone]
    s.alive &= ~gone
    s.acute *= np.exp(-1 / c.heal_weeks)
    s.recent *= np.exp(-1 / c.recent_weeks)


def _slow_states(people: People, s: State, world: World, key: U64, week: int, log: Log, exit_day: I64 | None) -> None:
    """Four weeks of ageing, illness, support and moves; then the log hazards that hold until the next time."""
    rules, c = world.rules, world.rules.course
    day, years = 7 * week, MONTH * 7 / YEAR
    age = people.age(day)
    s.present |= (people.entry_day > day - 28) & (people.entry_day <= day)
    if exit_day is not None:
        _leave(people, s, rules, key, week, age, log, exit_day)
    rho = float(np.exp(-MONTH / c.vulnerability_weeks))
    shock = rng.normal(key, "vulnerability", week)
    s.vulnerability = rho * s.vulnerability + np.sqrt(1 - rho**2) * c.vulnerability_sd * shock
    has = s.onset <= day
    dementia = has[:, rules.condition("dementia").index]
    toll = np.array([x.function for x in rules.conditions], dtype=np.float32)
    new = (has & (s.onset > day - 28)).astype(np.float32) @ toll
    s.chronic *= np.exp(c.drift_per_year * years)
    s.chronic += np.where(new > 0, new * (0.4 + 1.2 * rng.uniform(key, "toll", week)), 0) + 0.3 * years * dementia
    np.minimum(s.chronic, 8.0, out=s.chronic)
    _support(people, s, c, day)
    move_home(people, s, world, key, np.flatnonzero(s.alive & s.present & (s.home == OWN)), week, log, after_stay=False)
    _housebound(s, c)
    _hazards(people, s, rules, has, age, day)
    risk = 1 - np.exp(-np.exp(s.log_death + c.death_recent * np.minimum(s.recent, 2)))
    seen = rng.uniform(key, "palliative", week) < 0.25
    s.palliative |= (risk > c.palliative_at) & seen & (age > 18)


def _leave(people: People, s: State, rules: Rules, key: U64, week: int, age: F64, log: Log, exit_day: I64) -> None:
    """People who leave the area, and people who change practice within it."""
    years = MONTH * 7 / YEAR
    free = s.alive & s.present & (s.home == OWN) & (s.hospital_until < 7 * week)
    leaves = free & (rng.uniform(key, "departure", week) < rules.population.departures.at(age) * years)
    exit_day[leaves] = 7 * week
    s.present &= ~leaves
    moves = np.flatnonzero(
        free & ~leaves & (rng.uniform(key, "practice move", week) < rules.population.practice_moves.at(age) * years)
    )
    to = crisis.other_practice(people, s.practice, key, moves, week)
    changed = to != s.practice[moves]
    log.add("practice", person=moves[changed], day=np.full(changed.sum(), 7 * week), practice=to[changed])
    s.practice[moves] = to


def _support(people: People, s: State, c: object, day: int) -> None:
    """A partner who died, left or moved to a home: the other lives alone; a carer lost raises the hazard."""
    pair = np.maximum(people.partner, 0)
    lost = (people.partner >= 0) & ~s.widowed & ((~s.alive | (s.home != OWN))[pair])
    s.widowed |= lost
    s.alone |= lost
    s.carer_lost_until = np.where(lost & (s.dependence > 1.5), day + 26 * 7, s.carer_lost_until)


def move_home(
    people: People,
    s: State,
    world: World,
    key: U64,
    who: I64,
    week: int,
    log: Log,
    *,
    after_stay: bool,
    day: I64 | None = None,
) -> None:
    """Moves into a care home, from home (monthly) or at the end of a stay."""
    r = world.rules.course.care_home
    need = s.dependence[who]
    who = who[need > r.__dict__["from"]]
    if not len(who):
        return
    dementia = s.onset[who, world.rules.condition("dementia").index] <= 7 * week
    odds = r.constant + r.dependence * s.dependence[who] + r.alone * s.alone[who] + r.dementia * dementia
    odds = odds + r.over_80 * (people.age(7 * week)[who] > 80) + r.after_stay * after_stay
    word = "home after stay" if after_stay else "home"
    goes = rng.uniform(key[who], word, week) < _logistic(odds)
    kind = np.where(rng.uniform(key[who], "nursing") < world.rules.course.nursing_share, NURSING, RESIDENTIAL)
    free = goes & (after_stay | (s.hospital_until[who] < 7 * week))
    moved = who[free]
    s.home[moved] = kind[free]
    start = np.full(len(who), 7 * week) if day is None else s.hospital_until[who]
    log.add("home", person=moved, day=start[free], home=kind[free].astype(np.int8))


def _housebound(s: State, c: object) -> None:
    """Permanent when the chronic part alone is past the person's threshold, temporary when only the sum is."""
    total = s.dependence
    ended = (s.housebound != AT_HOME) & (total < s.threshold - 0.3)
    state = np.where(ended, AT_HOME, s.housebound)
    state = np.where((total >= s.threshold) & (state == AT_HOME), TEMPORARY, state)
    s.housebound = np.where(s.chronic >= s.threshold, PERMANENT, np.where(state == PERMANENT, TEMPORARY, state)).astype(
        np.int8
    )


def _hazards(people: People, s: State, rules: Rules, has: BoolArray, age: F64, day: int) -> None:
    """Log hazards a year of crisis, fall and death, without what changes by the week."""
    c = rules.course
    weights = np.array([[x.crisis, x.death] for x in rules.conditions], dtype=np.float32)
    ill = (has.astype(np.float32) @ weights).astype(np.float64)
    d = np.minimum(s.dependence, 6.0)
    unseen = c.hidden_hazard * people.hidden + s.vulnerability
    unseen = unseen - (c.hidden_hazard**2 + c.vulnerability_sd**2) / 2
    poor = c.crisis_poor * (5.5 - people.decile)
    s.log_crisis = c.crisis_per_year.log_at(age) + unseen + ill[:, 0] + c.crisis_dependence * d + poor
    s.log_crisis = s.log_crisis + c.crisis_alone * (s.alone & (d >= 2) & (s.home == OWN))
    s.log_crisis = s.log_crisis + c.crisis_carer_lost * (s.carer_lost_until >= day)
    s.log_fall = c.fall_per_year.log_at(age) + c.fall_dependence * d + 0.6 * unseen
    s.log_death = c.death_per_year.log_at(age) + 0.8 * unseen + ill[:, 1] + c.death_dependence * d


def onset_hazard(people: People, c: Condition) -> F64:
    """How many times the reference person's onset hazard of a condition each person has."""
    sex = np.where(people.female, 2 * c.female, 2.0) / (1 + c.female)
    return sex * np.exp(c.hidden * people.hidden - c.hidden**2 / 2 + c.poor * (5.5 - people.decile))


def _onsets(people: People, rules: Rules) -> NDArray[np.int32]:
    """Day on which each condition begins, shape (people, conditions): the cumulative hazard inverted once for life."""
    out = np.empty((len(people), len(rules.conditions)), dtype=np.int32)
    ages = np.arange(0, 111, dtype=float)
    for c in rules.conditions:
        need = rng.exponential(people.key, "onset " + c.name) / onset_hazard(people, c)
        curve = c.cumulative + 1e-9 * ages
        age = np.where(need <= curve[0], 0.0, np.interp(need, curve, ages, right=1e4))
        day = people.birth_day + age * YEAR
        out[:, c.index] = np.where(age > 120, NEVER, np.minimum(day, NEVER)).astype(np.int32)
    return out


def _snapshot(s: State) -> dict[str, NDArray]:
    return {
        "dependence": s.dependence.astype(np.float32),
        "chronic": s.chronic.astype(np.float32),
        "vulnerability": s.vulnerability.astype(np.float32),
        "housebound": s.housebound.copy(),
        "home": s.home.copy(),
        "alone": s.alone.copy(),
        "palliative": s.palliative.copy(),
        "here": s.alive & s.present,
    }


def _stack(months: list[dict[str, NDArray]]) -> dict[str, NDArray]:
    return {name: np.stack([m[name] for m in months]) for name in months[0]} if months else {}


def _logistic(x: F64) -> F64:
    return 1 / (1 + np.exp(-x))
