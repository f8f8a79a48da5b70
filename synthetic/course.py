"""How a life goes: the latent states of each person and the crises, stays, falls, moves and deaths that follow.

Weekly draws decide crises, falls and deaths; every fourth week the slow states move (dependence, illness, where a
person lives). All arrays run over people; nothing here writes a record. A run can stop, hand over its
:class:`State`, and go on, alone or two thousand times over with fresh numbers (``salt``).
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthetic import crisis, moves, rng
from synthetic.act import Acts
from synthetic.people import YEAR, BoolArray, People
from synthetic.rng import F64, I64, U64
from synthetic.rules import Condition, Rules
from synthetic.state import (
    AT_HOME,
    MONTH,
    NEVER,
    NURSING,
    OWN,
    PERMANENT,
    RESIDENTIAL,
    TEMPORARY,
    Log,
    Scene,
    State,
    World,
    logistic,
)


@dataclass
class Course:
    """The lives of a run of people.

    ``month`` holds the slow states at the start of every fourth week, arrays of shape (months, people):
    ``dependence``, ``chronic``, ``vulnerability``,
    ``strain`` (float32), ``cared``, ``housebound``, ``home``, ``alone``, ``palliative``,
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
    in_home = (rng.uniform(key, "home at start") < logistic(odds)) & (age >= 55)
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
        reabled_until=np.full(n, -1, dtype=np.int64),
        practice=people.practice.copy(),
        relative=rng.uniform(key, "relative") < rules.carers.relative_helps,
        strain=rules.carers.spread * rng.normal(key, "strain", -1 % 2**32),
        threshold=c.housebound_at + 0.55 * rng.normal(key, "housebound at"),
    )


def live(
    people: People,
    state: State,
    world: World,
    until: int,
    *,
    record: bool = True,
    salt: int = 0,
    acts: Acts | None = None,
) -> Course:
    """Runs everyone from ``state.week`` to week ``until``.

    Args:
        people: who.
        state: where they stand; not changed.
        world: span and rules.
        until: first week not lived.
        record: keep the monthly states (the log is always kept).
        salt: 0 for the one true history; another number gives another future from the same state, in which nobody
            leaves the area.
        acts: contacts of outreach teams that change hazards.
    """
    s = copy.deepcopy(state)
    key = people.key if salt == 0 else rng.keyed(world.seed ^ (salt * 0x9E37), people.index)
    scene, months = Scene(people, s, world, key, Log()), []
    death_day, exit_day = np.full(len(people), NEVER, np.int64), np.full(len(people), NEVER, np.int64)
    for week in range(s.week, until):
        scene.week = week
        if week % MONTH == 0 or not len(s.log_crisis):
            _slow_states(scene, None if salt else exit_day)
            if record:
                months.append(_snapshot(s))
        scene.changed = acts.on(scene.day, len(people)) if acts else None
        _week(scene, death_day)
    s.week = until
    return Course(scene.log, _stack(months), death_day, exit_day, s.onset, s)


def _week(scene: Scene, death_day: I64) -> None:
    """Draws of one week: deaths, crises, falls; then healing."""
    s, c, key, week, monday = scene.state, scene.course, scene.key, scene.week, scene.day
    here = s.alive & s.present
    recent = np.minimum(s.recent, c.recent_most)
    weekly = 7 / YEAR
    death = s.log_death + c.death_recent * recent + _changed(scene, "death")
    dies = here & (rng.uniform(key, "death", week) < np.exp(death) * weekly)
    dies &= s.hospital_until < monday
    day = monday + rng.whole(7 * rng.uniform(key, "day of death", week))
    s.dies_on = np.where(dies, np.minimum(s.dies_on, day), s.dies_on)
    wave = 1 + c.crisis_winter * scene.world.winter(week)
    hazard = s.log_crisis + c.crisis_recent * recent + _changed(scene, "crisis")
    crisis_now = rng.uniform(key, "crisis", week) < np.exp(hazard) * weekly * wave
    hazard = s.log_fall + c.fall_recent * recent + _changed(scene, "fall")
    fall_now = rng.uniform(key, "fall", week) < np.exp(hazard) * weekly
    for kind, now in (("crisis", crisis_now), ("fall", fall_now)):
        who = np.flatnonzero(now & here)
        on = monday + rng.whole(7 * rng.uniform(key[who], kind + " day", week))
        free = (s.hospital_until[who] < on) & (s.dies_on[who] > on)
        crisis.happen(scene, kind, who[free], on[free])
    gone = s.alive & (s.dies_on < monday + 7)
    death_day[gone] = s.dies_on[gone]
    s.alive &= ~gone
    s.acute *= np.exp(-1 / c.heal_weeks)
    helped = np.flatnonzero((s.reabled_until >= monday) & (s.hospital_until < monday))
    s.acute[helped] *= np.exp((1 - c.reablement.heals) / c.heal_weeks)
    s.recent *= np.exp(-1 / c.recent_weeks)


