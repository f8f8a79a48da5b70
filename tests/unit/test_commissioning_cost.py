"""Cost by frailty band: three columns that are never added, and nothing that is not published."""

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from commissioning.cost import UnitCostError, costs, unit_costs

MONTHS = pl.date_range(dt.date(2024, 11, 1), dt.date(2025, 12, 1), "1mo", eager=True)


def published(value: int, *, hidden: dt.date = dt.date(1900, 1, 1)) -> pl.DataFrame:
    """Fourteen months of two bands, the newest provisional."""
    both = pl.DataFrame({"frailty_band": ["All", "Severe"]})
    figures = pl.when((pl.col("frailty_band") == "All") | (pl.col("start") != hidden)).then(pl.lit(value))
    return (
        pl.DataFrame({"start": MONTHS})
        .join(both, how="cross")
        .with_columns(period=pl.lit("month"), published=figures, provisional=pl.col("start") == MONTHS[-1])
    )


def said(**changed: Any) -> dict[str, Any]:
    beds = {"indicator": "emergency_bed_days", "pounds": None}
    return {"activity": [beds], "spend": ["care_spend"], "closures": [], "left_out": "all else"} | changed


def row(frame: pl.DataFrame, band: str, indicator: str) -> dict[str, Any]:
    return frame.row(by_predicate=(pl.col("frailty_band") == band) & (pl.col("indicator") == indicator), named=True)


def test_a_missing_unit_cost_is_missing_and_no_cash_is_released() -> None:
    found = row(costs({"emergency_bed_days_by_frailty_band": published(100)}, said()), "Severe", "emergency_bed_days")
    assert (found["start"], found["end"]) == (dt.date(2024, 12, 1), dt.date(2025, 12, 1))
    assert found["activity"] == 1200
    assert (found["activity_cost"], found["spend"], found["cash_releasable"]) == (None, None, 0)


def test_activity_spend_and_released_cash_stand_in_columns_of_their_own() -> None:
    beds = {"indicator": "emergency_bed_days", "pounds": 400.5, "price_year": 2024, "source": "a named table"}
    ward = {"what": "Ward 9 closes", "indicator": "emergency_bed_days", "pounds": 5000, "source": "board paper 7"}
    frames = {"emergency_bed_days_by_frailty_band": published(100), "care_spend_by_frailty_band": published(20)}
    found = costs(frames, said(activity=[beds], closures=[ward]))
    assert row(found, "All", "emergency_bed_days")["activity_cost"] == 480_600
    assert row(found, "All", "emergency_bed_days")["cash_releasable"] == 5000
    assert row(found, "Severe", "emergency_bed_days")["cash_releasable"] == 0
    spent = row(found, "Severe", "care_spend")
    assert (spent["spend"], spent["activity"], spent["activity_cost"]) == (240, None, None)


def test_a_year_with_a_figure_that_is_not_shown_has_no_sum() -> None:
    frames = {"emergency_bed_days_by_frailty_band": published(100, hidden=dt.date(2025, 6, 1))}
    found = costs(frames, said())
    assert row(found, "Severe", "emergency_bed_days")["activity"] is None
    assert row(found, "All", "emergency_bed_days")["activity"] == 1200


def test_without_a_settled_year_or_a_table_nothing_is_said() -> None:
    assert costs({"emergency_bed_days_by_frailty_band": published(100).head(12)}, said()).is_empty()
    assert costs({}).is_empty()


def test_a_unit_cost_or_a_closure_without_a_source_is_turned_down(tmp_path: Path) -> None:
    path = tmp_path / "unit_cost.yaml"
    for wrong in (
        said(activity=[{"indicator": "emergency_bed_days", "pounds": 400, "price_year": 2024}]),
        said(closures=[{"what": "Ward 9", "indicator": "emergency_bed_days", "pounds": 1}]),
    ):
        path.write_text(yaml.safe_dump(wrong), encoding="utf-8")
        with pytest.raises(UnitCostError, match="source"):
            unit_costs(path)
