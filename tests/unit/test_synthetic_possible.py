"""Nothing impossible in any source: the dead and the absent do nothing, in-patients are not visited, order holds."""

from __future__ import annotations

import dataclasses
import datetime as dt
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from synthetic import emit_care_at_home, emit_social_care
from synthetic.course import begin, live
from synthetic.deliveries import _growing, make_life
from synthetic.life import Life
from synthetic.plan import Plan
from synthetic.state import NEVER

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


def test_no_illness_begins_before_the_one_it_follows(life: Life) -> None:
    for c in life.rules.conditions:
        if c.follows:
            began = life.course.onset[:, c.index] < NEVER
            assert began.any(), c.name
            before = life.course.onset[:, life.rules.condition(c.follows).index]
            assert (life.course.onset[began, c.index] > before[began]).all(), c.name


def test_no_woman_has_a_code_or_a_medicine_of_men(life: Life, frames: dict[str, pl.DataFrame]) -> None:
    men_only = {str(code) for code in [*life.rules.section["men_only"], "C61X"]}
    found = 0
    for name, column in (("gp_event", "code"), ("gp_medication", "product_code"), ("apc", "diagnosis")):
        frame = frames[name]
        for each in [c for c in frame.columns if c.startswith(column)]:
            rows = frame.filter(pl.col(each).cast(pl.String).is_in(list(men_only)))
            found += rows.height
            assert not life.people.female[rows["_person"].to_numpy()].any(), (name, each)
    assert found > 20


def test_a_package_of_care_at_home_does_not_begin_in_a_hospital_bed(life: Life) -> None:
    packages = emit_care_at_home.packages(life)
    assert len(packages.person) > 50
    assert not life.in_hospital(packages.person, packages.start).any()


def test_an_infection_brings_one_antibiotic(life: Life, frames: dict[str, pl.DataFrame]) -> None:
    (group,) = life.rules.section["antibiotics"]["urine_infection"]
    given = frames["gp_medication"].filter(pl.col("product_code").is_in(list(group)))
    assert given.height > 10
    assert given.select("_person", "_day").is_unique().all()


def test_nobody_takes_two_medicines_that_stand_for_each_other(life: Life, frames: dict[str, pl.DataFrame]) -> None:
    issued = frames["gp_medication"]
    for group in life.rules.section["one_of"]:
        taken = (
            issued.filter(pl.col("product_code").is_in(group))
            .group_by("_person")
            .agg(pl.col("product_code").n_unique())
        )
        assert taken.height > 3
        assert taken["product_code"].max() == 1, group


def test_reablement_heals(life: Life) -> None:
    course = life.rules.course
    same = SimpleNamespace(**vars(course) | {"reablement": SimpleNamespace(heals=1.0, weeks=course.reablement.weeks)})
    without = dataclasses.replace(life.world, rules=dataclasses.replace(life.rules, course=same))
    other = live(life.people, begin(life.people, without), without, 80).final
    now = live(life.people, begin(life.people, life.world), life.world, 80).final
    helped = now.alive & other.alive & (now.reabled_until >= 7 * 74)
    assert helped.sum() > 5
    assert now.acute[helped].mean() < other.acute[helped].mean()
