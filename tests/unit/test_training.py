"""Training on a small artificial record: kept, tested, promoted, scored, the same in every run."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest

import features
import models
from data_contracts.words import refused_in
from features.declaration import DECLARED, FeatureSet, load_features
from models import boosting, ladder, registry
from models.drift import newest_closed
from models.fitting import Material, fates
from models.panel import Part, is_test_person, read_part
from models.scoring import shadow_week
from models.shadow import side_by_side
from models.silence import ALL_OF_A_PRACTICE, silenced, silences
from models.training import opted_out
from tests.small_world import END, small_world
from tests.tiny_record import tiny_codelists

WEEK = END


class World:
    """A record, its matrices, and what training made of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.declared: FeatureSet = tiny_codelists(folder / "codelists")
        self.con: duckdb.DuckDBPyConnection = small_world(4300)
        self.weeks = models.training_weeks(self.con, data_date=END)
        self.feature = folder / "feature"
        features.build_matrix(
            self.con, [*self.weeks.all, WEEK], out=self.feature, declared=self.declared, cohort_only=True
        )
        self.report = self.train("model")

    def train(
        self, name: str, *, threads: int = 2, outcomes: Sequence[str] = (), thorough: bool = False
    ) -> models.ModelReport:
        return models.train(
            self.con,
            data_date=END,
            feature_folder=self.feature,
            model_folder=self.folder / name,
            week=WEEK,
            threads=threads,
            declared=self.declared,
            outcomes=outcomes,
            thorough=thorough,
        )

    def score(self, week: dt.date, **changed: Any) -> pl.DataFrame:
        places = {"feature_folder": self.feature, "model_folder": self.folder / "model", "out": self.folder / "score"}
        return pl.read_parquet(models.score_week(week, **{**places, **changed}))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("world"))


def test_the_hidden_frailty_is_found_and_the_model_becomes_champion(world):
    primary = world.report.outcomes[0]
    assert (primary.outcome, primary.status) == ("emergency_admission_12m", "champion")
    assert primary.metrics["lightgbm"]["auroc"]["estimate"] > primary.metrics["age_sex"]["auroc"]["estimate"] + 0.03


@pytest.mark.slow
def test_training_again_with_another_number_of_threads_keeps_the_same_models(world):
    again = world.train("model_one_thread", threads=1, outcomes=["emergency_admission_12m"])
    assert [o.kept for o in again.outcomes] == [o.kept for o in world.report.outcomes[:1]]
    for model_id in again.outcomes[0].kept.values():
        one, two = (world.folder / name / model_id / "manifest.json" for name in ("model_one_thread", "model"))
        assert (
            json.loads(one.read_text())["files"].items()
            >= {k: v for k, v in json.loads(two.read_text())["files"].items() if not k.startswith("card")}.items()
        )


def test_every_step_of_the_ladder_is_measured_on_the_same_people_and_the_champion_is_none_that_is_surely_beaten(world):
    primary = world.report.outcomes[0]
    steps = ["age_sex", "prior_admissions", "frailty_index", "penalised_logistic", "lightgbm"]
    assert [s for s in primary.metrics if s in steps] == steps
    assert list(primary.metrics)[-2:] == steps[-2:]
    name = next(n for n, model_id in primary.kept.items() if model_id == primary.published)
    kept = models.load(world.folder / "model", primary.published)
    later = list(primary.metrics)[list(primary.metrics).index(name) + 1 :]
    assert all(-kept.metrics["minus"][other]["auroc"]["low"] >= 0 for other in later)
    assert "is the simplest that passes" in primary.reasons[0]
    assert primary.reasons[0] in (kept.folder / "card.md").read_text(encoding="utf-8")


