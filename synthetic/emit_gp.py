"""The GP record: contacts, diagnoses, falls, function, frailty, support. A noisy, partial picture of the lives.

Each writer returns columns ``person, day, code, value, unit, lag``; ``event_frame`` joins them. What is written
depends on the practice: see ``practice`` in ``rules.yaml``.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic import emit_measure, rng
from synthetic.life import Life, clock, ordinal, rows, spread, weekday
from synthetic.rng import F64, I64
from synthetic.rules import Condition
from synthetic.state import AT_HOME, MONTH, NEVER, NURSING, OWN, PERMANENT, TEMPORARY

UNITS = ["", "mmHg", "kg", "kg/m2", "mL/min/1.73m2", "umol/L", "g/L", "mmol/mol", "mU/L", "score"]
SURGERY, PHONE, HOME, CARE_HOME = 0, 1, 2, 3

#: codes by meaning; from the verified starter lists (NHS primary-care refsets and SNOMED Global Patient Set)
CODE = {
    "surgery": 185202000, "phone": 386472008, "home visit": 439708006, "care home visit": 889311000000109,
    "did not attend": 0, "mild": 925791000000100, "moderate": 925831000000107, "severe": 925861000000102,
    "rockwood": 763264000, "housebound": 160689007, "housebound for now": 428415003,
    "housebound ended": 760661000000106,
    "residential": 394923006, "nursing": 160734000, "lives alone": 105529008, "has carer": 184156005,
    "is carer": 224484003, "palliative": 103735009, "gsf": 414937009, "care plan": 714748000, "6cit": 1085151000000108,
    "type 1": 827241000000103, "district nurse": 160761000, "mobility": 8510008, "needs walking aid": 165251008,
    "activity": 284784008, "needs care": 301887005, "memory": 386807006, "fall history": 428942009,
}  # fmt: skip
ETHNIC_CODE = {
    "A": 315236000, "B": 315237009, "C": 185984009, "D": 315634007, "E": 315635008, "F": 186021006, "G": 186019001,
    "H": 110751000000108, "J": 186002003, "K": 186003008, "L": 315281001, "M": 185988007, "N": 18167009,
    "P": 315279003, "R": 33897005, "S": 186005001,
}  # fmt: skip
CONTACT_RATE = (
    [0, 2, 5, 17, 30, 45, 65, 75, 85, 100],
    [7, 5, 2.2, 2.4, 3.0, 3.6, 4.8, 6.2, 7.0, 7.0],
)  # a year; judged


class Written:
    """Rows of the GP record as they are gathered."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.parts: list[tuple[I64, I64, I64, F64, NDArray[np.int8], I64]] = []

    def add(
        self,
        person: I64,
        day: I64,
        code: I64 | int,
        *,
        value: F64 | None = None,
        unit: str = "",
        lag: I64 | None = None,
    ) -> None:
        """Adds rows; those that the record cannot hold (before birth, after death) are left out."""
        keep = self.life.record_exists(person, day)
        n = int(keep.sum())
        codes = np.full(n, code, np.int64) if isinstance(code, int) else code[keep]
        if lag is None:
            u = rng.uniform(self.life.key(person[keep]), "entry lag", day[keep] * 64 + codes % 61)
            lag_kept = np.select(
                [u < 0.86, u < 0.97], [0, 1 + np.floor(40 * (u - 0.86))], np.floor(3 + 1500 * (u - 0.97))
            )
        else:
            lag_kept = lag[keep]
        self.parts.append((
            person[keep], day[keep], codes, np.full(n, np.nan) if value is None else value[keep],
            np.full(n, UNITS.index(unit), np.int8), lag_kept.astype(np.int64),
        ))  # fmt: skip

    def frame(self) -> pl.DataFrame:
        """All rows, in order of person and day, numbered."""
        person, day, code, value, unit, lag = (np.concatenate(c) for c in zip(*self.parts, strict=True))
        order = np.lexsort((lag, value, code, day, person))
        person, day, code, value, unit, lag = (c[order] for c in (person, day, code, value, unit, lag))
        life = self.life
        return rows(
            person, day, day + lag,
            nhs_number=life.numbers[person],
            practice_code=life.practice_code(person, day),
            record_id=life.people.index[person] * 100_000 + ordinal(person),
            event_date=life.date(day),
            record_date=life.date(day + lag),
            code=code,
            value=pl.Series(value).fill_nan(None),
            unit=pl.Series(UNITS).gather(pl.Series(unit)).replace("", None),
            is_deleted=np.zeros(len(person), bool),
        )  # fmt: skip


