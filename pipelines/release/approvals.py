"""What must be signed before a list of anybody but artificial people leaves the house."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from data_contracts.codelist import STARTER, load_codelists
from pipelines.release.roles import NotAllowedError, can_be_written

APPROVALS = "approvals.yaml"


class Approval(BaseModel):
    """One signed approval; all of it or nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    clinical_safety_officer: str = Field(min_length=1)
    safety_case_version: str = Field(min_length=1)
    hazard_log_version: str = Field(min_length=1)
    dpia_reference: str = Field(min_length=1)
    medical_device_decision: str = Field(min_length=1)
    model_id: str = Field(min_length=1)
    outcome: str = Field(min_length=1)
    codelists: dict[str, str] = Field(min_length=1)
    signed_on: dt.date


@dataclass(frozen=True)
class InUse:
    """What the list was made with, and an approval must name."""

    model_id: str
    outcome: str
    codelists: Mapping[str, str]


def codelist_versions() -> dict[str, str]:
    """Version of every codelist."""
    return {name: listed.version for name, listed in load_codelists().items()}


def check_approved(path: Path, used: InUse) -> Approval:
    """The approval of what is in use.

    Raises:
        NotAllowedError: none, incomplete, for something else, or for what cannot be approved.
    """
    if not path.exists():
        raise NotAllowedError("There are people here who are not artificial, and no approvals file: not for patients.")
    if can_be_written(path):
        raise NotAllowedError("The approvals file could have been written by the account that asks.")
    try:
        approval = Approval.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        named = ", ".join(sorted({str(e["loc"][0]) for e in error.errors() if e["loc"]}))
        raise NotAllowedError(f"The approvals file is not complete: {named or 'it is empty'}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise NotAllowedError("The approvals file cannot be read.") from error
    if starters := sorted(n for n, v in used.codelists.items() if v.startswith(STARTER)):
        raise NotAllowedError(f"Starter codelists cannot be approved: {', '.join(starters[:3])} and others.")
    for what, signed, now in (
        ("model", approval.model_id, used.model_id),
        ("outcome", approval.outcome, used.outcome),
    ):
        if signed != now:
            raise NotAllowedError(f"The approval is for the {what} {signed}; the list was made with {now}: it lapsed.")
    if changed := sorted(n for n, v in used.codelists.items() if approval.codelists.get(n) != v):
        raise NotAllowedError(f"The approval is for other versions of codelists: {', '.join(changed[:3])}.")
    return approval
