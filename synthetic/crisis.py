"""What becomes of a crisis or a fall: the practice, the crisis team, the emergency department or a hospital bed.

Works on the few people who have one in a week. A stay changes the person: it raises dependence, part of which
stays, and the hazard of the next one; it may end in death or in a care home.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from synthetic import rng
from synthetic.people import People, geography
from synthetic.rng import F64, I64, U64
from synthetic.rules import Rules

if TYPE_CHECKING:
    from synthetic.course import Log, State, World

PRACTICE, TEAM, DEPARTMENT, WARD = 0, 1, 2, 3  # who dealt with it


@cache
def causes(rules: Rules) -> dict[str, NDArray[np.float64]]:
    """The table of causes as arrays: weights at 30 and 80, winter factor, admission shift, stay factor, and
    ``more`` (causes, conditions) as log factors."""
    table = rules.section["crises"]
    more = np.zeros((len(table), len(rules.conditions)))
    for i, spec in enumerate(table.values()):
        for name, factor in spec["more"].items():
            more[i, rules.condition(name).index] = np.log(factor)
    return {
        "young": np.array([s["weight"][0] for s in table.values()], float),
        "old": np.array([s["weight"][1] for s in table.values()], float),
        "winter": np.array([s["winter"] for s in table.values()], float),
        "admit": np.array([s["admit"] for s in table.values()], float),
        "stay": np.array([s["stay"] for s in table.values()], float),
        "more": more,
    }


def happen(
    kind: str, people: People, s: State, world: World, key: U64, who: I64, day: I64, week: int, log: Log
) -> None:
    """Decides for each person in ``who`` what their crisis or fall of that day led to, and applies it."""
    if not len(who):
        return
    age = people.age(7 * week)[who]
    if kind == "crisis":
        cause, admit_shift, stay_factor = _cause(s, world, key, who, age, week)
        dealt = _dealt_with_crisis(s, world, key, who, age, admit_shift, week)
        jump = world.rules.course.jump_crisis
    else:
        cause = np.full(len(who), -1)
        dealt, stay_factor = _dealt_with_fall(s, world, key, who, age, week), np.full(len(who), 1.25)
        jump = world.rules.course.jump_fall
    log.add(
        kind, person=who, day=day, cause=cause, dealt=dealt,
        dependence=s.dependence[who], home=s.home[who].copy(), housebound=s.housebound[who].copy(),
    )  # fmt: skip
    weaken(people, s, world, key, who, jump * np.where(dealt == PRACTICE, 0.5, 1.0), age, kind, week)
    ward = dealt == WARD
    _stay(kind, people, s, world, key, who[ward], day[ward], cause[ward], stay_factor[ward], age[ward], week, log)


def weaken(
    people: People, s: State, world: World, key: U64, who: I64, jump: F64, age: F64, word: str, week: int
) -> None:
    """A blow: the acute part of dependence rises (more with age), a share of it for good."""
    size = jump * np.clip((age - 40) / 40, 0.02, 1.3) * rng.exponential(key[who], "jump " + word, week)
    size = np.minimum(size * (0.6 + 0.25 * s.chronic[who]), 3.0)
    stays = world.rules.course.jump_stays
    s.acute[who] += (1 - stays) * size
    s.chronic[who] = np.minimum(s.chronic[who] + stays * size, 8.0)


def _cause(s: State, world: World, key: U64, who: I64, age: F64, week: int) -> tuple[I64, F64, F64]:
    t = causes(world.rules)
    has = (s.onset[who] <= 7 * week).astype(float)
    old = np.clip((age - 30) / 50, 0, 1.2)[:, None]
    weight = (t["young"] * (1 - np.minimum(old, 1)) + t["old"] * old) * np.exp(has @ t["more"].T)
    weight = weight * np.maximum(1 + world.rules.course.crisis_winter * t["winter"] * world.winter(week), 0.1)
    cause = rng.pick(rng.uniform(key[who], "cause", week), weight)
    return cause, t["admit"][cause], t["stay"][cause]


def _dealt_with_crisis(
    s: State, world: World, key: U64, who: I64, age: F64, shift: F64, week: int
) -> NDArray[np.int64]:
    c = world.rules.course
    d, in_home = s.dependence[who], s.home[who] != 0
    older = np.maximum(age - 40, 0) / 10
    admit = c.admit.constant + c.admit.per_decade_over_40 * older + c.admit.dependence * np.minimum(d, 5) + shift
    admit = admit + c.admit.alone * s.alone[who] + c.admit.recent * np.minimum(s.recent[who], 1.5)
    admit = admit + c.admit.palliative * s.palliative[who] + c.admit.care_home * in_home + c.admit.child * (age < 16)
    ed = c.ed_only.constant + c.ed_only.per_decade_over_40 * older + c.ed_only.dependence * d
    ed = ed + c.ed_only.care_home * in_home
    team = np.where(age >= 18, c.ucr.constant + c.ucr.dependence * np.minimum(d, 5) + c.ucr.care_home * in_home, -20)
    weights = np.exp(np.stack([np.zeros(len(who)), team, ed, admit], axis=1))
    weights[:, TEAM] = np.minimum(weights[:, TEAM], c.ucr.ceiling * weights.sum(axis=1))
    return rng.pick(rng.uniform(key[who], "dealt", week), weights)


def _dealt_with_fall(s: State, world: World, key: U64, who: I64, age: F64, week: int) -> NDArray[np.int64]:
    """Most falls are told to nobody (-1); some to the practice; an injury goes to hospital."""
    c = world.rules.course
    weak = s.onset[who, world.rules.condition("osteoporosis").index] <= 7 * week
    older = np.maximum(age - 60, 0) / 10
    odds = c.fall_admit.constant + c.fall_admit.per_decade_over_60 * older + c.fall_admit.osteoporosis * weak
    admit = 1 / (1 + np.exp(-(odds + c.fall_admit.dependence * np.minimum(s.dependence[who], 6))))
    u = rng.uniform(key[who], "fall dealt", week)
    team = np.where((s.dependence[who] > 1.5), 0.05, 0.0)
    edges = np.cumsum(np.stack([admit, np.full(len(who), c.fall_ed), team, np.full(len(who), c.fall_told)]), axis=0)
    return np.select([u < edges[0], u < edges[1], u < edges[2], u < edges[3]], [WARD, DEPARTMENT, TEAM, PRACTICE], -1)


def _stay(
    kind: str, people: People, s: State, world: World, key: U64, who: I64, day: I64, cause: I64, factor: F64,
    age: F64, week: int, log: Log,
) -> None:  # fmt: skip
    """An emergency stay: length, wait for support, pathway, death or a care home, and what it leaves behind.

    ``out`` is the day of leaving the acute bed, ``home`` of leaving the community hospital (pathway 2) or the same.
    """
    if not len(who):
        return
    c, k, d = world.rules.course, key[who], np.minimum(s.dependence[who], 7.0)
    word = kind + " stay"
    older = np.maximum(age - 40, 0) / 10
    zero = _logistic(c.stay_zero.constant + c.stay_zero.per_decade_over_40 * older + c.stay_zero.dependence * d)
    centre = c.stay_days.constant + c.stay_days.per_decade_over_40 * older + c.stay_days.dependence * d
    drawn = np.exp(centre + c.stay_days.spread * rng.normal(k, word, week)) * factor
    nights = np.where(rng.uniform(k, word + " zero", week) < zero, 0, np.ceil(np.minimum(drawn, 150))).astype(np.int64)
    dying = _logistic(
        c.death_in_hospital.constant + c.death_in_hospital.per_decade_over_40 * older
        + c.death_in_hospital.dependence * d + c.death_in_hospital.palliative * s.palliative[who]
    )  # fmt: skip
    dies = rng.uniform(k, word + " death", week) < dying
    pathway = np.where(dies, 0, _pathway(s, k, who, d, nights, word, week))
    wait = np.where(dies | (nights == 0), 0, _wait(k, pathway, word, week)).astype(np.int64)
    out = day + nights + wait
    rehab = np.where(pathway == 2, np.ceil(np.exp(2.8 + 0.5 * rng.normal(k, word + " rehab", week))), 0)
    home = out + np.minimum(rehab, 60).astype(np.int64)
    s.hospital_until[who] = home
    s.dies_on[who] = np.where(dies, out, s.dies_on[who])
    came_from = s.home[who].copy()
    weaken(people, s, world, key, who, c.jump_stay * np.where(nights > 0, 1.0, 0.3), age, word, week)
    s.recent[who] = np.minimum(s.recent[who] + 1, 2.5)
    log.add(
        "stay", person=who, day=day, ready=day + nights, out=out, home=home, cause=cause, dies=dies, pathway=pathway,
        dependence=d, came_from=came_from, fall=np.full(len(who), kind == "fall"),
        via_department=rng.uniform(k, word + " route", week) < np.where(came_from > 0, 0.88, 0.80),
    )  # fmt: skip
    from synthetic.course import move_home

    longer = who[(nights + wait > 5) & ~dies & (came_from == 0)]
    move_home(people, s, world, key, longer, week, log, after_stay=True, day=s.hospital_until[longer])


def _pathway(s: State, k: U64, who: I64, d: F64, nights: I64, word: str, week: int) -> I64:
    """Discharge pathway 0-3; people who return to a care home count as 0 (national planning rule)."""
    need = np.maximum(d + 0.8 * (nights > 4) + 0.4 * s.alone[who] - 1.2, 0.05)
    weights = np.stack([np.full(len(who), 2.2), 0.55 * need, 0.06 * need, 0.012 * need**1.5], axis=1)
    weights[:, 0] += np.where(nights < 3, 6.0, 0.0)
    pathway = rng.pick(rng.uniform(k, word + " pathway", week), weights)
    return np.where(s.home[who] != 0, 0, pathway)


def _wait(k: U64, pathway: I64, word: str, week: int) -> F64:
    """Days in hospital after the person no longer needs it, by pathway (mean 0.7, 5, 9, 13)."""
    mean = np.array([0.7, 5.0, 9.0, 13.0])[pathway]
    return np.minimum(np.floor(mean * rng.exponential(k, word + " wait", week) + 0.3), 60)


def other_practice(people: People, now: I64, key: U64, who: I64, week: int) -> I64:
    """Another practice near the person's home; the same if they live where only one is used."""
    near = geography().near[people.lsoa[who]]
    turn = 1 + np.floor(3 * rng.uniform(key[who], "which practice", week)).astype(np.int64)
    at = np.argmax(near == now[who][:, None], axis=1)
    return near[np.arange(len(who)), (at + turn) % near.shape[1]]


def _logistic(x: F64) -> F64:
    return 1 / (1 + np.exp(-x))
