"""The weekly page of distributions says what is true to within rounding, and nothing about a few people."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest

from commissioning import distributions, write_population_page
from commissioning.disclosure import ALL, RULES
from commissioning.population import FIGURES, LEVELS, Distributions
from commissioning.population_page import agreement_in_words
from tests.examples.attack import Attack
from tests.examples.outreach import opt_out_policy

MONDAY = dt.date(2026, 1, 5)
ALWAYS = {"known_from": dt.date(2020, 1, 1), "known_until": None}


class Week:
    """Made-up features of one Monday, and the four record tables that the figures read."""

    def __init__(self, folder: Path, people: int, networks: int = 3) -> None:
        folder.mkdir(exist_ok=True)
        rng = np.random.default_rng(5)
        self.features, self.policy = folder / "feature", opt_out_policy(folder)
        persons = np.arange(1, people + 1)
        self.matrix = pl.DataFrame(
            {"person_id": persons, "age": rng.choice([50, 66, 78, 90], people).astype(np.float32)}
            | {f: rng.choice(4, people, p=[0.6, 0.2, 0.15, 0.05]).astype(np.float32) for f in LEVELS.values()}
        )
        practice = pl.Series([f"P{n}" for n in range(networks)])
        who = pl.DataFrame({"person_id": persons, "practice_code": practice.gather(persons % networks)})
        who = who.with_columns(lsoa_code=pl.format("L{}", pl.col("person_id") % 2))
        home = self.matrix.filter(pl.col("care_home_class") >= 2).select("person_id")
        evidence = pl.concat(
            [home.with_columns(phenotype=pl.lit("care_home"), fact=pl.lit(f)) for f in ("gp_nursing",)]
        )
        place = self.features / f"week={MONDAY}"
        place.mkdir(parents=True)
        self.matrix.write_parquet(place / "matrix.parquet")
        who.write_parquet(place / "person.parquet")
        evidence.write_parquet(place / "evidence.parquet")
        self.con = duckdb.connect()
        self.table("organisation", [{"practice_code": p, "pcn_code": p, "pcn_name": f"Network {p}"} for p in practice])
        self.table("place", [{"lsoa_code": f"L{n}", "place_name": f"Place {n}"} for n in range(2)])
        self.table("person", [{"person_id": 0, "sensitive_flag": False}])
        self.table("opt_out", [{"person_id": 0, "opt_out_type": "national", "start_date": dt.date(2020, 1, 1)}])

    def table(self, name: str, rows: list[dict[str, object]]) -> None:
        """Makes a record table anew."""
        schema = {"known_from": pl.Date, "known_until": pl.Date}
        self.con.register("rows_to_add", pl.DataFrame([r | ALWAYS for r in rows], schema_overrides=schema).to_arrow())
        self.con.execute(f"create or replace table {name} as select * from rows_to_add")

    def found(self, **more: object) -> Distributions:
        """The figures as they may be seen."""
        return distributions(self.con, MONDAY, features=self.features, policy=self.policy, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def county(tmp_path_factory) -> Week:
    return Week(tmp_path_factory.mktemp("county"), people=4000)


def test_every_number_is_true_to_rounding_and_none_of_1_to_7_is_shown(county):
    older = county.matrix.filter(pl.col("age") >= 65)
    found = county.found()
    assert [s.figure.name for s in found.shown] == [f.name for f in FIGURES]
    shown = next(s for s in found.shown if s.figure.name == "recorded_and_index")
    values = {(i, j): 0 for i in range(4) for j in range(4)}
    values |= {(i, j): n for i, j, n in older.group_by("frailty_level", "frailty_index_band").len().rows()}
    for (i, j), value in values.items():
        told = shown.value(shown.orders["recorded"][int(i)], shown.orders["index"][int(j)])
        assert (told is None and value > 0) or (abs(told - value) <= 2 and not 0 < value < 8)
    assert abs(shown.value(ALL, ALL) - older.height) <= 2


def test_a_number_that_stands_in_two_figures_is_shown_in_both_or_in_neither(county):
    by_name = {s.figure.name: s for s in county.found().shown}
    for level in by_name["index_by_age"].orders["index"]:
        told = {by_name[f].value(ALL, level) for f in ("index_by_age", "recorded_and_index", "rockwood_and_index")}
        assert len(told) == 1


def test_who_has_opted_out_is_not_counted(tmp_path):
    week = Week(tmp_path, people=4000)
    before = week.found().shown[0].value(ALL, ALL)
    older = week.matrix.filter(pl.col("age") >= 65)["person_id"].head(500)
    out = [{"person_id": p, "opt_out_type": "national", "start_date": dt.date(2020, 1, 1)} for p in older]
    week.table("opt_out", out)
    assert before - week.found().shown[0].value(ALL, ALL) == 500


def test_where_networks_are_too_small_places_are_shown_and_a_figure_too_small_for_that_is_not(tmp_path):
    found = Week(tmp_path, people=700, networks=60).found()
    assert "housebound_by_place" in [s.figure.name for s in found.shown]
    tiny = Week(tmp_path / "tiny", people=40).found()
    assert ("Housebound, by Place", "too many of its numbers would be too small to be shown.") in tiny.left_out


def test_figures_of_a_source_that_commissioners_may_not_be_told_of_are_left_out(county):
    found = county.found(barred={"cld"})
    assert [title for title, why in found.left_out if "may not be used" in why] == [
        "Housebound, in and outside care homes",
        "Which sources say that somebody lives in a care home",
    ]


def test_agreement_is_said_from_published_numbers_and_nobody_recorded_is_not_fit(county):
    hidden = next(s for s in county.found().shown if s.figure.name == "recorded_and_index")
    cells = hidden.cells.with_columns(published=pl.lit(100))
    all_told = type(hidden)(hidden.figure, cells, hidden.orders)
    assert agreement_in_words(all_told).startswith("Of about 1,200 people")  # 3 recorded levels by 4 of the index


def test_the_page_needs_nothing_else_and_says_what_it_is(county, tmp_path):
    path = write_population_page(county.found(), tmp_path / "population.html")
    text = path.read_text(encoding="utf-8")
    assert "Demonstration: not for clinical use" in text
    assert "<script" not in text
    assert "http" not in text
    assert "starter-1: bands are" in text


def test_what_was_hidden_a_week_ago_and_has_not_changed_stays_hidden(tmp_path):
    first = Week(tmp_path / "first", people=1200).found()
    later = Week(tmp_path / "later", people=1200)
    moved = pl.col("person_id") <= 40
    later.matrix = later.matrix.with_columns(frailty_level=pl.when(moved).then(3.0).otherwise("frailty_level"))
    later.matrix.write_parquet(later.features / f"week={MONDAY}" / "matrix.parquet")
    second = later.found(earlier=[first.memory])
    before, now = ({(k, v): h for t in d.memory for k, v, h in zip(t.keys, t.value, t.suppressed, strict=True)}
                   for d in (first, second))  # fmt: skip
    hidden = {cell for cell, was in before.items() if was and cell in now}
    assert hidden
    assert all(now[cell] for cell in hidden)


@pytest.mark.slow
def test_no_hidden_number_of_the_page_can_be_worked_out_from_it_and_the_page_before(tmp_path):
    attack, earlier = Attack(), []
    for number, people in enumerate((700, 712)):
        week = Week(tmp_path / str(number), people=people)
        found = week.found(earlier=earlier)
        earlier = [found.memory]
        attack.see([("page", _with_truth(shown.cells, found), shown.figure.by, True, True)
                    for shown in found.shown])  # fmt: skip
    assert len(attack.hidden) > 10
    assert attack.fewest(most_cells=25) >= RULES.feasible


def _with_truth(cells: pl.DataFrame, found: Distributions) -> pl.DataFrame:
    """The cells of a figure with the number behind each, which the page does not hold."""
    truth = {k[2:]: v for t in found.memory for k, v in zip(t.keys, t.value, strict=True)}
    by = [c for c in cells.columns if c not in ("period", "start", "published", "status")]
    named = [tuple(sorted((d, v) for d, v in zip(by, row, strict=True) if v != ALL)) for row in cells[by].iter_rows()]
    value = pl.Series([truth[name] for name in named])
    return cells.with_columns(value=value, people=value)
