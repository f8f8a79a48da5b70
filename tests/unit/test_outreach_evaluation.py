"""A declared design recovers what was planted, finds harm, and invents nothing."""

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from outreach import ListError, TeamsFile
from outreach.design import Design, load_design
from outreach.evaluation import Effect, evaluate, finished
from tests.examples.outreach import MONDAY, OTHER_PRACTICE, Example, example
from tests.unit.test_outreach_list import build, ledger, statuses

WEEK = dt.timedelta(weeks=1)
BEFORE = MONDAY - WEEK


def design(kind: str, **more: Any) -> Design:
    approval = "" if kind in ("none", "discontinuity") else "REC-1"
    return Design.model_validate({"kind": kind, "declared_on": BEFORE, "approval": approval} | more)


def outcomes(risk: np.ndarray, random: np.random.Generator) -> dict[str, np.ndarray]:
    admissions = random.poisson(np.clip(risk, 0.001, None))
    return {
        "admissions": admissions,
        "bed_days": admissions * random.poisson(6, len(risk)),
        "deaths": random.binomial(1, 0.03, len(risk)),
        "contacts": random.poisson(2, len(risk)),
    }


def by_lot(effect: float, seed: int, people: int = 6000) -> pl.DataFrame:
    """People of nearly the same risk, shown by lot; being shown changes admissions by `effect`."""
    random = np.random.default_rng(seed)
    shown = random.integers(0, 2, people).astype(bool)
    team = random.integers(0, 17, people)
    week = random.integers(0, 20, people)
    risk = 0.2 + 0.01 * team + 0.004 * week + effect * shown
    frame = {
        "person_id": np.arange(people),
        "team": [f"U{t}" for t in team],
        "week": [MONDAY + int(w) * WEEK for w in week],
        "arm": np.where(shown, "shown", "not shown"),
        "distance": np.zeros(people),
    }
    return pl.DataFrame(frame | outcomes(risk, random))


def at_the_cut(effect: float, seed: int, people: int = 30_000) -> pl.DataFrame:
    """Risk rises smoothly through the last place; whoever is above it is shown."""
    random = np.random.default_rng(seed)
    distance = random.uniform(-0.05, 0.05, people)
    risk = 0.25 + 2.0 * distance + 10 * distance**2 + effect * (distance > 0)
    frame = {
        "person_id": np.arange(people),
        "team": ["U1"] * people,
        "week": [MONDAY] * people,
        "arm": np.where(distance > 0, "shown", "not shown"),
        "distance": distance,
    }
    return pl.DataFrame(frame | outcomes(risk, random))


def stepped(effect: float, seed: int) -> pl.DataFrame:
    """Twelve teams that start four weeks after one another, in a world where admissions rise for everybody."""
    random = np.random.default_rng(seed)
    team, week, _ = (x.ravel() for x in np.meshgrid(np.arange(12), np.arange(26), np.arange(25), indexing="ij"))
    shown = week >= 2 * team
    risk = 0.2 + 0.02 * team + 0.01 * week + effect * shown
    frame = {
        "person_id": np.arange(len(team)),
        "team": [f"U{t:02d}" for t in team],
        "week": [MONDAY + int(w) * WEEK for w in week],
        "arm": np.where(shown, "shown", "not shown"),
        "distance": np.zeros(len(team)),
    }
    return pl.DataFrame(frame | outcomes(risk, random))


def admissions(units: pl.DataFrame, declared: Design) -> Effect:
    return next(e for e in evaluate(units, declared) if e.outcome == "admissions")


WORLDS = [
    ("ties", by_lot, {}, 0.08),
    ("discontinuity", at_the_cut, {"band": 0.05}, 0.12),
    ("stepped", stepped, {"starts": {"U00": MONDAY}}, 0.1),
]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "world", "more", "size"), WORLDS, ids=[w[0] for w in WORLDS])
def test_a_planted_benefit_and_a_planted_harm_are_found(
    kind: str, world: Any, more: dict[str, Any], size: float
) -> None:
    helped, harmed = (admissions(world(sign * size, seed=3), design(kind, **more)) for sign in (-1, 1))
    assert (helped.says, helped.harm) == ("lower", False)
    assert (harmed.says, harmed.harm) == ("higher", True)
    for found, truth in ((helped, -size), (harmed, size)):
        assert found.estimate is not None
        assert found.low is not None
        assert found.high is not None
        assert abs(found.estimate - truth) < 0.75 * (found.high - found.low)


@pytest.mark.parametrize(("kind", "world", "more", "size"), WORLDS[:2], ids=[w[0] for w in WORLDS[:2]])
def test_where_nothing_was_planted_nothing_is_found_more_often_than_chance(
    kind: str, world: Any, more: dict[str, Any], size: float
) -> None:
    found = [admissions(world(0.0, seed=seed), design(kind, **more)) for seed in range(20)]
    wrong = sum(e.says in ("higher", "lower") for e in found)
    assert wrong <= 4, f"{wrong} of 20 intervals leave out the truth"


def test_getting_better_after_the_worst_week_is_not_taken_for_an_effect() -> None:
    units = at_the_cut(0.0, seed=5)
    plain = units.group_by("arm").agg(pl.col("admissions").mean())
    gap = abs(float(plain["admissions"][0]) - float(plain["admissions"][1]))  # type: ignore[arg-type]
    assert gap > 0.05
    assert "higher" not in admissions(units, design("discontinuity", band=0.05)).says


