"""What a person may do with kept models, and what is refused with a sentence."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from models import ModelError, Promotion, promotions, registry
from models.candidate import Candidate
from models.logistic import Logistic, Term
from models.promotion import compare, overview, promote, roll_back

WEEK = dt.date(2025, 2, 3)
PASSED = {"name": "calibration_slope", "passed": True, "says": "calibration slope 1.00 (0.90 to 1.10) passes"}
UNFAIR = {"name": "groups", "passed": False, "says": "outside the tolerances for sex: women: does not pass"}


def keep(
    folder: Path, coefficient: float, *tests: dict, declarations: str = "d", noise: float = 0.0, events: int = 500
) -> str:
    """A kept model whose predictions are of 2,000 people; the more noise the worse it ranks."""
    fitted = Logistic((Term("age", scale=10),), -3.0, (coefficient,))
    about = {
        "outcome": {"name": "o"},
        "declarations": declarations,
        "data_date": "2025-01-06",
        "test": {"events": events},
    }
    metrics = {"gate": list(tests), "metrics": {}}
    model_id, _ = registry.keep(folder, Candidate("age_sex", ("age",), logistic=fitted), about=about, metrics=metrics)
    rng = np.random.default_rng(5)
    risk = rng.normal(-1.5, 1, 2000)
    event = rng.random(2000) < 1 / (1 + np.exp(-risk))
    seen = 1 / (1 + np.exp(-(risk + noise * rng.normal(0, 1, 2000))))
    frame = pl.DataFrame({"week": [WEEK] * 2000, "person_id": np.arange(2000), "practice_code": np.arange(2000) % 20})
    frame = frame.with_columns(predicted=pl.Series(seen), event=pl.Series(event), weight=pl.lit(1.0))
    frame.write_parquet(folder / model_id / registry.PREDICTIONS)
    registry.write_manifest(folder / model_id, model_id)
    return model_id


def by_hand(folder: Path, model_id: str, week: dt.date = WEEK, **changed) -> Promotion:
    told = {"account": "a.clinician", "why": "agreed", "override": False, "declarations": "d"}
    return promote(folder, model_id, week, **{**told, **changed})


def test_a_promotion_is_written_with_who_and_why(tmp_path):
    model_id = keep(tmp_path, 0.2, PASSED)
    by_hand(tmp_path, model_id)
    (found,) = promotions(tmp_path)
    assert (found.model_id, found.status, found.decided_by, found.why) == (
        model_id,
        "champion",
        "a.clinician",
        "agreed",
    )


def test_what_has_not_passed_the_gate_needs_an_override_which_names_the_test(tmp_path):
    model_id = keep(tmp_path, 0.2, PASSED, UNFAIR)
    with pytest.raises(ModelError, match=r"not passed the gate .*sex: women.*--override"):
        by_hand(tmp_path, model_id)
    assert promotions(tmp_path) == []
    done = by_hand(tmp_path, model_id, override=True)
    assert (done.status, done.overridden) == ("champion by a named person's override", ("groups",))


def test_too_few_events_need_an_override(tmp_path):
    with pytest.raises(ModelError, match="12 events among the test people"):
        by_hand(tmp_path, keep(tmp_path, 0.2, PASSED, events=12))


@pytest.mark.parametrize("why", ["", "  "])
def test_a_decision_without_a_reason_is_refused(why, tmp_path):
    with pytest.raises(ModelError, match="say why"):
        by_hand(tmp_path, keep(tmp_path, 0.2, PASSED), why=why)


def test_a_model_does_not_score_a_week_before_its_data_nor_one_that_is_scored_nor_before_another_promotion(tmp_path):
    model_id = keep(tmp_path, 0.2, PASSED)
    with pytest.raises(ModelError, match=r"made from data known to 2025-01-06.*earlier week of 2024-12-30"):
        by_hand(tmp_path, model_id, dt.date(2024, 12, 30))
    with pytest.raises(ModelError, match="scored already"):
        by_hand(tmp_path, model_id, scored=[WEEK])
    by_hand(tmp_path, model_id)
    with pytest.raises(ModelError, match="a past week keeps its model"):
        by_hand(tmp_path, keep(tmp_path, 0.21, PASSED), WEEK - dt.timedelta(days=7))


def test_features_declared_otherwise_an_unknown_id_and_a_damaged_folder_are_each_a_sentence(tmp_path):
    with pytest.raises(ModelError, match="declared differently"):
        by_hand(tmp_path, keep(tmp_path, 0.2, PASSED, declarations="other"))
    with pytest.raises(ModelError, match="there is no model 0123"):
        by_hand(tmp_path, "0123")
    with pytest.raises(ModelError, match="is no id of a model"):
        by_hand(tmp_path, "../elsewhere")
    model_id = keep(tmp_path, 0.3, PASSED)
    (tmp_path / model_id / registry.PREDICTIONS).write_bytes(b"broken")
    with pytest.raises(ModelError, match="is damaged"):
        by_hand(tmp_path, model_id)
    assert "damaged" in overview(tmp_path)["state"].to_list()


def test_two_models_are_compared_on_the_people_that_both_were_tested_on(tmp_path):
    good, noisy = keep(tmp_path, 0.2, PASSED), keep(tmp_path, 0.3, PASSED, noise=3.0)
    found = compare(tmp_path, good, noisy)
    difference = found.metrics.row(0, named=True)
    assert difference["metric"] == "auroc"
    assert 0 < difference["low"] < difference["estimate"] < difference["high"]
    assert found.rows == 2000
    same = compare(tmp_path, good, good)
    assert found.metrics.drop_nulls().height == 5
    assert same.metrics["estimate"].to_list() == [0.0] * 5
    assert same.agreement == {"spearman": 1.0, "top_share_overlap": 1.0}


def test_a_model_that_ranks_surely_worse_than_the_champion_needs_an_override(tmp_path):
    by_hand(tmp_path, keep(tmp_path, 0.2, PASSED))
    with pytest.raises(ModelError, match="AUROC surely below that of the champion"):
        by_hand(tmp_path, keep(tmp_path, 0.3, PASSED, noise=3.0))


def test_rolling_back_puts_the_model_before_into_use_from_a_week_on_and_changes_no_past(tmp_path):
    first, second = keep(tmp_path, 0.2, PASSED), keep(tmp_path, 0.25, PASSED)
    by_hand(tmp_path, first)
    told = {"account": "a.clinician", "why": "drift", "declarations": "d"}
    later = [WEEK + dt.timedelta(weeks=n) for n in (1, 2)]
    with pytest.raises(ModelError, match="none to go back to"):
        roll_back(tmp_path, "o", later[0], **told)
    by_hand(tmp_path, second, later[0])
    roll_back(tmp_path, "o", later[1], **told)
    used = [registry.promoted_for(tmp_path, "o", week) for week in (WEEK, *later)]
    assert [u[0].model_id for u in used if u] == [first, second, first]
    assert registry.champion(tmp_path, "o").why == "drift"
    with pytest.raises(ModelError, match="no model was ever promoted"):
        roll_back(tmp_path, "unknown", later[1], **told)