def test_a_source_that_falls_silent_after_training_is_not_read_as_zero(world):
    kept = models.load(world.folder / "model", world.report.outcomes[0].kept["lightgbm"])
    names = list(kept.candidate.features)
    matrix = pl.read_parquet(world.feature / f"week={WEEK}" / "matrix.parquet", columns=names).to_numpy()
    silent = silences(world.declared, names)
    every = kept.candidate.predict(names, matrix, threads=1).mean()
    for table, columns in silent.items():
        unknown = kept.candidate.predict(names, silenced(matrix, columns), threads=1)
        assert unknown.mean() == pytest.approx(every, rel=0.2), table
    assert set(kept.metrics["more"]["silent"]) == set(silent)
    learn = read_part(world.feature, world.weeks.train, world.declared, test=False, leave_out=pl.Series(dtype=pl.Int64))
    material = Material(world.weeks, learn, learn, world.declared, END, 1)
    known = fates(world.con, models.load_outcomes()["emergency_admission_12m"], learn, material)
    (deaf,) = boosting.train_but(names, learn.values, known.event, known.weight, threads=1)
    gone = silenced(matrix, silent[ALL_OF_A_PRACTICE])
    misled = boosting.predict(deaf, gone, threads=1).mean() / boosting.predict(deaf, matrix, threads=1).mean()
    heard = kept.candidate.predict(names, gone, threads=1).mean() / every
    assert abs(np.log(misled)) > 2 * abs(np.log(heard))


def test_contributions_add_up_to_the_prediction_for_trees_and_for_regressions(world):
    for name in ("lightgbm", "penalised_logistic", "age_sex"):
        candidate = models.load(world.folder / "model", world.report.outcomes[0].kept[name]).candidate
        names = list(candidate.features)
        matrix = pl.read_parquet(world.feature / f"week={WEEK}" / "matrix.parquet", columns=names).to_numpy()[:60]
        parts = candidate.contributions(names, matrix, threads=1)
        assert parts.shape == (60, len(names) + 1)
        assert 1 / (1 + np.exp(-parts.sum(axis=1))) == pytest.approx(
            candidate.predict(names, matrix, threads=1), abs=2e-6
        )


def test_themes_of_a_listed_person_add_up_to_the_score(world):
    scores = world.score(WEEK).filter(outcome="emergency_admission_12m").sort("score", descending=True)
    listed = scores["person_id"][:25].to_list()
    for name in ("lightgbm", "penalised_logistic", "prior_admissions"):
        folder = world.folder / f"explained_{name}"
        shutil.copytree(world.folder / "model", folder)
        (folder / "registry.json").unlink()
        models_id = world.report.outcomes[0].kept[name]
        registry.promote(folder, models.Promotion("emergency_admission_12m", f"{WEEK}", models_id, "champion", ()))
        found = models.themes_of(world.feature, folder, WEEK, listed, declared=world.declared)
        score = world.score(WEEK, model_folder=folder, out=folder).filter(outcome="emergency_admission_12m")
        total = found.group_by("person_id").agg(log_odds=pl.col("effect").sum() + pl.col("start").first())
        both = total.join(score, on="person_id")
        assert both.height == 25
        assert 1 / (1 + np.exp(-both["log_odds"].to_numpy())) == pytest.approx(both["score"].to_numpy(), abs=2e-5)
        assert not found["theme"].is_in(list(world.declared.by_name)).any()
        said = (
            found.filter("said")
            .group_by("person_id")
            .agg(raises=(pl.col("effect") > 0).sum(), lowers=(pl.col("effect") < 0).sum())
        )
        assert said["raises"].max() <= 3
        assert said["lowers"].max() <= 2


def test_expected_days_are_kept_judged_and_scored_like_risks(world, tmp_path):
    found = next(o for o in world.report.outcomes if o.outcome == "emergency_bed_days_12m")
    assert [*found.metrics] == [
        "age_sex",
        "prior_bed_nights",
        "frailty_index",
        "penalised_poisson",
        "lightgbm_hurdle",
    ]
    hurdle = models.load(world.folder / "model", found.kept["lightgbm_hurdle"])
    assert found.metrics["lightgbm_hurdle"]["concentration"]["low"] > 0.6
    promotion = models.Promotion(found.outcome, f"{WEEK}", hurdle.model_id, "champion", ())
    shutil.copytree(world.folder / "model", tmp_path / "model")
    registry.promote(tmp_path / "model", promotion)
    days = world.score(WEEK, model_folder=tmp_path / "model", out=tmp_path).filter(outcome=found.outcome)["score"]
    seen = found.metrics["lightgbm_hurdle"]["mean_days"]["estimate"]
    assert 0.5 * seen < days.mean() < 2 * seen
    assert days.max() > 2
    card = (hurdle.folder / "card.md").read_text(encoding="utf-8")
    assert "share of all days, highest 5 %" in card
    assert "AUROC minus" not in card
    with pytest.raises(models.ModelError, match="no sum of themes"):
        models.themes_of(world.feature, tmp_path / "model", WEEK, [1], outcome=found.outcome, declared=world.declared)


