"""People in a state that nobody has coded: what is looked at, how many are expected, by whom they are found."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import features
import models
from models import hidden, registry
from models.fitting import Material
from models.job_hidden import train_hidden
from models.panel import PanelWeeks, Part
from outreach.objectives import with_priority
from pipelines.hidden import controlled
from tests.tiny_record import TinyRecord, code_of, tiny_codelists

WEEK = dt.date(2023, 1, 2)


def people(seed: int = 3, size: int = 16_000) -> tuple[Part, np.ndarray, list[str]]:
    """People of 40 practices: a fifth are in the state, which two features tell; good practices code most of them."""
    rng = np.random.default_rng(seed)
    state = rng.random(size) < 0.15
    practice = rng.integers(0, 40, size)
    coded = state & (rng.random(size) < np.where(practice < 16, 0.8, 0.1))
    visits, age = rng.poisson(np.where(state, 9, 0.4)), rng.normal(np.where(state, 88, 76), 5)
    values = np.column_stack([coded, visits, age]).astype(np.float32)
    ids = rng.permutation(size).astype(np.int64) * 7919
    keys = pl.DataFrame({"person_id": ids, "week": [WEEK] * size, "practice_code": [f"P{n:02}" for n in practice]})
    return Part(keys, values), state, ["housebound_coded", "gp_home_visits_365", "age"]


@pytest.fixture(scope="module")
def learned():
    part, state, names = people()
    declared = replace(features.load_features(), features=tuple(
        f for f in features.load_features().features if f.name in names
    ))  # fmt: skip
    part = Part(part.keys, part.values[:, [names.index(n) for n in declared.model_names]])
    return part, state, declared, hidden.fit(hidden.load_hidden(), part, declared, threads=2)


def test_as_many_are_expected_without_a_code_as_there_are_in_all_and_by_practice(learned):
    part, state, declared, found = learned
    coded = part.column(declared.model_names, "housebound_coded") >= 1
    chance = found.candidate.predict(declared.model_names, part.values, threads=2)
    score = hidden.of_uncoded(chance, coded, part.keys["practice_code"], found.candidate.share_coded)
    assert np.isnan(score[coded]).all()
    truth = (state & ~coded).sum()
    assert np.nansum(score) == pytest.approx(truth, rel=0.15)
    poor = part.keys["practice_code"].is_in([f"P{n:02}" for n in range(16, 40)]).to_numpy() & ~coded
    assert score[poor].sum() == pytest.approx((state & poor).sum(), rel=0.2)
    good = ~poor & ~coded
    assert score[good].mean() < 0.5 * score[poor].mean()


def test_codes_are_tested_by_the_chance_of_a_code_though_some_practices_code_far_more_than_others(learned, tmp_path):
    _, _, declared, _ = learned
    part, state, names = people(size=24_000)
    good = part.keys["practice_code"].is_in([f"P{n:02}" for n in range(16)]).to_numpy()
    values = part.values.copy()
    values[state & good, names.index("gp_home_visits_365")] += 20  # so trees can tell where people are coded
    part = Part(part.keys, values[:, [names.index(n) for n in declared.model_names]])
    other = np.arange(len(values)) % 3 == 0
    parts = part.only(~other), part.only(other)
    material = Material(PanelWeeks((WEEK,), (WEEK,), WEEK), *parts, declared, WEEK, 2)
    kept = registry.load(tmp_path, train_hidden(material, tmp_path, week=WEEK, account=""))
    share, found = kept.metrics["share_coded"], kept.metrics["metrics"]
    assert share["estimate"] < 0.75, "in good practices more are coded than in all"
    assert found["observed_over_expected"]["estimate"] == pytest.approx(1, abs=0.1)
    assert found["calibration_slope"]["estimate"] == pytest.approx(1, abs=0.1)


def test_nobody_without_a_code_is_taken_for_one_without_the_state(learned):
    part, state, declared, found = learned
    coded = part.column(declared.model_names, "housebound_coded") >= 1
    chance = found.candidate.predict(declared.model_names, part.values, threads=2)
    assert chance[state & ~coded].mean() > 0.8
    assert chance[~state].mean() < 0.05
    assert found.share_coded["low"] < coded[state].mean() * 1.1
    assert found.share_coded["high"] > coded[state].mean() * 0.9


def test_the_model_is_read_back_as_it_was_kept(learned, tmp_path):
    part, _, declared, found = learned
    model_id, _ = models.registry.keep(tmp_path, found.candidate, about={}, metrics={})
    read = models.load(tmp_path, model_id).candidate
    before, after = (c.predict(declared.model_names, part.values[:50], threads=1) for c in (found.candidate, read))
    assert (before == after).all()


def test_too_few_codes_are_said_in_a_sentence(learned):
    part, _, declared, _ = learned
    with pytest.raises(models.ModelError, match="coded person-weeks; a model needs at least 50"):
        hidden.fit(hidden.load_hidden(), Part(part.keys[:200], part.values[:200]), declared, threads=1)


def test_what_the_model_looks_at_does_not_change_with_the_code_it_learns_from(tmp_path):
    declared, state = tiny_codelists(tmp_path / "codelists"), hidden.load_hidden()
    assert set(state.blind_to) <= set(declared.model_names)
    found = []
    for name in ("housebound", "hearing_impairment" if "hearing_impairment" in declared.used_codelists else "fall"):
        record = TinyRecord().person(1).alive_sources(WEEK)
        for days in (30, 400):
            record.add("gp_event", event_date=WEEK - dt.timedelta(days=days), code=code_of(declared, name))
        out = tmp_path / name
        features.build_matrix(record.con, [WEEK], out=out, declared=declared)
        matrix = pl.read_parquet(out / f"week={WEEK}" / "matrix.parquet").filter(person_id=1)
        found.append(matrix.select(state.features(declared)).row(0, named=True))
    other = {n for n in found[0] if str(found[0][n]) != str(found[1][n])}
    assert not [n for n in other if "housebound" in n]
    assert {n for n in other if not n.startswith(("fall", "deficit_fall", "deficit_hearing"))} == set()


def test_small_numbers_by_neighbourhood_are_left_out_and_the_rest_rounded():
    found = pl.DataFrame(
        {
            "area": ["A", "B", "C", "D"],
            "people": [50, 400, 500, 300],
            "expected": [5.4, 41.2, 63.9, 0.4],
        }
    )
    shown = dict(controlled(found, WEEK).iter_rows())
    assert shown["A"] == "*"
    assert int(shown["C"]) % 5 == 0
    assert shown["All"] == "110"
    few = pl.DataFrame({"area": [*"ABCDEFGH"], "people": [90] * 8, "expected": [2.9, 2.5, 12, 3.4, 5.6, 5.9, 5.4, 2.5]})
    assert dict(controlled(few, WEEK).iter_rows())["A"] == "*"


def test_a_list_that_looks_for_the_hidden_first_takes_those_the_model_finds():
    table = pl.DataFrame(
        {
            "person_id": [1, 2, 3, 4],
            "score": [0.3, 0.2, 0.4, 0.1],
            "housebound_class": [0.0, 0.0, 3.0, 1.0],
            "housebound_coded": [0.0, 0.0, 1.0, 0.0],
            "hidden_score": [0.8, 0.1, None, 0.2],
        }
    )
    ranked = with_priority(table, "hidden_housebound_first", "emergency_admission_90d").sort(
        "priority", descending=True
    )
    assert ranked["person_id"].to_list() == [1, 4, 3, 2]
    by_rules = with_priority(table.drop("hidden_score"), "hidden_housebound_first", "emergency_admission_90d")
    assert by_rules.sort("priority", descending=True)["person_id"].to_list() == [4, 3, 1, 2]


def looked_at(chances: list[float], confirmed: list[bool]) -> pl.DataFrame:
    return pl.DataFrame({"person_id": range(len(chances)), "score": chances, "confirmed": confirmed})


def test_a_person_is_compared_by_the_first_answer_about_a_week_in_which_they_had_a_chance():
    later = WEEK + dt.timedelta(days=28)
    scores = pl.DataFrame({"week": [WEEK, later, later], "person_id": [1, 1, 2], "score": [0.2, 0.9, 0.6]})
    answers = pl.DataFrame(
        {
            "week": [WEEK, later, later, later],
            "person_id": [1, 1, 2, 3],
            "answered_on": [WEEK, later, later, later],
            "confirmed": [False, True, True, True],
        }
    )
    assert hidden.answered(scores, answers).rows() == [(1, 0.2, False), (2, 0.6, True)]


def test_expected_and_confirmed_shares_stand_side_by_side_by_chance_with_an_interval():
    chances = [0.1] * 20 + [0.3] * 20 + [0.6] * 20 + [0.9] * 20
    told = looked_at(chances, [n % 10 < round(10 * c) for n, c in enumerate(chances)])
    found = hidden.beside_answers(told, 8)
    assert found["chance"].to_list() == ["0% to 25%", "25% to 50%", "50% to 75%", "75% to 100%", "all"]
    assert found["expected"].to_list() == pytest.approx(found["found"].to_list())
    assert found["people"].to_list() == [20, 20, 20, 20, 80]
    assert found.row(2)[4:] == pytest.approx((0.387, 0.781), abs=0.001)


def test_few_answers_are_said_only_together_and_fewer_than_eight_not_at_all():
    assert hidden.beside_answers(looked_at([0.1] * 9 + [0.9], [False] * 9 + [True]), 8)["chance"].to_list() == ["all"]
    assert hidden.beside_answers(looked_at([0.1] * 7, [False] * 7), 8).is_empty()
