"""Evaluates the lists under the declared design, and stops the next release when they do harm."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import yaml

import sql
from data_contracts.ledger import write_text_safely
from outreach import ListError
from outreach.design import Design, load_design
from outreach.evaluation import Effect, evaluate, finished
from outreach.ledger import ledgers
from outreach.links import follow, linked
from pipelines.account import account
from pipelines.errors import ProblemError
from pipelines.release.roles import NotAllowedError, can_be_written
from pipelines.stages import list_folder, record_opened
from pipelines.store import Store

CODING_DAYS = 70
"""Days until hospital stays are known: as the outcomes of the models declare."""

STOP, SIGNED = "stop.json", "stop.yaml"


@dataclass(frozen=True)
class Evaluated:
    """What was found: the design, how many lists could be judged, one effect an outcome, or why there is none."""

    design: Design
    weeks: int
    effects: tuple[Effect, ...]
    why_not: str = ""


def evaluate_lists(store: Store) -> Evaluated:
    """Estimate the effect of every list under the design whose days are over, and keep what was found.

    Raises:
        ProblemError: the design cannot be used as declared.
    """
    try:
        design = load_design()
    except ListError as error:
        raise ProblemError(str(error)) from error
    if design.kind == "none":
        return Evaluated(design, 0, (), "No design is declared, so nothing can be said about what the lists do.")
    seen_to = _seen_to(store)
    made = [(w, p) for w, p in ledgers(list_folder(store)) if design.acts_on(w) and finished(w, design, seen_to)]
    units = [compared_in(path) for _, path in made]
    compared = pl.concat(units) if units else pl.DataFrame(schema=_UNITS)
    if compared.is_empty():
        why = f"No list under the design has its {design.horizon_days} days over and known yet: it cannot be told."
        if made:
            why = "Nobody is compared: a lot acts only where a team keeps places for it (evaluation_share)."
        return Evaluated(design, len(made), (), why)
    effects = evaluate(compared.join(outcomes_of(store, compared, design, seen_to), on=["person_id", "week"]), design)
    found = Evaluated(design, len(made), tuple(effects))
    _keep(store, found, seen_to)
    return found


_UNITS = {"week": pl.Date, "person_id": pl.Int64, "team": pl.String, "arm": pl.String, "distance": pl.Float64}


def compared_in(path: Path) -> pl.DataFrame:
    """Whom the design compares in one ledger: `week`, `person_id`, `team`, `arm`, `distance`."""
    ledger = pl.read_parquet(path)
    if "arm" not in ledger.columns:
        return pl.DataFrame(schema=_UNITS)
    return ledger.filter(pl.col("arm").is_not_null()).select(pl.col(c).cast(t) for c, t in _UNITS.items())


def _seen_to(store: Store) -> dt.date:
    from pipelines.release.checks import newest_received

    newest = newest_received(store).get("apc")
    return newest - dt.timedelta(days=CODING_DAYS) if newest else dt.date(1900, 1, 1)


def outcomes_of(store: Store, compared: pl.DataFrame, design: Design, seen_to: dt.date) -> pl.DataFrame:
    """What happened to each person compared in the days of the design; a number that has changed since is followed.

    Returns:
        `person_id` (as in the ledger), `week`, and a count of each of `outreach.evaluation.OUTCOMES`.
    """
    asked = compared.select("person_id", "week", until=pl.col("week") + pl.duration(days=design.horizon_days)).unique()
    with record_opened(store) as con:
        now = follow(asked.with_columns(listed_as="person_id"), linked(con, dt.date.max))
        con.register("listed_week", now.drop("listed_as").unique().to_arrow())
        found = con.sql(sql.load("outreach/outcome_of_listed"), params={"seen": seen_to}).pl()
    told = now.select("person_id", "week", "listed_as").join(found, on=["person_id", "week"])
    return told.with_columns(person_id="listed_as").drop("listed_as")


def _keep(store: Store, found: Evaluated, seen_to: dt.date) -> None:
    """Write the estimates; with harm among them, the stop that closes the door."""
    folder = store.lake / "evaluation"
    folder.mkdir(parents=True, exist_ok=True)
    effects = [dataclasses.asdict(e) for e in found.effects]
    text = json.dumps({"seen_to": str(seen_to), "kind": found.design.kind, "weeks": found.weeks, "effects": effects})
    write_text_safely(folder / f"{seen_to}.json", text + "\n")
    harmed = [e.outcome for e in found.effects if e.harm]
    if harmed:
        write_text_safely(folder / STOP, json.dumps({"stop": str(seen_to), "harm": harmed}) + "\n")


def check_not_stopped(store: Store, *, artificial: bool) -> None:
    """No stop stands, or the clinical safety officer has signed it off.

    For people who are not artificial the file must be one that
    the account that asks could not have written.

    Raises:
        NotAllowedError: a stop stands; only another account than the one that asks can sign it off.
    """
    path = store.lake / "evaluation" / STOP
    if not path.exists():
        return
    stop = json.loads(path.read_text(encoding="utf-8"))
    signed = store.governance / SIGNED
    said = yaml.safe_load(signed.read_text(encoding="utf-8")) if signed.exists() else None
    said = said if isinstance(said, dict) else {}
    own_hand = not artificial and signed.exists() and can_be_written(signed)
    if own_hand or str(said.get("stop")) != stop["stop"] or said.get("signed_by") in (None, "", account()):
        harm = " and ".join(stop["harm"])
        raise NotAllowedError(
            f"Stopped: people who were listed had more {harm} than those compared with them, beyond the bound. "
            f"The clinical safety officer must sign the stop of {stop['stop']} in {SIGNED} first."
        )
