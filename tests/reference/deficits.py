"""The deficits of one person on one Monday, one event after the other."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from data_contracts.contract import CODELISTS, REFERENCE

WEIGHT_LOSS_DAYS = 365


@dataclass(frozen=True)
class Event:
    """One version of one GP entry: the codelist of its code, and its result."""

    codelist: str
    day: dt.date
    known_from: dt.date
    known_until: dt.date | None = None
    value: Decimal | None = None
    unit: str | None = None
    entered: dt.date | None = None


def gained(events: Sequence[Event], week: dt.date) -> tuple[int, int, int]:
    """Deficits by code that could not be read 365 days before: new, newly recorded, newly delivered."""
    before = week - dt.timedelta(days=365)
    told = {"new": 0, "recorded": 0, "delivered": 0}
    for name in {row["codelist"] for row in _rows("efi_deficit") if row["rule"] == "code"}:
        of_it = [e for e in events if e.codelist == name]
        now = [e for e in of_it if _readable(e, week) and _recent(e, week)]
        if not now or any(_readable(e, before) and _recent(e, before) for e in of_it):
            continue
        entered = min(max(e.entered or e.known_from, e.day + dt.timedelta(days=1)) for e in now)
        if min(e.day for e in now) >= before:
            told["new"] += 1
        else:
            told["recorded" if entered > before else "delivered"] += 1
    return told["new"], told["recorded"], told["delivered"]


def _readable(event: Event, week: dt.date) -> bool:
    withdrawn = event.known_until is not None and event.known_until <= week
    return event.day < week and event.known_from <= week and not withdrawn


def deficits(events: Sequence[Event], week: dt.date, sex: str | None) -> set[str]:
    """Names of the deficits by code and by value; polypharmacy is counted elsewhere."""
    rules = [row for row in _rows("efi_deficit") if row["applied_flag"] == "true"]
    readable = [e for e in events if _readable(e, week)]
    found = {
        rule["deficit"]
        for rule in rules
        for e in readable
        if rule["rule"] == "code" and rule["codelist"] == e.codelist and _recent(e, week)
    }
    by_value = [rule for rule in rules if rule["rule"] == "value"]
    for rule in by_value:
        same = [r for r in by_value if (r["deficit"], r["codelist"]) == (rule["deficit"], rule["codelist"])]
        if not rule["sex_code"] or sex == rule["sex_code"]:
            holds = _not_normal(rule, readable)
        elif sex is None:
            holds = all(_not_normal(r, readable) for r in same)
        else:
            holds = False
        if holds:
            found.add(rule["deficit"])
    return found


def _recent(event: Event, week: dt.date) -> bool:
    if event.codelist != "weight_loss_and_anorexia":
        return True
    return event.day >= week - dt.timedelta(days=WEIGHT_LOSS_DAYS)


def _not_normal(rule: dict[str, str], events: Sequence[Event]) -> bool:
    """Whether any result of the newest day with a believable result is beyond the threshold."""
    threshold = Decimal(rule["threshold"])
    results = [(e.day, value) for e in events if e.codelist == rule["codelist"] and (value := _believed(e)) is not None]
    newest = [value for day, value in results if day == max(d for d, _ in results)]
    beyond = {
        "<": lambda v: v < threshold,
        "<=": lambda v: v <= threshold,
        ">": lambda v: v > threshold,
        ">=": lambda v: v >= threshold,
    }[rule["comparison"]]
    return any(beyond(value) for value in newest)


def _believed(event: Event) -> Decimal | None:
    if event.value is None:
        return None
    unit = (event.unit or "").replace(" ", "").lower()
    for row in _rows("measurement_unit"):
        low, high = Decimal(row["lowest"] or "-1e9"), Decimal(row["highest"] or "1e9")
        if row["codelist"] == event.codelist and row["unit"] == unit and low <= event.value <= high:
            value = (event.value * Decimal(row["factor"])).quantize(Decimal("0.001"), ROUND_HALF_UP)
            with (CODELISTS / f"{event.codelist}.csv").open(encoding="utf-8", newline="") as lines:
                bounds = list(csv.DictReader(lines))
            smallest = min(Decimal(b["minimum"]) for b in bounds if b["minimum"])
            largest = max(Decimal(b["maximum"]) for b in bounds if b["maximum"])
            return value if smallest <= value <= largest else None
    return None


def _rows(name: str) -> list[dict[str, str]]:
    with (REFERENCE / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))