def event_frame(life: Life, contact: dict[str, NDArray]) -> pl.DataFrame:
    """Every row of the coded GP record of these lives."""
    out = Written(life)
    _contacts(out, contact)
    _diagnoses(out)
    _crises(out)
    _falls(out)
    _function(out)
    _housebound(out)
    _support(out)
    _end_of_life(out)
    _once(out)
    emit_measure.reviews(out)
    return out.frame()


def contacts(life: Life) -> dict[str, NDArray]:
    """Contacts with the practice: ``person, day, kind, missed``. More when someone is ill, frail or sliding."""
    people, month = life.people, life.course.month
    found = []
    for m in range(len(month["here"])):
        age = people.age(28 * m)
        rate = np.interp(age, *CONTACT_RATE)
        rate = rate * np.exp(0.28 * month["vulnerability"][m] + 0.12 * people.hidden + 0.08 * month["dependence"][m])
        mean = np.where(month["here"][m], np.minimum(rate * MONTH * 7 / 365.25, 4.0), 0.0)
        count = rng.poisson(people.key, "contact", mean, m)
        who, turn = spread(count)
        found.append((who, np.full(len(who), m), turn))
    person, months, turn = (np.concatenate(c) for c in zip(*found, strict=True))
    when = months * 16 + turn
    day = weekday(28 * months + rng.whole(28 * rng.uniform(life.key(person), "contact day", when)))
    keep = life.lives_here(person, day) & ~life.in_hospital(person, day)
    order = np.lexsort((when, day, person))
    order = order[keep[order]]
    person, day, when = person[order], day[order], when[order]
    u = rng.uniform(life.key(person), "contact kind", when)
    bound, home = life.state("housebound", person, day) != AT_HOME, life.state("home", person, day) != OWN
    kind = np.select(
        [home & (u < 0.6), bound & (u < 0.55), u > np.where(bound | home, 0.6, 0.68)], [CARE_HOME, HOME, PHONE], SURGERY
    )
    missed = (kind == SURGERY) & (rng.uniform(life.key(person), "missed", when) < 0.05)
    return {"person": person, "day": day, "kind": kind, "missed": missed, "when": when}


def appointment_frame(life: Life, contact: dict[str, NDArray]) -> pl.DataFrame:
    """The appointment book: one row per contact, kept or not."""
    person, day, kind = contact["person"], contact["day"], contact["kind"]
    mode = pl.Series(["Face-to-Face", "Telephone", "Home Visit", "Home Visit"]).gather(pl.Series(kind))
    place = pl.Series(["Surgery", "Remote", "Home", "Care Home"]).gather(pl.Series(kind))
    return rows(
        person, day, day + 1,
        nhs_number=life.numbers[person],
        practice_code=life.practice_code(person, day),
        appointment_id=life.people.index[person] * 10_000 + ordinal(person),
        event_date=life.date(day),
        appointment_time=clock(rng.uniform(life.key(person), "clock", contact["when"])),
        status_code=pl.Series(["Attended", "DNA"]).gather(pl.Series(contact["missed"].astype(np.int64))),
        mode_code=mode, place_code=place,
        home_visit_flag=kind >= HOME,
        did_not_attend_flag=contact["missed"],
        is_deleted=np.zeros(len(person), bool),
    )  # fmt: skip


