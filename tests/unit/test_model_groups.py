"""Groups of people and net benefit: hand-worked examples, and what is kept back when a group is small."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from models import evaluation, groups
from models.decision_curve import decision_curve, net_benefit, worth
from models.evaluation import calibration_index, rank_agreement, replicates
from models.limits import load_limits

LIMITS = load_limits()


def everyone(n: int, group: str = "all") -> dict[str, np.ndarray]:
    return {name: np.full(n, group) for name in LIMITS.groups}


def rows_of(event: np.ndarray, practices: int = 40) -> evaluation.TestRows:
    return evaluation.TestRows(event.astype(bool), np.ones(len(event)), np.arange(len(event)) % practices)


def test_a_group_whose_risk_is_half_of_what_happens_breaks_its_tolerance_and_the_others_do_not():
    rng = np.random.default_rng(1)
    risk = rng.uniform(0.05, 0.4, 12_000)
    rural = rng.random(12_000) < 0.3
    event = rng.random(12_000) < np.where(rural, np.minimum(2 * risk, 0.95), risk)
    who = everyone(12_000) | {"rurality": np.where(rural, "rural", "urban")}
    found = {(g["grouping"], g["group"]): g for g in groups.assess(risk, rows_of(event), who, LIMITS)}
    assert found["rurality", "rural"]["verdict"] == "does not pass"
    assert found["rurality", "rural"]["observed_over_expected"]["estimate"] == pytest.approx(2, abs=0.15)
    assert found["rurality", "urban"]["verdict"] == "passes"


def test_a_group_that_the_list_misses_more_breaks_its_tolerance_though_its_risk_is_right_on_average():
    rng = np.random.default_rng(2)
    n = 20_000
    men = rng.random(n) < 0.5
    true = np.where(rng.random(n) < 0.05, 0.9, 0.05)
    event = rng.random(n) < true
    seen = np.where(men, true, true.mean())  # of women nothing is known
    who = everyone(n) | {"sex": np.where(men, "men", "women")}
    found = {g["group"]: g for g in groups.assess(seen, rows_of(event), who, LIMITS) if g["grouping"] == "sex"}
    assert found["women"]["observed_over_expected"]["estimate"] == pytest.approx(1, abs=0.1)
    assert found["women"]["missed_more"]["low"] > LIMITS.groups["sex"].missed
    assert (found["women"]["verdict"], found["men"]["verdict"]) == ("does not pass", "passes")


def test_missed_and_shares_of_a_hand_worked_example():
    # 100 people, the list is the highest five: persons 0-4. 60 events; group a holds persons 0-49.
    predicted = np.linspace(0.9, 0.1, 100)
    event = np.zeros(100)
    event[:20], event[60:] = 1, 1
    limits = type(LIMITS)(**{**vars(LIMITS), "fewest_events": 5})
    who = everyone(100) | {"sex": np.where(np.arange(100) < 50, "a", "b")}
    found = {
        g["group"]: g for g in groups.assess(predicted, rows_of(event, 100), who, limits) if g["grouping"] == "sex"
    }
    assert found["a"]["missed"]["estimate"] == pytest.approx(15 / 20)
    assert found["a"]["missed_more"]["estimate"] == pytest.approx(15 / 20 - 1)
    assert found["a"]["share_of_list"]["estimate"] == 1
    assert found["a"]["share_of_need"]["estimate"] == pytest.approx(20 / 60, abs=1e-5)


def test_small_groups_are_not_shown_and_those_with_few_events_are_not_assessable():
    n = 3000
    event = np.arange(n) % 4 == 0
    label = np.where(np.arange(n) < 7, "seven", np.where(np.arange(n) < 120, "hundred", "many"))
    who = everyone(n) | {"ethnicity": label}
    found = {g["group"]: g for g in groups.assess(np.full(n, 0.25), rows_of(event), who, LIMITS)}
    assert found["seven"] == {"grouping": "ethnicity", "group": "seven", "verdict": "small"}
    assert found["hundred"]["verdict"] == "not assessable"
    assert "observed_over_expected" not in found["hundred"]
    assert found["hundred"]["rows"] % 5 == 0


def test_a_group_in_which_everybody_or_nobody_has_the_event_cannot_be_assessed():
    event = np.arange(1000) < 500
    who = everyone(1000) | {"housebound": np.where(event, "yes", "no")}
    found = groups.assess(np.full(1000, 0.5), rows_of(event), who, LIMITS)
    assert {g["verdict"] for g in found if g["grouping"] == "housebound"} == {"not assessable"}


def test_people_are_described_and_what_is_missing_is_a_group():
    keys = pl.DataFrame(
        {
            "practice_code": ["A", "B", "C"],
            "sex_code": ["1", "2", None],
            "ethnic_code": ["A", "Z", None],
            "lsoa_code": ["x", "y", None],
        }
    )
    feature = {
        "age": np.array([64.0, 75.0, np.nan]),
        "care_home_level": np.array([0, np.nan, np.nan]),
        "care_home_placement": np.array([1, 0, np.nan]),
        "housebound_coded": np.array([1, 0, np.nan]),
        "deficit_count": np.array([1, 5, 9.0]),
    }
    places = pl.DataFrame({"lsoa_code": ["x", "y"], "imd_decile": [1, 10], "rural_flag": [True, False]})
    found = {name: values.tolist() for name, values in groups.describe(keys, feature, places).items()}
    assert found["age"] == ["under 65", "75 to 84", "not known"]
    assert found["sex"] == ["men", "women", "not known"]
    assert found["ethnicity"] == ["White British", "not known", "not known"]
    assert found["deprivation"] == ["most deprived fifth", "least deprived fifth", "not known"]
    assert found["rurality"] == ["rural", "urban", "not known"]
    assert found["care_home"] == ["lives in a care home", "does not", "not known"]
    assert found["housebound"] == ["housebound by code", "no code", "not known"]
    assert found["coding"] == ["codes least", "middle", "codes most"]
    assert set(found) == set(LIMITS.groups)


def test_net_benefit_of_a_hand_worked_example():
    # 10 people at a threshold of 20 %: 4 chosen, 3 with the event; a needless visit weighs 0.2 / 0.8 of one.
    predicted = np.array([0.9, 0.8, 0.5, 0.3, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
    event = np.array([1, 1, 1, 0, 1, 0, 0, 0, 0, 0])
    rows = rows_of(event, 10)
    assert net_benefit(predicted, rows, 0.2)[0] == pytest.approx(1000 * (3 - 0.25) / 10)
    assert net_benefit(None, rows, 0.2)[0] == pytest.approx(1000 * (4 - 0.25 * 6) / 10)
    assert worth(predicted, rows, 0.2)["estimate"] == pytest.approx(275 - 250)
    curve = decision_curve({"model": predicted}, rows, [0.2])
    assert curve[0]["model"]["estimate"] == pytest.approx(275)


def test_the_calibration_index_is_small_for_a_right_risk_and_the_distance_for_a_shifted_one():
    rng = np.random.default_rng(6)
    risk = rng.uniform(0.05, 0.6, 20_000)
    rows = rows_of(rng.random(20_000) < risk, 100)
    draws = rows.draws()[:3]
    assert calibration_index(risk, rows, draws)[0] < 0.015
    assert calibration_index(risk + 0.1, rows, draws)[0] == pytest.approx(0.1, abs=0.02)


def test_lift_and_people_reached_follow_from_the_predictive_value():
    event = np.arange(1000) < 100
    found = replicates(np.linspace(1, 0, 1000), rows_of(event))
    assert found["lift_top_5_percent"][0] == pytest.approx(10)
    assert found["events_top_5_percent_of_1000_people"][0] == pytest.approx(50)


def test_rank_agreement_of_reversed_ranks_is_minus_one():
    p = np.linspace(0, 1, 200)
    assert rank_agreement(p, 1 - p) == {"spearman": -1.0, "top_share_overlap": 0.0}
    assert rank_agreement(p, p**2) == {"spearman": 1.0, "top_share_overlap": 1.0}
