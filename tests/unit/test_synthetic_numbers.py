"""Numbers that were merged or mistaken: who is known under which number, what is told and taken back, and the truth."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from synthetic import emit_attendance, emit_gp, number
from synthetic.deliveries import make_life
from synthetic.life import Life
from synthetic.plan import Plan
from synthetic.truth import states

PLAN = Plan(people=6_000, seed=8, first_day=dt.date(2025, 1, 27), last_delivery=dt.date(2026, 2, 23), weekly=4)
MONDAYS = [PLAN.history + 7 * k for k in range(PLAN.weekly + 1)]


@pytest.fixture(scope="module")
def life() -> Life:
    return make_life(PLAN, 0, PLAN.count)


@pytest.fixture(scope="module")
def told(life: Life) -> pl.DataFrame:
    return number.told(life)


def people_of(told: pl.DataFrame, kind: str) -> pl.DataFrame:
    chosen = told.filter(pl.col("kind") == kind)
    assert chosen.height >= 3, kind
    return chosen


def test_hospitals_know_a_merged_person_under_a_second_number_and_the_practice_never_does(
    life: Life, told: pl.DataFrame
) -> None:
    merged = people_of(told, number.MERGED)
    stays = number.as_sent(emit_attendance.outpatient_frame(life), life, PLAN.history, "outpatient")
    events = number.as_sent(emit_gp.event_frame(life, emit_gp.contacts(life)), life, PLAN.history, "gp_event")
    both = merged.join(stays.select("_person", "_day", "nhs_number"), on="_person")
    assert both.height > 0
    before = both.filter(pl.col("_day") < pl.col("day"))
    assert (before["nhs_number"] == before["superseded"]).all()
    after = both.filter(pl.col("_day") >= pl.col("day"))
    assert (after["nhs_number"] == after["current"]).all()
    assert not set(events["nhs_number"]) & set(merged["superseded"])


def test_a_mistaken_change_names_a_living_neighbour_and_is_taken_back(life: Life, told: pl.DataFrame) -> None:
    mistaken = people_of(told, number.CONFUSED)
    numbers = set(life.numbers.tolist())
    assert set(mistaken["superseded"]) <= numbers
    assert set(mistaken["current"]) <= numbers
    assert (mistaken["superseded"] != mistaken["current"]).all()
    sent = pl.concat(frame.with_columns(sent=pl.lit(day)) for _, day, frame in number.changes(life, MONDAYS))
    mine = sent.filter(pl.col("superseded_number").is_in(mistaken["superseded"].to_list()))
    first = mine.filter(~pl.col("is_withdrawn")).select("superseded_number", "current_person_id", "sent")
    taken_back = mine.filter("is_withdrawn").join(first, on=["superseded_number", "current_person_id"], suffix="_first")
    assert taken_back.height == mistaken.height
    assert (taken_back["sent"] > taken_back["sent_first"]).all()


def test_the_truth_lists_every_number_told(life: Life, told: pl.DataFrame) -> None:
    true = states(life)["number"]
    assert true.height == told.height
    assert set(true["kind"]) == {number.CHANGED, number.MERGED, number.CONFUSED}
    withdrawn = true.filter(pl.col("withdrawn_date").is_not_null())
    assert set(withdrawn["kind"]) == {number.CONFUSED}
    assert (withdrawn["withdrawn_date"] > withdrawn["told_date"]).all()
    assert np.isin(true["nhs_number"].to_numpy(), life.numbers).all()