def test_nobody_is_explained_by_the_outcome_that_has_no_number(world):
    with pytest.raises(models.ModelError, match="computed for nobody"):
        models.themes_of(world.feature, world.folder / "model", WEEK, [1], outcome="death_12m")
    assert "death_12m" not in world.score(WEEK)["outcome"].to_list()


def test_no_person_is_in_both_parts_and_those_who_opted_out_are_in_neither(world):
    nobody = pl.Series(dtype=pl.Int64)
    learn = read_part(world.feature, world.weeks.train, world.declared, test=False, leave_out=nobody)
    check = read_part(world.feature, world.weeks.test, world.declared, test=True, leave_out=nobody)
    a, b = set(learn.keys["person_id"]), set(check.keys["person_id"])
    assert a.isdisjoint(b)
    assert is_test_person(check.keys["person_id"].to_numpy()).all()
    out = pl.Series(sorted(a)[:10])
    fewer = read_part(world.feature, world.weeks.train, world.declared, test=False, leave_out=out)
    assert set(fewer.keys["person_id"]) == a - set(out)


def test_opted_out_people_are_read_from_the_policy(world):
    con = small_world(5)
    row = {"person_id": [1], "opt_out_type": ["national"], "start_date": [dt.date(2024, 1, 1)]}
    frame = pl.DataFrame({**row, "known_from": [dt.date(2024, 1, 2)]}).to_arrow()
    con.register("incoming", frame)
    con.execute("insert into opt_out by name select * from incoming")
    assert opted_out(con, END).to_list() == [1]
    assert opted_out(con, dt.date(2024, 1, 1)).to_list() == []


def test_scores_are_probabilities_of_the_cohort_sorted_by_person(world):
    scores = world.score(WEEK)
    primary = scores.filter(outcome="emergency_admission_12m")
    assert primary["person_id"].to_list() == features.cohort(world.feature, WEEK)["person_id"].to_list()
    assert primary["score"].is_between(0, 1).all()
    assert (primary["score"] * 1e6 - (primary["score"] * 1e6).round(0)).abs().max() < 1e-4
    assert primary["model_id"].unique().to_list() == [world.report.outcomes[0].published]
    assert not primary["retrospective_flag"].any()


def test_scoring_twice_gives_the_same(world):
    assert world.score(WEEK).equals(world.score(WEEK, threads=1))


def test_a_week_before_the_promotion_is_marked_retrospective(world):
    assert world.score(world.weeks.test[-1])["retrospective_flag"].all()


def test_a_week_without_a_promoted_model_is_said_in_a_sentence(world, tmp_path):
    with pytest.raises(models.ModelError, match="no model has been promoted for emergency_admission_12m"):
        world.score(WEEK, model_folder=tmp_path)


def test_a_week_without_features_is_said_in_a_sentence(world, tmp_path):
    with pytest.raises(models.ModelError, match="compute that week first"):
        world.score(WEEK, feature_folder=tmp_path)


def test_features_declared_otherwise_than_the_models_are_refused(world, tmp_path):
    shutil.copytree(world.declared.codelists, tmp_path / "codelists")
    (tmp_path / "codelists" / "falls.csv").write_text("code\n77\n", encoding="utf-8")
    other = load_features(DECLARED, tmp_path / "codelists")
    features.build_matrix(world.con, [WEEK], out=tmp_path / "feature", declared=other, cohort_only=True)
    with pytest.raises(models.ModelError, match="declared differently"):
        world.score(WEEK, feature_folder=tmp_path / "feature")


