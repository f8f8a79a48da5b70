"""Medicine issues: repeats that follow conditions and need, and short courses with an acute illness."""

from __future__ import annotations

import numpy as np
import polars as pl

from synthetic import rng
from synthetic.life import Life, ordinal, rows, spread, weekday
from synthetic.rng import F64, I64
from synthetic.state import NEVER

Runs = list[tuple[I64, I64, int, str]]  # person, day of the first issue, product, word that tells draws apart


def medication_frame(life: Life) -> pl.DataFrame:
    """One row per issue within the span."""
    person, day, product, quantity, days = _repeats(life, _started(life))
    short = _courses(life)
    person, day, product, quantity, days = (
        np.concatenate([a, b]) for a, b in zip((person, day, product, quantity, days), short, strict=True)
    )
    keep = life.lives_here(person, day) & ~life.in_hospital(person, day)
    order = np.lexsort((product, day, person))
    order = order[keep[order]]
    person, day, product, quantity, days = (c[order] for c in (person, day, product, quantity, days))
    lag = np.where(rng.uniform(life.key(person), "issue entry", day * 64 + product % 61) < 0.985, 0, 6)
    return rows(
        person, day, day + lag,
        nhs_number=life.numbers[person],
        practice_code=life.practice_code(person, day),
        issue_id=life.people.index[person] * 10_000 + ordinal(person),
        event_date=life.date(day),
        record_date=life.date(day + lag),
        product_code=product,
        quantity=quantity,
        course_days=days,
        is_deleted=np.zeros(len(person), bool),
    )  # fmt: skip


def _started(life: Life) -> Runs:
    """Who takes what, and from when (before the span for old illness)."""
    runs: Runs = []
    everyone = np.arange(len(life.people))
    for name, products in life.rules.section["medicines"].items():
        onset = life.course.onset[:, life.rules.condition(name).index].astype(np.int64)
        for product, share in products.items():
            word = f"medicine {name} {product}"
            takes = (rng.uniform(life.people.key, word) < share) & (onset < life.world.days)
            takes &= life.can_be(product, everyone)
            who = everyone[takes]
            wait = rng.whole(60 * rng.exponential(life.people.key[who], word + " wait"))
            runs.append((who, onset[who] + wait, int(product), word))
    wait = life.rules.section["medicines_with_need_wait"]
    for level, products in life.rules.section["medicines_with_need"].items():
        past = life.course.month["chronic"] >= float(level)
        first = np.where(past.any(axis=0), 28 * past.argmax(axis=0), NEVER)
        for product, share in products.items():
            word = f"medicine need {level} {product}"
            who = everyone[(rng.uniform(life.people.key, word) < share) & (first < life.world.days)]
            late = rng.whole(wait * rng.exponential(life.people.key[who], word + " wait"))
            runs.append((who, first[who] + 10 + np.where(first[who] > 0, late, 0), int(product), word))
    return runs


def _repeats(life: Life, runs: Runs) -> tuple[I64, I64, I64, I64, I64]:
    """Issues of repeat medicines: every 28, 56 or 84 days by practice, until stopped, death or departure."""
    person = np.concatenate([r[0] for r in runs])
    start = np.concatenate([r[1] for r in runs])
    product = np.concatenate([np.full(len(r[0]), r[2], np.int64) for r in runs])
    u = np.concatenate([rng.uniform(life.people.key[r[0]], r[3] + " stops") for r in runs])
    phase = np.concatenate([rng.uniform(life.people.key[r[0]], r[3] + " phase") for r in runs])
    kind = product.copy()
    for first, *others in life.rules.section["one_of"]:
        kind[np.isin(product, others)] = first
    order = np.lexsort((product, start, kind, person))  # one run of a kind a person, whatever it is for
    repeated = np.zeros(len(order), dtype=bool)
    repeated[1:] = (person[order][1:] == person[order][:-1]) & (kind[order][1:] == kind[order][:-1])
    person, start, product, u, phase = (c[order[~repeated]] for c in (person, start, product, u, phase))
    every = life.quality["issue_days"][life.people.practice[person]].astype(np.int64)
    rate = life.rules.section["medicine_stops_per_year"]
    lasts = rng.whole(np.minimum(-np.log(u) / rate * 365.25, 40_000))
    stop = np.minimum(np.maximum(start, -3 * 365) + lasts, np.minimum(life.leaves[person], life.world.days - 1))
    first = np.where(start >= 0, start, (phase * every).astype(np.int64))
    count = np.where(stop >= first, (stop - first) // every + 1, 0)
    row, turn = spread(count)
    day = weekday(first[row] + turn * every[row])
    return person[row], day, product[row], every[row], every[row]


def _courses(life: Life) -> tuple[I64, I64, I64, I64, I64]:
    """Seven-day courses begun on the day of a crisis that was not admitted."""
    table = life.course.log.table("crisis")
    none = np.zeros(0, np.int64)
    if not table:
        return none, none, none, none, none
    parts: list[tuple[I64, I64, I64]] = [(none, none, none)]
    for i, name in enumerate(life.rules.section["crises"]):
        for group in life.rules.section["antibiotics"].get(name, []):
            at = np.flatnonzero((table["cause"] == i) & (table["dealt"] < 3))
            products, edges = np.array(list(group)), np.cumsum(list(group.values()))
            u: F64 = rng.uniform(life.key(table["person"][at]), f"course {products[0]}", table["day"][at])
            at, which = at[u < edges[-1]], np.searchsorted(edges, u[u < edges[-1]], side="right")
            parts.append((table["person"][at], weekday(table["day"][at]), products[which]))
    person, day, product = (np.concatenate(c) for c in zip(*parts, strict=True))
    return person, day, product, np.full(len(person), 14), np.full(len(person), 7)
