"""Adult social care as councils return it: requests, assessments, services with their cost, reviews. One rolling table.

Only care that a council arranges is here; people who pay for themselves are absent, as in life.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic import rng
from synthetic.emit_registers import care_homes, home_of
from synthetic.life import Life, rows
from synthetic.people import geography
from synthetic.rng import I64
from synthetic.state import NEVER, NURSING, OWN

CITY, COUNTY = "E06000015", "E10000007"
HOME_SUPPORT, DIRECT = "Home support or domiciliary care", "Direct payment"
COMMUNITY, SHORT = "Long term support: Community", "Short term support: ST-Max"
PROGRESS, NO_FURTHER = "Progress to support planning or services", "NFA: Information and advice or signposting"
ASSESSED = "Progress to assessment, review or reassessment"
CONTINUES = "Continuation of support or services"
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


def events(life: Life) -> dict[str, NDArray]:
    """Everything the councils did for these people, ended or not (``end`` is ``NEVER`` or beyond for what runs on)."""
    told = Told(life)
    _reablement(told)
    _home_support(told)
    _homes(told)
    _carers(told)
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
    helped = (life.people.partner[person] >= 0) & ~life.state("alone", person, t["start"])
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
        primary_support_reason=_reason(life, t),
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


def _reason(life: Life, t: dict[str, NDArray]) -> NDArray[np.str_]:
    person, day = t["person"], t["start"]
    return np.select(
        [
            t["client"] == "Unpaid carer", life.has("learning_disability", person, day),
            life.has("dementia", person, day),
            life.has("mental_illness", person, day) & (life.age(person, day) < 65),
        ],
        ["Social support: Support to unpaid carer", "Learning disability support", "Support with memory and cognition",
         "Mental health support"],
        "Physical support: Personal care support",
    )  # fmt: skip


def _arranged(life: Life, person: I64) -> NDArray[np.bool_]:
    """Whether a council arranges this person's care: a lasting fact; likelier where people are poorer."""
    share = life.rules.section["social_care"]["arranged_share"] + 0.03 * (5.5 - life.people.decile[person])
    return rng.uniform(life.key(person), "arranged") < share


def _reablement(told: Told) -> None:
    life, spec = told.life, told.life.rules.section["social_care"]
    stay = life.stay
    at = np.flatnonzero(
        (stay["pathway"] == 1)
        & (rng.uniform(life.key(stay["person"]), "council reablement", stay["day"]) < spec["reablement"]["share"])
    )
    person, out = stay["person"][at], stay["out"][at]
    length = np.minimum(
        np.floor(10 + 22 * rng.exponential(life.key(person), "reablement days", out)), spec["reablement"]["most_days"]
    )
    end = out + length.astype(np.int64)
    again = life.stay["person"] * (1 << 21) + life.stay["day"]
    nxt = np.searchsorted(again, person * (1 << 21) + out + 1)
    follows = np.minimum(nxt, max(len(again) - 1, 0))
    back = (nxt < len(again)) & (life.stay["person"][follows] == person) & (life.stay["day"][follows] <= end)
    end = np.where(back, life.stay["day"][follows], end)
    told.add(
        person,
        stay["ready"][at],
        out,
        type="Request",
        route="Discharge from Hospital",
        outcome="Progress to reablement/ST-Max",
    )
    needs_more = life.state("chronic", person, end) > spec["home_support_at"] - 0.4
    outcome = np.where(back, "Admitted to hospital", np.where(needs_more, PROGRESS, "NFA: Support ended as planned"))
    told.add(
        person, out, end, type="Service", service=SHORT, component="Reablement", delivery="CASSR commissioned support",
        outcome=outcome, cost=float(spec["reablement"]["week"]), frequency="Weekly",
    )  # fmt: skip


def _first_day(life: Life, level: float) -> tuple[I64, I64]:
    past = (life.course.month["chronic"] >= level) & (life.course.month["home"] == OWN)
    who = np.flatnonzero(past.any(axis=0))
    month = past[:, who].argmax(axis=0)
    back = np.floor(500 * rng.exponential(life.people.key[who], f"care since {level}"))
    return who, np.where(month > 0, 28 * month, -np.minimum(back, 2500)).astype(np.int64)


def _moved_to_home(life: Life) -> I64:
    """Day on which each person moved into a care home; ``NEVER`` for those who did not."""
    in_home = life.course.month["home"] != OWN
    return np.where(in_home.any(axis=0), 28 * in_home.argmax(axis=0), NEVER)


