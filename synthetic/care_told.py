"""Events of council-arranged care as they are gathered, with what their writers share: words, who gets it, reviews."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthetic import rng
from synthetic.life import Life
from synthetic.rng import I64
from synthetic.state import NEVER, OWN

HOME_SUPPORT, DIRECT = "Home support or domiciliary care", "Direct payment"
COMMUNITY, SHORT = "Long term support: Community", "Short term support: ST-Max"
PROGRESS, NO_FURTHER = "Progress to support planning or services", "NFA: Information and advice or signposting"
ASSESSED = "Progress to assessment, review or reassessment"
CONTINUES = "Continuation of support or services"
SUPPORT_WITH_CARER = "Unpaid carer support: Support involving the person cared-for"
CARER_SUPPORT = "Unpaid carer support: Direct to unpaid carer"
TEXT = ("type", "route", "assessment", "service", "component", "delivery", "outcome", "review", "client", "frequency")


class Told:
    """Events as they are gathered; text columns default to empty, amounts to nothing."""

    def __init__(self, life: Life) -> None:
        self.life, self.parts = life, list[dict[str, NDArray]]()

    def add(self, person: I64, start: I64, end: I64, **columns: object) -> None:
        """Adds events of adults who were alive and here at the start; services end when the person dies or leaves."""
        life = self.life
        keep = (start <= life.leaves[person]) & (start < life.world.days) & (life.age(person, start) >= 18)
        keep &= start >= np.minimum(life.people.entry_day[person], 0) - 3000
        n = int(keep.sum())
        part: dict[str, NDArray] = {"person": person[keep], "start": start[keep]}
        part["end"] = np.maximum(np.minimum(end[keep], life.leaves[person[keep]]), start[keep])
        for name in TEXT:
            value = columns.get(name, "Service user" if name == "client" else "")
            part[name] = np.full(n, value) if isinstance(value, str) else np.asarray(value)[keep]
        for name in ("cost", "units"):
            value = columns.get(name, np.nan)
            part[name] = np.full(n, value) if isinstance(value, float) else np.asarray(value, float)[keep]
        part["home"] = np.full(n, -1) if "home" not in columns else np.asarray(columns["home"])[keep]
        self.parts.append(part)

    def table(self) -> dict[str, NDArray]:
        """All events in order of person, day and kind, one per national key."""
        t = {k: np.concatenate([p[k] for p in self.parts]) for k in self.parts[0]}
        order = np.lexsort((t["component"], t["service"], t["type"], t["start"], t["person"]))
        t = {k: v[order] for k, v in t.items()}
        same = np.ones(len(t["person"]), dtype=bool)
        for k in ("person", "start", "type", "client", "route", "assessment", "service", "component"):
            same[1:] &= t[k][1:] == t[k][:-1]
        same[:1] = False
        return {k: v[~same] for k, v in t.items()}


def arranged(life: Life, person: I64) -> NDArray[np.bool_]:
    """Whether a council arranges this person's care: a lasting fact; likelier where people are poorer."""
    share = life.rules.section["social_care"]["arranged_share"] + 0.03 * (5.5 - life.people.decile[person])
    return rng.uniform(life.key(person), "arranged") < share


def moved_to_home(life: Life) -> I64:
    """Day on which each person moved into a care home; ``NEVER`` for those who did not."""
    in_home = life.course.month["home"] != OWN
    return np.where(in_home.any(axis=0), 28 * in_home.argmax(axis=0), NEVER)


def reviews(told: Told, who: I64, start: I64, stop: I64) -> None:
    """A planned review about once a year while care goes on."""
    for year in range(1, 8):
        late = rng.whole(120 * rng.exponential(told.life.key(who), "review late", year))
        day = start + 365 * year + late
        goes = (day < stop) & (rng.uniform(told.life.key(who), "reviewed", year) < 0.62)
        told.add(
            who[goes], day[goes], day[goes] + 3, type="Review", review="Planned – annual review", outcome=CONTINUES
        )
