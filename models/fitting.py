"""Fits every step of the ladder to the same rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial

import duckdb
import numpy as np

from features import FeatureSet
from models import boosting, calibration, censoring, ladder, logistic
from models.candidate import Candidate, Length
from models.errors import ModelError
from models.outcome import Outcome, follow_up
from models.panel import FOLDS, PanelWeeks, Part, fold_of
from models.silence import Learning, with_silence

FEWEST_EVENTS = 50
EVERY_FOLD, ONE_FOLD = tuple(range(FOLDS)), (0,)


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

    ``amount``: days, where the outcome is a number of days. ``time_days`` and ``died``: days to whichever came first,
    and whether that was death.
    """

    event: np.ndarray
    weight: np.ndarray
    competing: int
    censored: int
    amount: np.ndarray | None = None
    time_days: np.ndarray | None = None
    died: np.ndarray | None = None


def fates(con: duckdb.DuckDBPyConnection, outcome: Outcome, part: Part, material: Material) -> Fates:
    """What became of each row, as known on the data date."""
    found = follow_up(con, outcome, part.keys, data_date=material.data_date, declared=material.declared)
    censored, event = found["censored"].to_numpy(), found["event"].to_numpy()
    time_days, died = found["time_days"].to_numpy(), found["competing"].to_numpy()
    weight = censoring.weights(time_days, censored)
    amount = found["amount"].to_numpy() if outcome.counts else None
    return Fates(event, weight, int(died.sum()), int(censored.sum()), amount, time_days, died)


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


def fit_all(material: Material, learned: Fates, *, folds: Sequence[int] = EVERY_FOLD) -> list[Candidate]:
    """Every step of the ladder, simplest first, the trees last; ``folds``: see `fit_trees`."""
    steps = _steps_of_risk if learned.amount is None else _steps_of_days
    return steps(material, learned, folds=folds)


def ranks_by_half(material: Material, learned: Fates, half: np.ndarray) -> dict[str, np.ndarray]:
    """By each step of the ladder, learned from those rows alone: what it says of the rows to check on, to rank them."""
    amount = None if learned.amount is None else learned.amount[half]
    fate = Fates(learned.event[half], learned.weight[half], 0, 0, amount)
    steps = fit_all(replace(material, learn=material.learn.only(half)), fate, folds=())
    return {s.name: s.predict(material.names, material.check.values, threads=material.threads) for s in steps}


def _steps_of_risk(material: Material, learned: Fates, *, folds: Sequence[int]) -> list[Candidate]:
    names, values = material.names, material.learn.values
    candidates = []
    for name, terms in ladder.comparators(material.declared).items():
        fitted = logistic.fit(terms, names, values, learned.event, learned.weight)
        candidates.append(Candidate(name, tuple(fitted.features), logistic=fitted))
    heard = with_silence(material.declared, names, values, material.learn.occasion, learned.weight)
    fitted = ladder.fit_penalised(material.declared, names, heard.values, learned.event[heard.row], heard.weight)
    candidates.append(Candidate(ladder.PENALISED, tuple(fitted.features), logistic=fitted))
    return [*candidates, fit_trees(material, names, heard, learned, folds=folds)]


def _steps_of_days(material: Material, learned: Fates, *, folds: Sequence[int]) -> list[Candidate]:
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
    return [*candidates, fit_trees(material, names, heard, learned, folds=folds)]


def fit_trees(
    material: Material, names: Sequence[str], heard: Learning, learned: Fates, *, folds: Sequence[int] = EVERY_FOLD
) -> Candidate:
    """The last step of the ladder: trees with lines of calibration of their own.

    Expected days are a calibrated chance of any, times mean days where there are any, made to add up to what was seen.

    Args:
        material: what it is made from.
        names: the columns of ``heard``.
        heard: the rows to learn from, and copies of them.
        learned: fates of the rows to learn from.
        folds: of people, left out in turn: lines of calibration are fitted to what trees that never saw them say. With
            none there are no lines, and the trees can only rank.
    """
    cross = partial(_cross_fitted, material, names, heard, folds=folds)
    whole, risk = cross(target=learned.event, weight=heard.weight, objective="binary")
    told = ~np.isnan(risk) & (learned.weight > 0)
    weight = learned.weight[told]
    line = calibration.fit(risk[told], learned.event[told], weight) if folds else None
    if learned.amount is None:
        return Candidate(ladder.BOOSTED, tuple(names), whole, line)
    some = heard.weight * (learned.amount[heard.row] > 0)
    days, unseen = cross(target=learned.amount, weight=some, objective="gamma")
    expected = calibration.RateLine(0.0, 1.0)
    if line is not None:
        expected = calibration.fit_rate(line.apply(risk[told]) * unseen[told], learned.amount[told], weight)
    return Candidate(ladder.HURDLE, tuple(names), whole, line, length=Length(days, expected))


def _cross_fitted(
    material: Material,
    names: Sequence[str],
    heard: Learning,
    *,
    folds: Sequence[int],
    target: np.ndarray,
    weight: np.ndarray,
    objective: str,
) -> tuple[str, np.ndarray]:
    """Trees on all rows; and of each row of those folds what trees say that had not seen its person (else NaN)."""
    fold = fold_of(material.learn.keys["person_id"].to_numpy())
    numbers = [number for number in folds if (fold == number).any()]
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
    unseen = np.full(len(fold), np.nan)
    for number, text in zip(numbers, parts, strict=True):
        unseen[fold == number] = boosting.predict(text, own[fold == number], threads=material.threads)
    return whole, unseen


def without_columns(material: Material, learned: Fates, columns: np.ndarray) -> Candidate:
    """The trees when a model may not see those columns at all, calibrated anew: as a board without them would train.

    The lines of calibration are fitted to one fold of people, which is enough to measure by.
    """
    kept = np.flatnonzero(~columns)
    names = [material.names[i] for i in kept]
    values = material.learn.values[:, kept]
    heard = with_silence(material.declared, names, values, material.learn.occasion, learned.weight)
    return fit_trees(material, names, heard, learned, folds=ONE_FOLD)


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
