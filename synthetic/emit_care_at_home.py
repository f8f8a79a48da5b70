"""Care at home that a council arranges: reablement, packages that follow need step by step, respite when a carer tires.

Those who come to the house see decline before a practice codes it: need as they see it is a mix of the latent states
(``social_care.need`` in ``rules.yaml``), and a package rises and falls with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthetic import rng
from synthetic.care_told import (
    ASSESSED,
    CARER_SUPPORT,
    COMMUNITY,
    CONTINUES,
    DIRECT,
    HOME_SUPPORT,
    NO_FURTHER,
    PROGRESS,
    SHORT,
    SUPPORT_WITH_CARER,
    Told,
    arranged,
    moved_to_home,
    reviews,
)
from synthetic.life import Life
from synthetic.rng import F64, I64
from synthetic.state import MONTH, NEVER, OWN


@dataclass(frozen=True)
class Package:
    """Stretches of one level of home support: ``person``, days ``start`` to ``end``, ``level`` from 1.

    ``before`` is the level before it, 0 for a first package or one begun anew.
    """

    person: I64
    start: I64
    end: I64
    level: I64
    before: I64


def need(life: Life, month: int, who: I64) -> F64:
    """Need of some people in a month as an assessor sees it at home, on the scale of dependence."""
    weight, states = life.rules.section["social_care"]["need"], life.course.month
    chronic = states["chronic"][month, who].astype(np.float64)
    seen = chronic + weight["acute"] * (states["dependence"][month, who] - chronic)
    seen += weight["strain"] * states["strain"][month, who] + weight["alone"] * states["alone"][month, who]
    return seen + weight["vulnerability"] * states["vulnerability"][month, who] * (chronic > 1)


def packages(life: Life) -> Package:
    """Home support of people whose care a council arranges, month by month: up soon, down only after a clear gain."""
    spec, month = life.rules.section["social_care"], life.course.month
    ever = (month["dependence"].max(axis=0) > spec["home_support_at"] - 1.5) & (month["home"][0] == OWN)
    who = np.flatnonzero(ever)
    who = who[arranged(life, who)]
    level = np.zeros(len(who), np.int64)
    taken = np.zeros((len(month["here"]) + 1, len(who)), np.int8)
    most = len(spec["hours"])
    for m in range(len(month["here"])):
        step = (need(life, m, who) - spec["home_support_at"]) / spec["need_per_step"] + 1
        up, down = (
            np.clip(np.floor(step), 0, most),
            np.clip(np.floor(step + spec["step_back"] / spec["need_per_step"]), 0, most),
        )
        level = np.where(up > level, up, np.minimum(level, down)).astype(np.int64)
        level *= month["here"][m, who] & (month["home"][m, who] == OWN) & (life.people.age(28 * m)[who] >= 18)
        taken[m] = level
    return _stretches(life, who, taken)


def _stretches(life: Life, who: I64, taken: NDArray[np.int8]) -> Package:
    """Months of one level as days: a first package waits for its assessment, a change of need for a review."""
    before = np.vstack([np.zeros((1, len(who)), np.int8), taken[:-1]])
    column, month = np.nonzero(((taken != before) & (taken > 0)).T)
    level, was, person = taken[month, column].astype(np.int64), before[month, column].astype(np.int64), who[column]
    change_column, change_month = np.nonzero((taken[1:] != taken[:-1]).T)
    place = np.searchsorted(change_column * 1000 + change_month, column * 1000 + month)
    ends = 28 * (change_month[np.minimum(place, max(len(change_month) - 1, 0))] + 1)
    key = life.key(person)
    wait = np.where(
        was == 0, 21 + 30 * rng.exponential(key, "package wait", month), 5 + 9 * rng.uniform(key, "review wait", month)
    )
    back = np.where((month == 0) & (was == 0), np.minimum(500 * rng.exponential(key, "care since"), 2400), 0)
    start = life.back_home(person, 28 * month + rng.whole(wait - back))
    follows = np.append(column[1:] == column[:-1], False)
    touches = follows & (np.append(month[1:], 0) * 28 == ends)
    runs_on = ends >= 28 * (len(taken) - 1)
    end = np.where(touches, np.append(start[1:], 0), np.where(runs_on, NEVER, ends))
    end = np.minimum(end, moved_to_home(life)[person])
    keep = end > start
    person, start, end, level = person[keep], start[keep], end[keep], level[keep]
    goes_on = (person[1:] == person[:-1]) & (start[1:] == end[:-1])
    before_it = np.where(goes_on, level[:-1], 0)
    return Package(person, start, end, level, np.append(np.zeros(min(len(level), 1), np.int64), before_it))


def home_support(told: Told) -> None:
    """Packages of home support or direct payments, the requests and reviews around them, day support and equipment."""
    life, spec = told.life, told.life.rules.section["social_care"]
    p = packages(life)
    who, key = p.person, life.key(p.person)
    pays = rng.uniform(key, "direct payment") < spec["direct_payment_share"]
    hours = np.array(spec["hours"], float)[p.level - 1] * np.exp(0.15 * rng.normal(key, "hours"))
    told.add(
        who, p.start, p.end, type="Service", service=COMMUNITY,
        component=np.where(pays, DIRECT, HOME_SUPPORT), delivery=np.where(pays, DIRECT, "CASSR commissioned support"),
        outcome=CONTINUES, cost=float(spec["home_support"]["hour"]), frequency="Hourly", units=np.round(hours * 2) / 2,
    )  # fmt: skip
    first = p.before == 0
    new, asked = who[first], p.start[first] - 24
    route = np.where(_left_hospital(life, new, asked), "Discharge from Hospital", "Community / Other route")
    told.add(new, asked, asked + 5, type="Request", route=route, outcome=ASSESSED)
    told.add(new, asked + 10, asked + 18, type="Assessment", assessment="Long term assessment", outcome=PROGRESS)
    told.add(
        who[~first], p.start[~first] - 4, p.start[~first] - 2, type="Review",
        review=_reason(life, p)[~first],
        outcome=CONTINUES,
    )  # fmt: skip
    _low_level(told)
    last = p.end[np.append(np.flatnonzero(first)[1:], len(first)) - 1]  # of all levels without a gap
    reviews(told, new, p.start[first], np.minimum(last, life.leaves[new]))
    _beside(told, new, p.start[first], last)


def _low_level(told: Told) -> None:
    """Equipment and telecare when someone first struggles; a request by people who then pay for themselves."""
    life, spec = told.life, told.life.rules.section["social_care"]
    for level, share in ((spec["low_level"]["at"], spec["low_level"]["share"]), (spec["home_support_at"], None)):
        who, month = _reaches(life, level)
        key = life.key(who)
        odds = spec["self_funder_asks"] * ~arranged(life, who) if share is None else share
        some = rng.uniform(key, f"council at {level}") < odds
        who, month = who[some], month[some]
        key = life.key(who)
        back = rng.whole(900 * rng.exponential(key, f"council since {level}"))
        day = np.where(
            month == 0, -np.minimum(back, 2400), 28 * month + rng.whole(40 * rng.uniform(key, "council day"))
        )
        outcome = "NFA: Self-funded client or under 12wk disregard" if share is None else PROGRESS
        told.add(who, day, day + 6, type="Request", route="Community / Other route", outcome=outcome)
        if share is not None:
            told.add(
                who, day + 12, day + 12 + int(spec["low_level"]["days"]), type="Service", component="Equipment",
                service="Short term support: Ongoing low level", delivery="CASSR commissioned support",
                outcome=CONTINUES, cost=float(spec["low_level"]["cost"]), frequency="Weekly",
            )  # fmt: skip


def _reaches(life: Life, level: float) -> tuple[I64, I64]:
    """People of 55 and over at home whose need reaches a level, and the first month in which it does."""
    month = life.course.month
    first = np.full(len(life.people), -1)
    who = np.flatnonzero((month["dependence"].max(axis=0) > level - 1.5) & (life.people.age(life.world.days) >= 55))
    for m in range(len(month["here"])):
        now = (need(life, m, who) >= level) & month["here"][m, who] & (month["home"][m, who] == OWN) & (first[who] < 0)
        first[who[now]] = m
    reached = np.flatnonzero(first >= 0)
    return reached, first[reached]


def _beside(told: Told, who: I64, start: I64, end: I64) -> None:
    """Day support and equipment that come with some first packages."""
    spec, key = told.life.rules.section["social_care"], told.life.key(who)
    day = rng.uniform(key, "day support") < spec["day_support"]["share"]
    told.add(
        who[day], start[day] + 60, end[day], type="Service", service=COMMUNITY, component="Day support",
        delivery="CASSR commissioned support", outcome=CONTINUES, cost=float(spec["day_support"]["session"]),
        frequency="Per session", units=float(spec["day_support"]["sessions"]),
    )  # fmt: skip
    gets = rng.uniform(key, "equipment") < spec["equipment"]["share"]
    told.add(
        who[gets], start[gets], start[gets], type="Service", service=COMMUNITY, component="Equipment",
        delivery="CASSR commissioned support", outcome=CONTINUES, cost=float(spec["equipment"]["cost"]),
        frequency="One-off",
    )  # fmt: skip


def _left_hospital(life: Life, person: I64, day: I64) -> NDArray[np.bool_]:
    """Whether each person was in hospital on the day or in the three weeks before it."""
    return life.in_hospital(person, day) | life.in_hospital(person, day - 10) | life.in_hospital(person, day - 20)


def _reason(life: Life, p: Package) -> NDArray[np.str_]:
    """Why a package was looked at again."""
    tired = (life.state("strain", p.person, np.maximum(p.start, 0)) > 0.8) & (p.level > p.before)
    return np.where(tired, "Unplanned – carer related", "Unplanned – change of need")


def reablement(told: Told) -> None:
    """Reablement after a stay; how it ends follows from how far the person has healed by then."""
    life, spec = told.life, told.life.rules.section["social_care"]
    stay = life.stay
    at = np.flatnonzero(
        stay["reabled"].astype(bool)
        & (rng.uniform(life.key(stay["person"]), "council reablement", stay["day"]) < spec["reablement"]["share"])
    )
    person, out = stay["person"][at], stay["out"][at]
    length = np.floor(10 + 22 * rng.exponential(life.key(person), "reablement days", out))
    end = out + np.minimum(length, spec["reablement"]["most_days"]).astype(np.int64)
    end, back = _until_readmitted(life, person, out, end)
    told.add(
        person, stay["ready"][at], out, type="Request", route="Discharge from Hospital",
        outcome="Progress to reablement/ST-Max",
    )  # fmt: skip
    month = np.clip(end // (7 * MONTH), 0, len(life.course.month["here"]) - 1)
    needs_more = np.zeros(len(person), bool)
    for m in np.unique(month):
        now = np.flatnonzero(month == m)
        needs_more[now] = need(life, int(m), person[now]) > spec["home_support_at"] - 0.2
    outcome = np.where(back, "Admitted to hospital", np.where(needs_more, PROGRESS, "NFA: Support ended as planned"))
    told.add(
        person, out, end, type="Service", service=SHORT, component="Reablement", delivery="CASSR commissioned support",
        outcome=outcome, cost=float(spec["reablement"]["week"]), frequency="Weekly",
    )  # fmt: skip


def _until_readmitted(life: Life, person: I64, out: I64, end: I64) -> tuple[I64, NDArray[np.bool_]]:
    """The end of a service that a new stay cuts short, and whether it was."""
    stay = life.stay
    place = np.searchsorted(stay["person"] * (1 << 21) + stay["day"], person * (1 << 21) + out + 1)
    follows = np.minimum(place, max(len(stay["person"]) - 1, 0))
    back = (place < len(stay["person"])) & (stay["person"][follows] == person) & (stay["day"][follows] <= end)
    return np.where(back, stay["day"][follows], end), back


def carers(told: Told) -> None:
    """Carers who tire turn to the council first: an assessment for a partner, respite for the person cared for.

    A carer who cannot go on brings emergency support the same week.
    """
    life, rule = told.life, told.life.rules.section["social_care"]["carers"]
    strain = life.course.month["strain"]
    rate = np.minimum(rule["known_per_year"] * strain * MONTH * 7 / 365.25, 0.5)
    month, who = np.nonzero((strain > 0.3) & life.course.month["here"])
    tells = rng.uniform(life.key(who), "carer tells", month) < rate[month, who]
    month, who = month[tells], who[tells]
    day = 28 * month + rng.whole(28 * rng.uniform(life.key(who), "carer day", month))
    here = life.lives_here(who, day)
    who, day = who[here], day[here]
    partner = np.maximum(life.people.partner[who], 0)
    lives_with = (life.people.partner[who] >= 0) & ~life.state("alone", who, day)
    rests = rng.uniform(life.key(who), "respite", day) < rule["respite"]
    outcome = np.select([lives_with, rests], [ASSESSED, PROGRESS], NO_FURTHER)
    told.add(who, day, day + 6, type="Request", route="Community / Other route", outcome=outcome)
    told.add(
        partner[lives_with], day[lives_with] + 9, day[lives_with] + 16, type="Assessment",
        assessment="Short term assessment", client="Unpaid carer", outcome=PROGRESS,
    )  # fmt: skip
    for mask, subject, service, client in (
        (rests & lives_with, partner, CARER_SUPPORT, "Unpaid carer"),
        (rests & ~lives_with, who, SUPPORT_WITH_CARER, "Service user"),
    ):
        end = day[mask] + 20 + int(rule["days"])
        told.add(
            subject[mask], day[mask] + 20, np.minimum(end, life.leaves[subject[mask]]), type="Service", service=service,
            component="Unpaid carer respite", delivery="CASSR commissioned support", client=client,
            outcome=CONTINUES, cost=38.0, frequency="Weekly",
        )  # fmt: skip
    _emergency(told)


def _emergency(told: Told) -> None:
    """Help at once where a carer could not go on."""
    ended = told.life.course.log.table("carer_ended")
    if not ended:
        return
    who, day = ended["person"], ended["day"] + 2
    told.add(who, day, day + 1, type="Request", route="Community / Other route", outcome=PROGRESS)
    told.add(
        who, day, day + 14, type="Service", service="Short term support: Other short term",
        component="Emergency support", delivery="CASSR commissioned support", outcome=CONTINUES, cost=310.0,
        frequency="Weekly",
    )  # fmt: skip
