"""Where people live and register: leaving the area, another practice, a care home, a partner lost."""

from __future__ import annotations

import numpy as np

from synthetic import rng
from synthetic.people import YEAR, BoolArray, geography
from synthetic.rng import F64, I64
from synthetic.state import MONTH, NEEDS_HELP, NURSING, OWN, RESIDENTIAL, Scene, logistic


def leave_or_change_practice(scene: Scene, age: F64, exit_day: I64) -> None:
    """Four weeks of departures from the area and of changes of practice within it."""
    s, rules, key, week = scene.state, scene.world.rules.population, scene.key, scene.week
    years = MONTH * 7 / YEAR
    free = s.alive & s.present & (s.home == OWN) & (s.hospital_until < scene.day)
    leaves = free & (rng.uniform(key, "departure", week) < rules.departures.at(age) * years)
    exit_day[leaves] = scene.day
    s.present &= ~leaves
    moves = rng.uniform(key, "practice move", week) < rules.practice_moves.at(age) * years
    who = np.flatnonzero(free & ~leaves & moves)
    to = _other_practice(scene, who)
    changed = to != s.practice[who]
    scene.log.add("practice", person=who[changed], day=np.full(changed.sum(), scene.day), practice=to[changed])
    s.practice[who] = to


def _other_practice(scene: Scene, who: I64) -> I64:
    """Another practice near the person's home; the same if they live where only one is used."""
    near = geography().near[scene.people.lsoa[who]]
    turn = 1 + rng.whole(3 * rng.uniform(scene.key[who], "which practice", scene.week))
    at = np.argmax(near == scene.state.practice[who][:, None], axis=1)
    return near[np.arange(len(who)), (at + turn) % near.shape[1]]


def lose_support(scene: Scene) -> None:
    """A partner who died, left or moved to a home: the other lives alone; a carer lost raises the hazard."""
    people, s = scene.people, scene.state
    pair = np.maximum(people.partner, 0)
    lost = (people.partner >= 0) & ~s.widowed & ((~s.alive | (s.home != OWN))[pair])
    s.widowed |= lost
    s.alone |= lost
    s.carer_lost_until = np.where(lost & (s.dependence > 1.5), scene.day + 26 * 7, s.carer_lost_until)


def wear_out(scene: Scene) -> None:
    """Four weeks of helping: strain follows what has to be done and swings; a carer may come to the end of it.

    Then nobody helps for a while (the relative for good), and the hazard of a crisis is that of a carer lost.
    """
    s, rule = scene.state, scene.world.rules.carers
    rho = float(np.exp(-MONTH / rule.weeks))
    everyone = np.arange(len(s.strain))
    load = rule.per_need * np.maximum(s.dependence - NEEDS_HELP, 0) + rule.dementia * scene.has("dementia", everyone)
    shock = rng.normal(scene.key, "strain", scene.week)
    s.strain = rho * s.strain + (1 - rho) * (load - rule.rest) + np.sqrt(1 - rho**2) * rule.spread * shock
    odds = rule.breaks.constant + rule.breaks.strain * s.strained
    here = s.cared & s.alive & s.present & (s.hospital_until < scene.day)
    ends = here & (rng.uniform(scene.key, "carer ends", scene.week) < logistic(odds)) & (s.strained > 0)
    s.relative &= ~ends
    s.carer_lost_until = np.where(ends, scene.day + 26 * 7, s.carer_lost_until)
    s.strain = np.where(ends, 0.0, s.strain)
    who = np.flatnonzero(ends)
    scene.log.add("carer_ended", person=who, day=np.full(len(who), scene.day))


def moves_home(scene: Scene, who: I64, *, after_stay: bool) -> BoolArray:
    """Who of ``who`` moves into a care home: drawn monthly at home, or at the end of a stay of several days."""
    s, rule = scene.state, scene.course.care_home
    odds = rule.constant + rule.dependence * s.dependence[who] + rule.alone * s.alone[who]
    odds = odds + rule.dementia * scene.has("dementia", who) + rule.after_stay * after_stay
    odds = odds + scene.world.rules.carers.care_home * s.strained[who]
    odds = odds + rule.over_80 * (scene.people.age(scene.day)[who] > 80)
    word = "home after stay" if after_stay else "home"
    goes = rng.uniform(scene.key[who], word, scene.week) < logistic(odds)
    return goes & (s.dependence[who] > vars(rule)["from"])


def move_in(scene: Scene, who: I64, day: I64) -> None:
    """Moves people into a residential or nursing home on a day."""
    nursing = rng.uniform(scene.key[who], "nursing") < scene.course.nursing_share
    scene.state.home[who] = np.where(nursing, NURSING, RESIDENTIAL)
    scene.log.add("home", person=who, day=day, home=scene.state.home[who].copy())
