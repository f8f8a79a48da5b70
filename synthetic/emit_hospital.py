"""Hospital records: admitted episodes, emergency attendances, outpatient appointments, the daily in-patient snapshot."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic import rng
from synthetic.course import NEVER, NURSING, OWN, RESIDENTIAL
from synthetic.crisis import DEPARTMENT, WARD
from synthetic.life import Life, clock, rows
from synthetic.people import geography
from synthetic.rng import F64, I64

DERBY, CHESTERFIELD, COMMUNITY = "RTG", "RFS", "RY8"
NORTH = (
    "E07000033",
    "E07000034",
    "E07000035",
    "E07000037",
    "E07000038",
)  # authorities whose people mostly use Chesterfield
ACUITY = [1064891000000107, 1064911000000105, 1064901000000108, 1077241000000103, 1077251000000100]
HOME_CODE, WARD_CODE, STREAMED, DIED_CODE = 306689006, 306706006, 1066341000000100, 305398007
CFS_TOOL = 763264000
CODING_LAG = 42
#: elective care: treatment function, yearly rate at 50 for the reference person, share of day cases, main diagnoses
ELECTIVE = {
    "130": (0.012, 0.97, ["H549"]), "110": (0.016, 0.55, ["M199", "M255"]), "301": (0.022, 0.97, ["K259", "K529", "D509"]),
    "101": (0.010, 0.75, ["N40X", "R31X"]), "100": (0.014, 0.6, ["K566", "K819"]), "303": (0.006, 0.98, ["D649"]),
    "320": (0.006, 0.6, ["I259", "I489"]),
}  # fmt: skip
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


def provider(life: Life, person: I64) -> NDArray[np.str_]:
    """The acute trust each person uses."""
    north = np.isin(geography().authority[life.people.lsoa[person]], NORTH)
    usual = rng.uniform(life.key(person), "trust") < 0.92
    return np.where(north == usual, CHESTERFIELD, DERBY)


def elective(life: Life) -> dict[str, NDArray]:
    """Planned stays and day cases: ``person, day, out, function, diagnosis``; never during an emergency stay."""
    people, found = life.people, []
    everyone = np.arange(len(people))
    for year in range(life.world.days // 365 + 1):
        age = people.age(365 * year)
        factor = np.interp(age, [0, 18, 30, 50, 65, 80, 90, 100], [0.25, 0.25, 0.5, 1.0, 1.9, 2.3, 1.6, 0.8])
        ill = (life.course.onset <= 365 * year).sum(axis=1)
        for function, (rate, day_share, codes) in ELECTIVE.items():
            p = np.minimum(rate * factor * (0.6 + 0.12 * ill), 0.6)
            who = everyone[rng.uniform(people.key, "elective " + function, year) < p]
            day = 365 * year + np.floor(365 * rng.uniform(people.key[who], "elective day " + function, year)).astype(
                np.int64
            )
            day = np.where(day % 7 >= 5, day - 3, day)
            same_day = rng.uniform(people.key[who], "day case " + function, year) < day_share
            nights = np.ceil(np.exp(0.7 + 0.6 * rng.normal(people.key[who], "nights " + function, year))).astype(
                np.int64
            )
            code = np.array(codes)[
                np.floor(len(codes) * rng.uniform(people.key[who], "elective code", year)).astype(int)
            ]
            found.append((who, day, day + np.where(same_day, 0, nights), np.full(len(who), function), code))
    person, day, out, function, code = (np.concatenate(c) for c in zip(*found, strict=True))
    keep = life.lives_here(person, day) & life.lives_here(person, out) & ~life.in_hospital(person, day)
    keep &= ~life.in_hospital(person, out) & (out < life.world.days)
    order = np.lexsort((function, day, person))
    order = order[keep[order]]
    return {
        "person": person[order],
        "day": day[order],
        "out": out[order],
        "function": function[order],
        "code": code[order],
    }


def episode_frame(life: Life) -> pl.DataFrame:
    """Finished consultant episodes, known when coded, six weeks after they end."""
    parts = [_emergency_episodes(life), _rehabilitation_episodes(life), _elective_episodes(life)]
    table = {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}
    order = np.lexsort((table["order"], table["start"], table["person"]))
    table = {k: v[order] for k, v in table.items()}
    table = {k: v[table["out"] < life.world.days] for k, v in table.items()}
    person, discharged = table["person"], table["out"]
    first = np.searchsorted(person, person, side="left")
    own = table["spell"]
    coded = np.maximum(discharged, table["end"])
    diagnosis = _diagnoses(life, table)
    unknown = rng.uniform(life.key(person), "not known", table["start"])
    return rows(
        person, table["start"], coded + CODING_LAG,
        episode_id=life.people.index[person] * 1000 + np.arange(len(person)) - first + 1,
        nhs_number=life.numbers[person],
        provider_code=table["provider"],
        spell_number=_spell_number(life, person, own),
        admission_date=life.date(table["admitted"]),
        admission_method=table["method"],
        admission_source=table["source"],
        discharge_date=life.date(discharged),
        discharge_destination=table["destination"],
        discharge_method=table["how"],
        discharge_ready_date=life.date(table["ready"]),
        episode_start=life.date(table["start"]),
        episode_end=life.date(table["end"]),
        episode_order=table["order"],
        episode_status=np.full(len(person), "3"),
        episode_type=np.full(len(person), "1"),
        patient_class=table["class"],
        main_specialty=_specialty(table["function"]),
        treatment_function=table["function"],
        practice_code=_or_unknown(life.practice_code(person, table["admitted"]), unknown < 0.006, "V81999"),
        lsoa_code=_or_unknown(pl.Series(geography().lsoa11[life.people.lsoa[person]]), unknown > 0.996, "Z99999999"),
        ethnic_code=pl.Series(life.people.ethnic[person]).replace("", "Z"),
        **{f"diagnosis_{k + 1}": pl.Series(diagnosis[k]).replace("", None) for k in range(len(diagnosis))},
    )  # fmt: skip


def _or_unknown(codes: pl.Series, mask: NDArray[np.bool_], word: str) -> pl.Series:
    """The national word for "not known" in place of some codes."""
    return codes.set(pl.Series(mask), word)


def _spell_number(life: Life, person: I64, spell: I64) -> pl.Series:
    return pl.Series(life.people.index[person] * 1000 + spell).cast(pl.String)


def _stay_number(life: Life) -> I64:
    """Number of each emergency stay among its person's, from 1."""
    person = life.stay["person"]
    return np.arange(len(person)) - np.searchsorted(person, person, side="left") + 1


