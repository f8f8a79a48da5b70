"""Reads a list's declaration: `outreach/lists/<id>.yaml`, the only place where its rules and words are written."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

LISTS = Path(__file__).parent / "lists"
Route = Literal["in_hospital", "palliative", "care_home"]
Signal = Literal["palliative", "care_home"]


class ListError(ValueError):
    """A list cannot be built as asked; the message says in one sentence what to change."""


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Objective(_Declared):
    """What the list is ranked by: an outcome's id and how it is said to a team."""

    outcome: str
    words: str
    horizon: str


class FeatureRule(_Declared):
    """Holds where the feature is known and at least this value."""

    feature: str
    at_least: float


class NextStep(_Declared):
    """A suggestion; without a feature it is the one that is left."""

    words: str
    feature: str | None = None
    at_least: float | None = None


class RiskWords(_Declared):
    """What a risk of at least this probability is called."""

    at_least: float = Field(ge=0, le=1)
    words: str


class RouteWords(_Declared):
    """Where people go who are routed, not dropped, and after how many weeks somebody looks again."""

    sheet: str
    to: str
    words: str
    review_weeks: int = Field(default=4, ge=1)


class ListDeclaration(_Declared):
    """One declared list.

    Attributes:
        threshold: lowest calibrated risk (probability) at which anyone is listed.
        rest_weeks: a person listed in this many weeks before is "still here", not new again; 0 for no rest.
        hospital_snapshot_days: age in days beyond which an in-patient snapshot is not believed.
        recent_days: age in days beyond which a reason is a standing concern.
        signals: what routes a person elsewhere: any one of its rules.
        reasons_first: beginnings of feature names, the most telling first; a feature not named comes last.
    """

    id: str
    title: str
    objective: Objective
    threshold: float = Field(ge=0, le=1)
    rest_weeks: int = Field(ge=0, le=52)
    hospital_snapshot_days: int = Field(ge=1)
    recent_days: int = Field(ge=1)
    risk_words: tuple[RiskWords, ...]
    signals: dict[Signal, tuple[FeatureRule, ...]]
    reasons_first: tuple[str, ...]
    next_steps: tuple[NextStep, ...]
    outcomes: tuple[str, ...]
    routes: dict[Route, RouteWords]

    @model_validator(mode="after")
    def _complete(self) -> ListDeclaration:
        bounds = [r.at_least for r in self.risk_words]
        if bounds != sorted(bounds, reverse=True) or bounds[-1] != 0:
            raise ValueError("risk_words run from the highest down to 0")
        if self.next_steps[-1].feature is not None:
            raise ValueError("the last of next_steps has no feature: it is the one that is left")
        return self

    @property
    def features(self) -> list[str]:
        """Every feature that the list reads."""
        named = [r.feature for rules in self.signals.values() for r in rules] + [
            s.feature for s in self.next_steps if s.feature
        ]
        return sorted(set(named))


@cache
def load_list(name: str = "weekly_contact", folder: Path = LISTS) -> ListDeclaration:
    """The declaration `<folder>/<name>.yaml`.

    Raises:
        ListError: there is none, or it says something that cannot be carried out.
    """
    path = folder / f"{name}.yaml"
    if not path.exists():
        raise ListError(
            f"There is no list {name!r}: {folder} has {', '.join(sorted(p.stem for p in folder.glob('*.yaml')))}."
        )
    try:
        return ListDeclaration.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        raise ListError(f"{path.name}: {first_fault(error)}") from error


def first_fault(error: ValidationError) -> str:
    """The first fault of a declaration as `place: what is wrong`."""
    fault = error.errors()[0]
    place = ".".join(str(part) for part in fault["loc"])
    return f"{place}: {fault['msg']}" if place else str(fault["msg"])
