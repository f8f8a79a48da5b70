"""Expected days in hospital: calibration on the logarithm, metrics, the hurdle as it is kept."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import PoissonRegressor
from sklearn.metrics import d2_tweedie_score

import models
from models import calibration, evaluation, evaluation_days, gate, logistic, registry, yardstick
from models.candidate import Candidate, Length


@pytest.fixture(scope="module")
def seen() -> tuple[np.ndarray, evaluation.TestRows]:
    """Right expectations of zero-inflated days, some of unknown fate, 30 practices."""
    rng = np.random.default_rng(5)
    n = 8000
    chance, length = 1 / (1 + np.exp(-rng.normal(-1.5, 1, n))), np.exp(rng.normal(2, 0.5, n))
    days = np.where(rng.random(n) < chance, rng.exponential(length), 0.0)
    weight = np.where(rng.random(n) < 0.1, 0.0, rng.uniform(1, 1.5, n))
    return chance * length, evaluation.TestRows(days > 0, weight, rng.integers(0, 30, n), days)


def test_the_line_makes_expectations_add_up_and_mends_those_that_are_too_sure(seen):
    right, rows = seen
    line = calibration.fit_rate(3 * right**2, rows.quantity, rows.weight)
    assert line.slope == pytest.approx(0.5, abs=0.05)
    mended = line.apply(3 * right**2)
    assert (rows.weight * mended).sum() == pytest.approx((rows.weight * rows.quantity).sum(), rel=1e-6)


def test_metrics_of_days_agree_with_scikit_learn_on_weighted_rows(seen):
    p, rows = seen
    found = {name: values[0] for name, values in evaluation_days.replicates(p, rows).items()}
    told = rows.weight > 0
    y, w = rows.quantity[told], rows.weight[told]
    assert found["deviance_explained"] == pytest.approx(d2_tweedie_score(y, p[told], sample_weight=w, power=1))
    assert found["mean_absolute_error"] == pytest.approx(np.average(np.abs(y - p[told]), weights=w))
    assert found["mean_days"] == pytest.approx(np.average(y, weights=w))
    fitted = PoissonRegressor(alpha=0, tol=1e-9, max_iter=1000).fit(np.log(p[told])[:, None], y, sample_weight=w)
    assert found["calibration_slope"] == pytest.approx(fitted.coef_[0], abs=1e-3)


def test_the_share_of_days_reached_is_that_of_the_people_at_the_top():
    days = np.array([60.0, 0, 0, 20, 0, 0, 0, 20, 0, 0])
    rows = evaluation.TestRows(days > 0, np.ones(10), np.arange(10), days)
    found = evaluation_days.replicates(np.arange(10, 0, -1.0), rows)
    assert found["share_of_days_top_10_percent"][0] == pytest.approx(0.6)
    assert found["share_of_days_top_5_percent"][0] == pytest.approx(0.3)
    level = evaluation_days.replicates(np.full(10, 10.0), rows)
    assert level["concentration"][0] == pytest.approx(0.5)
    assert found["concentration"][0] > 0.7


def test_right_expectations_pass_calibration_and_twice_as_many_days_do_not(seen):
    p, rows = seen
    for times, passes in ((1, True), (2, False)):
        metrics = {n: models.evaluation.interval(v) for n, v in evaluation_days.replicates(times * p, rows).items()}
        asked = gate.ask(metrics, [], None)
        assert [t.name for t in asked] == ["calibration_slope", "observed_over_expected", "groups"]
        assert [t.passed for t in asked] == [True, passes, None]
    assert yardstick.of(rows).ranking == "concentration"


def test_a_log_linear_regression_is_kept_and_read_back_and_gives_expected_days(tmp_path):
    rng = np.random.default_rng(9)
    age = rng.uniform(65, 95, 5000).astype(np.float32)
    days = rng.poisson(np.exp(-4 + 0.06 * age)).astype(float)
    fitted = logistic.fit_rate([logistic.Term("age", scale=10)], ["age"], age[:, None], days, np.ones(5000))
    model_id, _ = registry.keep(tmp_path, Candidate("age_sex", ("age",), logistic=fitted), about={}, metrics={})
    read = registry.load(tmp_path, model_id).candidate
    expected = read.predict(["age"], np.array([[80.0]], np.float32), threads=1)
    assert expected[0] == pytest.approx(np.exp(-4 + 4.8), rel=0.05)


def test_a_feature_that_is_not_in_the_data_is_said_in_a_sentence_and_days_have_no_themes():
    candidate = Candidate("lightgbm_hurdle", ("age",), "text", length=Length("text", calibration.RateLine(0.0, 1.0)))
    with pytest.raises(models.ModelError, match="no feature 'age', which the model reads"):
        candidate.predict(["female"], np.zeros((2, 1), np.float32), threads=1)
    with pytest.raises(models.ModelError, match="no sum of themes"):
        candidate.contributions(["age"], np.zeros((2, 1), np.float32), threads=1)
