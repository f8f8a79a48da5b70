"""The comparison of phenotypes with the true state, on people whose level and state are known."""

from __future__ import annotations

import polars as pl

from tests.bench.phenotypes import as_markdown, measured


def people() -> pl.DataFrame:
    """Four practices; 10 truly housebound people each, of whom 0, 2, 4, 10 are coded; 10 others, 5 probable."""
    rows = []
    for practice, coded in enumerate((0, 2, 4, 10)):
        for person in range(20):
            true = person < 10
            level = 3 if true and person < coded else 2 if not true and person >= 15 else 0
            rows.append((f"P{practice}", level, int(level == 3), 0, true, False))
    columns = ["practice_code", "housebound_class", "housebound_coded", "care_home_class", "housebound", "home"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def test_sensitivity_counts_a_level_and_those_above_and_predictive_value_the_level_alone():
    found = measured(people(), "housebound_class").filter(practices="all practices")
    confirmed, probable = (
        found.row(by_predicate=pl.col("level") == name, named=True) for name in ("confirmed", "probable")
    )
    assert (confirmed["sensitivity"], confirmed["predictive value"]) == (40.0, 100.0)
    assert (probable["people"], probable["sensitivity"], probable["predictive value"]) == (20, 40.0, 0.0)


def test_practices_that_record_more_find_more_and_nobody_at_a_level_has_no_predictive_value():
    found = measured(people(), "housebound_class").filter(level="confirmed")
    sensitivity = dict(zip(found["practices"], found["sensitivity"], strict=True))
    assert sensitivity["a third of practices that record least"] < sensitivity["a third that record most"]
    assert found.filter(people=0)["predictive value"].null_count() == found.filter(people=0).height
    assert "None" not in as_markdown(found)
