"""Whether a list helps, harms, or cannot be told: estimates under the design that was declared before it.

No before-and-after figure is made: people are listed when they are at their worst, and would get better anyway. Every
estimate is a difference between people or teams of the same time, with a 95 % interval.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import stats
from threadpoolctl import threadpool_limits

from outreach.design import Design

OUTCOMES: Final = ("admissions", "bed_days", "deaths", "contacts")
HARMFUL: Final = ("admissions", "deaths")
Z: Final = 1.959964
FEWEST: Final = 30
"""People on either side below which nothing is estimated."""

FEWEST_TEAMS: Final = 4
REPLICATES: Final = 299


@dataclass(frozen=True)
class Effect:
    """One estimate: shown less not shown, in the mean for each person over the design's days.

    Attributes:
        low, high: 95 % interval; None where nothing can be estimated.
        says: `lower`, `higher`, `no difference larger than …`, or `cannot tell`.
        harm: the interval lies wholly above the bound that was declared.
    """

    outcome: str
    shown: int
    not_shown: int
    estimate: float | None
    low: float | None
    high: float | None
    says: str
    harm: bool


def evaluate(units: pl.DataFrame, design: Design, *, seed: int = 1) -> list[Effect]:
    """Estimates every outcome under the design.

    Args:
        units: one row a person and list week under the design whose days are over: `person_id`, `team`, `week`,
            `arm` (`shown` or `not shown`), `distance` (risk above the last place; for a discontinuity) and the
            `OUTCOMES`.
        design: the declared design.
        seed: of the resampling.

    Returns:
        One effect an outcome; `cannot tell` where there are too few people or the interval is too wide.
    """
    if design.kind in ("ties", "discontinuity"):  # a person counts once, when first compared
        units = units.sort("week", "person_id").unique("person_id", keep="first", maintain_order=True)
    shown, others = (len(units.filter(pl.col("arm") == a)) for a in ("shown", "not shown"))
    effects = []
    for outcome in OUTCOMES:
        found = None
        if min(shown, others) >= FEWEST:
            found = _estimate(units, outcome, design, np.random.default_rng(seed))
        effects.append(_effect(outcome, (shown, others), found, design))
    return effects


def _estimate(
    units: pl.DataFrame, outcome: str, design: Design, random: np.random.Generator
) -> tuple[float, float, float] | None:
    if design.kind == "ties":
        return _stratified(units, outcome)
    if design.kind == "discontinuity":
        return _discontinuity(units, outcome, design.band)
    if design.kind != "stepped":
        return None
    with threadpool_limits(limits=1):  # many small sums: threads would only wait for one another
        return _stepped(units, outcome, random)


def _stratified(units: pl.DataFrame, outcome: str) -> tuple[float, float, float] | None:
    """Difference within each draw (team and week), weighted by its people; Neyman's variance."""
    cells = units.group_by("team", "week", "arm").agg(
        mean=pl.col(outcome).mean(), spread=pl.col(outcome).var(ddof=1), count=pl.len()
    )
    both = (
        cells.filter(pl.col("arm") == "shown")
        .join(cells.filter(pl.col("arm") == "not shown"), on=["team", "week"], suffix="_other")
        .sort("team", "week")
    )
    if both.is_empty():
        return None
    pooled = float(units[outcome].var() or 0.0)  # type: ignore[arg-type]
    spread = pl.col("spread").fill_null(pooled) / pl.col("count")
    other = pl.col("spread_other").fill_null(pooled) / pl.col("count_other")
    told = both.select(
        weight=(pl.col("count") + pl.col("count_other")).cast(pl.Float64),
        difference=pl.col("mean") - pl.col("mean_other"),
        variance=spread + other,
    )
    weight = told["weight"].to_numpy() / told["weight"].sum()
    estimate = float(weight @ told["difference"].to_numpy())
    error = float(np.sqrt(weight**2 @ told["variance"].to_numpy()))
    return estimate, estimate - Z * error, estimate + Z * error


def _discontinuity(units: pl.DataFrame, outcome: str, width: float) -> tuple[float, float, float] | None:
    """The jump at the last place: local lines on either side, triangular weights, errors robust to unequal spread.

    Each list has its own level (its last place lies where its team's risks and places put it), which is taken out.
    """
    weight = (1 - pl.col("distance").abs() / width).clip(0, None)
    shown = (pl.col("arm") == "shown").cast(pl.Float64)
    near = units.select(
        "team",
        "week",
        weight=weight,
        shown=shown,
        distance=pl.col("distance").cast(pl.Float64),
        bent=shown * pl.col("distance"),
        y=pl.col(outcome).cast(pl.Float64),
    ).filter(pl.col("weight") > 0)
    if near.is_empty():
        return None
    lists = near.select("team", "week").n_unique()
    columns = ("shown", "distance", "bent", "y")
    level = {
        c: pl.col(c) - ((pl.col(c) * pl.col("weight")).sum() / pl.col("weight").sum()).over("team", "week")
        for c in columns
    }
    own = near.with_columns(**level)
    return _weighted_line(
        own.select(columns[:-1]).to_numpy(), own["y"].to_numpy(), own["weight"].to_numpy(), column=0, taken_out=lists
    )