def _home_support(told: Told) -> None:
    """A package of home support, or a direct payment; more hours later; a review every year."""
    life, spec = told.life, told.life.rules.section["social_care"]
    who, since = _first_day(life, spec["home_support_at"])
    who_more, since_more = _first_day(life, spec["more_support_at"])
    more = np.full(len(life.people), NEVER)
    more[who_more] = since_more + 40
    keep = _arranged(life, who)
    who, asked = who[keep], since[keep]
    key = life.key(who)
    start = asked + 21 + rng.whole(30 * rng.exponential(key, "package wait"))
    stops = _moved_to_home(life)[who]
    route = np.where(rng.uniform(key, "route") < 0.35, "Discharge from Hospital", "Community / Other route")
    told.add(who, asked, asked + 5, type="Request", route=route, outcome=ASSESSED)
    told.add(who, asked + 10, asked + 18, type="Assessment", assessment="Long term assessment", outcome=PROGRESS)
    pays = rng.uniform(key, "direct payment") < spec["direct_payment_share"]
    component, delivery = np.where(pays, DIRECT, HOME_SUPPORT), np.where(pays, DIRECT, "CASSR commissioned support")
    hours = spec["home_support"]["hours"]
    scale = np.exp(0.25 * rng.normal(key, "hours"))
    first_end = np.minimum(np.maximum(more[who], start + 1), stops)
    for begins, ends, weekly, word in ((start, first_end, hours[0], ""), (more[who] + 1, stops, hours[1], " more")):
        goes = (begins < ends) & (begins < NEVER // 2)
        told.add(
            who[goes], begins[goes], ends[goes], type="Service", service=COMMUNITY, component=component[goes],
            delivery=delivery[goes], outcome=CONTINUES, cost=float(spec["home_support"]["hour"]), frequency="Hourly",
            units=np.round(weekly * scale[goes] * 2) / 2,
        )  # fmt: skip
        if word:
            told.add(
                who[goes],
                begins[goes] - 8,
                begins[goes] - 6,
                type="Review",
                review="Unplanned – change of need",
                outcome=CONTINUES,
            )
    _reviews(told, who, start, np.minimum(stops, life.leaves[who]))
    day = rng.uniform(key, "day support") < spec["day_support"]["share"]
    told.add(
        who[day], start[day] + 60, stops[day], type="Service", service=COMMUNITY, component="Day support",
        delivery="CASSR commissioned support", outcome=CONTINUES, cost=float(spec["day_support"]["session"]),
        frequency="Per session", units=float(spec["day_support"]["sessions"]),
    )  # fmt: skip
    gets = rng.uniform(key, "equipment") < spec["equipment"]["share"]
    told.add(
        who[gets], start[gets], start[gets], type="Service", service=COMMUNITY, component="Equipment",
        delivery="CASSR commissioned support", outcome=CONTINUES, cost=float(spec["equipment"]["cost"]),
        frequency="One-off",
    )  # fmt: skip


def _reviews(told: Told, who: I64, start: I64, stop: I64) -> None:
    for year in range(1, 8):
        late = rng.whole(120 * rng.exponential(told.life.key(who), "review late", year))
        day = start + 365 * year + late
        goes = (day < stop) & (rng.uniform(told.life.key(who), "reviewed", year) < 0.62)
        told.add(
            who[goes], day[goes], day[goes] + 3, type="Review", review="Planned – annual review", outcome=CONTINUES
        )


def _homes(told: Told) -> None:
    """Placements in care homes that a council arranges."""
    life, spec = told.life, told.life.rules.section["social_care"]
    moved = _moved_to_home(life)
    who = np.flatnonzero(moved < NEVER)
    who = who[_arranged(life, who)]
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
    _reviews(told, who, start, life.leaves[who])


def _carers(told: Told) -> None:
    life, spec = told.life, told.life.rules.section["social_care"]
    who, since = _first_day(life, spec["home_support_at"] - 0.3)
    carer = life.people.partner[who]
    helps = (carer >= 0) & (rng.uniform(life.key(np.maximum(carer, 0)), "carer known") < spec["carer_share"])
    carer, since = carer[helps], np.maximum(since[helps], -900)
    told.add(
        carer,
        since + 30,
        since + 44,
        type="Assessment",
        assessment="Short term assessment",
        client="Unpaid carer",
        outcome=PROGRESS,
    )
    told.add(
        carer, since + 45, np.minimum(since + 45 + 700, life.leaves[carer]), type="Service", service=CARER_SUPPORT,
        component="Unpaid carer respite", delivery="CASSR commissioned support", client="Unpaid carer",
        outcome=CONTINUES, cost=38.0, frequency="Weekly",
    )  # fmt: skip


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
    _reviews(told, who, start, life.leaves[who])


def _advice(told: Told) -> None:
    """Requests that end with advice; more when someone is sliding."""
    life = told.life
    spec = life.rules.section["social_care"]["contact_per_year"]
    for quarter in range(life.world.days // 91 + 1):
        age = life.people.age(91 * quarter)
        sliding = life.course.month["vulnerability"][min(quarter * 13 // 4, len(life.course.month["here"]) - 1)]
        rate = np.interp(age, spec["ages"], spec["rate"]) * np.exp(0.5 * sliding) / 4
        who = np.flatnonzero((rng.uniform(life.people.key, "advice", quarter) < rate) & (age >= 18))
        day = 91 * quarter + rng.whole(91 * rng.uniform(life.key(who), "advice day", quarter))
        here = life.lives_here(who, day)
        told.add(
            who[here], day[here], day[here] + 4, type="Request", route="Community / Other route", outcome=NO_FURTHER
        )
