"""Statistical process control: whether a series changed by more than chance, by the rules of "Making Data Count".

An XmR chart: the centre is the mean of the baseline, the limits lie 2.66 mean moving ranges on either side (three
sigma). A special cause is (1) a point outside the limits, (2) seven or more points in a row on one side of the centre,
(3) six or more points each above, or each below, the one before, (4) two of three points in a row beyond two thirds of
the way to the same limit.

Source: NHS England, Making Data Count guides; the chart and its constant after Shewhart and Wheeler. The number in a
shift differs between editions of the guide (six to eight are met); seven is used, and not verified at its source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import kruskal

Series = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Rule = Literal["astronomical point", "shift", "trend", "two of three"]
Variation = Literal["improving", "concerning", "special cause", "nothing beyond chance", "no icon"]
Assurance = Literal["consistently meets", "consistently misses", "meets and misses by chance", "no standard"]
Better = Literal["lower", "higher", "neither"]

LIMIT: Final = 2.66
"""Three sigma in mean moving ranges: 3 / d2 with d2 = 1.128 for pairs."""
SHIFT, TREND = 7, 6
FEWEST_POINTS: Final = 15
SMALL_COUNT: Final = 10
RULES: tuple[Rule, ...] = ("astronomical point", "shift", "trend", "two of three")
FALSE_ALARM: Final = 0.019
"""Chance that the newest of 36 points shows a signal though nothing changed; measured on 12,000 series of independent
normal values by this module itself (a test measures it again)."""


@dataclass(frozen=True)
class Chart:
    """An XmR chart of one series; all arrays have one element a period, NaN where it is missing.

    Attributes:
        value: as charted; the season is taken out where `season` is given.
        centre, lower, upper: of the stretch that the point stands in; limits of counts are not below 0.
        rules: which rule each point shows; empty for none. Both sides of a shift are told by `side`.
        side: +1 above the centre, -1 below.
        steps: positions at which a new baseline begins, with the reason given.
        why_no_icon: empty when the chart may carry one.
    """

    value: Series
    centre: Series
    lower: Series
    upper: Series
    rules: tuple[tuple[Rule, ...], ...]
    side: npt.NDArray[np.int64]
    steps: tuple[tuple[int, str], ...]
    why_no_icon: str


def xmr(
    value: Sequence[float] | Series,
    *,
    steps: Sequence[tuple[int, str]] = (),
    count: Series | None = None,
    seasonal: bool = False,
    floor: float | None = 0.0,
    ceiling: float | None = None,
) -> Chart:
    """The chart of a series in order of time.

    Args:
        value: one number a period; NaN where nothing came. A gap ends every run.
        steps: positions at which the baseline starts anew, each with its reason; a step without one is refused.
        count: what each value counts, for the rule of small counts; default the values.
        seasonal: the series has a season that was not taken out.
        floor: no limit lies below it.
        ceiling: no limit lies above it.

    Raises:
        ValueError: a step has no reason, or lies outside the series.

    >>> xmr([10.0] * 14 + [10.0, 30.0]).rules[-1]
    ('astronomical point',)
    """
    x = np.asarray(value, dtype=np.float64)
    if any(not reason.strip() or not 0 < at < len(x) for at, reason in steps):
        raise ValueError("a step change needs a reason and lies within the series")
    centre, lower, upper = (np.full(len(x), np.nan) for _ in range(3))
    found: dict[Rule, Flags] = {rule: np.zeros(len(x), dtype=bool) for rule in RULES}
    bounds = [0, *sorted(at for at, _ in steps), len(x)]
    for start, end in pairwise(bounds):
        part = x[start:end]
        mean, half = _limits(part)
        low = mean - half if floor is None else max(mean - half, floor)
        high = mean + half if ceiling is None else min(mean + half, ceiling)
        centre[start:end], lower[start:end], upper[start:end] = mean, low, high
        for rule, flags in _rules(part, mean, half).items():
            found[rule][start:end] = flags
    side = np.nan_to_num(np.sign(x - centre)).astype(np.int64)
    rules = tuple(tuple(rule for rule in RULES if found[rule][at]) for at in range(len(x)))
    counted = x if count is None else count
    why = _why_no_icon(x[bounds[-2] :], counted[bounds[-2] :], seasonal=seasonal)
    return Chart(x, centre, lower, upper, rules, side, tuple(steps), why)


def _limits(part: Series) -> tuple[float, float]:
    known = part[~np.isnan(part)]
    if len(known) == 0:
        return float("nan"), float("nan")
    moving = np.abs(np.diff(part))
    moving = moving[~np.isnan(moving)]
    return float(known.mean()), LIMIT * float(moving.mean()) if len(moving) else float("nan")


def _rules(part: Series, mean: float, half: float) -> dict[Rule, Flags]:
    above, below = part > mean, part < mean
    step = np.diff(part, prepend=np.nan)
    near_high, near_low = part > mean + half * 2 / 3, part < mean - half * 2 / 3
    return {
        # A flat series has no moving range; its first other point is still outside.
        "astronomical point": (part > mean + half) | (part < mean - half),
        "shift": _in_run(above, SHIFT) | _in_run(below, SHIFT),
        "trend": _in_trend(step > 0) | _in_trend(step < 0),
        "two of three": _two_of_three(near_high) | _two_of_three(near_low),
    }


def _in_run(flags: Flags, least: int) -> Flags:
    """Members of runs of at least `least`."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    kept = np.zeros(len(flags), dtype=bool)
    for start, end in edges.reshape(-1, 2):
        kept[start:end] = end - start >= least
    return kept


