"""Community services: referrals opened by what happened to a person, their clocks, contacts, scores and plans."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic import rng, submit
from synthetic.life import Life, clock, rows, spread
from synthetic.referred import SERVICES, Table
from synthetic.rng import F64, I64
from synthetic.state import AT_HOME, NEVER, NURSING, OWN

PROVIDER = "RY8"
CFS = 763264000
SCORED = (
    "crisis_team",
    "reablement",
    "home_first",
    "nursing_housebound",
    "nursing_after_stay",
    "case_management",
    "nursing_episode",
    "pressure_care",
)  # services that use the frailty scale


def contacts(life: Life, table: Table) -> Table:
    """Contacts of each referral: ``referral`` (row of ``table``), ``person, day, minute, first, attended, home``.

    Nobody is visited while in hospital; the first contact of a crisis referral is the end of its clock.
    """
    end = np.minimum(table["end"], life.world.days - 1)
    spec = life.rules.section["community"]["intensity"]
    nurse = np.isin(
        table["service"], [i for i, name in enumerate(SERVICES) if name.startswith(("nursing", "pressure"))]
    )
    every = np.where(nurse, table["every"] / spec["most"], table["every"])
    count = np.minimum((end - table["day"]) / every, 250).astype(np.int64) + 1
    row, turn = spread(count)
    person, every = table["person"][row], every[row]
    key, when = life.key(person), table["number"][row] * 256 + turn
    jitter = rng.uniform(key, "contact at", when)
    slow = ~np.isin(table["service"][row], [0])
    day = table["day"][row] + np.floor(every * (turn + np.where(slow, 0.9 * jitter, 0.0))).astype(np.int64)
    minute = np.floor(60 * (8 + 9.5 * rng.uniform(key, "contact minute", when)))
    clocked = (table["service"][row] == 0) & (turn == 0)
    minute = np.where(clocked, table["received"][row] + table["minutes"][row], minute)
    day = day + (minute // 1440).astype(np.int64)
    keep = (day <= end[row]) & life.lives_here(person, day) & ~life.in_hospital(person, day)
    keep &= SERVICES.index("community_bed") != table["service"][row]
    keep &= ~nurse[row] | (turn == 0) | (rng.uniform(key, "called", when) < _calls(life, person, day))
    u = rng.uniform(key, "contact kept", when)
    at_home = table["home"][row] | (life.state("housebound", person, np.maximum(day, 0)) != AT_HOME)
    out = {
        "referral": row, "person": person, "day": day, "minute": minute % 1440, "turn": turn, "when": when,
        "attended": np.where(clocked, "5", np.select([u < 0.035, u < 0.05], ["3", "2"], "5")),
        "at_home": at_home, "phone": ~clocked & (rng.uniform(key, "by phone", when) < 0.10),
    }  # fmt: skip
    return {k: v[keep] for k, v in out.items()}


def _calls(life: Life, person: I64, day: I64) -> F64:
    """Share of the most a nurse would call that is needed on a day: more with need and with a slide."""
    spec, on = life.rules.section["community"]["intensity"], np.maximum(day, 0)
    need = life.state("dependence", person, on) - spec["from"]
    more = np.exp(spec["dependence"] * need + spec["vulnerability"] * life.state("vulnerability", person, on))
    return np.clip(more, 0.3, spec["most"]) / spec["most"]


def _team(life: Life, table: Table) -> Callable[[str], NDArray[Any]]:
    rules = life.rules.section["community"]

    def column(name: str) -> NDArray[Any]:
        return np.array([rules[s].get(name, "") for s in SERVICES])[table["service"]]

    return column


def _number(life: Life, person: I64, number: I64, letter: str) -> pl.Series:
    return letter + pl.Series(life.people.index[person] * 1000 + number).cast(pl.String)


def referral_frame(life: Life, table: Table) -> pl.DataFrame:
    """CYP101: each referral in each submission that tells of it."""
    v = submit.versions(life, table["person"], table["day"], table["end"], "referral")
    person, column = table["person"][v.row], _team(life, table)
    rules = life.rules.section["community"]["sources_of_crisis"]
    drawn = np.array(list(rules))[
        rng.pick(
            rng.uniform(life.key(table["person"]), "source", table["number"]), np.array(list(rules.values()), float)
        )
    ]
    in_home = life.state("home", table["person"], table["day"]) != OWN
    source = np.where(column("source") != "", column("source"), np.where(in_home & (drawn == "03"), "13", drawn))
    closed = submit.seen_by(table["end"], v, NEVER)
    return rows(
        person, table["day"][v.row], v.known,
        provider_code=np.full(len(person), PROVIDER),
        referral_id=_number(life, person, table["number"][v.row], "R"),
        nhs_number=life.numbers[person],
        commissioner_code=np.full(len(person), "15M"),
        event_date=life.date(table["day"][v.row]),
        received_time=clock(table["received"][v.row] / 1440, 0.0, 24.0),
        source_code=source[v.row],
        priority_code=column("priority")[v.row],
        reason_code=column("reason")[v.row],
        discharge_date=life.date(closed),
        **v.columns(life),
    )  # fmt: skip


def service_frame(life: Life, table: Table) -> pl.DataFrame:
    """CYP102: the team of each referral, with its closure."""
    v = submit.versions(life, table["person"], table["day"], table["end"], "referral")
    person, column = table["person"][v.row], _team(life, table)
    closed = submit.seen_by(table["end"], v, NEVER)
    died = life.course.death_day[person] <= closed + 1
    u = rng.uniform(life.key(person), "closure", table["number"][v.row])
    reason = np.where(died, "06", np.select([u < 0.8, u < 0.87, u < 0.93], ["02", "01", "08"], "04"))
    return rows(
        person, table["day"][v.row], v.known,
        provider_code=np.full(len(person), PROVIDER),
        referral_id=_number(life, person, table["number"][v.row], "R"),
        team_type=column("team")[v.row],
        team_id=pl.Series("T" + pl.Series(column("team")[v.row])),
        nhs_number=life.numbers[person],
        closure_date=life.date(closed),
        closure_reason=pl.Series(np.where(closed < NEVER, reason, "")).replace("", None),
        **v.columns(life),
    )  # fmt: skip


def clock_frame(life: Life, table: Table) -> pl.DataFrame:
    """CYP104: two-hour and two-day clocks; a crisis clock ends with the first contact face to face."""
    kind = _team(life, table)("clock")
    slower = rng.uniform(life.key(table["person"]), "not two hours", table["number"])
    kind = np.where(
        (kind == "05") & (slower < life.rules.section["community"]["crisis_team"]["non_urgent"]), "07", kind
    )
    at = np.flatnonzero(kind != "")
    person, day, received = table["person"][at], table["day"][at], table["received"][at]
    hours = np.where(
        np.isin(kind[at], ["05"]), table["minutes"][at], table["minutes"][at] * np.where(kind[at] == "07", 3, 18)
    )
    hours = np.where(table["service"][at] == 0, table["minutes"][at], hours)
    stop = received + hours
    end_day = day + (stop // 1440).astype(np.int64)
    answered = ~life.in_hospital(person, end_day) & life.lives_here(person, end_day)
    v = submit.versions(life, person, day, np.where(answered, end_day, day), "clock")
    ended = np.where(answered[v.row] & (end_day[v.row] <= v.end_day), end_day[v.row], NEVER)
    return rows(
        person[v.row], day[v.row], v.known,
        provider_code=np.full(len(v.row), PROVIDER),
        referral_id=_number(life, person[v.row], table["number"][at][v.row], "R"),
        measurement_type=kind[at][v.row],
        start_date=life.date(day[v.row]),
        start_time=clock(received[v.row] / 1440, 0.0, 24.0),
        nhs_number=life.numbers[person[v.row]],
        end_date=life.date(ended),
        end_time=clock((stop % 1440)[v.row] / 1440, 0.0, 24.0).set(pl.Series(ended == NEVER), None),
        **v.columns(life),
    )  # fmt: skip


def contact_frames(life: Life, table: Table, seen: Table) -> tuple[pl.DataFrame, pl.DataFrame]:
    """CYP201 and CYP202: contacts, and what was done in those that took place."""
    v = submit.versions(life, seen["person"], seen["day"], seen["day"], "contact")
    person, day, key = seen["person"][v.row], seen["day"][v.row], life.key(seen["person"][v.row])
    column = _team(life, table)
    number = table["number"][seen["referral"]][v.row] * 256 + seen["turn"][v.row]
    contact_id = "C" + pl.Series(life.people.index[person] * 1_000_000 + number).cast(pl.String)
    home = life.state("home", person, day)
    place = np.select(
        [seen["at_home"][v.row] & (home == NURSING), seen["at_home"][v.row] & (home != OWN), seen["at_home"][v.row]],
        ["G02", "G01", "A01"],
        "B01",
    )
    minutes = np.clip(np.round(30 * np.exp(0.45 * rng.normal(key, "duration", seen["when"][v.row]))), 5, 180).astype(
        np.int64
    )
    minutes = minutes + np.where(v.submission % 10 == 2, 0, 0)
    shared = {
        "provider_code": np.full(len(person), PROVIDER),
        "contact_id": contact_id,
        "nhs_number": life.numbers[person],
    }
    contact = rows(
        person, day, v.known, **shared,
        referral_id=_number(life, person, table["number"][seen["referral"]][v.row], "R"),
        team_id=pl.Series("T" + pl.Series(column("team")[seen["referral"]][v.row])),
        event_date=life.date(day),
        contact_time=clock(seen["minute"][v.row] / 1440, 0.0, 24.0),
        duration_minutes=minutes,
        consultation_type=np.where(seen["turn"][v.row] == 0, "01", "02"),
        mechanism_code=np.where(seen["phone"][v.row], "02", "01"),
        location_code=place,
        attendance_code=seen["attended"][v.row],
        **v.columns(life),
    )  # fmt: skip
    u = rng.uniform(key, "activity", seen["when"][v.row])
    activity = rows(
        person, day, v.known, **shared,
        activity_id="A" + pl.Series(life.people.index[person] * 1_000_000 + number).cast(pl.String),
        activity_type=np.where(seen["turn"][v.row] == 0, "02", np.select([u < 0.75, u < 0.9], ["03", "01"], "05")),
        duration_minutes=minutes,
        **v.columns(life),
    )  # fmt: skip
    return contact, activity.filter(pl.Series(seen["attended"][v.row] == "5"))


def assessment_frame(life: Life, table: Table, seen: Table) -> pl.DataFrame:
    """CYP609: the Clinical Frailty Scale at the first visit of services that use it, then about every quarter."""
    uses = np.isin(table["service"][seen["referral"]], [SERVICES.index(name) for name in SCORED])
    since = seen["day"] - table["day"][seen["referral"]]
    turn_of = since // life.rules.section["community"]["scored_every"]
    due = np.ones(len(since), bool)
    due[1:] = (seen["referral"][1:] != seen["referral"][:-1]) | (turn_of[1:] > turn_of[:-1])
    chosen = rng.uniform(life.key(seen["person"]), "scale", seen["when"]) < 0.6
    face = (seen["attended"] == "5") & ~seen["phone"]
    at = np.flatnonzero(due & uses & chosen & face & (life.age(seen["person"], seen["day"]) >= 65))
    person, day = seen["person"][at], seen["day"][at]
    v = submit.versions(life, person, day, day, "scale")
    need: F64 = life.state("dependence", person, day) + 0.4 * rng.normal(life.key(person), "scale seen", day)
    return rows(
        person[v.row], day[v.row], v.known,
        provider_code=np.full(len(v.row), PROVIDER),
        referral_id=_number(life, person[v.row], table["number"][seen["referral"]][at][v.row], "R"),
        code=np.full(len(v.row), CFS),
        event_date=life.date(day[v.row]),
        nhs_number=life.numbers[person[v.row]],
        score=np.clip(np.round(1.8 + need[v.row]), 1, 9).astype(np.int64),
        **v.columns(life),
    )  # fmt: skip


def plan_frame(life: Life, table: Table) -> pl.DataFrame:
    """CYP004: personalised plans of case management and palliative nursing, discharge plans of reablement."""
    name = np.array(SERVICES)[table["service"]]
    chance = np.select(
        [name == "case_management", name == "nursing_palliative", name == "reablement"], [0.85, 0.6, 0.5], 0.0
    )
    made = rng.uniform(life.key(table["person"]), "plan made", table["number"]) < chance
    day = table["day"] + 3 + rng.whole(12 * rng.uniform(life.key(table["person"]), "plan day", table["number"]))
    made &= life.lives_here(table["person"], day) & ~life.in_hospital(table["person"], day)
    at = np.flatnonzero(made & (day <= table["end"]))
    person = table["person"][at]
    v = submit.versions(life, person, day[at], day[at], "plan")
    return rows(
        person[v.row], day[at][v.row], v.known,
        provider_code=np.full(len(v.row), PROVIDER),
        plan_id=_number(life, person[v.row], table["number"][at][v.row], "P"),
        nhs_number=life.numbers[person[v.row]],
        plan_type=np.where(name[at][v.row] == "reablement", "02", "03"),
        event_date=life.date(day[at][v.row]),
        last_update_date=life.date(day[at][v.row]),
        **v.columns(life),
    )  # fmt: skip
