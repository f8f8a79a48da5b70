"""What must hold for every artificial life, whoever it is."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from data_contracts.contract import CODELISTS
from synthetic import emit_community, emit_gp, emit_medicine, emit_mental_health, referred, rng, rules
from synthetic.course import begin, live
from synthetic.deliveries import Plan, make_life
from synthetic.life import Life
from synthetic.people import BLOCK, make, nhs_numbers
from synthetic.state import NEVER
from synthetic.truth import states, true_risk

PLAN = Plan(people=4_000, seed=11, first_day=dt.date(2022, 2, 7), last_delivery=dt.date(2026, 2, 23), weekly=4)


@pytest.fixture(scope="module")
def life() -> Life:
    return make_life(PLAN, 0, PLAN.count)


def test_numbers_are_valid_unique_and_of_the_test_range() -> None:
    numbers = nhs_numbers(np.arange(60_000), count=60_000, seed=3)
    digits = (numbers[:, None] // 10 ** np.arange(9, -1, -1)) % 10
    weighted = (digits * np.arange(10, 0, -1)).sum(axis=1)  # with the check digit the sum is a multiple of 11
    assert (weighted % 11 == 0).all()
    assert len(np.unique(numbers)) == len(numbers)
    assert numbers.min() >= 9_000_000_000
    assert numbers.max() < 9_999_999_999


def test_numbers_do_not_follow_the_order_of_people() -> None:
    numbers = nhs_numbers(np.arange(20_000), count=20_000, seed=3).astype(float)
    assert abs(np.corrcoef(numbers, np.arange(20_000))[0, 1]) < 0.03


def test_a_number_depends_on_person_week_and_process_only() -> None:
    few, many = rng.keyed(5, np.arange(3)), rng.keyed(5, np.arange(1000))
    assert (rng.uniform(few, "fall", 9) == rng.uniform(many, "fall", 9)[:3]).all()
    assert (rng.uniform(few, "fall", 9) != rng.uniform(few, "fall", 10)).all()
    assert (rng.uniform(few, "fall", 9) != rng.uniform(few, "crisis", 9)).all()
    spread = rng.uniform(rng.keyed(5, np.arange(200_000)), "fall", 1)
    assert abs(spread.mean() - 0.5) < 0.003
    assert abs(spread.std() - 12**-0.5) < 0.003


def test_people_of_a_block_are_the_same_whoever_else_is_made() -> None:
    declared = rules.load()
    some = make(BLOCK, 2 * BLOCK, count=PLAN.count, seed=PLAN.seed, days=PLAN.days, rules=declared)
    all_of_them = make(0, 3 * BLOCK, count=PLAN.count, seed=PLAN.seed, days=PLAN.days, rules=declared)
    for name in ("birth_day", "female", "lsoa", "practice", "household", "alone", "ethnic", "hidden"):
        assert (getattr(some, name) == getattr(all_of_them, name)[BLOCK : 2 * BLOCK]).all(), name


def test_partners_are_adults_of_like_age_who_share_a_home(life: Life) -> None:
    people = life.people
    has = np.flatnonzero(people.partner >= 0)
    other = people.partner[has]
    assert (people.partner[other] == has).all()
    assert (people.household[has] == people.household[other]).all()
    assert (people.lsoa[has] == people.lsoa[other]).all()
    assert people.age(0)[has].min() >= 18
    assert np.median(np.abs(people.age(0)[has] - people.age(0)[other])) < 6


def test_nobody_has_an_event_before_birth_or_after_death(life: Life) -> None:
    for frame in every_frame(life).values():
        person, day = frame["_person"].to_numpy(), frame["_day"].to_numpy()
        assert (day <= life.leaves[person]).all()
        assert (day >= life.people.birth_day[person]).all()


def test_nobody_is_visited_or_seen_while_in_hospital(life: Life) -> None:
    frames = every_frame(life)
    for name in ("gp_appointment", "csds_care_contact", "mhsds_care_contact", "gp_medication"):
        frame = frames[name]
        assert not life.in_hospital(frame["_person"].to_numpy(), frame["_day"].to_numpy()).any(), name


def test_a_stay_ends_before_the_next_begins(life: Life) -> None:
    same = life.stay["person"][1:] == life.stay["person"][:-1]
    assert same.any()
    assert (life.stay["day"][1:][same] > life.stay["home"][:-1][same]).all()


def test_treatment_follows_the_diagnosis(life: Life) -> None:
    issues = every_frame(life)["gp_medication"]
    for condition, product in (("thyroid", 39698611000001106), ("parkinsonism", 39734811000001102)):
        mine = issues.filter(pl.col("product_code") == product)
        assert mine.height > 0
        assert life.has(condition, mine["_person"].to_numpy(), mine["_day"].to_numpy()).all()


def test_every_code_is_in_a_shipped_codelist(life: Life) -> None:
    frames = every_frame(life)
    shipped = {
        int(code)
        for path in CODELISTS.glob("*.csv")
        for code in pl.read_csv(path, infer_schema=False)["code"].to_list()
        if code.isdigit()
    }
    assert set(frames["gp_event"]["code"].unique().to_list()) <= shipped
    assert set(frames["gp_medication"]["product_code"].unique().to_list()) <= shipped


def test_a_life_goes_on_from_a_saved_state_as_if_never_stopped(life: Life) -> None:
    world = PLAN.world()
    at_once = live(life.people, begin(life.people, world), world, 80)
    half = live(life.people, begin(life.people, world), world, 40).final
    then = live(life.people, half, world, 80)
    assert (at_once.final.chronic == then.final.chronic).all()
    assert (at_once.final.alive == then.final.alive).all()
    late = at_once.log.table("stay")
    assert (np.sort(late["day"][late["day"] >= 280]) == np.sort(then.log.table("stay")["day"])).all()


def test_another_salt_is_another_future_in_which_nobody_leaves(life: Life) -> None:
    world = PLAN.world()
    now = live(life.people, begin(life.people, world), world, 20, record=False).final
    one, other = (live(life.people, now, world, 72, record=False, salt=k) for k in (1, 2))
    assert not np.array_equal(one.log.table("stay")["day"], other.log.table("stay")["day"])
    assert (one.exit_day == NEVER).all()


@pytest.mark.slow
def test_true_risk_agrees_with_what_happens(life: Life) -> None:
    week = 104
    risk = true_risk(
        life.people, PLAN.world(), life.numbers, PLAN.first_day, week=week, replicates=60, from_age=60
    )  # fmt: skip
    of = dict(zip(life.numbers.tolist(), range(len(life.numbers)), strict=True))
    person = np.array([of[n] for n in risk["nhs_number"].to_list()])
    stay = life.stay
    within = (stay["day"] >= 7 * week) & (stay["day"] < 7 * week + 365)
    happened = np.isin(person, stay["person"][within])
    p = risk["admission_365"].to_numpy()
    assert abs(p.mean() - happened.mean()) < 0.03
    assert p[happened].mean() > p[~happened].mean() + 0.05
    assert (risk["admission_90"].to_numpy() <= p).all()


def test_true_spells_lie_within_the_life(life: Life) -> None:
    made = states(life)
    spell = made["spell"].join(made["person"].select("nhs_number", "death_date"), on="nhs_number")
    assert spell["state"].n_unique() == 4
    closed = spell.filter(pl.col("end_date").is_not_null())
    assert (closed["end_date"] >= closed["start_date"]).all()
    dead = spell.filter(pl.col("death_date").is_not_null())
    assert (dead["start_date"] <= dead["death_date"]).all()


def every_frame(life: Life) -> dict[str, pl.DataFrame]:
    """Frames of the sources that record contacts with a person, made once for a life."""
    if not hasattr(life, "frames_for_tests"):
        contact = emit_gp.contacts(life)
        table = referred.referrals(life)
        seen = emit_community.contacts(life, table)
        contacts, _ = emit_community.contact_frames(life, table, seen)
        mental = emit_mental_health.referrals(life)
        life.frames_for_tests = {  # type: ignore[attr-defined]
            "gp_event": emit_gp.event_frame(life, contact),
            "gp_appointment": emit_gp.appointment_frame(life, contact),
            "gp_medication": emit_medicine.medication_frame(life),
            "csds_care_contact": contacts,
            "mhsds_care_contact": emit_mental_health.contact_frame(life, mental),
        }
    return life.frames_for_tests  # type: ignore[attr-defined, no-any-return]