def test_few_people_cannot_tell() -> None:
    assert {e.says for e in evaluate(by_lot(0.5, 1, people=40), design("ties"))} == {
        "cannot tell: too few people compared"
    }


def test_a_list_is_judged_only_when_its_days_are_over() -> None:
    assert not finished(MONDAY, design("ties"), MONDAY + dt.timedelta(days=89))
    assert finished(MONDAY, design("ties"), MONDAY + dt.timedelta(days=90))


@pytest.mark.parametrize("kind", ["ties", "stepped"])
def test_a_design_that_keeps_someone_off_needs_an_approval(kind: str) -> None:
    with pytest.raises(ValidationError, match="needs an approval"):
        Design.model_validate({"kind": kind, "declared_on": BEFORE, "starts": {"U1": MONDAY}})


def test_as_shipped_nothing_is_declared_and_a_bad_file_is_said_in_a_sentence(tmp_path: Path) -> None:
    assert load_design().kind == "none"
    (tmp_path / "design.yaml").write_text("kind: ties\ndeclared_on: 2026-01-01\n")
    with pytest.raises(ListError, match="needs an approval"):
        load_design(tmp_path / "design.yaml")


@pytest.fixture
def record(tmp_path: Path) -> Example:
    return example(tmp_path)


def by_lot_of(share: float, slots: int) -> TeamsFile:
    return TeamsFile.model_validate({"default": {"new_contact_slots": slots, "evaluation_share": share}})


def test_among_ties_the_lot_decides_and_capacity_holds(record: Example) -> None:
    for person in range(1, 41):
        record.person(person, 0.2 + person / 10_000)
    report = build(record, teams=by_lot_of(1.0, 10), design=design("ties"))
    rows = ledger(report)
    assert report.teams[0].shown == 10
    assert set(rows.filter("shown")["person_id"]) != set(range(31, 41))
    assert rows["arm"].value_counts().sort("arm").rows() == [("not shown", 30), ("shown", 10)]


def test_only_the_last_places_of_a_team_are_given_by_lot_and_only_where_it_keeps_some(record: Example) -> None:
    for person in range(1, 41):
        record.person(person, 0.2 + person / 10_000)
    rows = ledger(build(record, teams=by_lot_of(0.4, 10), design=design("ties")))
    first = set(range(35, 41))
    assert first <= set(rows.filter("shown")["person_id"])
    assert set(rows.filter("shown")["person_id"]) != set(range(31, 41))
    assert not set(rows.filter(pl.col("arm").is_not_null())["person_id"]) & first
    assert rows["arm"].value_counts().sort("arm").rows() == [(None, 6), ("not shown", 30), ("shown", 4)]


def test_a_team_without_places_for_evaluation_is_under_no_lot(record: Example) -> None:
    for person in range(1, 41):
        record.person(person, 0.2 + person / 10_000)
    rows = ledger(build(record, teams=by_lot_of(0.0, 10), design=design("ties")))
    assert set(rows.filter("shown")["person_id"]) == set(range(31, 41))
    assert rows["arm"].null_count() == len(rows)


def test_the_highest_band_and_the_people_of_lower_bands_are_left_to_their_order(record: Example) -> None:
    for person, score in enumerate([0.9, 0.8, 0.7, 0.205, 0.204, 0.203, 0.15], start=1):
        record.person(person, score)
    rows = ledger(build(record, teams=by_lot_of(1.0, 4), design=design("ties")))
    assert rows.filter("shown").sort("rank")["person_id"].to_list()[:3] == [1, 2, 3]
    assert rows.filter(pl.col("person_id").is_in([1, 2, 3, 7]))["arm"].null_count() == 4
    assert rows.filter(pl.col("person_id").is_in([4, 5, 6]))["arm"].null_count() == 0


def test_a_design_declared_too_late_does_not_act(record: Example) -> None:
    record.person(1, 0.3)
    rows = ledger(build(record, design=design("ties", declared_on=MONDAY)))
    assert rows["arm"].null_count() == len(rows)


def test_a_team_that_has_not_begun_has_no_list_and_is_compared(record: Example) -> None:
    record.person(1, 0.3)
    record.person(2, 0.3, practice=OTHER_PRACTICE)
    declared = design("stepped", starts={"U10001": MONDAY, "U10002": MONDAY + WEEK})
    report = build(record, design=declared)
    assert statuses(report) == {1: "shown", 2: "not_started"}
    assert dict(ledger(report).select("person_id", "arm").rows()) == {1: "shown", 2: "not shown"}


def test_at_the_cut_nobody_is_kept_off_and_the_distance_is_written_down(record: Example) -> None:
    for person, score in enumerate([0.31, 0.305, 0.295, 0.29, 0.12], start=1):
        record.person(person, score)
    rows = ledger(build(record, slots=2, design=design("discontinuity"))).sort("person_id")
    assert rows["shown"].to_list() == [True, True, False, False, False]
    assert [None if d is None else round(d, 4) for d in rows["distance"]] == [0.01, 0.005, -0.005, -0.01, None]
