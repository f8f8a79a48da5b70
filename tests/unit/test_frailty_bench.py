"""The comparison of frailty bands with the true need, on people whose band and need are known."""

from __future__ import annotations

import polars as pl
import pytest

from tests.bench.frailty_bands import measured


def people() -> pl.DataFrame:
    """Three practices of 10 people: true bands 0, 0, 1, 1, 2, 2, 3, 3, 3, 3. Coded: nobody; the severe; all as is."""
    true = [0, 0, 1, 1, 2, 2, 3, 3, 3, 3]
    coded = {"none": [0] * 10, "some": [0] * 6 + [3] * 4, "all": true}
    rows = [
        (p, t, level, 5.0 * n)
        for n, (p, levels) in enumerate(coded.items())
        for t, level in zip(true, levels, strict=True)
    ]
    columns = ["practice_code", "true", "frailty_level", "coded_entries_365"]
    frame = pl.DataFrame(rows, schema=columns, orient="row")
    return frame.with_columns(frailty_index_band=pl.when(practice_code="none").then(None).otherwise(1))


def test_a_band_counts_with_those_above_it():
    found = measured(people(), "frailty_level").filter(practices="all practices")
    mild, severe = (found.row(by_predicate=pl.col("band") == b, named=True) for b in ("mild or more", "severe"))
    assert (mild["people"], mild["truly"], mild["sensitivity"], mild["predictive value"]) == (12, 24, 50.0, 100.0)
    assert (severe["people"], severe["truly"], severe["sensitivity"]) == (8, 12, 66.7)


def test_practices_are_ranked_by_how_well_they_record():
    found = measured(people(), "frailty_level").filter(band="mild or more")
    assert found["sensitivity"].to_list()[1:] == [0.0, 50.0, 100.0]
    assert found["predictive value"].to_list()[1] is None


def test_a_band_that_says_nothing_of_somebody_finds_nobody_and_is_told():
    found = measured(people(), "frailty_index_band").row(0, named=True)
    assert (found["people"], found["nothing known"]) == (20, 10)
    assert found["sensitivity"] == pytest.approx(66.7)
    assert found["predictive value"] == 80.0
