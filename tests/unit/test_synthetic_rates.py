"""Rates of the artificial county against the published figures, at 20,000 people: roughly, as chance allows."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from synthetic import emit_gp
from synthetic.deliveries import Plan, make_life
from synthetic.life import Life
from synthetic.state import AT_HOME, NEVER, OWN

PLAN = Plan(people=20_000, seed=2, first_day=dt.date(2020, 2, 3), last_delivery=dt.date(2026, 2, 23), weekly=4)
YEARS_IN = 3 * 52


@pytest.fixture(scope="module")
def life() -> Life:
    return make_life(PLAN, 0, PLAN.count)


def of_age(life: Life, low: float, high: float, week: int = YEARS_IN) -> np.ndarray:
    age = life.people.age(7 * week)
    return life.course.month["here"][week // 4] & (age >= low) & (age < high)


@pytest.mark.parametrize(("low", "high", "published"), [(60, 70, 0.101), (70, 80, 0.171), (80, 120, 0.329)])
def test_emergency_admission_or_death_within_a_year(life: Life, low: float, high: float, published: float) -> None:
    day = 7 * YEARS_IN
    stay = life.stay
    admitted = np.zeros(len(life.people), bool)
    admitted[stay["person"][(stay["day"] >= day) & (stay["day"] < day + 365)]] = True
    died = (life.course.death_day >= day) & (life.course.death_day < day + 365)
    assert (admitted | died)[of_age(life, low, high)].mean() == pytest.approx(published, rel=0.25)


def test_about_one_in_a_hundred_dies_each_year(life: Life) -> None:
    deaths = (life.course.death_day < NEVER).sum() / (PLAN.days / 365.25)
    assert deaths / PLAN.people == pytest.approx(0.0105, rel=0.2)


def test_the_population_stays_as_large_as_it_was(life: Life) -> None:
    here = life.course.month["here"].sum(axis=1)
    assert here[-1] == pytest.approx(here[0], rel=0.04)
    assert here[0] == pytest.approx(PLAN.people, rel=0.03)


def test_about_one_in_five_of_the_oldest_are_housebound_and_few_of_them_coded(life: Life) -> None:
    week = YEARS_IN
    oldest = of_age(life, 85, 120, week)
    bound = life.course.month["housebound"][week // 4] != AT_HOME
    assert 0.12 < bound[oldest].mean() < 0.30
    record = emit_gp.event_frame(life, emit_gp.contacts(life))
    known = record.filter((record["code"] == emit_gp.CODE["housebound"]) & (record["_known"] <= 7 * week))
    coded = np.zeros(len(life.people), bool)
    coded[known["_person"].to_numpy()] = True
    assert 0.05 < coded[oldest & bound].mean() < 0.6


def test_two_to_five_in_a_hundred_older_people_live_in_a_care_home(life: Life) -> None:
    in_home = life.course.month["home"][YEARS_IN // 4] != OWN
    assert 0.015 < in_home[of_age(life, 65, 120)].mean() < 0.05


def test_there_are_more_emergency_stays_in_winter(life: Life) -> None:
    first = np.datetime64(PLAN.first_day)
    month = (first + life.stay["day"].astype("timedelta64[D]")).astype("datetime64[M]").astype(int) % 12
    older = (life.stay["day"] - life.people.birth_day[life.stay["person"]]) / 365.25 > 60
    winter = np.isin(month[older], [11, 0, 1]).sum()
    summer = np.isin(month[older], [5, 6, 7]).sum()
    assert winter > 1.1 * summer


def test_the_gp_record_is_as_large_as_in_life(life: Life) -> None:
    record = emit_gp.event_frame(life, emit_gp.contacts(life))
    assert record.height / PLAN.people > 57  # 60 million at 1.06 million people
