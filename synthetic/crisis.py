"""What becomes of a crisis or a fall: the practice, the crisis team, the emergency department or a hospital bed.

Works on the few people who have one in a week. A stay changes the person: it raises dependence, part of which
stays, and the hazard of the next one; it may end in death or in a care home.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from synthetic import rng
from synthetic.moves import move_in, moves_home
from synthetic.rng import F64, I64
from synthetic.rules import Rules
from synthetic.state import OWN, Scene, logistic

PRACTICE, TEAM, DEPARTMENT, WARD = 0, 1, 2, 3  # who dealt with it


@cache
def causes(rules: Rules) -> dict[str, NDArray[np.float64]]:
    """The table of causes as arrays.

    ``young`` and ``old`` (weights at 30 and 80), ``winter``, ``admit`` (shift of log odds), ``stay`` (factor) have one
    element per cause; ``more`` (causes, conditions) holds log factors.
    """
    table = rules.section["crises"]
    more = np.zeros((len(table), len(rules.conditions)))
    for i, spec in enumerate(table.values()):
        for name, factor in spec["more"].items():
            more[i, rules.condition(name).index] = np.log(factor)
    columns = {name: np.array([s[name] for s in table.values()], float) for name in ("winter", "admit", "stay")}
    young, old = (np.array([s["weight"][i] for s in table.values()], float) for i in (0, 1))
    return {**columns, "young": young, "old": old, "more": more}


def happen(scene: Scene, kind: str, who: I64, day: I64) -> None:
    """Decides for each person in ``who`` what their crisis or fall of that day led to, and applies it."""
    if not len(who):
        return
    s, age = scene.state, scene.people.age(scene.day)[who]
    if kind == "crisis":
        cause, admit_shift, factor = _cause(scene, who, age)
        dealt = _dealt_with_crisis(scene, who, age, admit_shift)
        jump = scene.course.jump_crisis
    else:
        cause, factor = np.full(len(who), -1), np.full(len(who), 1.25)
        dealt, jump = _dealt_with_fall(scene, who, age), scene.course.jump_fall
    scene.log.add(
        kind, person=who, day=day, cause=cause, dealt=dealt,
        dependence=s.dependence[who], home=s.home[who].copy(), housebound=s.housebound[who].copy(),
    )  # fmt: skip
    _weaken(scene, kind, who, jump * np.where(dealt == PRACTICE, 0.5, 1.0))
    after = scene.course.recent_after
    more = np.select(
        [dealt == PRACTICE, dealt == TEAM, dealt == DEPARTMENT], [after.practice, after.team, after.department], 0
    )
    s.recent[who] = np.minimum(s.recent[who] + more, 2.5)
    ward = dealt == WARD
    if ward.any():
        _stay(scene, kind, who[ward], day[ward], (cause[ward], factor[ward]))


def _weaken(scene: Scene, word: str, who: I64, jump: F64, lasting: F64 | None = None) -> None:
    """A blow: the acute part of dependence rises (more with age), a share of it (``lasting``) for good."""
    s, age = scene.state, scene.people.age(scene.day)[who]
    size = jump * np.clip((age - 40) / 40, 0.02, 1.3) * rng.exponential(scene.key[who], "jump " + word, scene.week)
    size = np.minimum(size * (0.6 + 0.25 * s.chronic[who]), 3.0)
    stays = scene.course.jump_stays if lasting is None else lasting
    s.acute[who] += (1 - stays) * size
    s.chronic[who] = np.minimum(s.chronic[who] + stays * size, 8.0)


def _cause(scene: Scene, who: I64, age: F64) -> tuple[I64, F64, F64]:
    """Cause of each crisis, with its shift of the odds of admission and its factor on the length of stay."""
    t = causes(scene.world.rules)
    has = (scene.state.onset[who] <= scene.day).astype(float)
    old = np.clip((age - 30) / 50, 0, 1.2)[:, None]
    weight = (t["young"] * (1 - np.minimum(old, 1)) + t["old"] * old) * np.exp(has @ t["more"].T)
    wave = 1 + scene.course.crisis_winter * t["winter"] * scene.world.winter(scene.week)
    cause = rng.pick(rng.uniform(scene.key[who], "cause", scene.week), weight * np.maximum(wave, 0.1))
    return cause, t["admit"][cause], t["stay"][cause]


def _dealt_with_crisis(scene: Scene, who: I64, age: F64, shift: F64) -> NDArray[np.int64]:
    """Who dealt with each crisis: practice, crisis team, department or ward, by their relative odds."""
    s, c = scene.state, scene.course
    d, in_home = s.dependence[who], s.home[who] != OWN
    older = np.maximum(age - 40, 0) / 10
    admit = c.admit.constant + c.admit.per_decade_over_40 * older + c.admit.dependence * np.minimum(d, 5) + shift
    admit = admit + c.admit.alone * s.alone[who] + c.admit.recent * np.minimum(s.recent[who], 1.5)
    admit = admit + scene.world.rules.carers.admit * s.strained[who]
    admit = admit + c.admit.palliative * s.palliative[who] + c.admit.care_home * in_home + c.admit.child * (age < 16)
    if scene.changed:
        admit = admit + scene.changed["admit"][who]
    ed = c.ed_only.constant + c.ed_only.per_decade_over_40 * older + c.ed_only.dependence * d
    ed = ed + c.ed_only.care_home * in_home
    team = np.where(age >= 18, c.ucr.constant + c.ucr.dependence * np.minimum(d, 5) + c.ucr.care_home * in_home, -20)
    weights = np.exp(np.stack([np.zeros(len(who)), team, ed, admit], axis=1))
    weights[:, TEAM] = np.minimum(weights[:, TEAM], c.ucr.ceiling * weights.sum(axis=1))
    return rng.pick(rng.uniform(scene.key[who], "dealt", scene.week), weights)


def _dealt_with_fall(scene: Scene, who: I64, age: F64) -> NDArray[np.int64]:
    """Most falls are told to nobody (-1); some to the practice; an injury goes to hospital."""
    c, d = scene.course, scene.state.dependence[who]
    odds = c.fall_admit.constant + c.fall_admit.per_decade_over_60 * np.maximum(age - 60, 0) / 10
    odds = (
        odds + c.fall_admit.osteoporosis * scene.has("osteoporosis", who) + c.fall_admit.dependence * np.minimum(d, 6)
    )
    u = rng.uniform(scene.key[who], "fall dealt", scene.week)
    shares = [logistic(odds), np.full(len(who), c.fall_ed), c.fall_team * (d > 1.5), np.full(len(who), c.fall_told)]
    edges = np.cumsum(np.stack(shares), axis=0)
    return np.select([u < e for e in edges], [WARD, DEPARTMENT, TEAM, PRACTICE], -1)


def _stay(scene: Scene, kind: str, who: I64, day: I64, illness: tuple[I64, F64]) -> None:
    """An emergency stay: length, wait for support, pathway, death or a care home, and what it leaves behind.

    ``illness`` is the cause and its factor on the length of stay. ``out`` is the day of leaving the acute bed, ``home``
    of leaving the community hospital (pathway 2) or the same.
    """
    cause, factor = illness
    s, c, k, week = scene.state, scene.course, scene.key[who], scene.week
    d, came_from, word = np.minimum(s.dependence[who], 7.0), s.home[who].copy(), kind + " stay"
    older = np.maximum(scene.people.age(scene.day)[who] - 40, 0) / 10
    nights = _nights(scene, word, who, older, factor)
    odds = c.death_in_hospital.constant + c.death_in_hospital.per_decade_over_40 * older
    odds = odds + c.death_in_hospital.dependence * d + c.death_in_hospital.palliative * s.palliative[who]
    dies = rng.uniform(k, word + " death", week) < logistic(odds)
    moves = np.zeros(len(who), dtype=bool)
    leaving = np.flatnonzero((nights > 4) & ~dies & (came_from == OWN))
    moves[leaving] = moves_home(scene, who[leaving], after_stay=True)
    pathway = np.select([dies, moves], [0, 3], _pathway(scene, word, who, nights))
    wait = np.where(dies | (nights == 0), 0, _wait(scene, word, who, pathway)).astype(np.int64)
    out = day + nights + wait
    rehab = np.ceil(np.exp(c.rehabilitation_log_days + 0.5 * rng.normal(k, word + " rehab", week)))
    home = out + np.where(pathway == 2, np.minimum(rehab, 60), 0).astype(np.int64)
    last = s.dies_on[who]  # a death already drawn for this week ends the stay, or the plan to go on to another ward
    sudden = last <= out
    home = np.where(last <= home, out, home)
    out, home = np.where(sudden, last, out), np.where(sudden, last, home)
    dies, moves, pathway = dies | sudden, moves & ~sudden, np.where(sudden, 0, pathway)
    s.hospital_until[who] = home
    s.dies_on[who] = np.where(dies, out, last)
    confused = _delirium(scene, word, who, older, factor) & (out > day)
    left = c.stay_leaves  # bed rest: a longer stay leaves more behind
    jump = c.jump_stay * np.interp(out - day, left.nights, left.jump) * np.where(confused, c.delirium.jump, 1.0)
    _weaken(scene, word, who, jump, np.where(confused, c.delirium.lasting, c.jump_stays))
    more = np.interp(out - day, left.nights, left.recent) + c.delirium.recent * confused
    s.recent[who] = np.minimum(s.recent[who] + more, 2.5)
    reabled = _reablement(scene, word, who, d) & (pathway == 1)
    s.reabled_until[who] = np.where(reabled, home + 7 * c.reablement.weeks, s.reabled_until[who])
    _begins(scene, who, day, cause)
    by_department = np.where(came_from != OWN, c.via_department.care_home, c.via_department.own_home)
    scene.log.add(
        "stay", person=who, day=day, ready=np.minimum(day + nights, out), out=out, home=home, cause=cause, dies=dies,
        pathway=pathway, dependence=d, came_from=came_from, fall=np.full(len(who), kind == "fall"),
        confused=confused, reabled=reabled,
        via_department=rng.uniform(k, word + " route", week) < by_department,
    )  # fmt: skip
    move_in(scene, who[moves], home[moves])


def _begins(scene: Scene, who: I64, day: I64, cause: I64) -> None:
    """A stay that begins a lasting condition: a stroke, a first failing heart (``begins`` in the rules)."""
    rules = scene.world.rules
    for i, spec in enumerate(rules.section["crises"].values()):
        for name, share in spec.get("begins", {}).items():
            column = rules.condition(name).index
            mine = np.flatnonzero(cause == i)
            mine = mine[rng.uniform(scene.key[who[mine]], "begins " + name, scene.week) < share]
            onset = scene.state.onset
            onset[who[mine], column] = np.minimum(onset[who[mine], column], day[mine])


def _nights(scene: Scene, word: str, who: I64, older: F64, factor: F64) -> I64:
    """Nights until the person no longer needs the acute bed; 0 for a stay without a midnight."""
    c, k, d = scene.course, scene.key[who], np.minimum(scene.state.dependence[who], 7.0)
    zero = logistic(c.stay_zero.constant + c.stay_zero.per_decade_over_40 * older + c.stay_zero.dependence * d)
    centre = c.stay_days.constant + c.stay_days.per_decade_over_40 * older + c.stay_days.dependence * d
    poor_reserve = c.stay_days.hidden * scene.people.hidden[who]
    centre = centre + poor_reserve + c.stay_days.vulnerability * scene.state.vulnerability[who]
    drawn = np.exp(centre + c.stay_days.spread * rng.normal(k, word, scene.week)) * factor
    no_night = (rng.uniform(k, word + " zero", scene.week) < zero) & (factor < c.overnight_from)
    return np.where(no_night, 0, np.ceil(np.minimum(drawn, 150))).astype(np.int64)


def _delirium(scene: Scene, word: str, who: I64, older: F64, factor: F64) -> NDArray[np.bool_]:
    """Who becomes delirious in a stay; ``factor`` on the length of stay stands for how ill somebody is."""
    rule, d = scene.course.delirium, np.minimum(scene.state.dependence[who], 7.0)
    odds = rule.constant + rule.per_decade_over_40 * older + rule.dependence * d + rule.stay * (factor - 1)
    odds = odds + rule.dementia * scene.has("dementia", who)
    return rng.uniform(scene.key[who], word + " delirium", scene.week) < logistic(odds)


def _pathway(scene: Scene, word: str, who: I64, nights: I64) -> I64:
    """Discharge pathway 0-2; people who return to a care home count as 0 (national planning rule)."""
    s = scene.state
    need = np.maximum(s.dependence[who] + 0.8 * (nights > 4) + 0.4 * s.alone[who] - 1.2, 0.05)
    weights = np.stack(
        [np.full(len(who), 2.2), scene.course.home_support_need * need, scene.course.rehabilitation_need * need], axis=1
    )
    weights[:, 0] += np.where(nights < 3, 6.0, 0.0)
    pathway = rng.pick(rng.uniform(scene.key[who], word + " pathway", scene.week), weights)
    return np.where((s.home[who] != OWN) | (nights == 0), 0, pathway)


def _reablement(scene: Scene, word: str, who: I64, dependence: F64) -> NDArray[np.bool_]:
    """Who of those who go home with support gets reablement: adults who may gain from it."""
    spec = scene.world.rules.section["community"]["reablement"]
    share = spec["share"] * np.where(scene.state.palliative[who], spec["palliative"], 1.0)
    share = share * np.where(scene.has("dementia", who), spec["dementia"], 1.0)
    share = share * ((dependence <= spec["most_dependence"]) & (scene.people.age(scene.day)[who] >= 18))
    return rng.uniform(scene.key[who], word + " reablement", scene.week) < share


def _wait(scene: Scene, word: str, who: I64, pathway: I64) -> F64:
    """Days in hospital after the person no longer needs it, by pathway."""
    mean = np.array(scene.course.wait_days)[pathway]
    return np.minimum(np.floor(mean * rng.exponential(scene.key[who], word + " wait", scene.week) + 0.3), 60)