def _changed(scene: Scene, word: str) -> F64 | float:
    """What contacts add this week to a log hazard."""
    return scene.changed[word] if scene.changed else 0.0


def _slow_states(scene: Scene, exit_day: I64 | None) -> None:
    """Four weeks of ageing, illness, support and moves; then the log hazards that hold until the next time.

    ``exit_day`` is filled for those who leave the area; None when nobody may leave.
    """
    people, s, c, day = scene.people, scene.state, scene.course, scene.day
    age = people.age(day)
    s.present |= (people.entry_day > day - 7 * MONTH) & (people.entry_day <= day)
    if exit_day is not None:
        moves.leave_or_change_practice(scene, age, exit_day)
    rho = float(np.exp(-MONTH / c.vulnerability_weeks))
    shock = rng.normal(scene.key, "vulnerability", scene.week)
    s.vulnerability = rho * s.vulnerability + np.sqrt(1 - rho**2) * c.vulnerability_sd * shock
    has = s.onset <= day
    _decline(scene, has)
    moves.lose_support(scene)
    moves.wear_out(scene)
    at_home = np.flatnonzero(s.alive & s.present & (s.home == OWN) & (s.hospital_until < day))
    going = at_home[moves.moves_home(scene, at_home, after_stay=False)]
    moves.move_in(scene, going, np.full(len(going), day))
    _housebound(s)
    _hazards(scene, has, age)
    risk = 1 - np.exp(-np.exp(s.log_death + c.death_recent * np.minimum(s.recent, c.recent_most)))
    seen = rng.uniform(scene.key, "palliative", scene.week) < c.palliative_seen
    s.palliative |= (risk > c.palliative_at) & seen & (age > 18)


def _decline(scene: Scene, has: BoolArray) -> None:
    """The chronic part of dependence: slow drift, the toll of new illness, dementia."""
    s, c, rules = scene.state, scene.course, scene.world.rules
    years = MONTH * 7 / YEAR
    toll = np.array([x.function for x in rules.conditions], dtype=np.float32)
    new = (has & (s.onset > scene.day - 7 * MONTH)).astype(np.float32) @ toll
    s.chronic *= np.exp(c.drift_per_year * years)
    s.chronic += np.where(new > 0, new * (0.4 + 1.2 * rng.uniform(scene.key, "toll", scene.week)), 0)
    s.chronic += c.dementia_per_year * years * has[:, rules.condition("dementia").index]
    np.minimum(s.chronic, 8.0, out=s.chronic)


def _housebound(s: State) -> None:
    """Permanent when the chronic part alone is past the person's threshold, temporary when only the sum is."""
    total = s.dependence
    ended = (s.housebound != AT_HOME) & (total < s.threshold - 0.3)
    state = np.where(ended, AT_HOME, s.housebound)
    state = np.where((total >= s.threshold) & (state == AT_HOME), TEMPORARY, state)
    s.housebound = np.where(s.chronic >= s.threshold, PERMANENT, np.where(state == PERMANENT, TEMPORARY, state)).astype(
        np.int8
    )


