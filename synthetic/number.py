"""NHS numbers that change, are merged or mistaken; a source tells which took the place of another, or takes it back.

Practices and registers use the new number for everything they send after the change; hospitals and community providers
send what happened before the change under the number of that time. A life's ``numbers`` are the last ones.

A *merged* person is known to hospitals under a second number until the day of the merge, while the practice has the
right one. A *confused* person is said to be another one of the county, who lives near, so that two people's records
stand under one number, until the mistake is withdrawn. ``truth/state/number`` lists all three.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic import rng
from synthetic.life import Life, rows
from synthetic.people import People, nhs_numbers
from synthetic.plan import Plan
from synthetic.rng import I64
from synthetic.rules import Rules
from synthetic.state import NEVER

BEFORE_HISTORY = 42  # the first change, in days before the historic delivery
TOLD = 7
WITHDRAWN = 21  # days after a mistaken change until it is taken back
#: sources whose rows keep the number of the day on which something happened
AS_IT_WAS = ("apc", "ecds", "outpatient")
#: sources that know a merged person under the second number
HOSPITAL = (*AS_IT_WAS, "inpatient_snapshot")
CHANGED, MERGED, CONFUSED = "changed", "merged", "confused"


def kind(people: People, rules: Rules) -> NDArray[np.str_]:
    """What happens to each person's number if they are there on the day; empty for nearly all."""
    share = rules.population
    edges = np.cumsum([share.number_change, share.number_merged, share.number_confused])
    u = rng.uniform(people.key, "number change")
    return np.select([u < edge for edge in edges], [CHANGED, MERGED, CONFUSED], "")


def change_days(life: Life) -> I64:
    """Day on which each person's number changed; ``NEVER`` for nearly all."""
    key = life.people.key
    what = kind(life.people, life.rules)
    first = life.history - np.where(what == CONFUSED, TOLD, BEFORE_HISTORY)
    latest = life.world.days - np.where(what == CONFUSED, WITHDRAWN, TOLD)
    day = first + rng.whole(np.maximum(latest - first, 1) * rng.uniform(key, "number change day"))
    there = (day > np.maximum(life.people.entry_day, 0)) & (day < life.leaves)
    return np.where((what != "") & there, day, NEVER)


def old_numbers(people: People, rules: Rules, plan: Plan) -> I64:
    """The number before a change, or the second one; 0 for none. Nobody's present number is among them."""
    who = np.flatnonzero(np.isin(kind(people, rules), [CHANGED, MERGED]))
    out = np.zeros(len(people), dtype=np.int64)
    out[who] = nhs_numbers(people.index[who] + 35 * plan.count, count=plan.count, seed=plan.seed)
    return out


def as_sent(frame: pl.DataFrame, life: Life, day: int, source: str) -> pl.DataFrame:
    """The rows with the number known to the sender on the day of the delivery."""
    if "nhs_number" not in frame.columns or not frame.height:
        return frame
    person = frame["_person"].to_numpy()
    moment = np.minimum(frame["_day"].to_numpy(), day) if source in AS_IT_WAS else day
    old = (life.changed_on[person] > moment) & (life.changed_on[person] < NEVER) & (life.old_numbers[person] > 0)
    if source not in HOSPITAL and old.any():
        old &= kind(life.people, life.rules)[person] != MERGED
    if not old.any():
        return frame
    told = pl.when(pl.Series(old) & pl.col("nhs_number").is_not_null()).then(pl.Series(life.old_numbers[person]))
    return frame.with_columns(nhs_number=told.otherwise(pl.col("nhs_number")))


def told(life: Life) -> pl.DataFrame:
    """Everything told of numbers: one row per person, ``_person``, ``kind``, ``superseded``, ``current``, ``day``.

    Of a confused person the number is said to be superseded by that of the other one of a pair of neighbours.
    """
    who = np.flatnonzero(life.changed_on < NEVER)
    what = kind(life.people, life.rules)[who]
    other = np.minimum(who ^ 1, len(life.people) - 1)
    mistaken = what == CONFUSED
    return pl.DataFrame({
        "_person": who, "kind": what, "day": life.changed_on[who],
        "superseded": np.where(mistaken, life.numbers[who], life.old_numbers[who]),
        "current": np.where(mistaken, life.numbers[other], life.numbers[who]),
    }).filter(pl.Series(~mistaken | ((other != who) & (life.leaves[other] > life.changed_on[who]))))  # fmt: skip


def changes(life: Life, mondays: list[int]) -> Iterator[tuple[str, int, pl.DataFrame]]:
    """(source, day received, rows) of the changes told in each delivery, and of the mistaken ones taken back."""
    all_told = told(life)
    mistaken = all_told.filter(pl.col("kind") == CONFUSED)
    before = -NEVER
    for monday in mondays:
        frames = []
        for rows_told, lag, withdrawn in ((all_told, TOLD, False), (mistaken, WITHDRAWN, True)):
            now = rows_told.filter(pl.col("day").is_between(before - lag, monday - lag, closed="right"))
            on = now["day"].to_numpy()
            frames.append(rows(
                now["_person"].to_numpy(), on, on + lag,
                superseded_number=now["superseded"],
                current_person_id=now["current"],
                change_date=life.date(on),
                is_withdrawn=np.full(len(on), withdrawn),
            ))  # fmt: skip
        yield "nhs_number_change", monday, pl.concat(frames).sort("_person", "is_withdrawn")
        before = monday