def _in_trend(rising: Flags) -> Flags:
    """Points of a trend: six points are five steps; the point that the first step starts from belongs to it."""
    steps = _in_run(rising, TREND - 1)
    return steps | np.append(steps[1:], False)


def _two_of_three(near: Flags) -> Flags:
    padded = np.concatenate([[0, 0], near.astype(np.int64), [0, 0]])
    windows = np.lib.stride_tricks.sliding_window_view(padded, 3).sum(axis=1) >= 2
    reached = windows[:-2] | windows[1:-1] | windows[2:]
    return near & reached


def _why_no_icon(part: Series, counted: Series, *, seasonal: bool) -> str:
    known = int((~np.isnan(part)).sum())
    if known < FEWEST_POINTS:
        return f"fewer than {FEWEST_POINTS} points since the baseline began"
    if np.nanmedian(counted) < SMALL_COUNT:
        return f"mostly fewer than {SMALL_COUNT} a period"
    if seasonal:
        return "a season that is not yet taken out"
    return ""


def variation(chart: Chart, better: Better) -> Variation:
    """What the newest point shows.

    A special cause is improving or concerning by its side of the centre; a rise or fall is neither where neither is
    better.
    """
    if chart.why_no_icon:
        return "no icon"
    known = np.flatnonzero(~np.isnan(chart.value))
    last = int(known[-1])
    if not chart.rules[last]:
        return "nothing beyond chance"
    if better == "neither":
        return "special cause"
    rising = int(chart.side[last])
    if chart.rules[last] == ("trend",):
        rising = 1 if chart.value[last] > chart.value[known[-2]] else -1
    return "improving" if (rising > 0) == (better == "higher") else "concerning"


def assurance(chart: Chart, standard: float | None, better: Better) -> Assurance:
    """Whether the standard will be met if nothing changes: by the limits of the newest stretch."""
    if standard is None or better == "neither" or chart.why_no_icon:
        return "no standard"
    low, high = chart.lower[-1], chart.upper[-1]
    if low >= standard:
        return "consistently meets" if better == "higher" else "consistently misses"
    if high < standard:
        return "consistently misses" if better == "higher" else "consistently meets"
    return "meets and misses by chance"


def expected_false_alarms(series: int) -> float:
    """How many of so many newest points show a signal though nothing changed.

    >>> round(expected_false_alarms(12), 2)
    0.23
    """
    return series * FALSE_ALARM


def season_of(value: Series, phase: npt.NDArray[np.int64], length: int) -> Series | None:
    """How much each phase of the year differs from the year around it, as factors with mean 1.

    The median over the years of value / mean of the year around it.

    Args:
        value: one number a period.
        phase: 0 to `length` - 1: which part of the year each period is.
        length: 12 for months, 4 for quarters.

    Returns:
        One factor a phase; None when fewer than three years, a gap or a nought leave it untold.
    """
    if np.isnan(value).any() or len(value) < 3 * length or (value <= 0).any():
        return None
    around = np.convolve(value, np.array([0.5, *[1.0] * (length - 1), 0.5]) / length, mode="valid")
    half = length // 2
    ratio, phases = value[half:-half] / around, phase[half:-half]
    factor = np.array([np.median(ratio[phases == p]) if (phases == p).any() else np.nan for p in range(length)])
    return None if np.isnan(factor).any() else np.asarray(factor / factor.mean(), dtype=np.float64)


def has_season(value: Series, phase: npt.NDArray[np.int64], length: int, chance: float = 0.01) -> bool:
    """Whether the phases differ by more than chance (Kruskal–Wallis on what the straight line leaves)."""
    known = ~np.isnan(value)
    if known.sum() < 2 * length:
        return False
    at = np.arange(len(value))
    rest = value[known] - np.polyval(np.polyfit(at[known], value[known], 1), at[known])
    groups = [rest[phase[known] == p] for p in range(length)]
    if any(len(g) < 2 for g in groups) or np.ptp(rest) == 0:
        return False
    return bool(kruskal(*groups).pvalue < chance)