def _contacts(out: Written, contact: dict[str, NDArray]) -> None:
    life, person, day = out.life, contact["person"], contact["day"]
    codes = np.array([CODE["surgery"], CODE["phone"], CODE["home visit"], CODE["care home visit"]])
    quality = life.quality["general"][life.practice_at(person, day)]
    coded = (rng.uniform(life.key(person), "contact coded", contact["when"]) < 0.62 * quality) & ~contact["missed"]
    out.add(person[coded], day[coded], codes[contact["kind"][coded]])
    symptom = {
        267036007: 3,
        404640003: 2,
        89362005: 1,
        193462001: 2,
        68566005: 2,
        47933007: 2,
        162340000: 1,
        22631008: 1,
    }
    sliding = np.exp(0.8 * life.state("vulnerability", person, day)) * np.clip(life.age(person, day) / 70, 0.1, 1.2)
    says = ~contact["missed"] & (rng.uniform(life.key(person), "symptom", contact["when"]) < 0.012 * sliding)
    pick = rng.pick(
        rng.uniform(life.key(person[says]), "which symptom", contact["when"][says]),
        np.array(list(symptom.values()), float),
    )
    out.add(person[says], day[says], np.array(list(symptom))[pick])


def _diagnoses(out: Written) -> None:
    """Each condition once, when the practice came to know it, and now and then again."""
    life, key = out.life, out.life.people.key
    everyone = np.arange(len(life.people))
    quality = life.quality["general"][life.people.practice]
    for c in life.rules.conditions:
        if not c.gp:
            continue
        onset = life.course.onset[:, c.index].astype(np.int64)
        late = rng.whole(rng.exponential(key, "late " + c.name) * (400 if c.name == "dementia" else 45))
        known = np.minimum(onset, NEVER - 10_000) + late
        coded = (rng.uniform(key, "coded " + c.name) < c.coded * quality / 0.85) & (known < life.world.days)
        coded, known = _or_from_letter(life, c, coded, known)
        codes, weights = np.array(list(c.gp)), np.array(list(c.gp.values()))
        of_women = weights * np.array([code not in life.rules.section["men_only"] for code in c.gp])
        for word, chance in (("", 1.0), (" again", 0.25)):
            who = everyone[coded & (rng.uniform(key, "said " + c.name + word) < chance)]
            u = rng.uniform(key[who], "code " + c.name + word)
            pick = codes[np.where(life.people.female[who], rng.pick(u, of_women), rng.pick(u, weights))]
            later = rng.whole(2000 * rng.uniform(key[who], "when " + c.name + word)) if word else 0
            out.add(who, weekday(known[who] + later), pick)


def _or_from_letter(life: Life, c: Condition, coded: NDArray[np.bool_], known: I64) -> tuple[NDArray[np.bool_], I64]:
    """Who has the condition on record and from when, once letters are read: the frail are seen more."""
    stay = life.stay
    after = stay["home"] + 14
    told = (life.course.onset[stay["person"], c.index] <= stay["day"]) & ~coded[stay["person"]]
    share = life.rules.section["recording"]["from_letter"]
    told &= rng.uniform(life.key(stay["person"]), "letter " + c.name, stay["day"]) < share * c.coded
    first = np.full(len(coded), NEVER)
    np.minimum.at(first, stay["person"][told], after[told])
    return coded | (first < life.world.days), np.where(coded, known, first)


def _crises(out: Written) -> None:
    """What the practice wrote of a crisis it dealt with, or copied from a hospital letter."""
    life = out.life
    table = life.course.log.table("crisis")
    if not table:
        return
    for i, spec in enumerate(life.rules.section["crises"].values()):
        if not spec["gp"]:
            continue
        mine = np.flatnonzero(table["cause"] == i)
        person, day, dealt = table["person"][mine], table["day"][mine], table["dealt"][mine]
        told = rng.uniform(life.key(person), "crisis told", day) < np.array([0.6, 0.35, 0.3, 0.55])[dealt]
        person, day, dealt = person[told], day[told], dealt[told]
        codes = np.array([int(k) for k in spec["gp"]])
        pick = codes[
            rng.pick(rng.uniform(life.key(person), "crisis code", day), np.array(list(spec["gp"].values()), float))
        ]
        letter = rng.whole(3 + 18 * rng.uniform(life.key(person), "letter", day))
        out.add(person, day, pick, lag=np.where(dealt == 0, 0, letter))


