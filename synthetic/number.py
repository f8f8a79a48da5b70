"""NHS numbers that change: a few people carry an old number until a day, and a source tells which took its place.

Practices and registers use the new number for everything they send after the change; hospitals and community providers
send what happened before the change under the number of that time. A life's ``numbers`` are the last ones.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from synthetic import rng
from synthetic.life import Life, rows
from synthetic.people import BoolArray, People, nhs_numbers
from synthetic.plan import Plan
from synthetic.rng import I64
from synthetic.rules import Rules
from synthetic.state import NEVER

BEFORE_HISTORY = 42  # the first change, in days before the historic delivery
TOLD = 7
#: sources whose rows keep the number of the day on which something happened
AS_IT_WAS = ("apc", "ecds", "outpatient")


def may_change(people: People, rules: Rules) -> BoolArray:
    """Whose number changes if they are there on the day."""
    return rng.uniform(people.key, "number change") < rules.population.number_change


def change_days(life: Life) -> I64:
    """Day on which each person's number changed; ``NEVER`` for nearly all."""
    key = life.people.key
    first = life.history - BEFORE_HISTORY
    day = first + rng.whole((life.world.days - TOLD - first) * rng.uniform(key, "number change day"))
    there = (day > np.maximum(life.people.entry_day, 0)) & (day < life.leaves)
    return np.where(may_change(life.people, life.rules) & there, day, NEVER)


def old_numbers(people: People, rules: Rules, plan: Plan) -> I64:
    """The number before a change; 0 for those who never have another. Nobody's present number is one of them."""
    who = np.flatnonzero(may_change(people, rules))
    out = np.zeros(len(people), dtype=np.int64)
    out[who] = nhs_numbers(people.index[who] + 35 * plan.count, count=plan.count, seed=plan.seed)
    return out


def as_sent(frame: pl.DataFrame, life: Life, day: int, source: str) -> pl.DataFrame:
    """The rows with the number known to the sender on the day of the delivery."""
    if "nhs_number" not in frame.columns or not frame.height:
        return frame
    person = frame["_person"].to_numpy()
    moment = np.minimum(frame["_day"].to_numpy(), day) if source in AS_IT_WAS else day
    old = life.changed_on[person] > moment
    old &= life.changed_on[person] < NEVER
    if not old.any():
        return frame
    told = pl.when(pl.Series(old) & pl.col("nhs_number").is_not_null()).then(pl.Series(life.old_numbers[person]))
    return frame.with_columns(nhs_number=told.otherwise(pl.col("nhs_number")))


def changes(life: Life, mondays: list[int]) -> Iterator[tuple[str, int, pl.DataFrame]]:
    """(source, day received, rows) of the changes told in each delivery."""
    who = np.flatnonzero(life.changed_on < NEVER)
    on = life.changed_on[who]
    before = -NEVER
    for monday in mondays:
        now = (on + TOLD > before) & (on + TOLD <= monday)
        mine = who[now]
        yield "nhs_number_change", monday, rows(
            mine, on[now], on[now] + TOLD,
            superseded_number=life.old_numbers[mine],
            current_person_id=life.numbers[mine],
            change_date=life.date(on[now]),
            is_withdrawn=np.zeros(len(mine), bool),
        )  # fmt: skip
        before = monday
