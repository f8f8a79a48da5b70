"""Reads ``rules.yaml``: the numbers that a clinician may disagree with, in one place, as plain objects."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from synthetic.rng import F64

RULES = Path(__file__).parent / "rules.yaml"


@dataclass(frozen=True)
class Curve:
    """A number by age, straight lines between the declared ages."""

    ages: tuple[float, ...]
    values: tuple[float, ...]

    def at(self, age: F64) -> F64:
        """Value at each age, shape as ``age``."""
        return np.interp(age, self.ages, self.values)

    def log_at(self, age: F64) -> F64:
        """Log of the value, interpolated on the log scale."""
        return np.interp(age, self.ages, np.log(self.values))


@dataclass(frozen=True, eq=False)
class Condition:
    """One long-term condition: how common, what it does, how it is written down.

    Attributes:
        cumulative: cumulative onset hazard by age (index = age in years, 0..110), for the reference person.
        gp: SNOMED codes with the share of records that use each; empty when the GP record has no list for it.
        icd: ICD-10 codes with the chance that an episode of a person who has it carries each.
        follows: the condition it comes after, if any; then ``share`` of those who have that come to it, after an
            exponential wait of mean ``days``, and nobody has had it on the first day for longer than ``lasts``.
    """

    name: str
    index: int
    cumulative: NDArray[np.float64]
    female: float
    hidden: float
    poor: float
    function: float
    crisis: float
    death: float
    coded: float
    gp: dict[int, float]
    icd: dict[str, float]
    follows: str = ""
    share: float = 0.0
    days: float = 0.0
    lasts: float = 0.0


@dataclass(frozen=True, eq=False)
class Rules:
    """All declared numbers: ``conditions`` parsed, the other sections as they stand (attributes)."""

    conditions: tuple[Condition, ...]
    population: SimpleNamespace
    practice: SimpleNamespace
    course: SimpleNamespace
    carers: SimpleNamespace
    section: dict[str, Any]

    def condition(self, name: str) -> Condition:
        """The condition of that name."""
        return next(c for c in self.conditions if c.name == name)


@cache
def load(path: Path = RULES) -> Rules:
    """The rules of a file, read once."""
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    conditions = tuple(_condition(i, name, spec) for i, (name, spec) in enumerate(raw["conditions"].items()))
    return Rules(
        conditions=conditions,
        population=SimpleNamespace(**{k: _curve(v) for k, v in raw["population"].items()}),
        practice=SimpleNamespace(**raw["practice"]),
        course=SimpleNamespace(**{k: _curve(v) for k, v in raw["course"].items()}),
        carers=SimpleNamespace(**{k: _curve(v) for k, v in raw["carers"].items()}),
        section=raw,
    )


def _curve(value: Any) -> Any:
    if isinstance(value, dict) and "ages" in value:
        other = next(k for k in value if k != "ages")
        return Curve(tuple(map(float, value["ages"])), tuple(map(float, value[other])))
    return SimpleNamespace(**value) if isinstance(value, dict) and all(isinstance(k, str) for k in value) else value


def _condition(index: int, name: str, spec: dict[str, Any]) -> Condition:
    share = np.array(spec["at"], dtype=float) / 100
    ages = np.arange(0, 111, dtype=float)
    known = np.maximum.accumulate(-np.log1p(-share))
    if spec.get("congenital"):
        cumulative = np.full(len(ages), known[0])
    else:
        slope = max(known[-1] - known[-2], 1e-4) / 10
        cumulative = np.interp(ages, [0, 15, 40, 55, 65, 75, 85], [0, known[0] * 0.15, *known])
        cumulative = np.where(ages > 85, known[-1] + slope * (ages - 85), cumulative)
    ((before, share),) = spec.get("follows", {"": 0.0}).items()
    weights = {k: float(spec[k]) for k in ("female", "hidden", "poor", "function", "crisis", "death", "coded")}
    return Condition(
        name=name,
        index=index,
        cumulative=cumulative,
        **weights,
        gp={int(k): float(v) for k, v in spec["gp"].items()},
        icd={str(k): float(v) for k, v in spec["icd"].items()},
        follows=before,
        share=float(share),
        days=float(spec.get("days", 0)),
        lasts=float(spec.get("lasts", 0)),
    )
