"""Use of services, medicines and change of one person on one Monday, one row after the other."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

WINDOWS = (30, 90, 365, 730)


@dataclass(frozen=True)
class Row:
    """One version of one entry.

    Attributes:
        kind: ed, missed (outpatient), contact, stay (emergency), issue, weight, care (at home) or
            request (to a council).
        day: when it happened or began; ``end`` when it ended.
        value: minutes, product, kilograms or hours a week.
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
        found[f"ed_attendances_{n}"] = sum(r.day >= ago(n) for r in of("ed"))
        found[f"emergency_admissions_{n}"] = sum(r.day >= ago(n) for r in of("stay"))
        found[f"community_contact_minutes_{n}"] = sum(r.value for r in of("contact") if r.day >= ago(n))
        found[f"council_requests_{n}"] = sum(r.day >= ago(n) for r in of("request"))
        found[f"emergency_bed_nights_{n}"] = sum(_nights(r, ago(n), week) for r in of("stay"))
    found["ed_attendance_days_since"] = min([730, *((week - r.day).days for r in of("ed"))])
    found["council_request_days_since"] = min([730, *((week - r.day).days for r in of("request"))])
    lately = [r for r in of("missed") if r.day >= ago(90)]
    found["outpatient_missed_new_90"] = float(
        bool(lately) and not [r for r in of("missed") if ago(730) <= r.day < ago(90)]
    )
    urgent = [r.day for r in (*of("ed"), *of("stay")) if r.day >= ago(365)]
    now = sum(day >= ago(90) for day in urgent)
    found["urgent_contacts_excess_90"] = max(0.0, now - (len(urgent) - now) * 90 / 275)
    return found | _medicines(of("issue"), ago) | _care(of("care"), ago, week) | _weight(of("weight"), ago)


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
