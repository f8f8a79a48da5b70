"""Attendances: emergency departments, outpatient clinics, and who lies in an acute bed each morning."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic import rng
from synthetic.crisis import DEPARTMENT, WARD
from synthetic.emit_hospital import CODING_LAG, COMMUNITY, drawn_to, provider, specialty, spell_number, stay_number
from synthetic.life import Life, clock, ordinal, rows, spread
from synthetic.people import geography
from synthetic.rng import F64, I64
from synthetic.state import NEVER

ACUITY = [1064891000000107, 1064911000000105, 1064901000000108, 1077241000000103, 1077251000000100]
HOME_CODE, WARD_CODE, STREAMED, DIED_CODE = 306689006, 306706006, 1066341000000100, 305398007
CFS_TOOL = 763264000
AMBULANCE, OWN_TRANSPORT = 1048031000000100, 1048071000000103  # modes of arrival
FALL, SMALL = -1, -2  # causes of an attendance beside those of a crisis
CLINIC = {
    "130": 16,
    "110": 14,
    "320": 10,
    "301": 8,
    "430": 4,
    "300": 10,
    "340": 7,
    "410": 6,
    "101": 6,
    "100": 9,
    "303": 5,
    "400": 5,
}


def attendance_frame(life: Life) -> pl.DataFrame:
    """Emergency attendances: of crises and falls that reached a department, admitted or not."""
    person, day, cause, dealt, need = _attended(life)
    key = life.key(person)
    when = day * 4 + np.clip(-cause, 0, 3)
    trust = provider(life, person)
    north_minor = rng.uniform(key, "minor unit", when)
    small = cause == SMALL
    elsewhere = life.rules.section["small_attendances"]["elsewhere"]
    minor = (dealt == DEPARTMENT) & (north_minor < np.where(small, elsewhere, 0.28))
    streamed = (dealt == DEPARTMENT) & ~minor & ~small & (north_minor > 0.93)
    department = np.select([minor, streamed], ["03", "05"], "01")
    score = np.clip(0.5 * need + (dealt == WARD) * 1.2 + rng.normal(key, "acuity", when) * 0.7, -1, 4)
    acuity = np.array(ACUITY)[np.clip(3.2 - score, 0, 4).astype(int)]
    complaint = [spec["ed"] for spec in life.rules.section["crises"].values()]
    chief = np.where(
        cause == FALL, 1912002, np.where(cause == SMALL, 0, np.array([c or 0 for c in complaint])[np.maximum(cause, 0)])
    )
    score = np.where(small, np.minimum(score, 0.4), score)
    hours = np.where(dealt == WARD, 7 + 0.5 * need, 2.9) * np.exp(0.5 * rng.normal(key, "hours", when))
    level = np.clip(np.round(1.8 + need), 1, 9).astype(np.int64)
    destination = np.select([dealt == WARD, streamed], [WARD_CODE, STREAMED], HOME_CODE)
    scored = (life.age(person, day) >= 65) & (department == "01") & (rng.uniform(key, "scale", when) < 0.45)
    late = np.where(
        rng.uniform(key, "late attendance", when) < 0.03, np.floor(20 * rng.uniform(key, "how late", when)), 0
    )
    return rows(
        person, day, day + 5 + late.astype(np.int64),
        provider_code=np.where(minor, COMMUNITY, trust),
        attendance_id=pl.Series(life.people.index[person] * 1000 + ordinal(person)).cast(pl.String),
        nhs_number=life.numbers[person],
        department_type=department,
        attendance_category=np.where(rng.uniform(key, "follow-up", when) < 0.95, "1", "2"),
        event_date=life.date(day),
        arrival_time=clock(rng.uniform(key, "arrival", when) ** 0.8, 0.0, 23.98),
        arrival_mode_code=_arrival_mode(life, person, day, when, np.where(department == "01", score, np.nan)),
        acuity_code=acuity,
        chief_complaint_code=pl.Series(chief).replace(0, None),
        assessment_tool_code=pl.Series(np.where(scored, CFS_TOOL, 0)).replace(0, None),
        assessment_score=pl.Series(np.where(scored, level, 0)).replace(0, None),
        discharge_destination_code=destination,
        departure_minutes=np.clip(60 * hours, 15, 4000).astype(np.int64),
        practice_code=life.practice_code(person, day),
        lsoa_code=geography().lsoa11[life.people.lsoa[person]],
    )  # fmt: skip


def _arrival_mode(life: Life, person: I64, day: I64, when: I64, urgency: F64) -> pl.Series:
    """By ambulance or by own means; older and sicker people come by ambulance, hardly anybody to a small unit (NaN).

    The shares are guesses. In 4 of 100 rows the mode was not written down.
    """
    key, rule = life.key(person), life.rules.section["ambulance_arrivals"]
    log_odds = (
        rule["constant"] + rule["per_decade_over_60"] * (life.age(person, day) - 60) / 10 + rule["acuity"] * urgency
    )
    chance = np.where(np.isnan(urgency), rule["small_unit"], 1 / (1 + np.exp(-log_odds)))
    came = np.where(rng.uniform(key, "by ambulance", when) < chance, AMBULANCE, OWN_TRANSPORT)
    told = rng.uniform(key, "arrival mode told", when) >= rule["not_told"]
    return pl.Series(np.where(told, came, 0)).replace(0, None)


def _attended(life: Life) -> tuple[I64, I64, I64, I64, F64]:
    found = []
    for kind in ("crisis", "fall"):
        t = life.course.log.table(kind)
        if t:
            at = np.flatnonzero(t["dealt"] >= DEPARTMENT)
            found.append([t[k][at] for k in ("person", "day", "cause", "dealt", "dependence")])
    found.append(_small(life))
    person, day, cause, dealt, need = (np.concatenate(c) for c in zip(*found, strict=True))
    direct = (life.stay["person"] * 1_000_000 + life.stay["day"])[~life.stay["via_department"].astype(bool)]
    keep = ~np.isin(person * 1_000_000 + day, direct) | (dealt != WARD)
    keep &= life.lives_here(person, day) & ((cause != SMALL) | ~life.in_hospital(person, day))
    order = np.lexsort((cause, day, person))
    order = order[keep[order]]
    return person[order], day[order], cause[order], dealt[order], need[order]


def _small(life: Life) -> list[NDArray]:
    """Small injuries and minor illness that end at home: more with youth, poverty and an unsettled time."""
    rule, month, people = life.rules.section["small_attendances"], life.course.month, life.people
    found = []
    for quarter in range(life.world.days // 91 + 1):
        m = min(91 * quarter // 28, len(month["here"]) - 1)
        rate = np.interp(people.age(91 * quarter), rule["ages"], rule["per_year"]) / 4
        rate = rate * np.exp(rule["vulnerability"] * month["vulnerability"][m] + rule["poor"] * (5.5 - people.decile))
        who, turn = spread(rng.poisson(people.key, "small attendance", np.minimum(rate, 2.0), quarter))
        day = 91 * quarter + rng.whole(91 * rng.uniform(life.key(who), "small day", quarter * 16 + turn))
        found.append((who, day))
    person, day = (np.concatenate(c) for c in zip(*found, strict=True))
    n, need = len(person), life.state("dependence", person, day).astype(float)
    return [person, day, np.full(n, SMALL), np.full(n, DEPARTMENT), need]


def snapshot_frame(life: Life) -> pl.DataFrame:
    """One row per person in an acute bed per morning, first the day after admission."""
    stay = life.stay
    last = np.minimum(stay["out"], life.world.days - 1)
    days = np.maximum(last - stay["day"], 0)
    row = np.repeat(np.arange(len(days)), days)
    day = stay["day"][row] + 1 + np.arange(len(row)) - np.repeat(np.cumsum(days) - days, days)
    person, ready = stay["person"][row], stay["ready"][row]
    key = life.key(person)
    waits = (day > ready) & (stay["out"][row] > ready)
    pathway = stay["pathway"][row]
    reasons = np.array(
        [["H4", "H1", "H5", "C0"], ["C1", "I1", "I3", "T1"], ["C4", "I4", "T3", "T1"], ["C6", "I5", "T2", "IA"]]
    )
    reason = reasons[pathway, np.floor(4 * rng.uniform(key, "delay reason", stay["day"][row])).astype(int)]
    told = day >= ready - 2
    return rows(
        person, day, day + 1,
        event_date=life.date(day),
        provider_code=provider(life, person),
        spell_number=spell_number(life, person, stay_number(life)[row]),
        nhs_number=life.numbers[person],
        admission_date=life.date(stay["day"][row]),
        discharge_ready_date=life.date(np.where(day > ready, ready, NEVER)),
        no_criteria_flag=waits,
        planned_pathway=pl.Series(np.where(told, pathway.astype(str), "")).replace("", None),
        delay_reason=pl.Series(np.where(waits, reason, "")).replace("", None),
    )  # fmt: skip


def _courses(life: Life, person: I64, day: I64) -> tuple[NDArray[np.str_], NDArray[np.bool_]]:
    """Specialty of each clinic, and whether it is the first of its course: visits follow one another in one specialty.

    Rows are in order of person and day. The specialty follows from what a person has.
    """
    turn = ordinal(person)
    begins = rng.uniform(life.key(person), "first", turn) < life.rules.section["clinic_course_begins"]
    course = np.cumsum(begins)
    course -= (course - begins)[np.searchsorted(person, person, side="left")]  # 0 for one that began before the span
    weights = np.array(list(CLINIC.values()), float) * np.stack(
        [drawn_to(life, f, person, day) for f in CLINIC], axis=1
    )
    start = np.searchsorted(
        person * 4096 + course, person * 4096 + course
    )  # the weights of a course are those it began with
    chosen = rng.pick(rng.uniform(life.key(person), "clinic function", course), weights[start])
    return np.array(list(CLINIC))[chosen], begins


def outpatient_frame(life: Life) -> pl.DataFrame:
    """Outpatient appointments: more with illness; missed more often by the young and the poor."""
    people, found = life.people, []
    for quarter in range(life.world.days // 91 + 1):
        age = people.age(91 * quarter)
        ill = (life.course.onset <= 91 * quarter).sum(axis=1)
        rate = np.interp(age, [0, 15, 30, 50, 70, 85, 100], [0.6, 0.5, 0.7, 1.0, 1.6, 1.5, 0.8]) * (0.55 + 0.13 * ill)
        count = rng.poisson(people.key, "clinic", np.minimum(rate / 4, 2.0), quarter)
        who, turn = spread(count)
        found.append((who, quarter * 8 + turn, np.full(len(who), quarter)))
    person, when, quarters = (np.concatenate(c) for c in zip(*found, strict=True))
    key = life.key(person)
    day = 91 * quarters + rng.whole(91 * rng.uniform(key, "clinic day", when))
    day = np.where(day % 7 >= 5, day - 3, day)
    keep = life.lives_here(person, day) & ~life.in_hospital(person, day)
    person, when, day = person[keep], when[keep], day[keep]
    order = np.lexsort((when, day, person))
    person, when, day = person[order], when[order], day[order]
    key = life.key(person)
    function, new = _courses(life, person, day)
    missed = np.interp(life.age(person, day), [18, 30, 60, 90], [0.12, 0.12, 0.05, 0.07]) + 0.006 * (
        5.5 - people.decile[person]
    )
    u = rng.uniform(key, "attended", when)
    asked = day - rng.whole(20 + 80 * rng.uniform(key, "asked", when))
    return rows(
        person, day, day + CODING_LAG,
        appointment_id=people.index[person] * 1000 + ordinal(person),
        nhs_number=life.numbers[person],
        provider_code=provider(life, person),
        event_date=life.date(day),
        attended_code=np.select([u < missed, u < missed + 0.06, u < missed + 0.10], ["3", "2", "4"], "5"),
        first_attendance_code=np.where(new, "1", "2"),
        outcome_code=np.where(rng.uniform(key, "outcome", when) < 0.35, "1", "2"),
        main_specialty=specialty(function),
        treatment_function=function,
        referral_source=np.where(new, "03", "05"),
        request_date=life.date(asked),
        priority_code=np.select([rng.uniform(key, "priority", when) < 0.12], ["2"], "1"),
        practice_code=life.practice_code(person, day),
        lsoa_code=geography().lsoa11[people.lsoa[person]],
    )  # fmt: skip
