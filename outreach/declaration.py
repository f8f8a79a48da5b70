"""Reads a list's declaration: `outreach/lists/<id>.yaml`, the only place where its rules and words are written."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

LISTS = Path(__file__).parent / "lists"
Route = Literal["in_hospital", "palliative", "care_home"]
Signal = Literal["palliative", "care_home"]
Method = Literal["risk", "rising_risk", "hidden_housebound_first", "equal_recall_by_deprivation", "avoidable_bed_days"]


HOUSEBOUND = ("housebound_class", "housebound_coded")
"""Level judged from all evidence (0 no, 1 possible, 2 probable, 3 confirmed), and as coded."""


class ListError(ValueError):
    """A list cannot be built as asked; the message says in one sentence what to change."""


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Objective(_Declared):
    """What the list is ranked by: an outcome's id, how it is said to a team, its days, the method (`objectives.py`)."""

    outcome: str
    words: str
    horizon: str
    days: int = Field(default=365, ge=1)
    method: Method = "risk"


class FeatureRule(_Declared):
    """Holds where the feature is known and at least this value, from this age on."""

    feature: str
    at_least: float
    age_from: int = 0


class NextStep(_Declared):
    """A suggestion and the local service it leads to; without a feature it is the one that is left."""

    words: str
    service: str | None = None
    feature: str | None = None
    at_least: float | None = None


class Effect(_Declared):
    """What an outcome does to later lists: keeps the person off, as this status, for some weeks (none: for good)."""

    status: str
    weeks: int | None = Field(default=None, ge=1)


class RiskWords(_Declared):
    """What a risk of at least this probability is called."""

    at_least: float = Field(ge=0, le=1)
    words: str


class OtherRisk(_Declared):
    """Another outcome that is told on the sheet of details, and how; `days`: an expected number, no probability."""

    outcome: str
    words: str
    days: bool = False


class RouteWords(_Declared):
    """Where people go who are routed, not dropped, and after how many weeks somebody looks again."""

    sheet: str
    to: str
    words: str
    review_weeks: int = Field(default=4, ge=1)


class Otherwise(_Declared):
    """What a list is ranked by in a week in which no model of its own outcome may be shown; the list says so."""

    objective: Objective
    threshold: float = Field(ge=0, le=1)
    risk_words: tuple[RiskWords, ...]


class ListDeclaration(_Declared):
    """One declared list.

    Attributes:
        otherwise: used where the objective has no model that may be shown.
        threshold: lowest calibrated risk (probability) at which anyone is listed.
        rest_weeks: a person listed in this many weeks before is "still here", not new again; 0 for no rest.
        hospital_snapshot_days: age in days beyond which an in-patient snapshot is not believed.
        recent_days: age in days beyond which a reason is a standing concern.
        signals: what routes a person elsewhere: any one of its rules.
        eligible: who may be listed at all: any one of these rules. A person for whom one of them is unknown is not
            turned away by it; empty: everyone of the cohort.
        other_risks: what else is told as a number on the sheet of details, where a model of it was in use.
        feedback: which outcome keeps a person off later lists.
        churn_warns: share of those shown who may come from nowhere near the last list before this one warns.
        reasons_first: beginnings of feature names, the most telling first; a feature not named comes last.
    """

    id: str
    title: str
    objective: Objective
    threshold: float = Field(ge=0, le=1)
    otherwise: Otherwise | None = None
    rest_weeks: int = Field(ge=0, le=52)
    hospital_snapshot_days: int = Field(ge=1)
    recent_days: int = Field(ge=1)
    risk_words: tuple[RiskWords, ...]
    signals: dict[Signal, tuple[FeatureRule, ...]]
    eligible: tuple[FeatureRule, ...] = ()
    churn_warns: float = Field(default=0.5, gt=0, le=1)
    reasons_first: tuple[str, ...]
    next_steps: tuple[NextStep, ...]
    other_risks: tuple[OtherRisk, ...] = ()
    outcomes: tuple[str, ...]
    feedback: dict[str, Effect] = Field(default_factory=dict)
    routes: dict[Route, RouteWords]

    @model_validator(mode="after")
    def _complete(self) -> ListDeclaration:
        bounds = [r.at_least for r in self.risk_words]
        if bounds != sorted(bounds, reverse=True) or bounds[-1] != 0:
            raise ValueError("risk_words run from the highest down to 0")
        if self.next_steps[-1].feature is not None:
            raise ValueError("the last of next_steps has no feature: it is the one that is left")
        if other := sorted(set(self.feedback) - set(self.outcomes)):
            raise ValueError(f"feedback names {', '.join(other)}, which is none of the outcomes")
        return self

    def for_outcomes(self, scored: Collection[str]) -> ListDeclaration:
        """This list, or with its other objective where only that was scored."""
        if self.objective.outcome in scored or self.otherwise is None or self.otherwise.objective.outcome not in scored:
            return self
        other = self.otherwise
        return self.model_copy(
            update={"objective": other.objective, "threshold": other.threshold, "risk_words": other.risk_words}
        )

    @property
    def features(self) -> list[str]:
        """Every feature that the list reads."""
        named = [r.feature for rules in (*self.signals.values(), self.eligible) for r in rules]
        named += [s.feature for s in self.next_steps if s.feature]
        return sorted({*named, *HOUSEBOUND})


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
    return faults_of(error)[0]


def faults_of(error: ValidationError) -> list[str]:
    """Every fault of a declaration as `place: what is wrong`."""
    places = [(".".join(str(part) for part in f["loc"]), f["msg"]) for f in error.errors()]
    return [f"{place}: {said}" if place else str(said) for place, said in places]
