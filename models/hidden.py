"""People who are probably in a state that nobody has coded: learned from positive and unlabelled records.

Elkan and Noto (KDD 2008): if those who are coded are like those who are not, the chance of being coded is the chance of
the state times a constant, the share of the state that is coded. That constant is the mean predicted chance of a code
among the coded (people whom the trees had not seen). No person without a code is taken for one without the state.

Whether a code is written depends on the practice more than on the person, so for somebody without a code the share that
their own practice codes is used, drawn towards the whole where a practice is small. Where coded people are more plainly
so than the others, the constant comes out too high and too few are expected; the reverse holds as well. Only people who
looked can tell: `tests/bench/hidden_housebound.py` compares with the truth of artificial people.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import yaml

from features import FeatureSet
from models import boosting, calibration
from models.candidate import Candidate
from models.errors import ModelError
from models.evaluation import TestRows, by_practice, interval
from models.ladder import POSITIVE_UNLABELLED
from models.panel import Part, fold_of

FILE = Path(__file__).parent / "hidden_housebound.yaml"
FEWEST_CODED = 50
DRAWN_TOWARDS_THE_WHOLE = 5.0
"""A practice's own share of coded people counts as much as the whole's when this many are expected in it."""


ANSWER_BANDS = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class HiddenState:
    """What is declared.

    Attributes:
        label: a feature that is 1 where the state is coded.
        youngest: age from which the cohort holds people with a code and people without one alike.
        blind_to: features that the label is made of or that hold it.
        action: what a team can do.
    """

    name: str
    title: str
    definition: str
    label: str
    youngest: int
    blind_to: tuple[str, ...]
    action: str

    def features(self, declared: FeatureSet) -> list[str]:
        """What the model may look at."""
        return [name for name in declared.model_names if name not in self.blind_to]

    def among(self, part: Part, names: Sequence[str]) -> Part:
        """The rows of people old enough to learn from and to be asked about."""
        return part.only(part.column(names, "age") >= self.youngest)


@cache
def load_hidden(path: Path = FILE) -> HiddenState:
    """The declaration."""
    told = yaml.safe_load(path.read_text(encoding="utf-8"))
    return HiddenState(**{**told, "blind_to": tuple(told["blind_to"])})


@dataclass(frozen=True)
class Learned:
    """The model, and the share of people in the state who are coded, with its interval (practices drawn)."""

    candidate: Candidate
    share_coded: dict[str, float]
    coded: int


def fit(state: HiddenState, part: Part, declared: FeatureSet, *, threads: int) -> Learned:
    """Trees of the chance of a code, calibrated, and the share of the state that is coded.

    Raises:
        ModelError: the label is not declared, or too few people are coded.
    """
    if state.label not in declared.model_names:
        raise ModelError(f"{state.name}: the label {state.label!r} is no declared feature")
    part = state.among(part, declared.model_names)
    coded = part.column(declared.model_names, state.label) >= 1
    if coded.sum() < FEWEST_CODED:
        raise ModelError(f"{state.name}: {int(coded.sum())} coded person-weeks; a model needs at least {FEWEST_CODED}")
    names = state.features(declared)
    values = part.values[:, [declared.model_names.index(name) for name in names]]
    fold, weight = fold_of(part.keys["person_id"].to_numpy()), np.ones(len(coded))
    numbers = [int(n) for n in np.unique(fold)]
    whole, *parts = boosting.train_but(names, values, coded, weight, fold, threads=threads, leave_out=[-1, *numbers])
    unseen = np.zeros(len(coded))
    for number, text in zip(numbers, parts, strict=True):
        unseen[fold == number] = boosting.predict(text, values[fold == number], threads=threads)
    line = calibration.fit(unseen, coded, weight)
    rows = TestRows(coded, weight, part.practice)
    draws = rows.draws()
    with np.errstate(invalid="ignore", divide="ignore"):
        share = interval(by_practice(rows, coded * line.apply(unseen), draws) / by_practice(rows, coded, draws))
    candidate = Candidate(POSITIVE_UNLABELLED, tuple(names), whole, line, share_coded=share["estimate"])
    return Learned(candidate, share, int(coded.sum()))


def of_uncoded(chance: np.ndarray, coded: np.ndarray, practice: pl.Series, share_coded: float) -> np.ndarray:
    """Probability of the state for each person without a code; NaN for those with one.

    Args:
        chance: probability of the state by what is known of the person, coded or not.
        coded: whether the state is coded.
        practice: codes of the practices.
        share_coded: share of people in the state who are coded, in all practices together.
    """
    number = np.unique(practice.fill_null("").to_numpy(), return_inverse=True)[1]
    expected = np.bincount(number, weights=chance)
    own = (np.bincount(number, weights=coded) + DRAWN_TOWARDS_THE_WHOLE * share_coded) / (
        expected + DRAWN_TOWARDS_THE_WHOLE
    )
    share = np.clip(own, 0.0, 0.99)[number]
    return np.where(coded, np.nan, np.round(chance * (1 - share) / (1 - share * chance), 6))


def expected_uncoded(scores: pl.DataFrame, areas: pl.DataFrame) -> pl.DataFrame:
    """One row an area: people without a code, and how many of them are expected to be in the state; not suppressed.

    Args:
        scores: person_id, score: a week's probabilities.
        areas: person_id, area; people without an area are left out.
    """
    both = scores.join(areas, on="person_id").filter(pl.col("area").is_not_null())
    return both.group_by("area").agg(people=pl.len(), expected=pl.col("score").sum().round(3)).sort("area")


def answered(scores: pl.DataFrame, answers: pl.DataFrame) -> pl.DataFrame:
    """Each person once who had a chance in a week of whose register a team answered, by their first such answer.

    Args:
        scores: week, person_id, score: chances of people without a code.
        answers: week (of the register), person_id, answered_on, confirmed (the team says that they are in the state).

    Returns:
        person_id, score, confirmed; in order of person_id.
    """
    told = answers.join(scores, on=["week", "person_id"]).sort("person_id", "answered_on", "week")
    return told.unique("person_id", keep="first", maintain_order=True).select("person_id", "score", "confirmed")


def beside_answers(told: pl.DataFrame, fewest: int) -> pl.DataFrame:
    """Whether as many are in the state as the model expects among people whom somebody looked at.

    Args:
        told: `answered`.
        fewest: people; where a band of the chance has fewer, only all together are said, and nothing for fewer in all.

    Returns:
        One row a band of the chance and one for ``all``: chance, people (rounded to 5), expected (mean chance), found
        (share confirmed), low, high (95 % interval of the share, Wilson).
    """
    banded = told.with_columns(
        chance=pl.col("score").cut(list(ANSWER_BANDS), labels=_band_names(), left_closed=True).cast(pl.String)
    )
    measured = [pl.len().alias("answers"), pl.col("score").mean().alias("expected"), pl.col("confirmed").mean()]
    bands = banded.group_by("chance").agg(measured).sort("chance")
    if (bands["answers"] < fewest).any():
        bands = bands.clear()
    whole = banded.select(pl.lit("all").alias("chance"), *measured).filter(pl.col("answers") >= fewest)
    both = pl.concat([bands, whole])
    low, high = wilson(both["confirmed"].to_numpy(), both["answers"].to_numpy())
    return both.select(
        "chance",
        people=(pl.col("answers") / 5).round(0).cast(pl.Int64) * 5,
        expected=pl.col("expected").round(3),
        found=pl.col("confirmed").round(3),
        low=pl.Series(low).round(3),
        high=pl.Series(high).round(3),
    )


def wilson(share: np.ndarray, number: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95 % interval of a share among so many (Wilson 1927)."""
    z, n = 1.959964, np.maximum(number.astype(np.float64), 1.0)
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return middle - reach, middle + reach


def _band_names() -> list[str]:
    edges = [0.0, *ANSWER_BANDS, 1.0]
    return [f"{low:.0%} to {high:.0%}" for low, high in itertools.pairwise(edges)]


def label_of(values: np.ndarray, names: Sequence[str], label: str) -> np.ndarray:
    """Whether each row is coded; an unknown value is no code."""
    return np.asarray(values[:, list(names).index(label)] >= 1)