def _came_from(home: NDArray[np.int8]) -> NDArray[np.str_]:
    return np.select([home == NURSING, home == RESIDENTIAL], ["55", "56"], "19")


def _emergency_episodes(life: Life) -> dict[str, NDArray]:
    stay = life.stay
    person, day, out = stay["person"], stay["day"], stay["out"]
    nights = out - day
    extra = rng.uniform(life.key(person), "episodes", day)
    count = 1 + (nights >= 2) * (extra < 0.55) + (nights >= 12) * (extra < 0.3)
    row = np.repeat(np.arange(len(person)), count)
    turn = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    step = np.minimum(1 + np.arange(3), 30)
    start = day[row] + np.where(turn == 0, 0, np.minimum(step[turn], nights[row]))
    last = turn == count[row] - 1
    end = np.where(last, out[row], day[row] + np.minimum(step[np.minimum(turn + 1, 2)], nights[row]))
    home_after = life.state("home", person, stay["home"] + 28)
    died, transferred = stay["dies"].astype(bool), stay["home"] > out
    destination = np.select(
        [died, transferred, home_after == NURSING, home_after == RESIDENTIAL], ["79", "51", "55", "56"], "19"
    )
    older = life.age(person, day) >= 75
    function = np.where(turn == 0, "326", np.where(older[row], "430", "300"))
    function = np.where((stay["fall"].astype(bool)[row]) & (turn == count[row] - 1) & (count[row] > 1), "110", function)
    method = np.where(stay["via_department"].astype(bool), "21", np.where(extra < 0.7, "22", "24"))
    return {
        "person": person[row], "start": start, "end": end, "admitted": day[row], "out": out[row], "ready": stay["ready"][row],
        "order": turn + 1, "spell": _stay_number(life)[row], "provider": provider(life, person)[row],
        "method": method[row], "source": _came_from(stay["came_from"])[row], "destination": destination[row],
        "how": np.where(died, "4", "1")[row], "class": np.full(len(row), "1"), "function": function,
        "cause": np.where(stay["fall"].astype(bool), -1, stay["cause"])[row], "dependence": stay["dependence"][row],
        "main": np.full(len(row), "", dtype="<U4"),
    }  # fmt: skip


