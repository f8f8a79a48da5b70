"""Nothing impossible in any source: the dead and the absent do nothing, in-patients are not visited, order holds."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from synthetic import emit_social_care
from synthetic.deliveries import _growing, make_life
from synthetic.life import Life
from synthetic.plan import Plan

PLAN = Plan(people=3_000, seed=19, first_day=dt.date(2022, 2, 7), last_delivery=dt.date(2026, 2, 23), weekly=4)
#: a visit or consultation with the person, on the day of the row
SEEN = ("gp_appointment", "csds_care_contact", "csds_care_plan", "csds_assessment", "mhsds_care_contact", "outpatient")


@pytest.fixture(scope="module")
def life() -> Life:
    return make_life(PLAN, 0, PLAN.count)


@pytest.fixture(scope="module")
def frames(life: Life) -> dict[str, pl.DataFrame]:
    return dict(_growing(life))


def who_when(frame: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    return frame["_person"].to_numpy(), frame["_day"].to_numpy()


def test_nothing_happens_before_birth_or_after_death_or_departure(life: Life, frames: dict[str, pl.DataFrame]) -> None:
    for name, frame in frames.items():
        person, day = who_when(frame)
        assert frame.height > 50, name
        assert (day <= life.leaves[person] + (name == "inpatient_snapshot")).all(), name
        assert (day >= life.people.birth_day[person]).all(), name


def test_nobody_is_seen_elsewhere_while_in_hospital(life: Life, frames: dict[str, pl.DataFrame]) -> None:
    for name in SEEN:
        assert not life.in_hospital(*who_when(frames[name])).any(), name


def test_nothing_is_known_before_it_happened(frames: dict[str, pl.DataFrame]) -> None:
    for name, frame in frames.items():
        early = frame.filter(pl.col("_known") < pl.col("_day"))
        assert early.is_empty(), (name, early.head(2))


def test_a_discharge_follows_its_admission_and_a_death_ends_the_stay(
    life: Life, frames: dict[str, pl.DataFrame]
) -> None:
    stay = frames["apc"]
    assert (stay["discharge_date"] >= stay["admission_date"]).all()
    assert (stay["episode_end"] >= stay["episode_start"]).all()
    died = stay.filter(pl.col("discharge_method") == "4")
    assert died.height > 10
    assert (life.date(life.course.death_day[died["_person"].to_numpy()]) == died["discharge_date"]).all()


def test_a_stroke_or_sepsis_is_never_home_the_same_day(life: Life, frames: dict[str, pl.DataFrame]) -> None:
    ill = frames["apc"].filter(
        (pl.col("episode_order") == 1) & pl.col("admission_method").str.starts_with("2")
        & pl.col("diagnosis_1").str.slice(0, 3).is_in(["I63", "A41"])
    )  # fmt: skip
    assert ill.height > 10
    assert (ill["discharge_date"] > ill["admission_date"]).all()


def test_care_is_given_to_the_living_only(life: Life) -> None:
    care = emit_social_care.events(life)
    assert (care["start"] <= life.leaves[care["person"]]).all()
    assert (np.minimum(care["end"], 2**30) <= np.maximum(life.leaves[care["person"]], care["start"])).all()


def test_a_home_visit_by_the_crisis_team_is_to_someone_at_home(life: Life, frames: dict[str, pl.DataFrame]) -> None:
    plans = frames["csds_care_contact"].filter(pl.col("_day") >= 0)
    assert plans.height > 500
    person, day = who_when(plans)
    assert life.lives_here(person, day).all()
