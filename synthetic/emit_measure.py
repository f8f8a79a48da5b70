"""Reviews and what is measured at them: values that follow the person's conditions, age and decline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from synthetic import rng
from synthetic.life import Life, weekday
from synthetic.rng import F64, I64

if TYPE_CHECKING:
    from synthetic.emit_gp import Written

#: SNOMED codes of the measurements
MEASURE = {
    "systolic": (271649006, "mmHg"), "diastolic": (271650006, "mmHg"), "weight": (27113001, "kg"),
    "bmi": (60621009, "kg/m2"), "egfr": (1011481000000105, "mL/min/1.73m2"), "creatinine": (1000731000000107, "umol/L"),
    "haemoglobin": (1022431000000105, "g/L"), "hba1c": (999791000000106, "mmol/mol"), "tsh": (1022791000000101, "mU/L"),
}  # fmt: skip
FRAILTY = (925791000000100, 925831000000107, 925861000000102)
ROCKWOOD = 763264000
#: need from which someone is called mildly, moderately or severely frail: 4, 6 and 7 on the Rockwood scale (1.8 + need)
MILD_FROM, MODERATE_FROM, SEVERE_FROM = 1.7, 3.7, 4.7
SMOKING = {"never": 266919005, "ex": 8517006, "current": 77176002}
#: conditions that bring a person to a yearly review
REVIEWED = (
    "hypertension", "ischaemic_heart", "heart_failure", "atrial_fibrillation", "cerebrovascular", "diabetes",
    "chronic_kidney", "copd", "asthma", "thyroid", "dementia", "mental_illness", "learning_disability",
)  # fmt: skip
YEARS_BACK = 15


def reviews(out: Written) -> None:
    """Yearly reviews of those with a reviewed condition, and the odd health check of others."""
    life = out.life
    person, day, ill = _review_days(life)
    key = life.key(person)
    age = life.age(person, day)
    older = age >= 40
    values = _values(life, person, day, age)
    share = {
        "systolic": 0.9, "diastolic": 0.9, "weight": 0.65, "bmi": 0.5,
        "egfr": np.where(ill, 0.85, 0.35), "creatinine": np.where(ill, 0.8, 0.3),
        "haemoglobin": np.where(ill, 0.6, 0.35), "hba1c": np.where(life.has("diabetes", person, day), 0.95, 0.25),
        "tsh": np.where(life.has("thyroid", person, day), 0.9, 0.2),
    }  # fmt: skip
    for name, (code, unit) in MEASURE.items():
        done = rng.uniform(key, "measured " + name, day) < share[name] * np.where(older | ill, 1.0, 0.5)
        if name == "diastolic":
            done = rng.uniform(key, "measured systolic", day) < share[name] * np.where(older | ill, 1.0, 0.5)
        out.add(person[done], day[done], code, value=values[name][done], unit=unit)
    smokes = rng.pick(rng.uniform(life.people.key, "smoking"), np.array([0.55, 0.30, 0.15]))[person]
    asked = (rng.uniform(key, "asked smoking", day) < 0.7) & (age >= 16)
    out.add(person[asked], day[asked], np.array(list(SMOKING.values()))[smokes[asked]])
    _frailty(out, person, day, age)


def _review_days(life: Life) -> tuple[I64, I64, np.ndarray]:
    people = life.people
    everyone = np.arange(len(people))
    first_ill = life.course.onset[:, [life.rules.condition(n).index for n in REVIEWED]].min(axis=1)
    found = []
    for year in range(-YEARS_BACK, life.world.days // 365 + 1):
        day = 365 * year + rng.whole(365 * rng.uniform(people.key, "review day", year + 64))
        day = weekday(day)
        ill = first_ill <= day
        age = (day - people.birth_day) / 365.25
        chance = np.where(ill, 0.88, np.interp(age, [15, 18, 40, 65, 80], [0, 0.12, 0.22, 0.45, 0.6]))
        chance = chance * np.interp(year, [-YEARS_BACK, 0], [0.45, 1.0])
        goes = (rng.uniform(people.key, "review", year + 64) < chance) & (age >= 4) & life.record_exists(everyone, day)
        who = everyone[goes]
        who = who[~life.in_hospital(who, day[who])]
        found.append((who, day[who], ill[who]))
    person, day, ill = (np.concatenate(c) for c in zip(*found, strict=True))
    return person, day, ill


def _values(life: Life, person: I64, day: I64, age: F64) -> dict[str, F64]:
    """Values with the right unit and a plausible course: weight and pressure fall as dependence grows."""
    people = life.people

    def lasting(name: str) -> F64:
        return rng.normal(people.key, name)[person]

    def passing(name: str) -> F64:
        return rng.normal(life.key(person), name + " now", day)

    def has(name: str) -> F64:
        return life.has(name, person, day).astype(float)

    woman = people.female[person]
    need = life.state("dependence", person, day).astype(float)
    grown = np.clip(age / 17, 0.3, 1.0)
    systolic = 118 + 0.28 * age + 7 * has("hypertension") + 8 * lasting("bp") + 9 * passing("bp") - 2.2 * need
    height = np.where(woman, 1.61, 1.75) + 0.065 * lasting("height")
    weight = (np.where(woman, 70, 84) + 13 * lasting("weight")) * grown + 1.5 * passing("weight")
    weight = np.clip(weight - 1.6 * need - 5 * has("weight_loss"), 30 * grown, 190)
    egfr = np.clip(112 - 0.65 * age - 26 * has("chronic_kidney") + 8 * lasting("egfr") + 5 * passing("egfr"), 5, 120)
    haemoglobin = np.where(woman, 132, 144) - 24 * has("anaemia") - 1.5 * need + 8 * lasting("hb") + 5 * passing("hb")
    hba1c = 37 + 19 * has("diabetes") * np.exp(0.3 * lasting("hba1c")) + 2.5 * passing("hba1c")
    return {
        "systolic": np.clip(systolic, 75, 230).round(),
        "diastolic": np.clip(0.42 * systolic + 20 + 5 * passing("dia"), 40, 130).round(),
        "weight": weight.round(1),
        "bmi": np.clip(weight / (height * np.clip(age / 17, 0.55, 1)) ** 2, 11, 60).round(1),
        "egfr": egfr.round(),
        "creatinine": np.clip(np.where(woman, 5200, 6600) / (egfr + 5), 35, 700).round(),
        "haemoglobin": np.clip(haemoglobin, 55, 190).round(),
        "hba1c": np.clip(hba1c, 25, 140).round(),
        "tsh": np.clip(np.exp(0.7 + 0.45 * passing("tsh") + 0.5 * has("thyroid") * passing("tsh2")), 0.05, 40).round(2),
    }


def _frailty(out: Written, person: I64, day: I64, age: F64) -> None:
    """At a review of an older person some practices write down frailty, as a diagnosis or on the Rockwood scale."""
    life = out.life
    need = life.state("dependence", person, day) + 0.35 * rng.normal(life.key(person), "seen frailty", day)
    quality = life.quality["frailty"][life.practice_at(person, day)]
    looked = (age >= 65) & (need > MILD_FROM) & (day > -900)
    wrote = looked & (rng.uniform(life.key(person), "wrote frailty", day) < 0.6 * quality)
    level = np.digitize(need[wrote], [MODERATE_FROM, SEVERE_FROM])
    out.add(person[wrote], day[wrote], np.array(FRAILTY)[level])
    scored = looked & (day > -200) & (rng.uniform(life.key(person), "wrote scale", day) < 0.35 * quality)
    scale = np.clip(np.round(1.8 + need[scored]), 1, 9).astype(float)
    out.add(person[scored], day[scored], ROCKWOOD, value=scale, unit="score")
