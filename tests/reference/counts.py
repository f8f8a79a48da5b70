"""Use of services, medicines and change of one person on one Monday, one row after the other."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

WINDOWS = (30, 90, 365, 730)
COUNTED = {
    "ed": "ed_attendances",
    "ambulance": "ed_ambulance_arrivals",
    "stay": "emergency_admissions",
    "request": "council_requests",
    "mental": "mental_health_contacts",
    "respite": "respite_services",
    "emergency": "emergency_support",
}
SINCE = {
    "ed": "ed_attendance_days_since",
    "ambulance": "ed_ambulance_arrival_days_since",
    "request": "council_request_days_since",
    "mental": "mental_health_contact_days_since",
    "respite": "respite_days_since",
    "emergency": "emergency_support_days_since",
}
CODED = ("weight", "entry", "frailty", "carer")


@dataclass(frozen=True)
class Row:
    """One version of one entry.

    Attributes:
        kind: ed, ambulance, missed (outpatient), contact, mental, stay (emergency), issue, weight, entry (another
            code), frailty (a code), carer (a code), care (at home), support (long term, for money), respite, emergency
            (support), request (to a council) or review (ahead of plan).
        day: when it happened or began; ``end`` when it ended.
        value: minutes, product, kilograms, hours or pounds a week; of frailty the level 1 to 3, of carer 1 has and 0
            has none, of a review 1 when it is about a carer.
    """

    kind: str
    day: dt.date
    known_from: dt.date
    known_until: dt.date | None = None
    end: dt.date | None = None
    value: int = 0


def expected(rows: Sequence[Row], week: dt.date) -> dict[str, float | None]:
    """What the features of these families say; None is unknown."""
    readable = [
        r for r in rows if r.day < week and r.known_from <= week and (r.known_until is None or r.known_until > week)
    ]
    of: Callable[[str], list[Row]] = lambda kind: [r for r in readable if r.kind == kind]  # noqa: E731
    ago: Callable[[int], dt.date] = lambda days: week - dt.timedelta(days=days)  # noqa: E731
    found: dict[str, float | None] = {}
    for n in WINDOWS:
        found |= {f"{name}_{n}": sum(r.day >= ago(n) for r in of(kind)) for kind, name in COUNTED.items()}
        found[f"unplanned_reviews_{n}"] = sum(r.day >= ago(n) and not r.value for r in of("review"))
        found[f"carer_related_reviews_{n}"] = sum(r.day >= ago(n) and bool(r.value) for r in of("review"))
        found[f"coded_entries_{n}"] = sum(r.day >= ago(n) for kind in CODED for r in of(kind))
        found[f"community_contact_minutes_{n}"] = sum(r.value for r in of("contact") if r.day >= ago(n))
        found[f"emergency_bed_nights_{n}"] = sum(_nights(r, ago(n), week) for r in of("stay"))
    for kind, name in SINCE.items():
        found[name] = min([730, *((week - r.day).days for r in of(kind))])
    lately = [r for r in of("missed") if r.day >= ago(90)]
    found["outpatient_missed_new_90"] = float(
        bool(lately) and not [r for r in of("missed") if ago(730) <= r.day < ago(90)]
    )
    urgent = [r.day for r in (*of("ed"), *of("stay")) if r.day >= ago(365)]
    now = sum(day >= ago(90) for day in urgent)
    found["urgent_contacts_excess_90"] = max(0.0, now - (len(urgent) - now) * 90 / 275)
    found |= _status(of("frailty"), of("carer"), ago, week) | _support(of("support"), week)
    return found | _medicines(of("issue"), ago) | _care(of("care"), ago, week) | _weight(of("weight"), ago)


def _status(
    frailty: Sequence[Row], carer: Sequence[Row], ago: Callable[[int], dt.date], week: dt.date
) -> dict[str, float | None]:
    """The newest code says it; of two on one day the higher."""
    said = {name: max(((r.day, r.value) for r in rows), default=None) for name, rows in (("f", frailty), ("c", carer))}
    level, has = said["f"], said["c"]
    lost = has is not None and has[1] == 0 and has[0] >= ago(365) and any(r.value for r in carer)
    return {
        "frailty_level": level[1] if level else 0,
        "frailty_code_days_since": min(3653, (week - level[0]).days) if level else 3653,
        "has_carer": has[1] if has else 0,
        "carer_lost_365": float(lost),
    }


def _support(services: Sequence[Row], week: dt.date) -> dict[str, float | None]:
    now = [s for s in services if s.end is None or s.end >= week]
    return {"care_services_open": len(now), "care_weekly_cost": sum(s.value for s in now)}


def _nights(stay: Row, since: dt.date, week: dt.date) -> int:
    """Midnights of the stay from the first day of the window on."""
    midnights = 0
    day = max(stay.day, since)
    while day < min(stay.end or week, week):
        midnights, day = midnights + 1, day + dt.timedelta(days=1)
    return midnights


def _medicines(issues: Sequence[Row], ago: Callable[[int], dt.date]) -> dict[str, float | None]:
    year = [r for r in issues if r.day >= ago(365)]
    days = {p: [r.day for r in year if r.value == p] for p in {r.value for r in year}}
    return {
        "distinct_medicines_365": len(days),
        "medicines_started_90": sum(min(d) >= ago(90) for d in days.values()),
        "medicines_stopped_90": sum(max(d) < ago(90) and len(set(d)) > 1 for d in days.values()),
    }


def _care(services: Sequence[Row], ago: Callable[[int], dt.date], week: dt.date) -> dict[str, float | None]:
    now = [s for s in services if s.end is None or s.end >= week]
    hours = sum(s.value for s in now)
    found: dict[str, float | None] = {"home_care_open": len(now), "home_care_weekly_hours": hours}
    for n in (90, 180):
        then = [s for s in services if s.day < ago(n) and (s.end is None or s.end >= ago(n))]
        found[f"home_care_hours_more_{n}"] = max(0, hours - sum(s.value for s in then))
    return found


def _weight(results: Sequence[Row], ago: Callable[[int], dt.date]) -> dict[str, float | None]:
    believed = [r for r in results if 25 <= r.value <= 250 and r.day >= ago(730)]
    if not believed:
        return {"weight_fall_730": None}
    first, last = min(r.day for r in believed), max(r.day for r in believed)
    if last < ago(365) or (last - first).days < 90:
        return {"weight_fall_730": None}
    earlier, latest = (max(r.value for r in believed if r.day == day) for day in (first, last))
    return {"weight_fall_730": max(0.0, 100 * (earlier - latest) / earlier)}