def _falls(out: Written) -> None:
    """Falls that someone heard of; and falls of the ten years before the span."""
    life = out.life
    spec, written = life.rules.section["falls"]["gp"], life.rules.section["recording"]
    codes, weights = np.array([int(k) for k in spec]), np.array(list(spec.values()), float)
    table = life.course.log.table("fall")
    if table:
        heard = table["dealt"] >= 0
        person, day, dealt = table["person"][heard], table["day"][heard], table["dealt"][heard]
        told = rng.uniform(life.key(person), "fall told", day) < np.array(written["fall_told"])[dealt]
        person, day, dealt = person[told], day[told], dealt[told]
        lag = np.where(dealt == 0, 0, np.floor(3 + 15 * rng.uniform(life.key(person), "fall letter", day))).astype(
            np.int64
        )
        out.add(person, day, codes[rng.pick(rng.uniform(life.key(person), "fall code", day), weights)], lag=lag)
    start = life.course.month["dependence"][0]
    mean = np.clip((life.people.age(0) - 55) / 30, 0, 1.5) * written["earlier_falls"] * (0.5 + 0.35 * start)
    count = rng.poisson(life.people.key, "earlier falls", np.minimum(mean, 3))
    who, turn = spread(count)
    day = -rng.whole(3650 * rng.uniform(life.key(who), "earlier fall day", turn))
    out.add(who, day, codes[rng.pick(rng.uniform(life.key(who), "earlier fall code", turn), weights)])


def _first_month(life: Life, level: float) -> tuple[I64, I64]:
    """People whose chronic dependence reached ``level``, and the day; it may lie before the span."""
    past = life.course.month["chronic"] >= level
    who = np.flatnonzero(past.any(axis=0))
    month = past[:, who].argmax(axis=0)
    since = np.where(month > 0, 28 * month, -np.floor(900 * rng.exponential(life.people.key[who], f"since {level}")))
    return who, since.astype(np.int64)


def _function(out: Written) -> None:
    """Function, need of care and frailty: written when seen, by the habits of the practice."""
    life = out.life
    adult = life.people.age(life.world.days) > 50
    for level, code, chance, topic in (
        (1.8, "mobility", 0.40, "general"), (2.6, "needs walking aid", 0.30, "general"),
        (3.0, "activity", 0.28, "social"), (3.4, "needs care", 0.45, "social"),
    ):  # fmt: skip
        who, day = _first_month(life, level)
        quality = life.quality[topic][life.practice_at(who, np.maximum(day, 0))]
        wrote = adult[who] & (rng.uniform(life.key(who), "wrote " + code) < chance * quality)
        late = rng.whole(150 * rng.exponential(life.key(who), "late " + code))
        out.add(who[wrote], weekday(day + late)[wrote], CODE[code])
    known = life.course.onset[:, life.rules.condition("dementia").index].astype(np.int64)
    before = known - rng.whole(500 * rng.exponential(life.people.key, "memory before"))
    who = np.flatnonzero((known < life.world.days + 700) & (rng.uniform(life.people.key, "memory told") < 0.5))
    out.add(who, weekday(before[who]), CODE["memory"])
    score = np.clip(10 + 4 * rng.normal(life.key(who), "6cit"), 2, 28).round()
    out.add(who, weekday(before[who] + 30), CODE["6cit"], value=score, unit="score")


def _housebound(out: Written) -> None:
    """Housebound status: a few practices code most of it, many hardly any; an end is rarely written."""
    life = out.life
    state = life.course.month["housebound"]
    change = np.diff(state, axis=0, prepend=np.zeros((1, state.shape[1]), state.dtype)) != 0
    month, who = np.nonzero(change & life.course.month["here"])
    now, before = state[month, who], np.where(month > 0, state[np.maximum(month - 1, 0), who], AT_HOME)
    late = rng.whole(70 * rng.exponential(life.key(who), "late housebound", month))
    day = weekday(28 * month + late)
    quality = life.quality["housebound"][life.practice_at(who, day)]
    in_home = life.state("home", who, day) != OWN
    wrote = rng.uniform(life.key(who), "wrote housebound", month) < quality * np.where(in_home, 0.35, 1.0)
    lasting = (now == PERMANENT) & wrote
    for_now = (now == TEMPORARY) & (before == AT_HOME) & wrote & (rng.uniform(life.key(who), "for now", month) < 0.5)
    ended = (now == AT_HOME) & wrote & (rng.uniform(life.key(who), "end told", month) < 0.35)
    for mask, code in ((lasting, "housebound"), (for_now, "housebound for now"), (ended, "housebound ended")):
        out.add(who[mask], day[mask], CODE[code])


