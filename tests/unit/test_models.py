"""Parts of a model: censoring weights, splits, calibration, metrics, gate, kept folders."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score

import models
from models import calibration, censoring, evaluation, fingerprints, gate, horizon, logistic, panel, registry, stability
from models.candidate import Candidate
from models.ladder import BOOSTED
from tests.small_world import END, small_world


def test_censoring_weights_of_a_hand_worked_example():
    # Six people, window 365. G: day 50 one of 5 at risk leaves (the one with an event on day 30 is settled): 4/5.
    # Day 200: 3 still wait, one leaves: 4/5 * 2/3 = 8/15. The death on day 100 stands for 1 / (4/5).
    time = np.array([30, 50, 100, 200, 365, 365])
    left = np.array([False, True, False, True, False, False])
    expected = [1, 0, 5 / 4, 0, 15 / 8, 15 / 8]
    assert censoring.weights(time, left) == pytest.approx(expected)
    assert sum(expected) == pytest.approx(6)


def test_an_event_on_the_day_another_leaves_is_settled_before():
    assert censoring.weights(np.array([50, 50, 365]), np.array([False, True, False])) == pytest.approx([1, 0, 2])


def test_without_censoring_everyone_stands_for_one():
    assert (censoring.weights(np.array([3, 90, 365]), np.zeros(3, bool)) == 1).all()


def test_weights_recover_the_risk_that_leaving_hides():
    rng = np.random.default_rng(1)
    event_day, leave_day = rng.exponential(900, 60_000), rng.exponential(600, 60_000)
    time = np.minimum(np.minimum(event_day, leave_day), 365).astype(int)
    event = (event_day < leave_day) & (event_day < 365)
    left = ~event & (leave_day < 365)
    weight = censoring.weights(time, left)
    truth = 1 - np.exp(-365 / 900)
    assert event.mean() < truth - 0.05
    assert np.average(event, weights=weight) == pytest.approx(truth, abs=0.01)


def test_the_test_weeks_begin_a_window_after_the_last_training_week_and_history_comes_first():
    con = small_world(300)
    outcome = next(iter(models.load_outcomes().values()))
    weeks = models.training_weeks(con, data_date=END)
    assert all(w.weekday() == 0 for w in weeks.all)
    assert weeks.test[0] - weeks.train[-1] >= dt.timedelta(days=outcome.window_days)
    assert weeks.train[0] - panel.history_start(con, END) >= dt.timedelta(weeks=104)
    assert outcome.closes(weeks.test[-1]) <= END
    assert weeks.recent == (*weeks.test, END), "what holds on a Monday itself waits for no window"


def test_too_short_a_history_is_said_in_a_sentence():
    with pytest.raises(models.ModelError, match="the history is too short for emergency_admission_12m"):
        models.training_weeks(small_world(300), data_date=dt.date(2023, 1, 2))


def test_no_hospital_stay_is_said_in_a_sentence():
    con = small_world(50)
    con.execute("delete from inpatient_spell")
    with pytest.raises(models.ModelError, match="no hospital stay is known"):
        models.training_weeks(con, data_date=END)


def test_people_fall_evenly_and_always_alike_into_parts_and_folds():
    person = np.random.default_rng(2).integers(0, 2**62, 50_000)
    assert panel.is_test_person(person).mean() == pytest.approx(panel.TEST_SHARE, abs=0.01)
    assert np.bincount(panel.fold_of(person)).min() > 50_000 / panel.FOLDS * 0.95
    order = np.argsort(person)
    assert (panel.fold_of(person)[order] == panel.fold_of(person[order])).all()


def test_calibration_mends_predictions_that_are_too_sure():
    rng = np.random.default_rng(3)
    truth = rng.normal(-1.5, 1, 40_000)
    event = rng.random(40_000) < 1 / (1 + np.exp(-truth))
    raw = 1 / (1 + np.exp(-(2 * truth + 1)))
    line = calibration.fit(raw, event, np.ones(40_000))
    assert (line.slope, line.intercept) == (pytest.approx(0.5, abs=0.03), pytest.approx(-0.5, abs=0.05))


@pytest.fixture(scope="module")
def tested() -> tuple[np.ndarray, evaluation.TestRows]:
    """Well calibrated predictions with ties, some rows of unknown fate, 30 practices."""
    rng = np.random.default_rng(4)
    n = 6000
    p = np.round(1 / (1 + np.exp(-rng.normal(-1.5, 1, n))), 2).clip(0.01, 0.99)
    weight = np.where(rng.random(n) < 0.1, 0.0, rng.uniform(1, 1.5, n))
    return p, evaluation.TestRows(rng.random(n) < p, weight, rng.integers(0, 30, n))


def test_metrics_agree_with_scikit_learn_on_weighted_rows_with_ties(tested):
    p, rows = tested
    found = {name: values[0] for name, values in evaluation.replicates(p, rows).items()}
    told = rows.weight > 0
    y, w, x = rows.event[told], rows.weight[told], calibration.log_odds(p[told])
    assert found["auroc"] == pytest.approx(roc_auc_score(y, p[told], sample_weight=w))
    assert found["auprc"] == pytest.approx(average_precision_score(y, p[told], sample_weight=w))
    assert found["brier"] == pytest.approx(np.average((y - p[told]) ** 2, weights=w))
    fitted = LogisticRegression(C=np.inf, tol=1e-10).fit(x[:, None], y, sample_weight=w)
    assert found["calibration_slope"] == pytest.approx(fitted.coef_[0, 0], abs=1e-4)
    assert found["calibration_intercept"] == pytest.approx(fitted.intercept_[0], abs=1e-4)
    assert found["observed_over_expected"] == pytest.approx((w * y).sum() / (w * p[told]).sum())


def test_a_one_step_refit_is_close_to_a_full_refit_of_a_replicate(tested):
    p, rows = tested
    replicate = evaluation.replicates(p, rows)["calibration_slope"][5]
    times = rows.draws()[5][rows.practice]
    beta = calibration.newton(calibration.log_odds(p), rows.event.astype(float), rows.weight * times)[0]
    assert replicate == pytest.approx(beta[1], abs=0.01)


def test_the_fast_way_to_replicates_of_the_auroc_gives_the_same(tested):
    p, rows = tested
    found = evaluation.brief(p, rows)
    every = evaluation.replicates(p, rows)
    for name, values in found.items():
        assert values == pytest.approx(every[name], abs=1e-9), name


def test_predictive_value_and_sensitivity_at_a_list_share_a_tie_out_evenly():
    predicted = np.array([0.9, 0.5, 0.5, 0.5, 0.5, 0.1, 0.1, 0.1, 0.1, 0.1])
    event = np.array([1, 1, 0, 0, 1, 0, 0, 0, 0, 1], dtype=bool)
    found = evaluation.replicates(predicted, evaluation.TestRows(event, np.ones(10), np.arange(10)))
    assert found["ppv_top_10_percent"][0] == 1
    assert found["sensitivity_top_10_percent"][0] == 1 / 4
    assert found["ppv_top_5_percent"][0] == pytest.approx(1)


def test_intervals_cover_the_estimate_and_narrow_with_more_practices(tested):
    p, rows = tested
    coarse = evaluation.TestRows(rows.event, rows.weight, rows.practice // 10)
    fine = evaluation.summary(evaluation.replicates(p, rows))["observed_over_expected"]
    assert fine["low"] < fine["estimate"] < fine["high"]
    assert fine["low"] < 1 < fine["high"]
    assert evaluation.interval(evaluation.replicates(p, coarse)["auroc"])["estimate"] > 0.5


GOOD = {"estimate": 1.0, "low": 0.9, "high": 1.1}
WIDE_OFF = {"estimate": 0.7, "low": 0.55, "high": 0.9}
PRECISE = {"estimate": 0.96, "low": 0.94, "high": 0.98}
BETTER = {"estimate": 0.05, "low": 0.02, "high": 0.08}
NOT_SURELY = {"estimate": 0.05, "low": -0.01, "high": 0.11}
WORSE = {"estimate": -0.05, "low": -0.08, "high": -0.02}
USEFUL = {"estimate": 4.0, "low": 1.0, "high": 9.0}
STEADY = {"estimate": 0.7, "low": 0.6, "high": 0.8}
UNSTEADY = {"estimate": 0.3, "low": 0.2, "high": 0.4}
LADDER = ("age_sex", "frailty_index", BOOSTED)


def answers(group: str = "passes", worth=USEFUL, steady=STEADY, **changed: dict[str, float]) -> list[gate.Test]:
    metrics = {"calibration_slope": GOOD, "observed_over_expected": GOOD, **changed}
    groups = [{"grouping": "sex", "group": "women", "verdict": group}]
    return gate.ask(metrics, groups, worth, steady)


def decide(tests=None, *, first=BETTER, between=BETTER, has_champion=False, events=500, against=None) -> gate.Decision:
    """``first``: of every step over age and sex; ``between``: of the boosted trees over the frailty index."""
    asked = {name: answers() for name in LADDER} | (tests or {})
    minus = {
        BOOSTED: {"age_sex": first, "frailty_index": between},
        "frailty_index": {"age_sex": first, BOOSTED: NOT_SURELY},
        "age_sex": {"frailty_index": WORSE, BOOSTED: WORSE},
    }
    versus = None if against is None else dict.fromkeys(LADDER, against)
    return gate.decide(asked, minus, has_champion=has_champion, against_champion=versus, events=events)


def test_the_boosted_model_becomes_champion_when_surely_better_than_every_step_and_calibrated():
    assert (decide().promoted, decide().status) == (BOOSTED, "champion")
    assert decide({BOOSTED: answers(calibration_slope=PRECISE)}).promoted == BOOSTED


def test_a_simpler_step_that_is_not_surely_beaten_is_champion_and_the_reasons_say_so():
    decision = decide(between=NOT_SURELY)
    assert (decision.promoted, decision.status) == ("frailty_index", "champion")
    assert "frailty_index is the simplest that passes" in decision.reasons[0]


def test_a_better_point_alone_does_not_pass_and_the_simplest_is_shown_as_not_yet_validated():
    decision = decide(first=NOT_SURELY)
    assert (decision.promoted, decision.status) == ("age_sex", "first model, not yet validated")


@pytest.mark.parametrize(
    "kept_out",
    [
        answers(calibration_slope=WIDE_OFF),
        answers(group="does not pass"),
        answers(worth={"estimate": -4.0, "low": -9.0, "high": -1.0}),
        answers(steady=UNSTEADY),
    ],
)
def test_calibration_a_group_net_benefit_or_stability_outside_its_limits_keeps_a_model_out(kept_out):
    decision = decide({BOOSTED: kept_out})
    assert decision.promoted == "frailty_index"
    assert any(BOOSTED in reason and "does not pass" in reason for reason in decision.reasons)


def test_a_group_that_cannot_be_assessed_blocks_nothing():
    assert decide({BOOSTED: answers(group="not assessable")}).promoted == BOOSTED


def test_when_no_candidate_passes_calibration_no_model_may_be_shown():
    off = answers(observed_over_expected=WIDE_OFF)
    assert decide({"age_sex": off, BOOSTED: off}).promoted == "frailty_index"
    none = decide(dict.fromkeys(LADDER, off))
    assert none.promoted is None
    assert "no model may be shown" in none.reasons[-1]


def test_a_champion_stays_when_the_new_model_does_not_pass_or_is_surely_worse():
    for decision in (decide(first=NOT_SURELY, has_champion=True), decide(has_champion=True, against=WORSE)):
        assert (decision.promoted, decision.status) == (None, "challenger")
    assert decide(has_champion=True, against=NOT_SURELY).promoted == BOOSTED


def test_with_few_events_nothing_is_judged():
    decision = decide(events=49)
    assert (decision.promoted, decision.status) == ("age_sex", "first model, not yet validated")
    assert "fewer than 50" in decision.reasons[0]


def test_the_share_of_a_list_that_another_model_has_too_is_that_of_a_hand_worked_example():
    rows = evaluation.TestRows(np.zeros(20) > 0, np.zeros(20), np.arange(20) // 2)
    one = np.arange(20.0)
    assert stability.overlap(one, one, rows, 0.2)["estimate"] == 1
    assert stability.overlap(one, -one, rows, 0.2)["estimate"] == 0
    other = np.where(one < 2, one + 100, one)  # two of the lowest are the highest by the other
    found = stability.overlap(one, other, rows, 0.2)
    assert found["estimate"] == 0.5
    assert found["low"] < 0.5 < found["high"]
    assert stability.overlap(one, np.zeros(20), rows, 0.2)["estimate"] == pytest.approx(0.2), "a tie is shared out"


def test_weeks_are_compared_among_people_who_are_in_both():
    weeks = [END, END, END, END + dt.timedelta(weeks=13), END + dt.timedelta(weeks=13), END + dt.timedelta(weeks=13)]
    keys = pl.DataFrame({"week": weeks, "person_id": [1, 2, 3, 1, 2, 4]})
    rows = evaluation.TestRows(np.zeros(6) > 0, np.zeros(6), np.array([0, 1, 0, 0, 1, 1]))
    found = stability.between_weeks(np.array([0.9, 0.1, 0.5, 0.2, 0.8, 0.9]), keys, rows, 0.5)
    assert (found["weeks"], found["people"], found["overlap"]["estimate"]) == (13, 2, 0)
    first = keys.head(3)
    assert stability.between_weeks(np.array([0.9, 0.1, 0.5]), first, rows.only(np.arange(6) < 3), 0.5) == {}


def test_a_fingerprint_of_rows_changes_with_a_value_a_person_and_a_fate():
    def rows(*, value: float = 2.0, person: int = 7, event: bool = True) -> str:
        keys = pl.DataFrame({"week": [END, END], "person_id": [1, person]})
        part = panel.Part(keys, np.array([[1.0, np.nan], [value, 3.0]], np.float32))
        return fingerprints.of_rows(part, np.array([False, event]), None)

    assert rows() == rows()
    assert len({rows(), rows(value=2.5), rows(person=8), rows(event=False)}) == 4


def test_incidence_with_death_competing_agrees_with_weighting_at_the_end_of_the_window():
    rng = np.random.default_rng(8)
    n, window = 4000, 365
    event, death, left = rng.exponential(700, n), rng.exponential(1200, n), rng.exponential(900, n)
    first = np.minimum.reduce([event, death, left, np.full(n, float(window))])
    time_days = np.floor(first).astype(np.int64)
    happened, died = (first == event), (first == death)
    weight = censoring.weights(time_days, first == left)
    weighted = np.average(happened, weights=weight)
    by_day = horizon.incidence(time_days, happened, died, [0, 91, 182, 365])
    assert by_day == sorted(by_day)
    assert by_day[0] == 0
    assert by_day[-1] == pytest.approx(weighted, abs=1e-3)
    assert by_day[-1] < 1 - np.exp(-window / 700), "those who died first had no event"


def test_the_highest_risks_are_followed_apart_from_the_rest():
    predicted = np.linspace(0.9, 0.0, 200)
    event = np.arange(200) < 20
    rows = evaluation.TestRows(event, np.ones(200), np.arange(200) % 4)
    found = horizon.check(predicted, rows, np.where(event, 100, 365), np.zeros(200) > 0, 365)
    assert [b["band"] for b in found] == ["highest 5 %", "next 15 %", "all others"]
    assert [b["incidence"][-1] for b in found] == pytest.approx([1, 1 / 3, 0], abs=1e-5)
    assert found[0]["incidence"][0] == 0
    assert [b["observed"]["estimate"] for b in found] == pytest.approx([1, 1 / 3, 0], abs=1e-5)


def a_comparator() -> Candidate:
    fitted = logistic.Logistic((logistic.Term("age", scale=10),), -3.0, (0.25,))
    return Candidate("age_sex", ("age",), logistic=fitted)


def test_a_kept_model_reads_back_and_has_the_same_id_when_kept_again(tmp_path):
    model_id, _ = registry.keep(tmp_path, a_comparator(), about={"outcome": "x"}, metrics={"auroc": 0.7})
    again, _ = registry.keep(tmp_path, a_comparator(), about={"outcome": "x"}, metrics={"auroc": 0.7})
    other, _ = registry.keep(tmp_path, a_comparator(), about={"outcome": "x"}, metrics={"auroc": 0.8})
    assert model_id == again != other
    values = np.array([[80.0], [np.nan]], dtype=np.float32)
    assert registry.load(tmp_path, model_id).candidate.predict(["age"], values, threads=1) == pytest.approx(
        [1 / (1 + np.exp(1.0)), 1 / (1 + np.exp(3.0))], abs=1e-6
    )


@pytest.mark.parametrize("file", ["coefficients.json", "metrics.json", "about.json", "manifest.json"])
def test_a_damaged_model_folder_is_refused_with_a_sentence(file, tmp_path):
    model_id, folder = registry.keep(tmp_path, a_comparator(), about={"outcome": "x"}, metrics={})
    content = bytearray((folder / file).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / file).write_bytes(bytes(content))
    with pytest.raises(models.ModelError, match="restore"):
        registry.load(tmp_path, model_id)


def test_a_folder_renamed_or_with_a_rewritten_manifest_is_refused(tmp_path):
    model_id, folder = registry.keep(tmp_path, a_comparator(), about={"outcome": "x"}, metrics={})
    metrics = folder / "metrics.json"
    metrics.write_text(json.dumps({"auroc": 0.99}), encoding="utf-8")
    registry.write_manifest(folder, model_id)
    with pytest.raises(models.ModelError, match="not what its name says"):
        registry.load(tmp_path, model_id)
    with pytest.raises(models.ModelError, match="there is no model 0123"):
        registry.load(tmp_path, "0123")


def test_a_week_is_scored_by_the_model_promoted_on_or_before_it(tmp_path):
    for week, model_id in [("2025-01-06", "first"), ("2025-02-03", "second")]:
        registry.promote(tmp_path, registry.Promotion("o", week, model_id, "champion", ()))

    def chosen(week: str):
        promotion, retrospective = registry.promoted_for(tmp_path, "o", dt.date.fromisoformat(week))
        return promotion.model_id, retrospective

    assert chosen("2025-01-06") == ("first", False)
    assert chosen("2025-01-27") == ("first", False)
    assert chosen("2025-02-10") == ("second", False)
    assert chosen("2024-12-30") == ("first", True)
    assert registry.promoted_for(tmp_path, "other", dt.date(2025, 1, 6)) is None


def test_promoting_the_same_again_is_written_once(tmp_path):
    promotion = registry.Promotion("o", "2025-01-06", "first", "champion", ("why",))
    registry.promote(tmp_path, promotion)
    registry.promote(tmp_path, promotion)
    assert registry.promotions(tmp_path) == [promotion]


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux wheels of LightGBM need the system's OpenMP"
)
def test_the_bundled_openmp_runtime_can_stand_in_for_the_systems():
    code = (
        "import ctypes; from models._openmp import bundled_runtime, load_renamed; "
        "load_renamed(bundled_runtime()); print(ctypes.CDLL('libgomp.so.1').omp_get_max_threads() > 0); "
        "print('/libgomp.so.1 (deleted)' in open('/proc/self/maps').read())"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["True", "True"]
