"""What a model must keep to, declared once in ``limits.yaml``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

FILE = Path(__file__).parent / "limits.yaml"


@dataclass(frozen=True)
class Tolerance:
    """What a grouping of people is held to; None: not asked."""

    title: str
    observed_over_expected: tuple[float, float]
    missed: float | None


@dataclass(frozen=True)
class Drift:
    """From which stability index, rise of unknown values, or change of coding a week is said to have drifted."""

    psi_warn: float
    unknown_warn: float
    score_psi_warn: float
    coding_warn: float


@dataclass(frozen=True)
class Limits:
    """See ``limits.yaml``."""

    slope: tuple[float, float]
    observed_over_expected: tuple[float, float]
    fewest_events: int
    smallest_group: int
    list_share: float
    list_overlap: float
    net_benefit_at: float
    thresholds: tuple[float, ...]
    groups: dict[str, Tolerance]
    drift: Drift


@cache
def load_limits(path: Path = FILE) -> Limits:
    """The declared limits."""
    told = yaml.safe_load(path.read_text(encoding="utf-8"))
    groups = {
        name: Tolerance(g["title"], _pair(g["observed_over_expected"]), g.get("missed"))
        for name, g in told["groups"].items()
    }
    return Limits(
        slope=_pair(told["calibration"]["slope"]),
        observed_over_expected=_pair(told["calibration"]["observed_over_expected"]),
        fewest_events=told["fewest_events"],
        smallest_group=told["smallest_group"],
        list_share=told["list_share"],
        list_overlap=told["list_overlap"],
        net_benefit_at=told["net_benefit_at"],
        thresholds=tuple(told["thresholds"]),
        groups=groups,
        drift=Drift(**told["drift"]),
    )


def _pair(told: list[float]) -> tuple[float, float]:
    low, high = told
    return float(low), float(high)
