"""Fits every step of the ladder to the same rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np

from features import FeatureSet
from models import boosting, calibration, censoring, ladder, logistic
from models.candidate import Candidate, Length
from models.errors import ModelError
from models.outcome import Outcome, follow_up
from models.panel import PanelWeeks, Part, fold_of
from models.silence import Learning, with_silence

FEWEST_EVENTS = 50


@dataclass(frozen=True)
class Material:
    """What all outcomes are trained from: rows to learn from, rows to check on, their declarations."""

    weeks: PanelWeeks
    learn: Part
    check: Part
    declared: FeatureSet
    data_date: dt.date
    threads: int

    @property
    def names(self) -> list[str]:
        """Columns of the values."""
        return self.declared.model_names

    @property
    def unknown_for_everyone(self) -> list[str]:
        """Features that nobody has a value of where the models learn: they tell nothing, and the card says so."""
        return [
            name for name, known in zip(self.names, ~np.isnan(self.learn.values).all(axis=0), strict=True) if not known
        ]

    def able(self, outcome: Outcome) -> Material:
        """Without the people who cannot have the event, because they are so already.

        Raises:
            ModelError: who is so already cannot be told: the feature is not declared.
        """
        if unknown := [name for name, _ in outcome.unless if name not in self.names]:
            raise ModelError(f"{outcome.name}: `unless` names {unknown[0]!r}, which is no feature that a model may see")
        parts = []
        for part in (self.learn, self.check):
            already = np.zeros(len(part.values), bool)
            for feature, least in outcome.unless:
                already |= part.column(self.names, feature) >= least
            parts.append(part.only(~already))
        return Material(self.weeks, parts[0], parts[1], self.declared, self.data_date, self.threads)


@dataclass(frozen=True)
class Fates:
    """Fate of each row of a part, with its censoring weight (0: not known); and how many died first or left.

    ``amount``: days, where the outcome is a number of days.
    """

    event: np.ndarray
    weight: np.ndarray
    competing: int
    censored: int
    amount: np.ndarray | None = None


def fates(con: duckdb.DuckDBPyConnection, outcome: Outcome, part: Part, material: Material) -> Fates:
    """What became of each row, as known on the data date."""
    found = follow_up(con, outcome, part.keys, data_date=material.data_date, declared=material.declared)
    censored, event = found["censored"].to_numpy(), found["event"].to_numpy()
    weight = censoring.weights(found["time_days"].to_numpy(), censored)
    amount = found["amount"].to_numpy() if outcome.counts else None
    return Fates(event, weight, int(found["competing"].sum()), int(censored.sum()), amount)


def enough(outcome: Outcome, learned: Fates) -> None:
    """Refuses to learn from too little.

    Raises:
        ModelError: fewer than 50 events, or fewer than 50 rows without one.
    """
    events, others = int(learned.event.sum()), int((~learned.event & (learned.weight > 0)).sum())
    if min(events, others) < FEWEST_EVENTS:
        raise ModelError(
            f"{outcome.name}: {events} events and {others} without among {len(learned.event)} person-weeks; "
            f"a model needs at least {FEWEST_EVENTS} of each"
        )


def fit_all(material: Material, learned: Fates) -> list[Candidate]:
    """Every step of the ladder, simplest first, the boosted trees last."""
    return _steps_of_risk(material, learned) if learned.amount is None else _steps_of_days(material, learned)


def _steps_of_risk(material: Material, learned: Fates) -> list[Candidate]:
    names, values = material.names, material.learn.values
    candidates = []
    for name, terms in ladder.comparators(material.declared).items():
        fitted = logistic.fit(terms, names, values, learned.event, learned.weight)
        candidates.append(Candidate(name, tuple(fitted.features), logistic=fitted))
    heard = with_silence(material.declared, names, values, material.learn.occasion, learned.weight)
    fitted = ladder.fit_penalised(material.declared, names, heard.values, learned.event[heard.row], heard.weight)
    candidates.append(Candidate(ladder.PENALISED, tuple(fitted.features), logistic=fitted))
    return [*candidates, fit_trees(material, names, heard, learned)]


def _steps_of_days(material: Material, learned: Fates) -> list[Candidate]:
    names, values = material.names, material.learn.values
    assert learned.amount is not None
    candidates = []
    for name, terms in ladder.comparators_of_days(material.declared).items():
        fitted = logistic.fit_rate(terms, names, values, learned.amount, learned.weight)
        candidates.append(Candidate(name, tuple(fitted.features), logistic=fitted))
    heard = with_silence(material.declared, names, values, material.learn.occasion, learned.weight)
    amount = learned.amount[heard.row]
    fitted = ladder.fit_penalised_rate(material.declared, names, heard.values, amount, heard.weight)
    candidates.append(Candidate(ladder.PENALISED_RATE, tuple(fitted.features), logistic=fitted))
    return [*candidates, fit_trees(material, names, heard, learned)]


def fit_hurdle(material: Material, names: Sequence[str], heard: Learning, learned: Fates) -> Candidate:
    """Expected days: calibrated chance of any, times mean days where there are any, made to add up to what was seen.

    Both parts are trees. The line that makes the product add up is fitted to predictions for people whom neither part
    had seen. ``heard`` are the rows to learn from, whose columns are ``names``.
    """
    assert learned.amount is not None
    whole, line, risk = _risk(material, names, heard, learned)
    some = heard.weight * (learned.amount[heard.row] > 0)
    days, unseen = _cross_fitted(material, names, heard, learned.amount, some, objective="gamma")
    expected = calibration.fit_rate(line.apply(risk) * unseen, learned.amount, learned.weight)
    return Candidate(ladder.HURDLE, tuple(names), whole, line, length=Length(days, expected))


def _risk(
    material: Material, names: Sequence[str], heard: Learning, learned: Fates
) -> tuple[str, calibration.Calibration, np.ndarray]:
    """Trees of a risk on all rows, their line of calibration, and raw predictions of each row by trees that had not."""
    whole, unseen = _cross_fitted(material, names, heard, learned.event, heard.weight, objective="binary")
    told = learned.weight > 0
    return whole, calibration.fit(unseen[told], learned.event[told], learned.weight[told]), unseen


def _cross_fitted(
    material: Material,
    names: Sequence[str],
    heard: Learning,
    target: np.ndarray,
    weight: np.ndarray,
    *,
    objective: str,
) -> tuple[str, np.ndarray]:
    """Trees on all rows; and for each row the prediction by trees that had not seen its person."""
    fold = fold_of(material.learn.keys["person_id"].to_numpy())
    numbers = [int(n) for n in np.unique(fold)]
    whole, *parts = boosting.train_but(
        names,
        heard.values,
        target[heard.row],
        weight,
        fold[heard.row],
        threads=material.threads,
        leave_out=[-1, *numbers],
        objective=objective,
    )
    own = heard.values[: len(fold)]
    unseen = np.zeros(len(fold))
    for number, text in zip(numbers, parts, strict=True):
        unseen[fold == number] = boosting.predict(text, own[fold == number], threads=material.threads)
    return whole, unseen


def fit_trees(material: Material, names: Sequence[str], heard: Learning, learned: Fates) -> Candidate:
    """The last step of the ladder: trees with lines of calibration of their own, from ``heard``, columns ``names``."""
    if learned.amount is not None:
        return fit_hurdle(material, names, heard, learned)
    whole, line, _ = _risk(material, names, heard, learned)
    return Candidate(ladder.BOOSTED, tuple(names), whole, line)


def without_columns(material: Material, learned: Fates, columns: np.ndarray) -> Candidate:
    """The trees when a model may not see those columns at all, calibrated anew: as a board without them would train."""
    kept = np.flatnonzero(~columns)
    names = [material.names[i] for i in kept]
    values = material.learn.values[:, kept]
    heard = with_silence(material.declared, names, values, material.learn.occasion, learned.weight)
    return fit_trees(material, names, heard, learned)


def held_out_practices(
    material: Material, learned: Fates, line: calibration.Calibration, folds: int
) -> tuple[np.ndarray, np.ndarray]:
    """Predictions for the rows to check on by trees that never saw a person of their practice, and the fold of each.

    Practices are dealt into folds in order of their codes. The line of calibration is that of the model itself.
    """
    codes = sorted(set(material.learn.keys["practice_code"].fill_null("")) | set(material.check.keys["practice_code"]))
    place = {code: number % folds for number, code in enumerate(codes)}

    def fold_of_rows(part: Part) -> np.ndarray:
        """The fold of each row's practice."""
        return part.keys["practice_code"].fill_null("").replace_strict(place, default=0).to_numpy()

    names = material.names
    heard = with_silence(material.declared, names, material.learn.values, material.learn.occasion, learned.weight)
    texts = boosting.train_but(
        names,
        heard.values,
        learned.event[heard.row],
        heard.weight,
        fold_of_rows(material.learn)[heard.row],
        threads=material.threads,
        leave_out=range(folds),
    )
    fold = fold_of_rows(material.check)
    predicted = np.zeros(len(fold))
    for number, text in enumerate(texts):
        here = fold == number
        if here.any():
            raw = boosting.predict(text, material.check.values[here], threads=material.threads)
            predicted[here] = np.round(line.apply(raw), 6)
    return predicted, fold


def columns_of(declared: FeatureSet, names: list[str], sources: Collection[str]) -> np.ndarray:
    """Which features can be known only from those sources (and from nothing else)."""
    found = []
    for name in names:
        tables = declared.tables_of(declared.by_name[name])
        found.append(bool(tables) and all(set(declared.tables[t].sources) <= set(sources) for t in tables))
    return np.array(found)