def _rehabilitation_episodes(life: Life) -> dict[str, NDArray]:
    """The community-hospital spell that follows an acute one (pathway 2): the same continuous stay."""
    stay = life.stay
    at = np.flatnonzero(stay["home"] > stay["out"])
    n, person = len(at), stay["person"][at]
    out = stay["home"][at]
    home_after = life.state("home", person, out + 28)
    return {
        "person": person, "start": stay["out"][at], "end": out, "admitted": stay["out"][at], "out": out, "ready": out,
        "order": np.ones(n, np.int64), "spell": 500 + _stay_number(life)[at], "provider": np.full(n, COMMUNITY),
        "method": np.full(n, "81"), "source": np.full(n, "51"),
        "destination": np.select([home_after == NURSING, home_after == RESIDENTIAL], ["55", "56"], "19"),
        "how": np.full(n, "1"), "class": np.full(n, "1"), "function": np.full(n, "314"),
        "cause": np.where(stay["fall"][at].astype(bool), -1, stay["cause"][at]), "dependence": stay["dependence"][at],
        "main": np.full(n, "", dtype="<U4"),
    }  # fmt: skip


def _elective_episodes(life: Life) -> dict[str, NDArray]:
    e = life.elective
    person, n = e["person"], len(e["person"])
    number = np.arange(n) - np.searchsorted(person, person, side="left") + 1
    return {
        "person": person, "start": e["day"], "end": e["out"], "admitted": e["day"], "out": e["out"], "ready": e["out"],
        "order": np.ones(n, np.int64), "spell": 700 + number, "provider": provider(life, person),
        "method": np.where(e["out"] > e["day"], "11", "12"), "source": np.full(n, "19"), "destination": np.full(n, "19"),
        "how": np.full(n, "1"), "class": np.where(e["out"] > e["day"], "1", "2"), "function": e["function"],
        "cause": np.full(n, -2), "dependence": life.state("dependence", person, e["day"]), "main": e["code"],
    }  # fmt: skip


def _diagnoses(life: Life, table: dict[str, NDArray]) -> list[NDArray[np.str_]]:
    """Twenty diagnosis positions: the main one by cause, a fall's outer cause, illnesses, what dependence brings."""
    person, start = table["person"], table["start"]
    n, key = len(person), life.key(person)
    columns = [_main(life, table)]
    fall = table["cause"] == -1
    spec = life.rules.section["falls"]
    in_home = life.state("home", person, table["admitted"]) != OWN
    u = rng.uniform(key, "outer cause", table["admitted"])
    outer = np.where(in_home, _draw(spec["cause_in_home"], u), _draw(spec["cause"], u))
    columns.append(np.where(fall, outer, ""))
    for c in life.rules.conditions:
        ill = life.course.onset[person, c.index] <= start
        for code, share in c.icd.items():
            columns.append(np.where(ill & (rng.uniform(key, "icd " + code, start) < share), code, ""))
    scale = np.clip(table["dependence"] / 5, 0, 1.2)
    acute = table["cause"] != -2
    for code, (low, high) in life.rules.section["extras"].items():
        p = (low + (high - low) * scale) * np.where(acute, 1.0, 0.25)
        columns.append(np.where(rng.uniform(key, "icd " + code, start) < p, code, ""))
    alone = life.state("alone", person, table["admitted"]) & (rng.uniform(key, "icd alone", start) < 0.12)
    columns.append(np.where(alone, "Z602", ""))
    columns.append(
        np.where(life.state("palliative", person, start) & (rng.uniform(key, "icd Z515", start) < 0.6), "Z515", "")
    )
    return _pack(np.stack(columns), n)


