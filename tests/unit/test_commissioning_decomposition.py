"""Why bed days changed: parts that add up to the whole, whatever the numbers, and claim no more than that."""

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from commissioning import build_marts
from commissioning.decomposition import PARTS, Period, Span, comparisons, decompose, whole_parts
from tests.examples.commissioning import DATA_DATE, many, record

BASE = Period(
    people=np.array([[900.0, 100], [300, 200]]),
    admissions=np.array([[90.0, 30], [60, 80]]),
    before_ready=np.array([[300.0, 200], [350, 700]]),
    after_ready=np.array([[30.0, 40], [50, 200]]),
    other=12.0,
)


def change(**changed: object) -> dict[str, float]:
    return decompose(BASE, Period(**{**vars(BASE), **changed}))  # type: ignore[arg-type]


def only(parts: dict[str, float], *names: str) -> bool:
    return all(abs(value) < 1e-9 for name, value in parts.items() if name not in names)


def scaled(factor: float, *names: str) -> dict[str, object]:
    return {name: getattr(BASE, name) * factor for name in names}


ACTIVITY = ("admissions", "before_ready", "after_ready")


def test_more_people_of_the_same_kind_change_the_population_part_alone() -> None:
    parts = change(**scaled(1.5, "people", *ACTIVITY))
    assert only(parts, "population")
    assert parts["population"] == pytest.approx(0.5 * (BASE.total - BASE.other))


def test_more_admissions_of_the_same_length_change_the_admissions_part_alone() -> None:
    assert only(change(**scaled(1.2, *ACTIVITY)), "admissions")


def test_longer_waits_after_being_ready_are_told_from_longer_stays_before() -> None:
    assert only(change(**scaled(2, "after_ready")), "midnights_after_ready")
    assert only(change(**scaled(2, "before_ready")), "midnights_before_ready")


def test_people_who_move_to_a_frailer_band_change_the_frailty_part_alone() -> None:
    moved = BASE.people + np.array([[-50.0, 50], [-100, 100]])
    factor = moved / BASE.people
    assert only(change(people=moved, **{n: getattr(BASE, n) * factor for n in ACTIVITY}), "frailty")


def test_stays_without_a_recorded_end_are_recording_and_nothing_else() -> None:
    parts = change(other=112.0)
    assert only(parts, "recording")
    assert parts["recording"] == 100


counts = hnp.arrays(np.float64, (3, 2), elements=st.integers(0, 500).map(float))


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.lists(counts, min_size=8, max_size=8), st.integers(0, 50), st.integers(0, 50))
def test_the_parts_add_up_to_the_change_whatever_the_numbers(arrays: list[np.ndarray], a: int, b: int) -> None:
    first, second = Period(*arrays[:4], float(a)), Period(*arrays[4:], float(b))
    parts = decompose(first, second)
    assert sum(parts.values()) == pytest.approx(second.total - first.total, abs=1e-6)
    back = decompose(second, first)
    assert all(parts[name] == pytest.approx(-back[name], abs=1e-6) for name in PARTS)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.lists(st.floats(-500, 500), min_size=6, max_size=6), st.integers(-40, 40))
def test_rounded_parts_add_up_to_the_rounded_change_and_stay_near(values: list[float], extra: int) -> None:
    total = round(sum(values) / 5) * 5 + extra % 2 * 5
    shown = whole_parts(dict(zip(PARTS, values, strict=True)), total, 5)
    assert sum(shown.values()) == total
    assert all(abs(shown[name] - value) <= 10 for name, value in zip(PARTS, values, strict=True))


def test_the_periods_compared_are_whole_settled_and_covered() -> None:
    pairs = comparisons(dt.date(2026, 1, 1), dt.date(2022, 5, 1))
    assert [name for name, *_ in pairs] == [
        "Last twelve settled months and the twelve before",
        "Last settled quarter and the same quarter a year before",
        "Financial year 2024/25 and the one before",
    ]
    assert pairs[1][1:] == (
        Span(dt.date(2024, 10, 1), dt.date(2025, 1, 1)),
        Span(dt.date(2025, 10, 1), dt.date(2026, 1, 1)),
    )


def test_the_published_parts_add_up_to_the_published_difference(tmp_path: Path) -> None:
    made = many(record(tmp_path), 3000, years=3)
    report = build_marts(made.con, data_date=DATA_DATE, out=tmp_path / "mart", months=36, policy=made.policy)
    frame = pl.read_parquet(report.table("bed_day_change").path)
    assert frame["comparison"].n_unique() >= 2
    summed = frame.group_by("comparison").agg(
        pl.col("value").sum(), (pl.col("second_value") - pl.col("first_value")).first().alias("difference")
    )
    assert summed["value"].to_list() == summed["difference"].to_list()
    assert frame.filter(pl.col("value") % 5 != 0).is_empty()
    months = pl.read_parquet(report.table("emergency_bed_days").path)
    last = frame.filter(pl.col("comparison").str.starts_with("Last twelve"))
    inside = months.filter(pl.col("start").is_between(last["second_start"][0], last["second_end"][0], closed="left"))
    assert inside["value"].sum() == last["second_value"][0]
