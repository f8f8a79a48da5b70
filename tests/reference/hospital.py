"""Hospital Frailty Risk Score and Charlson index of one person on one Monday, written as the papers say it."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from data_contracts.contract import REFERENCE


@dataclass(frozen=True)
class Episode:
    """One version of one episode. Episodes with one provider and day of admission are one stay."""

    provider: str
    admitted: dt.date
    discharged: dt.date | None
    diagnoses: tuple[str, ...]
    known_from: dt.date
    known_until: dt.date | None = None


def codes_of_stays(episodes: Sequence[Episode], week: dt.date) -> set[str] | None:
    """All diagnoses of stays that ended in the two years before the week; None when there was none."""
    readable = [
        e
        for e in episodes
        if e.admitted < week and e.known_from <= week and (e.known_until is None or e.known_until > week)
    ]
    found: set[str] | None = None
    for stay in {(e.provider, e.admitted) for e in readable}:
        parts = [e for e in readable if (e.provider, e.admitted) == stay]
        ends = [e.discharged for e in parts if e.discharged is not None]
        if ends and week - dt.timedelta(days=730) <= max(ends) < week:
            found = (found or set()) | {code for e in parts for code in e.diagnoses}
    return found


def frailty_tenths(codes: set[str] | None) -> int | None:
    """Each three-character code once."""
    if codes is None:
        return None
    weights = {row["icd10_code"]: int(row["weight_tenths"]) for row in _rows("hospital_frailty")}
    return sum(weights.get(three, 0) for three in {code[:3] for code in codes})


def charlson(codes: set[str] | None, weights: str) -> int | None:
    """Each condition once; a severe form replaces the mild one; HIV is not counted."""
    if codes is None:
        return None
    mapping = "shmi" if weights == "shmi_2020" else "quan_2005"
    found = {
        row["condition"]
        for row in _rows("charlson_prefix")
        if row["mapping"] == mapping and any(code.startswith(row["icd10_prefix"]) for code in codes)
    }
    return sum(
        int(row[f"weight_{weights}"])
        for row in _rows("charlson")
        if row["condition"] in found and row["condition"] != "aids" and row["dropped_when"] not in found
    )


def _rows(name: str) -> list[dict[str, str]]:
    with (REFERENCE / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))
