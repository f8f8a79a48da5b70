"""What opens a referral to a community service: crises, stays, wounds, being housebound, dying, and sliding at home."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthetic import rng
from synthetic.crisis import TEAM
from synthetic.life import Life, ordinal
from synthetic.rng import I64
from synthetic.state import MONTH

SERVICES = (
    "crisis_team", "reablement", "home_first", "community_bed", "nursing_wound", "nursing_housebound",
    "nursing_after_stay", "nursing_palliative", "palliative_team", "falls_service", "case_management", "therapy",
    "podiatry", "nursing_episode", "pressure_care",
)  # fmt: skip
Table = dict[str, NDArray]


def referrals(life: Life) -> Table:
    """All referrals: ``person, day, end, every, number, minutes``, ``service`` as a place in ``SERVICES``."""
    rules = life.rules.section["community"]
    opened = _opened(life)
    parts: list[Table] = []
    for i, name in enumerate(SERVICES):
        spec = rules[name]
        person, day, end = opened[name]
        key, word = life.key(person), "community " + name
        if end is None:
            length = np.ceil(spec["days"] * rng.exponential(key, word + " days", day)).astype(np.int64)
            end = day + np.maximum(np.minimum(length, spec.get("most", 10_000)), 1)
        parts.append({
            "person": person, "day": day, "end": end, "service": np.full(len(person), i),
            "every": np.full(len(person), float(spec["every"])), "home": np.full(len(person), bool(spec["home"])),
        })  # fmt: skip
    table = {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}
    keep = life.lives_here(table["person"], table["day"])
    order = np.lexsort((table["service"], table["day"], table["person"]))
    table = {k: v[order[keep[order]]] for k, v in table.items()}
    person = table["person"]
    table["end"] = np.minimum(table["end"], life.leaves[person])
    table["number"] = ordinal(person)
    two_hour = rules["two_hour"]
    u = rng.normal(life.key(person), "response", table["number"])
    table["minutes"] = np.maximum(np.round(two_hour["median_minutes"] * np.exp(two_hour["spread"] * u)), 5)
    table["received"] = np.floor(60 * (7 + 13 * rng.uniform(life.key(person), "received", table["number"])))
    return table


def _opened(life: Life) -> dict[str, tuple[I64, I64, I64 | None]]:
    """What opens a referral to each service: person, day, and the day it ends where that follows from the life."""
    found = {**_after_events(life), **_by_state(life)}
    for name in ("therapy", "podiatry", "nursing_episode"):
        found[name] = _asked_for(life, name)
    stay = life.stay
    stroke = np.flatnonzero((stay["cause"] == list(life.rules.section["crises"]).index("stroke")) & (stay["dies"] == 0))
    person, day, _ = _some(life, "therapy", stay["person"][stroke], stay["home"][stroke] + 4, "after_stroke")
    asked = found["therapy"]
    found["therapy"] = (np.concatenate([asked[0], person]), np.concatenate([asked[1], day]), None)
    found["pressure_care"] = _pressure_damage(life)
    return found


def _some(life: Life, name: str, person: I64, day: I64, share: str = "share") -> tuple[I64, I64, None]:
    """The declared share of those whom an event might lead to a service."""
    chosen = rng.uniform(life.key(person), "community " + name, day) < life.rules.section["community"][name][share]
    return person[chosen], day[chosen], None


def _after_events(life: Life) -> dict[str, tuple[I64, I64, I64 | None]]:
    """Services that follow a crisis, a fall or a stay in hospital."""
    stay = life.stay
    found: dict[str, tuple[I64, I64, I64 | None]] = {}
    crisis = [life.course.log.table(k) for k in ("crisis", "fall")]
    team = [(t["person"][t["dealt"] == TEAM], t["day"][t["dealt"] == TEAM]) for t in crisis if t]
    found["crisis_team"] = (np.concatenate([t[0] for t in team]), np.concatenate([t[1] for t in team]), None)
    one = np.flatnonzero((stay["pathway"] == 1) & (life.age(stay["person"], stay["day"]) >= 18))
    first = stay["reabled"][one].astype(bool)
    found["reablement"] = (stay["person"][one[first]], stay["out"][one[first]] + 1, None)
    found["home_first"] = (stay["person"][one[~first]], stay["out"][one[~first]] + 1, None)
    bed = np.flatnonzero(stay["home"] > stay["out"])
    found["community_bed"] = (stay["person"][bed], stay["out"][bed], stay["home"][bed])
    home = np.flatnonzero((stay["dependence"] > 2.2) & (stay["out"] - stay["day"] > 2) & (~stay["dies"].astype(bool)))
    found["nursing_after_stay"] = _some(life, "nursing_after_stay", stay["person"][home], stay["home"][home] + 1)
    fall = crisis[1]
    heard = np.flatnonzero((fall["dealt"] >= 0) & (fall["dependence"] > 0.8)) if fall else np.zeros(0, np.int64)
    who, day = (fall["person"][heard], fall["day"][heard] + 20) if fall else (heard, heard)
    found["falls_service"] = _some(life, "falls_service", who, day)
    return found


def _by_state(life: Life) -> dict[str, tuple[I64, I64, I64 | None]]:
    """Services that follow what a person has come to: a wound, housebound, frail, dying."""
    month = life.course.month
    everyone = np.arange(len(life.people))
    found: dict[str, tuple[I64, I64, I64 | None]] = {}
    onset = life.course.onset[:, life.rules.condition("skin_ulcer").index].astype(np.int64)
    found["nursing_wound"] = _some(life, "nursing_wound", everyone, onset + 10)
    bound = np.diff(month["housebound"], axis=0, prepend=np.zeros((1, len(everyone)), np.int8))
    at, who = np.nonzero((bound > 0) & (month["housebound"] == 2) & month["here"])
    found["nursing_housebound"] = _some(life, "nursing_housebound", who, 28 * at + 14)
    dying = np.flatnonzero(month["palliative"].any(axis=0))
    since = 28 * month["palliative"][:, dying].argmax(axis=0) + 7
    found["nursing_palliative"] = _some(life, "nursing_palliative", dying, since)
    found["palliative_team"] = _some(life, "palliative_team", dying, since + 5)
    past = month["chronic"] >= 3.3
    frail = np.flatnonzero(past.any(axis=0))
    found["case_management"] = _some(life, "case_management", frail, 28 * past[:, frail].argmax(axis=0) + 30)
    return found


def _asked_for(life: Life, name: str) -> tuple[I64, I64, None]:
    """Referrals at a rate by age, more of them for people who slide or need help; drawn month by month."""
    rules, month, people = life.rules.section["community"], life.course.month, life.people
    factor = rules["asked_for"]
    parts = []
    for m in range(len(month["here"])):
        older = np.interp(people.age(28 * m), [0, 18, 40, 70, 90], [0.2, 0.4, 0.9, 1.8, 2.0])
        need = np.clip(month["dependence"][m] - 1, 0, 5)
        more = np.exp(factor["vulnerability"] * month["vulnerability"][m] + factor["dependence"] * need)
        rate = rules[name]["per_year"] * older * more * MONTH * 7 / 365.25
        goes = np.flatnonzero(month["here"][m] & (rng.uniform(people.key, "community " + name, m) < rate))
        parts.append((goes, 28 * m + rng.whole(28 * rng.uniform(life.key(goes), "community day " + name, m))))
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts]), None


def _pressure_damage(life: Life) -> tuple[I64, I64, None]:
    """Pressure ulcers of people who can no longer turn or rise by themselves: the nurse finds them first."""
    rule, month = life.rules.section["community"]["pressure_care"], life.course.month
    at, who = np.nonzero((month["dependence"] >= rule["from"]) & month["here"])
    need = np.minimum(month["dependence"][at, who] - rule["from"], 5)
    risk = rule["per_month"] * np.exp(
        rule["dependence"] * need + rule["vulnerability"] * month["vulnerability"][at, who]
    )
    some = rng.uniform(life.key(who), "pressure damage", at) < risk
    at, who = at[some], who[some]
    return who, 28 * at + rng.whole(28 * rng.uniform(life.key(who), "pressure day", at)), None