def test_a_missing_training_week_is_said_in_a_sentence(world, tmp_path):
    with pytest.raises(models.ModelError, match="compute that week first"):
        models.train(
            world.con,
            data_date=END,
            feature_folder=tmp_path,
            model_folder=tmp_path,
            week=WEEK,
            threads=1,
            declared=world.declared,
        )


def test_too_few_events_are_said_in_a_sentence(world, tmp_path):
    con = small_world(4300)
    con.execute("delete from inpatient_spell where emergency_flag and admission_date > date '2020-01-01'")
    with pytest.raises(models.ModelError, match="a model needs at least 50 of each"):
        models.train(
            con,
            data_date=END,
            feature_folder=world.feature,
            model_folder=tmp_path,
            week=WEEK,
            threads=1,
            declared=world.declared,
        )


def test_the_card_says_what_it_is_for_and_what_it_is_not(world):
    kept = models.load(world.folder / "model", world.report.outcomes[0].published)
    text = (kept.folder / "card.md").read_text(encoding="utf-8")
    page = (kept.folder / "card.html").read_text(encoding="utf-8")
    for heading in ("Intended use", "Participants", "Outcome", "Predictors", "Performance", "Limits", "Provenance"):
        assert heading.lower() in text.lower()
        assert heading.lower() in page.lower()
    for said in (text, page):
        assert "Demonstration: not for clinical use" in said
        assert "Not for: diagnosis" in said
    for measured in (
        "Groups of people",
        "Decision curve",
        "Gate",
        "Stability",
        "Silent sources",
        "Beside published figures",
    ):
        assert f"## {measured}" in text
    assert "network 0" in text
    assert "more would have to be seen" in text
    assert "13 weeks later" in text
    for band in kept.metrics["horizon"]:
        assert band["incidence"][-1] == pytest.approx(band["observed"]["estimate"], abs=0.01)
    assert "learned from other people" in text
    regression = models.load(world.folder / "model", world.report.outcomes[0].kept["penalised_logistic"]).about
    assert list(regression["dependence"]["partial"]) == list(regression["importance"])[:8]
    trees = models.load(world.folder / "model", world.report.outcomes[0].kept["lightgbm"])
    drives = (trees.folder / "card.md").read_text(encoding="utf-8")
    assert "Strongest interactions" in drives
    assert refused_in(drives) == []
    assert page.count("<figure") == 2
    assert page.count("Plotly.newPlot") == 2
    assert refused_in(text) == []


def test_a_damaged_champion_is_refused_before_anything_is_scored(world, tmp_path):
    shutil.copytree(world.folder / "model", tmp_path / "model")
    model = tmp_path / "model" / world.report.outcomes[0].published / "features.json"
    model.write_text(model.read_text(encoding="utf-8").replace("age", "rage", 1), encoding="utf-8")
    with pytest.raises(models.ModelError, match=r"damaged \(features.json\)"):
        world.score(WEEK, model_folder=tmp_path / "model", out=tmp_path)
    assert list(tmp_path.glob("week=*")) == []


def test_a_challenger_scores_in_shadow_apart_from_the_scores_and_is_compared_with_the_champion(world):
    shadow = shadow_week(
        WEEK, feature_folder=world.feature, model_folder=world.folder / "model", out=world.folder / "shadow"
    )
    assert shadow is not None
    scored = world.score(WEEK)
    told = pl.read_parquet(shadow)
    for outcome in ("emergency_admission_12m", "emergency_admission_90d"):
        mine, theirs = (f.filter(pl.col("outcome") == outcome) for f in (scored, told))
        assert mine["person_id"].to_list() == theirs["person_id"].to_list()
        assert set(mine["model_id"]).isdisjoint(theirs["model_id"])
    assert told["model_status"].unique().to_list() == ["challenger, in shadow"]
    one, other = (f.filter(pl.col("outcome") == outcome)["model_id"][0] for f in (scored, told))
    folders = {"score_folder": world.folder / "score", "shadow_folder": world.folder / "shadow"}
    about = models.load_outcomes()[outcome]
    now = side_by_side(world.con, about, one, other, data_date=END, **folders)
    assert now.weeks["closed"].to_list() == [False]
    assert now.metrics is None
    later = side_by_side(world.con, about, one, other, data_date=END + dt.timedelta(days=300), **folders)
    assert later.weeks["spearman"][0] > 0.3
    assert later.metrics is not None
    assert later.metrics["metric"][0] == "auroc"


