"""The parts of the page that are tables alone: services, reconciliation, standardised rates, projection, what if."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from commissioning import wording
from commissioning.cost import unit_costs
from commissioning.declaration import load_indicators
from commissioning.disclosure import ALL
from commissioning.services import services
from commissioning.standardised import INDICATORS
from commissioning.tables import MartReport
from commissioning.what_if import Outcome, declared, outcomes

_GROUPS = {"place": "Place of residence", "pcn": "Primary care network", "deprivation": "Deprivation of the small area"}


def service_rows(panels: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One entry a service: its indicators with their newest figures, the figures quoted elsewhere, what is missing."""
    return [
        {
            "name": service.name,
            "ours": [
                (
                    i,
                    panels[i].indicator.name,
                    panels[i].latest or (panels[i].why if not panels[i].rows else "no settled figure yet"),
                )
                for i in service.indicators
                if i in panels
            ],
            "published": service.published,
            "missing": service.missing,
        }
        for service in services()
    ]


def steps(report: MartReport) -> list[tuple[str, str, str]]:
    """The reconciliation: what is counted, midnights, difference from the step before."""
    frame = pl.read_parquet(report.table("reconciliation").path)
    return [
        (
            r["meaning"],
            "*" if r["nights"] is None else f"{r['nights']:,}",
            "" if r["change"] is None else _signed(r["change"]),
        )
        for r in frame.iter_rows(named=True)
    ]


def standardised_rates(report: MartReport) -> dict[str, Any]:
    """Areas by indicator, each cell the rate with its interval and whether it differs from the whole board."""
    frame = pl.read_parquet(report.table("standardised_rate").path)
    names = {i.id: i.name for i in load_indicators()}
    rows: list[tuple[object, list[tuple[str, str]]]] = []
    for (dimension, area), own in frame.group_by("dimension", "area", maintain_order=True):
        title: tuple[object, list[tuple[str, str]]] = (None, [(_GROUPS[str(dimension)], "")])
        if area == ALL and rows:
            rows.append(title)
            continue
        by = {r["indicator"]: r for r in own.iter_rows(named=True)}
        rows.append((area, [_cell(by.get(i)) for i in INDICATORS]))
        if area == ALL:
            rows.append(title)
    return {"columns": [names[i] for i in INDICATORS], "rows": rows}


def _cell(row: dict[str, Any] | None) -> tuple[str, str]:
    if row is None or row["rate"] is None:
        return "*", ""
    return f"{row['rate']:,.0f} ({row['lower']:,.0f} to {row['upper']:,.0f})", row["compared"] or ""


def ahead(report: MartReport) -> dict[str, Any]:
    """The projection: a row a measure and age group, a column a year."""
    frame = pl.read_parquet(report.table("projection").path)
    years = sorted(frame["year"].drop_nulls().unique())
    rows: list[tuple[object, object, list[str], str]] = []
    for (measure, ages), own in frame.group_by("measure", "ages", maintain_order=True):
        known = {r["year"]: r for r in own.iter_rows(named=True) if r["value"] is not None}
        if not known:
            rows.append((measure, ages, [], own["note"][0]))
            continue
        cells = [
            f"{known[y]['value']:,} ({known[y]['lower']:,} to {known[y]['upper']:,})" if y in known else ""
            for y in years
        ]
        rows.append((measure, ages, cells, ""))
    notes = frame.filter(pl.col("value").is_not_null())["note"].unique()
    return {"years": years, "rows": rows, "note": notes[0] if len(notes) else ""}


def cost_rows(report: MartReport) -> dict[str, Any]:
    """Cost of people by frailty band: three columns that are never added, and what is in none of them."""
    frame = pl.read_parquet(report.table("cost_by_frailty").path)
    names = {i.id: i for i in load_indicators()}
    rows = []
    for r in frame.iter_rows(named=True):
        own = names[r["indicator"]]
        spent = own.unit == "pounds"
        rows.append(
            (
                "All people counted" if r["frailty_band"] == ALL else r["frailty_band"],
                f"{own.name}, {wording.span(r['start'], r['end'])}",
                "" if spent else _given(r["activity"], "not shown"),
                "" if spent else _pounds(r["activity_cost"], "no unit cost given"),
                _pounds(r["spend"], "not shown") if spent else "no source",
                _pounds(r["cash_releasable"], ""),
            )
        )
    return {"rows": rows, "left_out": unit_costs()["left_out"]}


def _given(value: int | None, otherwise: str) -> str:
    return otherwise if value is None else f"{value:,}"


def _pounds(value: int | None, otherwise: str) -> str:
    return otherwise if value is None else f"£{value:,}"


def scenarios(report: MartReport) -> dict[str, Any]:
    """What if people with severe frailty were reached: each named scenario over a year, from published figures."""
    found = _per_person(report)
    if found is None:
        return {}
    rows = [_scenario(o) for o in outcomes(*found)]
    return {"rows": rows, "said": declared(), "admissions": f"{found[0]:.2f}", "midnights": f"{found[1]:.1f}"}


def _per_person(report: MartReport) -> tuple[float, float] | None:
    """Admissions a year of one person with severe frailty, and midnights for each: of the newest settled year."""
    totals: dict[str, float] = {}
    for indicator in ("registered_people", "emergency_admissions", "emergency_bed_days"):
        frame = pl.read_parquet(report.table(f"{indicator}_by_frailty_band").path)
        own = frame.filter(pl.col("frailty_band") == "Severe", ~pl.col("provisional"))
        if own.is_empty() or own["period"][0] != "month" or own.tail(12)["value"].null_count() or own.height < 12:
            return None
        totals[indicator] = float(sum(own.tail(12)["value"]))
    if not totals["registered_people"] or not totals["emergency_admissions"]:
        return None
    people = totals["registered_people"] / 12
    return totals["emergency_admissions"] / people, totals["emergency_bed_days"] / totals["emergency_admissions"]


def _scenario(outcome: Outcome) -> tuple[str, ...]:
    return (
        outcome.name,
        f"{outcome.people:,}",
        f"{outcome.contacts:,}",
        _signed(round(outcome.admissions)),
        _signed(round(outcome.midnights)),
        f"{outcome.beds:+.1f}".replace("-", "−") if outcome.beds else "0",
        f"£{outcome.contact_cost:,.0f}",
        "not given" if outcome.care_cost is None else f"£{outcome.care_cost:,.0f}",
        "cannot be told: no unit cost of a night"
        if outcome.break_even_effect is None
        else f"{outcome.break_even_effect:+.1%}",
        outcome.source,
    )


def _signed(value: int) -> str:
    return f"{value:+,}".replace("-", "−") if value else "0"
