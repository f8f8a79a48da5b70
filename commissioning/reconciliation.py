"""From the raw hospital total to our midnight emergency bed days, step by step, so that two figures can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import duckdb
import polars as pl

import sql
from commissioning.disclosure import RULES, Rules, round_sum
from commissioning.published import Span

STEPS: Final[Mapping[str, str]] = {
    "by_discharge": "All hospital spells that ended in the period, all their nights (how many hospital returns count)",
    "by_night": "Nights that lie in the period, whenever the spell ended",
    "in_beds": "Without day cases and regular attendances",
    "once": "Continuous stays: a night in two records counts once",
    "emergency": "Stays begun by an emergency admission",
    "registered": "Of people registered with the board who may be counted (opt-outs and marked records taken out)",
    "older": "Of people aged 65 and over: our emergency bed days",
}
OURS: Final = "older"
COLUMNS: Final = {
    "start": "first day of the period",
    "end": "first day after the period",
    "place": "order of the steps",
    "step": "id of the step",
    "meaning": "what is counted at this step",
    "nights": "midnights at this step, rounded to 5, the last the sum of published figures; null where it would give "
    "fewer than 8 people away",
    "change": "difference from the last step shown before; null for the first and where not shown",
}


def reconcile(
    con: duckdb.DuckDBPyConnection, span: Span, ours: int, given: Mapping[str, Any], rules: Rules = RULES
) -> pl.DataFrame:
    """One row a step for one period, ready to be published.

    A step that moved the figures of 1 to 7 people, or mostly those of one, is not shown: the next one holds it as well.

    Args:
        con: connection with the record and `mart_span`.
        span: the period.
        ours: our emergency bed days, the sum of the published figures.
        given: `data_date` and `covered_to`.
        rules: of disclosure control.
    """
    parameters = {**given, "from_day": span.start, "to_day": span.end}
    per_person = con.sql(sql.load("marts/reconciliation"), params=parameters).pl()
    return pl.DataFrame(_rows(per_person, span, ours, rules), schema=schema(), orient="row")


def schema() -> dict[str, Any]:
    """Columns and types of the table."""
    kinds = {"start": pl.Date, "end": pl.Date, "place": pl.Int64, "nights": pl.Int64, "change": pl.Int64}
    return {c: kinds.get(c, pl.String) for c in COLUMNS}


def _rows(per_person: pl.DataFrame, span: Span, ours: int, rules: Rules) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    shown: str | None = None
    last: int | None = None
    for place, (step, meaning) in enumerate(STEPS.items(), start=1):
        column = pl.col(step)
        people = per_person.filter(column > 0).height
        nights = ours if step == OURS else round_sum(int(per_person[step].sum()), people, rules)
        moved = per_person.select(by=(column - (pl.col(shown) if shown else 0)).abs()).filter(pl.col("by") > 0)["by"]
        few = 0 < len(moved) < rules.smallest or any(moved > rules.dominance * float(moved.sum()))
        if nights is None or few:
            rows.append((span.start, span.end, place, step, meaning, None, None))
            continue
        rows.append((span.start, span.end, place, step, meaning, nights, None if last is None else nights - last))
        shown, last = step, nights
    return rows