def _support(out: Written) -> None:
    """Lives alone, has or is a carer, care home."""
    life = out.life
    alone = life.course.month["alone"]
    who = np.flatnonzero(alone.any(axis=0) & (life.people.age(life.world.days) > 60))
    month = alone[:, who].argmax(axis=0)
    quality = life.quality["social"][life.people.practice[who]]
    wrote = rng.uniform(life.key(who), "wrote alone") < 0.5 * quality
    late = rng.whole(700 * rng.exponential(life.key(who), "late alone"))
    out.add(who[wrote], weekday(np.where(month > 0, 28 * month, -700) + late)[wrote], CODE["lives alone"])
    who, day = _first_month(life, 2.4)
    partner = life.people.partner[who]
    helped = (partner >= 0) & ~life.course.month["alone"][0, who]
    quality = life.quality["social"][life.people.practice[who]]
    for mask, subject, code in ((helped, who, "has carer"), (helped, partner, "is carer")):
        wrote = mask & (rng.uniform(life.key(np.maximum(subject, 0)), "wrote " + code) < 0.45 * quality)
        out.add(subject[wrote], weekday(day[wrote] + 60), CODE[code])
    moved = life.course.log.table("home")
    none = np.zeros(0, np.int64)
    already = np.flatnonzero(life.course.month["home"][0] != OWN)
    who = np.concatenate([already, moved.get("person", none)])
    day = np.concatenate([np.full(len(already), -400), moved.get("day", none)])
    wrote = rng.uniform(life.key(who), "wrote home", day) < 0.72
    late = rng.whole(25 * rng.exponential(life.key(who), "late home", day))
    kind = life.state("home", who, day + 60)
    codes = np.where(kind == NURSING, CODE["nursing"], CODE["residential"])
    out.add(who[wrote], weekday(day + late)[wrote], codes[wrote])


def _end_of_life(out: Written) -> None:
    life = out.life
    palliative = life.course.month["palliative"]
    who = np.flatnonzero(palliative.any(axis=0))
    day = 28 * palliative[:, who].argmax(axis=0)
    wrote = rng.uniform(life.key(who), "wrote palliative") < 0.75 * life.quality["general"][life.people.practice[who]]
    who, day = who[wrote], day[wrote]
    late = rng.whole(30 * rng.exponential(life.key(who), "late palliative"))
    code = np.where(rng.uniform(life.key(who), "palliative code") < 0.6, CODE["palliative"], CODE["gsf"])
    out.add(who, weekday(day + late), code)
    plan = rng.uniform(life.key(who), "plan") < 0.5
    out.add(who[plan], weekday(day + late + 10)[plan], CODE["care plan"])


def _once(out: Written) -> None:
    """Ethnic group and the Type 1 objection."""
    life, key = out.life, out.life.people.key
    day = -rng.whole(3000 * rng.uniform(key, "ethnic coded"))
    day = np.maximum(day, life.people.birth_day + 30)
    coded = np.isin(life.people.ethnic, list(ETHNIC_CODE)) & (rng.uniform(key, "ethnic told") < 0.85)
    who = np.flatnonzero(coded)
    out.add(who, day[who], np.array([ETHNIC_CODE[e] for e in life.people.ethnic[who]], dtype=np.int64))
    objectors = np.flatnonzero(objects(life))
    since = rng.whole(life.world.days * (1.35 * rng.uniform(key[objectors], "type 1 day") - 0.4))
    out.add(objectors, weekday(since), CODE["type 1"])


def objects(life: Life) -> NDArray[np.bool_]:
    """Who has, or will have, a Type 1 objection in the GP record."""
    share = life.rules.population.type1_opt_out
    return (rng.uniform(life.people.key, "type 1") < share) & (life.people.age(0) > 16)
