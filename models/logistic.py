"""Simple comparators: penalised logistic regressions on a few declared terms, kept as readable coefficients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

DIGITS = 9  # coefficients are kept to this many decimals, so that the last bits of a linear solver do not matter
LEAST, MOST = 1e-6, 1 - 1e-6


@dataclass(frozen=True)
class Term:
    """One term: ``max(0, feature - above)`` or, with ``equals``, 1 where the feature has that value; over ``scale``.

    ``up_to`` caps the feature first; ``times`` multiplies by another feature; ``missing`` stands for an unknown value.
    """

    feature: str
    above: float | None = None
    equals: float | None = None
    up_to: float | None = None
    scale: float = 1.0
    times: str | None = None
    missing: float = 0.0

    def value(self, columns: dict[str, np.ndarray]) -> np.ndarray:
        """The term for each row of the feature columns."""
        x = np.nan_to_num(columns[self.feature].astype(np.float64), nan=self.missing)
        if self.up_to is not None:
            x = np.minimum(x, self.up_to)
        if self.equals is not None:
            x = (x == self.equals).astype(np.float64)
        elif self.above is not None:
            x = np.maximum(0.0, x - self.above)
        if self.times is not None:
            x = x * np.nan_to_num(columns[self.times].astype(np.float64), nan=0.5)
        return x / self.scale


@dataclass(frozen=True)
class Logistic:
    """A fitted comparator."""

    terms: tuple[Term, ...]
    intercept: float
    coefficients: tuple[float, ...]

    @property
    def features(self) -> list[str]:
        """Features that the terms read."""
        named = [n for t in self.terms for n in (t.feature, t.times) if n]
        return list(dict.fromkeys(named))

    def predict(self, names: Sequence[str], values: np.ndarray) -> np.ndarray:
        """Probability for each row; ``names`` are the columns of ``values``."""
        columns = {name: values[:, list(names).index(name)] for name in self.features}
        logit = np.full(len(values), self.intercept)
        for term, coefficient in zip(self.terms, self.coefficients, strict=True):
            logit += coefficient * term.value(columns)
        return np.clip(1 / (1 + np.exp(-logit)), LEAST, MOST)

    def to_json(self) -> dict[str, Any]:
        """What ``from_json`` reads."""
        return {
            "intercept": self.intercept,
            "terms": [{**asdict(t), "coefficient": c} for t, c in zip(self.terms, self.coefficients, strict=True)],
        }

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Logistic:
        """The comparator as it was kept."""
        terms = [dict(t) for t in kept["terms"]]
        coefficients = tuple(t.pop("coefficient") for t in terms)
        return cls(tuple(Term(**t) for t in terms), kept["intercept"], coefficients)


AGE_SEX = (
    Term("age", scale=10, missing=75),
    *(Term("age", above=knot, scale=10, missing=75) for knot in (70, 80, 90)),
    Term("female", missing=0.5),
    Term("age", above=65, scale=10, times="female", missing=75),
)
PRIOR_ADMISSIONS = tuple(Term("emergency_admissions_730", equals=n, up_to=5) for n in (1, 2, 3, 4, 5))
COMPARATORS: dict[str, tuple[Term, ...]] = {"age_sex": AGE_SEX, "prior_admissions": PRIOR_ADMISSIONS}
"""In order of simplicity: the first that passes calibration is shown when no model may be."""


def fit(
    terms: Sequence[Term], names: Sequence[str], values: np.ndarray, event: np.ndarray, weight: np.ndarray
) -> Logistic:
    """A ridge-penalised logistic regression on the terms, each row with its weight; rows of weight 0 tell nothing."""
    from sklearn.linear_model import LogisticRegression  # imported here: it takes seconds, and only training needs it

    told = weight > 0
    columns = {n: values[told, list(names).index(n)] for t in terms for n in (t.feature, t.times) if n}
    design = np.column_stack([t.value(columns) for t in terms])
    fitted = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-10, max_iter=200)
    fitted.fit(design, event[told], sample_weight=weight[told])
    coefficients = tuple(round(float(c), DIGITS) for c in fitted.coef_[0])
    return Logistic(tuple(terms), round(float(fitted.intercept_[0]), DIGITS), coefficients)
