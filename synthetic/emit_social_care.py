"""Adult social care as councils return it: requests, assessments, services with their cost, reviews. One rolling table.

Only care that a council arranges is here; people who pay for themselves are absent, as in life.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic import emit_care_at_home, rng
from synthetic.care_told import (
    ASSESSED,
    COMMUNITY,
    CONTINUES,
    NO_FURTHER,
    PROGRESS,
    Told,
    arranged,
    moved_to_home,
    reviews,
)
from synthetic.emit_registers import care_homes, home_of
from synthetic.life import Life, rows
from synthetic.people import geography
from synthetic.rng import I64
from synthetic.state import MONTH, NEVER, NURSING, OWN

CITY, COUNTY = "E06000015", "E10000007"


def events(life: Life) -> dict[str, NDArray]:
    """Everything the councils did for these people, ended or not (``end`` is ``NEVER`` or beyond for what runs on)."""
    told = Told(life)
    emit_care_at_home.reablement(told)
    emit_care_at_home.home_support(told)
    _homes(told)
    emit_care_at_home.carers(told)
    _learning_disability(told)
    _advice(told)
    return told.table()


def client_level_frame(life: Life, table: dict[str, NDArray], start: int, end: int, known: int) -> pl.DataFrame:
    """The return for the days ``start`` to ``end``: what ended within it, and what was still running at its end."""
    runs_on = (table["type"] == "Service") & (table["end"] > end)
    told = (table["start"] <= end) & (runs_on | ((table["end"] >= start) & (table["end"] <= end)))
    t = {k: v[told] for k, v in table.items()}
    person, n = t["person"], int(told.sum())
    key = life.key(person)
    homes = care_homes(life.world.seed)
    city = geography().authority[life.people.lsoa[person]] == CITY
    council = (rng.keyed(life.world.seed ^ 0xC0DE, life.people.index[person]) % np.uint64(10**9)).astype(np.int64)
    traced = rng.uniform(key, "council traced") > 0.035
    in_home = life.state("home", person, t["start"] + 30)
    location = homes["location_id"].to_numpy().astype(str)[np.maximum(t["home"], 0)]
    helped = life.state("cared", person, t["start"])
    return rows(
        person, t["start"], np.full(n, known),
        authority_code=np.where(city, CITY, COUNTY),
        council_person_id="P" + pl.Series(council).cast(pl.String),
        nhs_number=pl.Series(np.where(traced, life.numbers[person], 0)).replace(0, None),
        reporting_period_start_date=life.date(np.full(n, start)),
        reporting_period_end_date=life.date(np.full(n, end)),
        event_type=t["type"],
        event_reference="E" + pl.Series(council * 7 + t["start"] % 1000).cast(pl.String),
        event_date=life.date(t["start"]),
        end_date=life.date(np.where(t["end"] <= end, t["end"], NEVER)),
        client_type=t["client"],
        route=_blank(t["route"]), assessment_type=_blank(t["assessment"]), service_type=_blank(t["service"]),
        service_component=_blank(t["component"]), delivery_mechanism=_blank(t["delivery"]),
        outcome=_blank(t["outcome"]), review_reason=_blank(t["review"]),
        primary_support_reason=np.array(REASONS)[support_reason(life, t)],
        accommodation_status=np.select(
            [in_home == NURSING, in_home != OWN], ["Registered nursing home", "Registered care home"],
            "Owner occupier or shared ownership scheme",
        ),
        has_unpaid_carer=np.where(helped, "Yes", "No"),
        funding_status=np.where(t["type"] == "Service", "Joint client and social care funded", "Unknown"),
        care_home_location_id=_blank(np.where(t["home"] >= 0, location, "")),
        unit_cost=pl.Series(t["cost"]).fill_nan(None),
        cost_frequency=_blank(t["frequency"]),
        planned_units=pl.Series(t["units"]).fill_nan(None),
    )  # fmt: skip


def _blank(text: NDArray) -> pl.Series:
    return pl.Series(text.astype(str)).replace("", None)


REASONS = (
    "Social support: Support for social isolation or other reason", "Physical support: Access and mobility only",
    "Physical support: Personal care support", "Support with memory and cognition", "Mental health support",
    "Learning disability support", "Social support: Support to unpaid carer",
)  # fmt: skip
ALONE, MOBILITY, PERSONAL, MEMORY, MENTAL, LEARNING, CARER = range(len(REASONS))


def support_reason(life: Life, t: dict[str, NDArray]) -> I64:
    """Why each person came to the council, as a place in ``REASONS``: what is seen at home, diagnosed or not."""
    person, day = t["person"], t["start"]
    need = life.state("dependence", person, day) + 0.4 * rng.normal(life.key(person), "reason seen")
    settled = need < life.rules.section["social_care"]["low_level"]["at"]
    low = life.state("vulnerability", person, day) > 0.3
    return np.select(
        [
            t["client"] == "Unpaid carer", life.has("learning_disability", person, day),
            life.has("dementia", person, day), life.has("mental_illness", person, day) & (life.age(person, day) < 65),
            settled & low, need < life.rules.section["social_care"]["personal_care_from"],
        ],
        [CARER, LEARNING, MEMORY, MENTAL, ALONE, MOBILITY], PERSONAL,
    )  # fmt: skip


def _homes(told: Told) -> None:
    """Placements in care homes that a council arranges."""
    life, spec = told.life, told.life.rules.section["social_care"]
    moved = moved_to_home(life)
    who = np.flatnonzero(moved < NEVER)
    who = who[arranged(life, who)]
    key = life.key(who)
    back = -rng.whole(600 * rng.exponential(key, "in home since"))
    start = np.where(moved[who] == 0, np.maximum(back, -2500), moved[who])
    kind = life.state("home", who, np.maximum(start, 0) + 28)
    nursing = kind == NURSING
    told.add(who, start - 25, start - 20, type="Request", route="Community / Other route", outcome=ASSESSED)
    told.add(who, start - 18, start - 6, type="Assessment", assessment="Long term assessment", outcome=PROGRESS)
    price = np.where(nursing, spec["nursing_week"], spec["residential_week"]) * np.exp(0.12 * rng.normal(key, "price"))
    told.add(
        who, start, np.full(len(who), NEVER), type="Service",
        service=np.where(nursing, "Long term support: Nursing care", "Long term support: Residential care"),
        component=np.where(nursing, "Long term nursing care", "Long term residential care"),
        delivery="CASSR commissioned support", outcome=CONTINUES, cost=price.round(2), frequency="Weekly",
        home=home_of(life, who, kind),
    )  # fmt: skip
    reviews(told, who, start, life.leaves[who])


def _learning_disability(told: Told) -> None:
    """Supported living of adults with a learning disability; a few in specialist places."""
    life, spec = told.life, told.life.rules.section["social_care"]["learning_disability"]
    who = np.flatnonzero(life.course.onset[:, life.rules.condition("learning_disability").index] < NEVER)
    who = who[
        (rng.uniform(life.key(who), "supported") < spec["share"]) & (life.age(who, np.zeros(len(who), np.int64)) > 16)
    ]
    key = life.key(who)
    special = rng.uniform(key, "specialist") < spec["specialist_share"]
    usual = spec["week"] * np.exp(0.3 * rng.normal(key, "living cost"))
    start = np.maximum(
        life.people.birth_day[who] + round(18.1 * 365.25),
        -2500 + rng.whole(300 * rng.uniform(key, "supported since")),
    )
    told.add(
        who, start, np.full(len(who), NEVER), type="Service",
        service=np.where(special, "Long term support: Residential care", COMMUNITY),
        component=np.where(special, "Long term residential care", "Community supported living"),
        delivery="CASSR commissioned support", outcome=CONTINUES,
        cost=np.where(special, spec["specialist_week"], usual.round(2)),
        frequency="Weekly",
    )  # fmt: skip
    reviews(told, who, start, life.leaves[who])


def _advice(told: Told) -> None:
    """Requests that end with advice; more when someone slides, needs help or has a carer under strain."""
    life, months = told.life, told.life.course.month
    spec = life.rules.section["social_care"]["contact_per_year"]
    for m in range(len(months["here"])):
        age = life.people.age(28 * m)
        more = spec["vulnerability"] * months["vulnerability"][m] + spec["strain"] * months["strain"][m]
        more = more + spec["dependence"] * np.clip(months["dependence"][m] - 1, 0, 5)
        rate = np.interp(age, spec["ages"], spec["rate"]) * np.exp(more) * MONTH * 7 / 365.25
        who = np.flatnonzero((rng.uniform(life.people.key, "advice", m) < rate) & (age >= 18))
        day = 28 * m + rng.whole(28 * rng.uniform(life.key(who), "advice day", m))
        here = life.lives_here(who, day)
        told.add(
            who[here], day[here], day[here] + 4, type="Request", route="Community / Other route", outcome=NO_FURTHER
        )
