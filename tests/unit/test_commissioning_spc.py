"""Whether a series changed by more than chance: each rule by hand-made series, and what carries no icon."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commissioning.spc import (
    FALSE_ALARM,
    assurance,
    expected_false_alarms,
    has_season,
    season_of,
    variation,
    xmr,
)

STEADY = [100.0, 104, 97, 102, 99, 103, 98, 101, 100, 96, 103, 99, 102, 98, 101, 100]
SEASON = np.arange(48) % 12


def rules_of(values: list[float], at: int = -1) -> set[str]:
    return set(xmr(values).rules[at])


def test_the_limits_are_the_mean_and_2_66_mean_moving_ranges() -> None:
    chart = xmr([10, 12, 11, 13])
    assert chart.centre[0] == 11.5
    assert chart.upper[0] == pytest.approx(11.5 + 2.66 * 5 / 3)
    assert chart.lower[0] == pytest.approx(11.5 - 2.66 * 5 / 3)


def test_a_count_has_no_limit_below_nought_and_a_share_none_above_a_hundred() -> None:
    assert xmr([1, 5, 0, 6]).lower[0] == 0
    assert xmr([95, 99, 91, 99], ceiling=100).upper[0] == 100


def test_a_steady_series_shows_nothing_beyond_chance() -> None:
    chart = xmr(STEADY)
    assert not any(chart.rules)
    assert variation(chart, "lower") == "nothing beyond chance"


def test_a_point_outside_the_limits_is_astronomical() -> None:
    assert "astronomical point" in rules_of([*STEADY, 130])
    assert variation(xmr([*STEADY, 130]), "lower") == "concerning"
    assert variation(xmr([*STEADY, 130]), "higher") == "improving"
    assert variation(xmr([*STEADY, 130]), "neither") == "special cause"


def test_seven_on_one_side_are_a_shift_and_six_are_not() -> None:
    low, high = [98.0, 99] * 10, [101.0, 102.0] * 4
    assert "shift" in rules_of([*low, *high[:7]])
    assert "shift" not in rules_of([*low, *high[:6]])


def test_six_rising_points_are_a_trend_and_five_are_not() -> None:
    assert "trend" in rules_of([*STEADY, 97, 98, 99, 100, 101, 102])
    assert "trend" not in rules_of([*STEADY, 99, 98, 99, 100, 101, 102])
    assert "trend" in rules_of([*STEADY, 103, 102, 101, 100, 99, 98])


def test_two_of_three_beyond_two_thirds_of_the_way_are_a_signal_on_one_side_only() -> None:
    chart = xmr(STEADY)
    near = chart.centre[0] + (chart.upper[0] - chart.centre[0]) * 0.85
    far = 2 * chart.centre[0] - near
    assert "two of three" in rules_of([*STEADY * 3, near, 100, near])
    assert "two of three" not in rules_of([*STEADY * 3, near, 100, far])


def test_a_missing_month_ends_a_run_and_is_no_fall() -> None:
    chart = xmr([*STEADY, np.nan, 101])
    assert chart.rules[-2] == ()
    assert variation(chart, "lower") == "nothing beyond chance"
    assert "shift" not in rules_of([*[98.0, 99] * 10, 101, 102, 101, np.nan, 102, 101, 102])


def test_a_step_starts_a_new_baseline_and_needs_a_reason() -> None:
    values = [*STEADY, *[v + 50 for v in STEADY]]
    assert any(xmr(values).rules)
    stepped = xmr(values, steps=[(16, "records moved to another data set")])
    assert not any(stepped.rules)
    assert stepped.centre[15] < stepped.centre[16]
    with pytest.raises(ValueError, match="reason"):
        xmr(values, steps=[(16, " ")])


def test_few_points_small_counts_and_an_untaken_season_carry_no_icon() -> None:
    assert "fewer than 15 points" in xmr(STEADY[:14]).why_no_icon
    assert "fewer than 10" in xmr([v / 20 for v in STEADY]).why_no_icon
    assert "season" in xmr(STEADY, seasonal=True).why_no_icon
    assert variation(xmr([*STEADY[:10], 300]), "lower") == "no icon"
    assert "fewer than 15 points" in xmr([*STEADY, *STEADY[:5]], steps=[(16, "moved")]).why_no_icon


@pytest.mark.parametrize(
    ("standard", "better", "said"),
    [
        (50, "higher", "consistently meets"),
        (150, "higher", "consistently misses"),
        (150, "lower", "consistently meets"),
        (100, "higher", "meets and misses by chance"),
        (None, "higher", "no standard"),
    ],
)
def test_assurance_goes_by_the_limits_and_not_by_the_newest_point(
    standard: float | None, better: str, said: str
) -> None:
    assert assurance(xmr(STEADY), standard, better) == said  # type: ignore[arg-type]


def test_the_expected_false_alarms_are_those_of_series_without_change() -> None:
    rng = np.random.default_rng(11)
    alarms = np.mean([bool(xmr(rng.normal(100, 10, 36)).rules[-1]) for _ in range(3000)])
    assert alarms == pytest.approx(FALSE_ALARM, abs=0.008)
    assert expected_false_alarms(12) == pytest.approx(12 * FALSE_ALARM)


def test_a_season_is_seen_and_taken_out() -> None:
    rng = np.random.default_rng(3)
    factor = 1 + 0.2 * np.sin(2 * np.pi * np.arange(12) / 12)
    value = 1000 * factor[SEASON] * rng.normal(1, 0.02, 48)
    assert has_season(value, SEASON, 12)
    assert season_of(value, SEASON, 12) == pytest.approx(factor, abs=0.04)
    assert not has_season(rng.normal(1000, 50, 48), SEASON, 12)
    assert season_of(value[:30], SEASON[:30], 12) is None


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.floats(1, 1000), min_size=2, max_size=60), st.floats(0.1, 50), st.floats(-100, 100))
def test_signals_do_not_depend_on_the_unit_or_on_where_nought_lies(
    values: list[float], scale: float, shift: float
) -> None:
    whole = [round(v) for v in values]
    factor, offset = round(scale) + 1, round(shift)
    moved = xmr([v * factor + offset for v in whole], floor=None)
    assert [set(r) for r in moved.rules] == [set(r) for r in xmr(whole, floor=None).rules]