def _hazards(scene: Scene, has: BoolArray, age: F64) -> None:
    """Log hazards a year of crisis, fall and death, without what changes by the week."""
    people, s, c, day = scene.people, scene.state, scene.course, scene.day
    weights = np.array([[x.crisis, x.death] for x in scene.world.rules.conditions], dtype=np.float32)
    ill = (has.astype(np.float32) @ weights).astype(np.float64)
    d = np.minimum(s.dependence, 6.0)
    unseen = c.hidden_hazard * people.hidden + s.vulnerability
    unseen = unseen - (c.hidden_hazard**2 + c.vulnerability_sd**2) / 2
    poor = c.crisis_poor * (5.5 - people.decile)
    s.log_crisis = (
        c.crisis_per_year.log_at(age) + unseen + c.crisis_illness * ill[:, 0] + c.crisis_dependence * d + poor
    )
    s.log_crisis = s.log_crisis + c.crisis_alone * (s.alone & (d >= 2) & (s.home == OWN))
    s.log_crisis = s.log_crisis + c.crisis_carer_lost * (s.carer_lost_until >= day)
    s.log_crisis = s.log_crisis + scene.world.rules.carers.crisis * s.strained
    cancer = s.onset[:, scene.world.rules.condition("cancer").index]
    new = (cancer <= day) & (cancer > day - c.cancer_new.days)
    s.log_crisis = s.log_crisis + c.cancer_new.crisis * new
    s.log_fall = c.fall_per_year.log_at(age) + c.fall_dependence * d + 0.6 * unseen
    s.log_death = c.death_per_year.log_at(age) + 0.8 * unseen + ill[:, 1] + c.death_dependence * d


def onset_hazard(people: People, c: Condition, rules: Rules) -> F64:
    """How many times the reference person's onset hazard of a condition each person has.

    The hidden factor counts from the mean at the person's age: the declared prevalences are those of the living.
    """
    sex = np.where(people.female, 2 * c.female, 2.0) / (1 + c.female)
    weight = rules.course.onset_hidden * c.hidden
    hidden = people.hidden + rules.population.survivors.at(people.age(0))
    return sex * np.exp(weight * hidden - weight**2 / 2 + c.poor * (5.5 - people.decile))


def following_onset(key: U64, c: Condition, before: I64, today: int | None = None) -> I64:
    """Day on which a condition that follows another begins; ``NEVER`` for those who do not come to it.

    Args:
        key: streams of the people.
        c: the condition.
        before: day on which the other began or will begin.
        today: given that it has not begun by this day; None asks over the whole life.
    """
    waited = np.maximum(today - before, 0) if today is not None else np.zeros(len(before), np.int64)
    open_still = np.exp(-waited / c.days)
    chance = c.share * open_still / (1 - c.share + c.share * open_still)
    comes = (rng.uniform(key, "follows " + c.name) < chance) & (before < NEVER)
    day = before + waited + rng.whole(1 + c.days * rng.exponential(key, "onset " + c.name))
    return np.where(comes, np.minimum(day, NEVER), NEVER)


def _onsets(people: People, rules: Rules) -> NDArray[np.int32]:
    """Day on which each condition begins, shape (people, conditions): the cumulative hazard inverted once for life."""
    out = np.empty((len(people), len(rules.conditions)), dtype=np.int32)
    ages = np.arange(0, 111, dtype=float)
    for c in rules.conditions:
        if c.follows:
            before = out[:, rules.condition(c.follows).index].astype(np.int64)
            follows = following_onset(people.key, c, before)
            out[:, c.index] = np.where(follows < -c.lasts, NEVER, follows)
            continue
        need = rng.exponential(people.key, "onset " + c.name) / onset_hazard(people, c, rules)
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
        "strain": s.strained.astype(np.float32),
        "cared": s.cared,
        "housebound": s.housebound.copy(),
        "home": s.home.copy(),
        "alone": s.alone.copy(),
        "palliative": s.palliative.copy(),
        "here": s.alive & s.present,
    }


def _stack(months: list[dict[str, NDArray]]) -> dict[str, NDArray]:
    return {name: np.stack([m[name] for m in months]) for name in months[0]} if months else {}
