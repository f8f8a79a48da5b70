"""What reaching people would mean under a named scenario: admissions, midnights, beds, contacts, cost of outreach."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from scipy.stats import norm

SCENARIOS = Path(__file__).parent / "what_if.yaml"


@dataclass(frozen=True)
class Outcome:
    """One scenario over a year.

    Attributes:
        admissions: more (+) or fewer (-) emergency admissions; midnights and beds follow from them.
        contact_cost: pounds that outreach itself costs.
        care_cost: further pounds by the scenario's source; None where it names none.
        break_even_effect: the relative change in admissions at which nights saved pay for the contacts; None without a
            unit cost of a night.
    """

    name: str
    source: str
    people: int
    contacts: int
    admissions: float
    midnights: float
    beds: float
    contact_cost: float
    care_cost: float | None
    break_even_effect: float | None


@cache
def declared(path: Path = SCENARIOS) -> dict[str, Any]:
    """The scenarios and unit costs."""
    said: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    for scenario in said["scenarios"]:
        if scenario["effect"] and not scenario["source"]:
            raise ValueError(f"what_if.yaml: {scenario['name']!r} assumes an effect without a source")
    return said


def outcomes(admissions_per_person: float, midnights_per_admission: float) -> list[Outcome]:
    """Each declared scenario for the declared number of people a week over a year.

    Args:
        admissions_per_person: emergency admissions of one person reached in a year, were there no outreach.
        midnights_per_admission: midnights that follow from one admission.
    """
    said = declared()
    people = int(said["people_a_week"]) * 52
    contacts = people * int(said["contacts_per_person"])
    found = []
    for scenario in said["scenarios"]:
        admissions = people * admissions_per_person * float(scenario["effect"])
        midnights = admissions * midnights_per_admission
        spent = contacts * float(said["contact_cost"]["pounds"])
        per_head, night = scenario["cost_per_head"], said["night_cost"]
        usual = people * admissions_per_person * midnights_per_admission
        found.append(
            Outcome(
                scenario["name"],
                scenario["source"],
                people,
                contacts,
                admissions,
                midnights,
                midnights / 365,
                spent,
                None if per_head is None else people * float(per_head),
                None if night is None or not usual else -spent / (usual * float(night["pounds"])),
            )
        )
    return found


def chance_of_breaking_even(effect: float, standard_error: float, needed: float) -> float:
    """Chance that the true effect is at least as good as the one needed, both negative for fewer admissions.

    >>> chance_of_breaking_even(effect=0.0, standard_error=0.05, needed=0.0)
    0.5
    """
    return float(norm.cdf((needed - effect) / standard_error))