def test_before_any_training_nothing_scores_in_shadow(world, tmp_path):
    assert shadow_week(WEEK, feature_folder=world.feature, model_folder=tmp_path, out=tmp_path) is None


def test_a_matrix_without_a_feature_of_the_model_is_said_in_a_sentence(world, tmp_path):
    shutil.copytree(world.feature / f"week={WEEK}", tmp_path / f"week={WEEK}")
    path = tmp_path / f"week={WEEK}" / "matrix.parquet"
    pl.read_parquet(path).drop("age").write_parquet(path)
    with pytest.raises(models.ModelError, match=r"has no feature '\w+', which the model reads"):
        world.score(WEEK, feature_folder=tmp_path)


def test_a_feature_that_the_model_never_saw_changes_no_score(world, tmp_path):
    shutil.copytree(world.feature / f"week={WEEK}", tmp_path / f"week={WEEK}")
    path = tmp_path / f"week={WEEK}" / "matrix.parquet"
    pl.read_parquet(path).with_columns(never_seen=pl.lit(1.0)).write_parquet(path)
    assert world.score(WEEK, feature_folder=tmp_path, out=tmp_path / "out").equals(world.score(WEEK))


def test_a_feature_that_nobody_has_a_value_of_is_named_and_tells_the_model_nothing(world):
    nobody = pl.Series(dtype=pl.Int64)
    part = read_part(world.feature, world.weeks.train, world.declared, test=False, leave_out=nobody)
    values = part.values.copy()
    values[:, world.declared.model_names.index("rockwood_score")] = np.nan
    material = Material(world.weeks, Part(part.keys, values), part, world.declared, END, 1)
    assert "rockwood_score" in material.unknown_for_everyone
    known = fates(world.con, models.load_outcomes()["emergency_admission_12m"], part, material)
    fitted = ladder.fit_penalised(world.declared, material.names, values, known.event, known.weight)
    assert all(term.unknown for term in fitted.terms if term.feature == "rockwood_score")
    assert np.isfinite(fitted.predict(material.names, values)).all()
    kept = models.load(world.folder / "model", world.report.outcomes[0].kept["lightgbm"])
    assert kept.about["unknown_for_everyone"] == [*world.report.unknown]


def test_a_week_scored_before_the_training_says_so_in_every_row_and_none_is_kept_for_evaluation(world):
    early = world.score(world.weeks.test[-1])
    assert early["retrospective_flag"].all()
    found = newest_closed(
        world.con, models.load_outcomes()["emergency_admission_12m"], score_folder=world.folder / "score", data_date=END
    )
    assert found is None


@pytest.mark.slow
def test_every_outcome_is_trained_without_sources_that_a_board_may_not_hold_and_the_card_says_what_is_lost(world):
    found = world.train("thorough", outcomes=["emergency_admission_90d", "emergency_bed_days_12m"], thorough=True)
    for outcome, top in zip(found.outcomes, ("lightgbm", "lightgbm_hurdle"), strict=True):
        kept = models.load(world.folder / "thorough", outcome.kept[top])
        fewer = kept.metrics["more"]["fewer_sources"]
        assert list(fewer) == ["without social care", "without social care and community services"]
        assert all(-0.2 < lost["minus_all_sources"]["estimate"] < 0.1 for lost in fewer.values())
        assert all(one["observed_over_expected"]["low"] <= 1.1 for one in fewer.values())
        assert all(one["observed_over_expected"]["high"] >= 0.9 for one in fewer.values())
        card = (kept.folder / "card.md").read_text(encoding="utf-8")
        assert "Trained and calibrated without sources that a board may lawfully not hold" in card
        assert "| without social care and community services |" in card
