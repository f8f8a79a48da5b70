"""Trains, tests and keeps the models of every outcome, and lets the gate decide which may be shown."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import polars as pl

import sql
from data_contracts.contract import REFERENCE
from features import FeatureSet, load_features
from models import hidden, registry
from models.errors import ModelError
from models.fitting import Material
from models.job import Job, OutcomeReport
from models.job_hidden import train_hidden
from models.outcome import Outcome, load_outcomes
from models.panel import MOST_ROWS, PanelWeeks, panel_weeks, read_part

PURPOSE = "model_training"


@dataclass(frozen=True)
class ModelReport:
    """What training found, outcome by outcome, the primary one first; which weeks it used; what could not be trained.

    ``left`` has a sentence for each outcome other than the primary one that could not be trained; ``hidden`` is the id
    of the model of people in a state that nobody has coded (made unless outcomes were named); ``unknown`` names
    features of which nobody has a value, as when a source was never delivered.
    """

    weeks: PanelWeeks
    outcomes: tuple[OutcomeReport, ...]
    left: dict[str, str]
    hidden: str | None = None
    unknown: tuple[str, ...] = ()


def train(
    con: duckdb.DuckDBPyConnection,
    *,
    data_date: dt.date,
    feature_folder: Path,
    model_folder: Path,
    week: dt.date,
    threads: int,
    declared: FeatureSet | None = None,
    outcomes: Sequence[str] = (),
    thorough: bool = False,
    account: str = "",
    most_rows: int = MOST_ROWS,
) -> ModelReport:
    """Trains and tests outcomes, keeps every candidate, and promotes what the gate lets through, from ``week`` on.

    Args:
        con: connection with the record tables.
        data_date: outcomes are read as known on that day; only index weeks whose window and lag are over are used.
        feature_folder: folder of weeks with the matrices of ``training_weeks`` (cohort only, or everyone).
        model_folder: folder of kept models and of ``registry.json``.
        week: index week from which a promotion counts.
        threads: for speed only; the kept model is the same for any number.
        declared: the feature declarations; default those shipped.
        outcomes: which; default the routine ones and those that have a model already.
        thorough: also leave out sources, and of the primary outcome hold out practices: minutes at a board's size.
        account: under which the gate runs; kept with a promotion.
        most_rows: the sample of person-weeks to learn from (``read_part``).

    Raises:
        ModelError: an outcome is not declared, the history is too short, a week's matrix is missing, nobody is left, or
            there are too few events for the primary outcome, or for the only one asked for.
    """
    declared = declared or load_features()
    wanted = outcomes_to_train(model_folder, outcomes)
    weeks = training_weeks(con, data_date=data_date)
    leave_out = opted_out(con, data_date)
    learn = read_part(feature_folder, weeks.train, declared, test=False, leave_out=leave_out, most_rows=most_rows)
    check = read_part(feature_folder, weeks.test, declared, test=True, leave_out=leave_out)
    material = Material(weeks, learn, check, declared, data_date, threads)
    reports, left, hidden_id = [], {}, None
    for outcome in wanted:
        try:
            job = Job(outcome, material.able(outcome), model_folder, week, thorough=thorough, account=account)
            reports.append(job.run(con))
        except ModelError as error:
            if outcome.primary or len(wanted) == 1:
                raise
            left[outcome.name] = str(error)
    if not outcomes:
        try:
            state = _of_now(material, feature_folder, leave_out)
            hidden_id = train_hidden(state, model_folder, week=week, account=account)
        except ModelError as error:
            left[hidden.load_hidden().name] = str(error)
    return ModelReport(weeks, tuple(reports), left, hidden_id, tuple(material.unknown_for_everyone))


def _of_now(material: Material, feature_folder: Path, leave_out: pl.Series) -> Material:
    """What a state that holds on the Monday itself is learned from and tested on: recent Mondays, not the same people.

    Codes become more with the years: what was learned two years ago expects too few.
    """
    learn, check = (
        read_part(feature_folder, material.weeks.recent, material.declared, test=test, leave_out=leave_out)
        for test in (False, True)
    )
    return replace(material, learn=learn, check=check)


def outcomes_to_train(model_folder: Path, asked: Sequence[str]) -> list[Outcome]:
    """The outcomes asked for; by default the routine ones and those that have had a model before.

    Raises:
        ModelError: one is not declared.
    """
    known = load_outcomes()
    if missing := [name for name in asked if name not in known]:
        raise ModelError(f"there is no outcome {missing[0]!r}; declared are {', '.join(known)}")
    before = {p.outcome for p in registry.promotions(model_folder)}
    return [o for o in known.values() if (o.name in asked if asked else o.routine or o.name in before)]


def training_weeks(con: duckdb.DuckDBPyConnection, *, data_date: dt.date) -> PanelWeeks:
    """The index weeks of which training needs the matrices: those of the primary outcome."""
    return panel_weeks(con, data_date=data_date, outcome=next(iter(load_outcomes().values())))


def opted_out(con: duckdb.DuckDBPyConnection, day: dt.date) -> pl.Series:
    """Ids of people whom the opt-out policy takes out of model training, as known on that day."""
    policy = pl.read_csv(REFERENCE / "opt_out_policy.csv", infer_schema=False)
    con.register("opt_out_policy", policy.with_columns(pl.col("effective_from").str.to_date()).to_arrow())
    try:
        return con.sql(sql.load("purpose/opted_out"), params={"index": day, "purpose": PURPOSE}).pl()["person_id"]
    finally:
        con.unregister("opt_out_policy")
