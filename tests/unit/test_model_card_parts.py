"""What the card tells beyond metrics: neighbourhoods, what drives a model."""

from __future__ import annotations

import numpy as np
import pytest

from models import boosting, calibration, dependence, evaluation, neighbourhoods
from models.candidate import Candidate
from models.limits import load_limits
from models.logistic import Logistic, Term


def test_who_is_missed_and_what_equal_recall_costs_in_a_hand_worked_example():
    # 2,000 people, the list is the highest 100. North: 500 of 1,000 have the event, and 90 of them are listed. South:
    # 100, and 10 listed. In all 100 of 600 are reached, a sixth; South needs 17 of its 100, so 7 more people.
    risk = np.concatenate([np.linspace(0.9, 0.6, 90), np.linspace(0.3, 0.1, 910)])
    south = np.concatenate([np.linspace(0.89, 0.61, 10), np.linspace(0.29, 0.11, 990)])
    event = np.concatenate([np.arange(1000) < 500, np.arange(1000) < 100])
    predicted = np.concatenate([risk, south])
    area = np.repeat(["North", "South"], 1000)
    rows = evaluation.TestRows(event, np.ones(2000), np.arange(2000) % 20)
    found = neighbourhoods.assess(predicted, rows, area, 1, load_limits())
    assert found["missed"]["estimate"] == pytest.approx(1 - 100 / 600, abs=1e-5)
    assert (found["listed"], found["more"]) == (100, 5)
    north, south_said = found["areas"]
    assert north["missed"]["estimate"] == pytest.approx(1 - 90 / 500)
    assert north["more"] == 0
    assert south_said["missed"]["estimate"] == pytest.approx(1 - 10 / 100)
    assert south_said["more"] == 5  # seven, rounded to 5


def test_a_neighbourhood_with_few_events_is_counted_and_not_shown():
    rows = evaluation.TestRows(np.arange(400) < 20, np.ones(400), np.arange(400) % 10)
    found = neighbourhoods.assess(np.linspace(1, 0, 400), rows, np.repeat(["A", "B"], 200), 2, load_limits())
    assert found["areas"] == [{"area": "A"}, {"area": "B"}]
    assert found["listed"] == 10


@pytest.fixture(scope="module")
def two_ways() -> tuple[Candidate, np.ndarray]:
    """Trees of a risk that rises with age, and with falls only in those who live alone."""
    rng = np.random.default_rng(11)
    values = np.column_stack([rng.normal(80, 7, 30_000), rng.integers(0, 5, 30_000), rng.integers(0, 2, 30_000)])
    logit = -3 + 0.08 * (values[:, 0] - 80) + 0.9 * values[:, 1] * values[:, 2]
    event = rng.random(30_000) < 1 / (1 + np.exp(-logit))
    names = ("age", "falls_365", "lives_alone", *(f"nothing_{n}" for n in range(9)))
    values = np.hstack([values, rng.normal(size=(30_000, 9))]).astype(np.float32)
    (text,) = boosting.train_but(names, values, event, np.ones(len(values)), threads=2)
    return Candidate("lightgbm", names, text, calibration.Calibration(0.0, 1.0)), values


def test_partial_dependence_rises_with_what_raises_the_prediction(two_ways):
    candidate, values = two_ways
    gain = list(boosting.importance(candidate.model_text))
    found = dependence.describe(candidate, values, gain, threads=1)
    for name in ("age", "falls_365"):
        means = [mean for _, mean in found["partial"][name]]
        assert means[-1] > 1.3 * means[0]
    assert found == dependence.describe(candidate, values, gain, threads=2)


def test_the_strongest_interaction_is_the_one_that_was_made(two_ways):
    candidate, values = two_ways
    gain = list(boosting.importance(candidate.model_text))
    first, second = dependence.describe(candidate, values, gain, threads=1)["interactions"][:2]
    assert set(first[:2]) == {"falls_365", "lives_alone"}
    assert first[2] > 3 * second[2]


def test_a_predictor_that_is_always_the_same_is_left_out(two_ways):
    candidate, values = two_ways
    level = values.copy()
    level[:, 2] = np.nan
    found = dependence.describe(candidate, level, ["age", "falls_365", "lives_alone"], threads=1)
    assert list(found["partial"]) == ["age", "falls_365"]


def test_what_drives_a_regression_is_the_spread_of_its_parts_and_nothing_in_it_goes_together():
    terms = (Term("age", scale=10), Term("falls_365"), Term("female"))
    candidate = Candidate("age_sex", ("age", "falls_365", "female"), logistic=Logistic(terms, -2.0, (0.8, -0.2, 0.0)))
    rng = np.random.default_rng(5)
    drawn = [rng.normal(80, 10, 4000), rng.normal(3, 1, 4000), rng.integers(0, 2, 4000)]
    values = np.column_stack(drawn).astype(np.float32)
    found = dependence.spread(candidate, values)
    assert list(found) == ["age", "falls_365"]
    assert found["age"] == pytest.approx(0.8, abs=0.02)
    described = dependence.describe(candidate, values, list(found), threads=1)
    means = [mean for _, mean in described["partial"]["falls_365"]]
    assert means == sorted(means, reverse=True)
    assert described["interactions"] == []
