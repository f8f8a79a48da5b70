"""Mental health services: memory service, community team, crisis team; referrals and contacts, resubmitted monthly."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic import rng, submit
from synthetic.life import Life, clock, ordinal, rows, spread
from synthetic.state import NEVER, OWN

PROVIDER = "RXM"
MEMORY, COMMUNITY, CRISIS = 0, 1, 2
Table = dict[str, NDArray]


def referrals(life: Life) -> Table:
    """Referrals: ``person, day, end, kind, reason, number``."""
    rules, none = life.rules.section["mental_health"], np.zeros(0, np.int64)
    everyone = np.arange(len(life.people))
    onset = life.course.onset[:, life.rules.condition("dementia").index].astype(np.int64)
    chosen = (rng.uniform(life.people.key, "memory service") < rules["memory_service"]["share"]) & (
        onset < life.world.days
    )
    found = [(everyone[chosen], onset[chosen] + 60, MEMORY, "08")]
    for year in range(life.world.days // 365 + 1):
        for condition, rate, reason in (
            ("depression", "per_year_depression", "04"),
            ("mental_illness", "per_year_illness", "02"),
        ):
            ill = life.course.onset[:, life.rules.condition(condition).index] <= 365 * year
            u = rng.uniform(life.people.key, "mental " + condition, year)
            who = everyone[ill & (u < rules["community_team"][rate])]
            when = rng.whole(365 * rng.uniform(life.key(who), "mental day " + condition, year))
            found.append((who, 365 * year + when, COMMUNITY, reason))
    table = life.course.log.table("crisis")
    cause = list(life.rules.section["crises"]).index("mental_distress")
    at = np.flatnonzero(table["cause"] == cause) if table else none
    if len(at):
        at = at[
            rng.uniform(life.key(table["person"][at]), "mental crisis", table["day"][at]) < rules["crisis"]["share"]
        ]
        found.append((table["person"][at], table["day"][at] + 1, CRISIS, "18"))
    out = {
        "person": np.concatenate([f[0] for f in found]), "day": np.concatenate([f[1] for f in found]),
        "kind": np.concatenate([np.full(len(f[0]), f[2]) for f in found]),
        "reason": np.concatenate([np.full(len(f[0]), f[3]) for f in found]),
    }  # fmt: skip
    keep = life.lives_here(out["person"], out["day"]) & (life.age(out["person"], out["day"]) >= 5)
    order = np.lexsort((out["kind"], out["day"], out["person"]))
    out = {k: v[order[keep[order]]] for k, v in out.items()}
    person = out["person"]
    mean = np.array([rules["memory_service"]["days"], rules["community_team"]["days"], rules["crisis"]["days"]])[
        out["kind"]
    ]
    length = np.ceil(mean * rng.exponential(life.key(person), "mental length", out["day"])).astype(np.int64)
    out["end"] = np.minimum(out["day"] + length, life.leaves[person])
    out["number"] = ordinal(person)
    return out


def referral_frame(life: Life, table: Table) -> pl.DataFrame:
    """MHS101: each referral in each submission that tells of it."""
    v = submit.versions(life, table["person"], table["day"], table["end"], "mental referral")
    person = table["person"][v.row]
    u = rng.uniform(life.key(person), "mental source", table["number"][v.row])
    return rows(
        person, table["day"][v.row], v.known,
        provider_code=np.full(len(person), PROVIDER),
        referral_id=_id(life, person, table["number"][v.row], "M"),
        nhs_number=life.numbers[person],
        event_date=life.date(table["day"][v.row]),
        source_code=np.select([u < 0.75, u < 0.87], ["A1", "B1"], "B2"),
        priority_code=np.where(table["kind"][v.row] == CRISIS, "1", "3"),
        reason_code=table["reason"][v.row],
        discharge_date=life.date(submit.seen_by(table["end"], v, NEVER)),
        **v.columns(life),
    )  # fmt: skip


def contact_frame(life: Life, table: Table) -> pl.DataFrame:
    """MHS201: contacts of each referral; nobody is seen at home while in hospital."""
    rules = life.rules.section["mental_health"]
    every = np.array([rules["memory_service"]["every"], rules["community_team"]["every"], rules["crisis"]["every"]])[
        table["kind"]
    ]
    end = np.minimum(table["end"], life.world.days - 1)
    count = np.minimum((end - table["day"]) // every, 60)
    row, turn = spread(count)
    person, when = table["person"][row], table["number"][row] * 64 + turn
    day = table["day"][row] + (every[row] * (turn + rng.uniform(life.key(person), "mental contact", when))).astype(
        np.int64
    )
    keep = life.lives_here(person, day) & ~life.in_hospital(person, day) & (day <= end[row])
    row, person, when, day = row[keep], person[keep], when[keep], day[keep]
    v = submit.versions(life, person, day, day, "mental contact")
    p, at = person[v.row], when[v.row]
    key = life.key(p)
    home = life.state("home", p, day[v.row]) != OWN
    u = rng.uniform(key, "mental attended", at)
    minutes = np.round(45 * np.exp(0.3 * rng.normal(key, "mental minutes", at)))
    return rows(
        p, day[v.row], v.known,
        provider_code=np.full(len(p), PROVIDER),
        contact_id=pl.Series("N" + pl.Series(life.people.index[p] * 1_000_000 + at).cast(pl.String)),
        referral_id=_id(life, p, table["number"][row][v.row], "M"),
        nhs_number=life.numbers[p],
        event_date=life.date(day[v.row]),
        contact_time=clock(rng.uniform(key, "mental clock", at), 9.0, 17.0),
        duration_minutes=np.clip(minutes, 10, 180).astype(np.int64),
        mechanism_code=np.where(rng.uniform(key, "mental how", at) < 0.3, "02", "01"),
        location_code=np.select([home, table["kind"][row][v.row] != COMMUNITY], ["G01", "A01"], "E01"),
        attendance_code=np.select([u < 0.09, u < 0.12], ["3", "2"], "5"),
        **v.columns(life),
    )  # fmt: skip


def _id(life: Life, person: NDArray, number: NDArray, letter: str) -> pl.Series:
    return letter + pl.Series(life.people.index[person] * 1000 + number).cast(pl.String)