def _main(life: Life, table: dict[str, NDArray]) -> NDArray[np.str_]:
    key, cause = life.key(table["person"]), table["cause"]
    u = rng.uniform(key, "main diagnosis", table["admitted"])
    main = np.where(cause == -1, _draw(life.rules.section["falls"]["icd"], u), table["main"])
    for i, spec in enumerate(life.rules.section["crises"].values()):
        main = np.where(cause == i, _draw(spec["icd"], u), main)
    return main.astype("<U4")


def _draw(weights: dict[str, float], u: F64) -> NDArray[np.str_]:
    return np.array(list(weights))[rng.pick(u, np.array(list(weights.values()), float))]


def _pack(grid: NDArray[np.str_], n: int) -> list[NDArray[np.str_]]:
    """Closes the gaps in each column of codes, drops a repeat of the main one, keeps twenty."""
    grid[1:][grid[1:] == grid[0]] = ""
    empty = grid == ""
    empty[0] = False
    order = np.argsort(empty, axis=0, kind="stable")[:20]
    packed = np.take_along_axis(grid, order, axis=0)
    return [packed[k] if k < len(packed) else np.full(n, "") for k in range(20)]


def _specialty(function: NDArray[np.str_]) -> NDArray[np.str_]:
    return np.select([function == "326", function == "314"], ["300", "430"], function)


def attendance_frame(life: Life) -> pl.DataFrame:
    """Emergency attendances: of crises and falls that reached a department, admitted or not."""
    person, day, cause, dealt, need = _attended(life)
    key = life.key(person)
    when = day * 2 + (cause < 0)
    trust = provider(life, person)
    north_minor = rng.uniform(key, "minor unit", when)
    minor = (dealt == DEPARTMENT) & (north_minor < 0.28)
    streamed = (dealt == DEPARTMENT) & ~minor & (north_minor > 0.93)
    department = np.select([minor, streamed], ["03", "05"], "01")
    score = np.clip(0.5 * need + (dealt == WARD) * 1.2 + rng.normal(key, "acuity", when) * 0.7, -1, 4)
    acuity = np.array(ACUITY)[np.clip(3.2 - score, 0, 4).astype(int)]
    complaint = [spec["ed"] for spec in life.rules.section["crises"].values()]
    chief = np.where(cause < 0, 1912002, np.array([c or 0 for c in complaint])[np.maximum(cause, 0)])
    hours = np.where(dealt == WARD, 7 + 0.5 * need, 2.9) * np.exp(0.5 * rng.normal(key, "hours", when))
    destination = np.select([dealt == WARD, streamed], [WARD_CODE, STREAMED], HOME_CODE)
    scored = (life.age(person, day) >= 65) & (department == "01") & (rng.uniform(key, "scale", when) < 0.45)
    late = np.where(
        rng.uniform(key, "late attendance", when) < 0.03, np.floor(20 * rng.uniform(key, "how late", when)), 0
    )
    first = np.searchsorted(person, person, side="left")
    return rows(
        person, day, day + 5 + late.astype(np.int64),
        provider_code=np.where(minor, COMMUNITY, trust),
        attendance_id=pl.Series(life.people.index[person] * 1000 + np.arange(len(person)) - first + 1).cast(pl.String),
        nhs_number=life.numbers[person],
        department_type=department,
        attendance_category=np.where(rng.uniform(key, "follow-up", when) < 0.95, "1", "2"),
        event_date=life.date(day),
        arrival_time=clock(rng.uniform(key, "arrival", when) ** 0.8, 0.0, 23.98),
        acuity_code=acuity,
        chief_complaint_code=pl.Series(chief).replace(0, None),
        assessment_tool_code=pl.Series(np.where(scored, CFS_TOOL, 0)).replace(0, None),
        assessment_score=pl.Series(np.where(scored, np.clip(np.round(1.8 + need), 1, 9), 0).astype(np.int64)).replace(0, None),
        discharge_destination_code=destination,
        departure_minutes=np.clip(60 * hours, 15, 4000).astype(np.int64),
        practice_code=life.practice_code(person, day),
        lsoa_code=geography().lsoa11[life.people.lsoa[person]],
    )  # fmt: skip


