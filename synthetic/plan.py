"""What is to be made, and what was made: shared by everything that writes deliveries."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path

from synthetic import rules
from synthetic.people import BLOCK, head_count
from synthetic.state import World

PART = 98 * BLOCK


def first_day(last_delivery: dt.date, years: int, weekly: int) -> dt.date:
    """First day lived: whole months of four weeks before the historic delivery."""
    return last_delivery - dt.timedelta(weeks=round(years * 365.25 / 28) * 4 + weekly)


@dataclass(frozen=True)
class Plan:
    """What to make. The first day is a Monday; ``history`` is the day of the historic delivery, from the first day."""

    people: int
    seed: int
    first_day: dt.date
    last_delivery: dt.date
    weekly: int
    fault_rate: float = 0.0
    chunk: int = 24 * BLOCK
    part: int = PART
    contacts: Path | None = None
    parquet: bool = False
    risk_weeks: tuple[dt.date, ...] = ()
    replicates: int = 200

    @property
    def days(self) -> int:
        """Days lived, up to the last delivery."""
        return (self.last_delivery - self.first_day).days

    @property
    def history(self) -> int:
        """Day of the historic delivery."""
        return self.days - 7 * self.weekly

    @property
    def count(self) -> int:
        """How many people ever appear."""
        return head_count(self.people, self.days / 365.25)

    def date(self, day: int) -> dt.date:
        """Calendar date of a day."""
        return self.first_day + dt.timedelta(days=day)

    def world(self) -> World:
        """The world in which they live."""
        return World(self.seed, self.days, self.first_day.timetuple().tm_yday - 1, rules.load())


@dataclass
class Manifest:
    """What was written.

    Attributes:
        people: registered at any time.
        persons: who ever appear.
        seed: of the world.
        first_day: first day lived.
        deliveries: received dates in order; the first is historic.
        truth: folder of the true states.
        files: one entry a file: source, received, file (below the inbox), rows.
        faults: one entry a planted fault: source, file, row, fault, rule, column, level.
    """

    people: int
    persons: int
    seed: int
    first_day: dt.date
    deliveries: list[dt.date]
    truth: Path
    files: list[dict[str, object]] = field(default_factory=list)
    faults: list[dict[str, object]] = field(default_factory=list)
