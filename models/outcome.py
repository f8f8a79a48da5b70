"""Outcomes, each declared once in ``outcomes/*.yaml``, and what became of every person-week of a panel.

The estimand is cumulative incidence: at least one event in the window, death being possible. Death before the event is
outcome 0 with ``competing``; deduction, or a window that had not closed, before the event is censoring: neither 0 nor
left out, but weighted (`models.censoring`). Of an outcome that is counted it is the expected number of days; those
after a death are none.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import yaml

import sql
from features import FeatureSet, load_features
from models.errors import ModelError

DEATH = "died"
FOLDER = Path(__file__).parent / "outcomes"
DEATH_AFTER_DEDUCTION_DAYS = 7  # a practice may end the registration a few days before the recorded day of death


@dataclass(frozen=True)
class Outcome:
    """One outcome.

    Attributes:
        event: statement under ``sql/outcomes`` with one row an event.
        window_days: days from the Monday, that day included.
        completeness_lag_days: days after which events of a day are taken to be all known.
        primary: the one that ranks.
        action: what a team can do about it.
        routine: trained in every monthly training; the others when asked for, and from then on monthly.
        shown: whether its number may be computed for a person; not so for death, which is measured and never scored.
        codelists: codes that the event statement reads, as the table ``outcome_code`` (code).
        unless: people with at least that value of a feature cannot have the event (they are so already); left out.
        counts: statement under ``sql/outcomes`` with the days of each row of a panel, where the outcome is a number of
            days and not whether something happens; empty otherwise.
    """

    name: str
    title: str
    definition: str
    event: str
    window_days: int
    competing: str
    completeness_lag_days: int
    completeness_reason: str
    action: str
    primary: bool = False
    routine: bool = False
    shown: bool = True
    codelists: tuple[str, ...] = ()
    unless: tuple[tuple[str, float], ...] = ()
    counts: str = ""

    def closes(self, week: dt.date) -> dt.date:
        """The first data date on which the window of that week is closed and its events are known."""
        return week + dt.timedelta(days=self.window_days + self.completeness_lag_days)


@cache
def load_outcomes(folder: Path = FOLDER) -> dict[str, Outcome]:
    """All outcomes by name, the primary one first.

    Raises:
        ModelError: not exactly one is primary, or a statement is missing.
    """
    declared = [_outcome(yaml.safe_load(p.read_text(encoding="utf-8"))) for p in sorted(folder.glob("*.yaml"))]
    if [o.primary for o in declared].count(True) != 1:
        raise ModelError(f"{folder}: exactly one outcome must be primary")
    statements = sql.statements()
    for outcome in declared:
        for statement in (outcome.event, outcome.competing, *filter(None, [outcome.counts])):
            if f"outcomes/{statement}" not in statements:
                raise ModelError(f"outcome {outcome.name!r}: sql/outcomes/{statement}.sql does not exist")
    return {o.name: o for o in sorted(declared, key=lambda o: (not o.primary, o.name))}


def _outcome(told: dict[str, Any]) -> Outcome:
    lists = {"codelists": tuple(told.get("codelists", ())), "unless": tuple(told.get("unless", {}).items())}
    return Outcome(**{**told, **lists})


def follow_up(
    con: duckdb.DuckDBPyConnection,
    outcome: Outcome,
    panel: pl.DataFrame,
    *,
    data_date: dt.date,
    declared: FeatureSet | None = None,
) -> pl.DataFrame:
    """What became of each row of ``panel`` (week, person_id), as known on the data date, in order of both.

    ``declared`` gives the codes of an outcome that reads any.

    Columns: week, person_id, event (bool), competing (bool: died before any event), censored (bool: what became of the
    person is not known to the end of the window), time_days (to whichever came first, or the window's length). Of an
    outcome that is counted also ``amount`` (days); ``event`` is then whether there was any, and who died is known.
    """
    window_end = pl.col("week") + pl.duration(days=outcome.window_days)
    con.register("outcome_panel", panel.select("week", "person_id", window_end=window_end).to_arrow())
    lists = [(declared or load_features()).codes(name) for name in outcome.codelists]
    codes = sorted({code for codelist in lists for code in codelist.now})
    con.register("outcome_code", pl.DataFrame({"code": codes}, schema={"code": pl.Int64}).to_arrow())
    statements = {"outcome_event": outcome.event, "outcome_death": outcome.competing, "outcome_span": "registered_span"}
    try:
        for table, statement in statements.items():
            con.execute(
                f"create or replace temporary table {table} as {sql.load(f'outcomes/{statement}')}",
                {"data_date": data_date},
            )
        found = con.sql(sql.load("outcomes/follow_up")).pl()
        counted = None
        if outcome.counts:
            counted = con.sql(sql.load(f"outcomes/{outcome.counts}"), params={"data_date": data_date}).pl()
    finally:
        con.unregister("outcome_panel")
        con.unregister("outcome_code")
        for table in statements:
            con.execute(f"drop table if exists {table}")
    timed = _timed(found, outcome, data_date)
    return _fate_of_event(timed, outcome) if counted is None else _fate_of_days(timed, counted, outcome)


def _timed(found: pl.DataFrame, outcome: Outcome, data_date: dt.date) -> pl.DataFrame:
    """Days from the Monday to the first event, death, and the end of what is known; the window's length for never."""
    complete_until = data_date - dt.timedelta(days=outcome.completeness_lag_days)
    never = outcome.window_days

    def days(column: pl.Expr) -> pl.Expr:
        """Days from the Monday to a date, within the window."""
        return (column - pl.col("week")).dt.total_days().fill_null(never).clip(0, never)

    left = pl.when("registered").then(days(pl.col("registered_until"))).otherwise(0)
    timed = found.with_columns(
        event_days=days(pl.col("event_date")),
        death_days=days(pl.col("death_date")),
        left_days=pl.min_horizontal(left, days(pl.lit(complete_until))),
    )
    death = pl.col("death_days")
    return timed.with_columns(dies=(death < never) & (death <= pl.col("left_days") + DEATH_AFTER_DEDUCTION_DAYS))


def _fate_of_event(timed: pl.DataFrame, outcome: Outcome) -> pl.DataFrame:
    """Event, death, end of registration or end of knowledge: whichever came first is the fate."""
    never = outcome.window_days
    event, death, gone = pl.col("event_days"), pl.col("death_days"), pl.col("left_days")
    dies = pl.col("dies")
    happened = dies if outcome.event == DEATH else (event < never) & (event <= gone) & (event <= death)
    died = ~happened & dies
    censored = ~happened & ~died & (gone < never)
    return timed.select(
        "week",
        "person_id",
        event=happened,
        competing=died,
        censored=censored,
        time_days=pl.when(happened).then(event).when(died).then(death).when(censored).then(gone).otherwise(never),
    )


def _fate_of_days(timed: pl.DataFrame, counted: pl.DataFrame, outcome: Outcome) -> pl.DataFrame:
    """A number of days is known when the person was followed to the end of the window or to death."""
    never = outcome.window_days
    amount = pl.col("day_count").cast(pl.Float64).fill_null(0.0).clip(0, never)
    both = timed.join(counted, on=["week", "person_id"], how="left", maintain_order="left")
    dies, gone = pl.col("dies"), pl.col("left_days")
    censored = ~dies & (gone < never)
    return both.select(
        "week",
        "person_id",
        event=(amount > 0) & ~censored,
        competing=dies & (amount == 0),
        censored=censored,
        time_days=pl.when(dies).then("death_days").when(censored).then(gone).otherwise(never),
        amount=pl.when(censored).then(0.0).otherwise(amount),
    )