def _weighted_line(
    x: npt.NDArray[np.float64],
    y: npt.NDArray[np.float64],
    weight: npt.NDArray[np.float64],
    *,
    column: int,
    taken_out: int,
) -> tuple[float, float, float] | None:
    """One coefficient of a weighted line with its interval; `taken_out` levels were estimated before."""
    bread = x.T @ (x * weight[:, None])
    spare = len(y) - x.shape[1] - taken_out
    if spare <= 0 or np.linalg.matrix_rank(bread) < x.shape[1]:
        return None
    inverse = np.linalg.inv(bread)
    beta = inverse @ (x.T @ (weight * y))
    residual = (y - x @ beta) * np.sqrt(len(y) / spare)
    meat = (x * (weight * residual)[:, None]).T @ (x * (weight * residual)[:, None])
    error = float(np.sqrt((inverse @ meat @ inverse)[column, column]))
    estimate = float(beta[column])
    return estimate, estimate - Z * error, estimate + Z * error


def _stepped(units: pl.DataFrame, outcome: str, random: np.random.Generator) -> tuple[float, float, float] | None:
    """Teams that have begun against teams that have not, with team and week taken out; teams are resampled."""
    cells = (
        units.group_by("team", "week")
        .agg(mean=pl.col(outcome).mean(), count=pl.len(), begun=(pl.col("arm") == "shown").any())
        .sort("team", "week")
    )
    team = np.unique(cells["team"].to_numpy(), return_inverse=True)[1]
    teams = int(team.max()) + 1
    if teams < FEWEST_TEAMS:
        return None
    panel = _Panel(
        week=np.unique(cells["week"].to_numpy(), return_inverse=True)[1],
        begun=cells["begun"].to_numpy().astype(float),
        mean=cells["mean"].to_numpy().astype(float),
        weight=cells["count"].to_numpy().astype(float),
    )
    estimate = _two_way(panel, np.arange(len(team)), team)
    if estimate is None:
        return None
    rows_of = [np.flatnonzero(team == t) for t in range(teams)]
    drawn = []
    for _ in range(REPLICATES):
        pick = random.choice(teams, teams)
        rows = np.concatenate([rows_of[t] for t in pick])
        label = np.repeat(np.arange(teams), [len(rows_of[t]) for t in pick])
        again = _two_way(panel, rows, label)
        if again is not None:
            drawn.append(again)
    if len(drawn) <= REPLICATES // 2:
        return estimate, -np.inf, np.inf
    error = float(np.std(drawn, ddof=1) * stats.t.ppf(0.975, teams - 1))  # few teams: wider than the normal
    return estimate, estimate - error, estimate + error


@dataclass(frozen=True)
class _Panel:
    """Means of team and week: one entry a cell."""

    week: npt.NDArray[np.int64]
    begun: npt.NDArray[np.float64]
    mean: npt.NDArray[np.float64]
    weight: npt.NDArray[np.float64]


def _two_way(panel: _Panel, rows: npt.NDArray[np.int64], team: npt.NDArray[np.int64]) -> float | None:
    """The effect of having begun, team and week taken out, weighted by people; None where it cannot be told apart."""
    week, begun, weight = panel.week[rows], panel.begun[rows], panel.weight[rows]
    x = np.column_stack([begun, np.eye(team.max() + 1)[team], np.eye(panel.week.max() + 1)[week][:, 1:]])
    if begun.min() == begun.max():
        return None
    cross = x.T @ (x * weight[:, None])
    return float((np.linalg.pinv(cross, hermitian=True) @ (x.T @ (weight * panel.mean[rows])))[0])


def _effect(outcome: str, counts: tuple[int, int], found: tuple[float, float, float] | None, design: Design) -> Effect:
    if found is None:
        return Effect(outcome, *counts, None, None, None, "cannot tell: too few people compared", harm=False)
    estimate, low, high = found
    bound = getattr(design.harm_bound, outcome) if outcome in HARMFUL else np.inf
    if low > 0 or high < 0:
        says = "higher" if low > 0 else "lower"
    elif outcome == "admissions" and max(-low, high) <= design.tell:
        says = f"no difference larger than {design.tell:g}"
    else:
        says = "cannot tell"
    return Effect(outcome, *counts, round(estimate, 5), round(low, 5), round(high, 5), says, harm=bool(low > bound))


def finished(week: dt.date, design: Design, seen_to: dt.date) -> bool:
    """Whether the days that a list is judged by are over and known."""
    return week + dt.timedelta(days=design.horizon_days) <= seen_to
