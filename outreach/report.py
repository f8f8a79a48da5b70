"""What was built in a week, in counts: no person is in it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from outreach.feedback import INCIDENT_SCHEMA


@dataclass(frozen=True)
class TeamSummary:
    """What one team got.

    Attributes:
        shown: new people on the list, never more than `capacity`.
        still_here: listed in the weeks of rest before, still above the threshold.
        routed: shown on a sheet for someone else (in hospital, palliative, care home).
        left_off: above the threshold, kept off only for want of room.
        marginal_score: risk of the last person shown; null when nobody is.
    """

    team: str
    team_name: str
    capacity: int
    shown: int
    still_here: int
    routed: int
    coming_off: int
    left_off: int
    marginal_score: float | None


@dataclass(frozen=True)
class ListReport:
    """What was built, in counts: no person is in it.

    Attributes:
        statuses: people by status (`shown`, or why not).
        withheld: people who may appear nowhere (sensitive flag or opt-out).
        double_registrations: considered people with two open registrations.
        hospital_to: day to which hospital beds are seen; None when they cannot be.
        missing_features: features that the list reads and the matrix lacks.
        content: hash of the ledger's values: the same deliveries and seed give the same.
        unassigned: practices that belong to no team; their people are on no list.
        churn: share of those shown who were not near a list last week; None: no list before.
        answered: rows of earlier lists that came back with an outcome.
        feedback_faults: returned rows that could not be taken.
        incidents: the safety incident list (`feedback.incidents`), pseudonymous.
        added_elsewhere: people whom a team added and who are not its own to list; the team is told by row.
        otherwise: people who would stand otherwise in a ledger that is there already, had it been made now (a file for
            its Monday came later); the ledger and its files stay as they were given out.
    """

    week: dt.date
    list_id: str
    teams: tuple[TeamSummary, ...]
    statuses: Mapping[str, int]
    withheld: int
    double_registrations: int
    hospital_to: dt.date | None
    missing_features: tuple[str, ...]
    ledger: Path
    files: tuple[Path, ...]
    content: str
    unassigned: tuple[str, ...] = ()
    churn: float | None = None
    answered: int = 0
    feedback_faults: int = 0
    incidents: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=INCIDENT_SCHEMA))
    otherwise: int = 0
    added_elsewhere: int = 0

    @property
    def shown(self) -> int:
        """People on all lists."""
        return sum(t.shown for t in self.teams)