def _attended(life: Life) -> tuple[I64, I64, I64, I64, F64]:
    found = []
    for kind in ("crisis", "fall"):
        t = life.course.log.table(kind)
        if t:
            at = np.flatnonzero(t["dealt"] >= DEPARTMENT)
            found.append([t[k][at] for k in ("person", "day", "cause", "dealt", "dependence")])
    person, day, cause, dealt, need = (np.concatenate(c) for c in zip(*found, strict=True))
    direct = (life.stay["person"] * 1_000_000 + life.stay["day"])[~life.stay["via_department"].astype(bool)]
    keep = ~np.isin(person * 1_000_000 + day, direct) | (dealt != WARD)
    keep &= life.lives_here(person, day)
    order = np.lexsort((cause, day, person))
    order = order[keep[order]]
    return person[order], day[order], cause[order], dealt[order], need[order]


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
        spell_number=_spell_number(life, person, _stay_number(life)[row]),
        nhs_number=life.numbers[person],
        admission_date=life.date(stay["day"][row]),
        discharge_ready_date=life.date(np.where(day > ready, ready, NEVER)),
        no_criteria_flag=waits,
        planned_pathway=pl.Series(np.where(told, pathway.astype(str), "")).replace("", None),
        delay_reason=pl.Series(np.where(waits, reason, "")).replace("", None),
    )  # fmt: skip


def outpatient_frame(life: Life) -> pl.DataFrame:
    """Outpatient appointments: more with illness; missed more often by the young and the poor."""
    people, found = life.people, []
    for quarter in range(life.world.days // 91 + 1):
        age = people.age(91 * quarter)
        ill = (life.course.onset <= 91 * quarter).sum(axis=1)
        rate = np.interp(age, [0, 15, 30, 50, 70, 85, 100], [0.6, 0.5, 0.7, 1.0, 1.6, 1.5, 0.8]) * (0.55 + 0.13 * ill)
        count = rng.poisson(people.key, "clinic", np.minimum(rate / 4, 2.0), quarter)
        who = np.repeat(np.arange(len(people)), count)
        turn = np.arange(len(who)) - np.repeat(np.cumsum(count) - count, count)
        found.append((who, quarter * 8 + turn, np.full(len(who), quarter)))
    person, when, quarter = (np.concatenate(c) for c in zip(*found, strict=True))
    key = life.key(person)
    day = 91 * quarter + np.floor(91 * rng.uniform(key, "clinic day", when)).astype(np.int64)
    day = np.where(day % 7 >= 5, day - 3, day)
    keep = life.lives_here(person, day) & ~life.in_hospital(person, day)
    person, when, day = person[keep], when[keep], day[keep]
    order = np.lexsort((when, day, person))
    person, when, day = person[order], when[order], day[order]
    key = life.key(person)
    function = np.array(list(CLINIC))[
        rng.pick(rng.uniform(key, "clinic function", when), np.array(list(CLINIC.values()), float))
    ]
    missed = np.interp(life.age(person, day), [18, 30, 60, 90], [0.12, 0.12, 0.05, 0.07]) + 0.006 * (
        5.5 - people.decile[person]
    )
    u = rng.uniform(key, "attended", when)
    new = rng.uniform(key, "first", when) < 0.3
    asked = day - np.floor(20 + 80 * rng.uniform(key, "asked", when)).astype(np.int64)
    first = np.searchsorted(person, person, side="left")
    return rows(
        person, day, day + CODING_LAG,
        appointment_id=people.index[person] * 1000 + np.arange(len(person)) - first + 1,
        nhs_number=life.numbers[person],
        provider_code=provider(life, person),
        event_date=life.date(day),
        attended_code=np.select([u < missed, u < missed + 0.06, u < missed + 0.10], ["3", "2", "4"], "5"),
        first_attendance_code=np.where(new, "1", "2"),
        outcome_code=np.where(rng.uniform(key, "outcome", when) < 0.35, "1", "2"),
        main_specialty=_specialty(function),
        treatment_function=function,
        referral_source=np.where(new, "03", "05"),
        request_date=life.date(asked),
        priority_code=np.select([rng.uniform(key, "priority", when) < 0.12], ["2"], "1"),
        practice_code=life.practice_code(person, day),
        lsoa_code=geography().lsoa11[people.lsoa[person]],
    )  # fmt: skip
