"""Penalised regressions on declared terms (of a risk, or of a number of days), kept as readable coefficients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

from models.calibration import LEAST, MOST, MOST_LOG

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression, PoissonRegressor

DIGITS = 6  # coefficients are kept to this many decimals, so that the last bits of a linear solver do not matter


@dataclass(frozen=True)
class Term:
    """One term: ``max(0, feature - above)`` or, with ``equals``, 1 where the feature has that value; over ``scale``.

    ``up_to`` caps the feature first; ``times`` multiplies by another feature; ``log`` takes log(1 + value) of what is
    above zero; ``missing`` stands for an unknown value; ``unknown`` is 1 where the value is unknown and 0 elsewhere.
    """

    feature: str
    above: float | None = None
    equals: float | None = None
    up_to: float | None = None
    scale: float = 1.0
    times: str | None = None
    missing: float = 0.0
    log: bool = False
    unknown: bool = False

    def value(self, columns: dict[str, np.ndarray]) -> np.ndarray:
        """The term for each row of the feature columns."""
        if self.unknown:
            return np.isnan(columns[self.feature]).astype(np.float64)
        x = np.nan_to_num(columns[self.feature].astype(np.float64), nan=self.missing)
        if self.up_to is not None:
            x = np.minimum(x, self.up_to)
        if self.equals is not None:
            x = (x == self.equals).astype(np.float64)
        elif self.above is not None:
            x = np.maximum(0.0, x - self.above)
        if self.log:
            x = np.log1p(np.maximum(x, 0.0))
        if self.times is not None:
            x = x * np.nan_to_num(columns[self.times].astype(np.float64), nan=0.5)
        return x / self.scale


@dataclass(frozen=True)
class Logistic:
    """A fitted regression. ``centres`` are the terms' means where it learnt: from there a contribution is measured.

    ``log_link``: it predicts an expected number (the exponential of the sum), not a probability.
    """

    terms: tuple[Term, ...]
    intercept: float
    coefficients: tuple[float, ...]
    centres: tuple[float, ...] = ()
    log_link: bool = False

    @property
    def features(self) -> list[str]:
        """Features that the terms read."""
        named = [n for t in self.terms for n in (t.feature, t.times) if n]
        return list(dict.fromkeys(named))

    def predict(self, names: Sequence[str], values: np.ndarray) -> np.ndarray:
        """Probability, or expected number, of each row; ``names`` are the columns of ``values``."""
        columns = {name: values[:, list(names).index(name)] for name in self.features}
        logit = np.full(len(values), self.intercept)
        for term, coefficient in zip(self.terms, self.coefficients, strict=True):
            logit += coefficient * term.value(columns)
        if self.log_link:
            return np.exp(np.clip(logit, -MOST_LOG, MOST_LOG))
        return np.clip(1 / (1 + np.exp(-logit)), LEAST, MOST)

    def contributions(self, names: Sequence[str], values: np.ndarray) -> np.ndarray:
        """Log-odds that each feature adds or takes from those of the average row; the average row's come last."""
        columns = {name: values[:, list(names).index(name)] for name in self.features}
        place = {name: i for i, name in enumerate(self.features)}
        found = np.zeros((len(values), len(place) + 1))
        found[:, -1] = self.intercept
        centres = self.centres or (0.0,) * len(self.terms)
        for term, coefficient, centre in zip(self.terms, self.coefficients, centres, strict=True):
            found[:, place[term.feature]] += coefficient * (term.value(columns) - centre)
            found[:, -1] += coefficient * centre
        return found

    def to_json(self) -> dict[str, Any]:
        """What ``from_json`` reads."""
        centres = self.centres or (0.0,) * len(self.terms)
        parts = zip(self.terms, self.coefficients, centres, strict=True)
        return {
            "intercept": self.intercept,
            "terms": [{**asdict(t), "coefficient": c, "centre": m} for t, c, m in parts],
            **({"log_link": True} if self.log_link else {}),
        }

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Logistic:
        """The regression as it was kept."""
        terms = [dict(t) for t in kept["terms"]]
        coefficients = tuple(t.pop("coefficient") for t in terms)
        centres = tuple(t.pop("centre", 0.0) for t in terms)
        return cls(
            tuple(Term(**t) for t in terms), kept["intercept"], coefficients, centres, kept.get("log_link", False)
        )


def fit(
    terms: Sequence[Term],
    names: Sequence[str],
    values: np.ndarray,
    event: np.ndarray,
    weight: np.ndarray,
    *,
    penalty: float = 1.0,
) -> Logistic:
    """A ridge-penalised logistic regression on the terms, each row with its weight; rows of weight 0 tell nothing.

    ``penalty`` is the ridge penalty (1/C).
    """
    from sklearn.linear_model import LogisticRegression  # imported here: it takes seconds, and only training needs it

    fitted = LogisticRegression(C=1 / penalty, solver="newton-cholesky", tol=1e-10, max_iter=200)
    return _fitted(fitted, terms, (names, values), event, weight)


def fit_rate(
    terms: Sequence[Term],
    names: Sequence[str],
    values: np.ndarray,
    amount: np.ndarray,
    weight: np.ndarray,
    *,
    penalty: float = 1.0,
) -> Logistic:
    """The same of an expected number: a ridge-penalised log-linear regression (Poisson's likelihood, any variance)."""
    from sklearn.linear_model import PoissonRegressor

    fitted = PoissonRegressor(alpha=penalty / weight.sum(), solver="newton-cholesky", tol=1e-8, max_iter=200)
    return _fitted(fitted, terms, (names, values), amount, weight)


def _fitted(
    estimator: LogisticRegression | PoissonRegressor,
    terms: Sequence[Term],
    table: tuple[Sequence[str], np.ndarray],
    outcome: np.ndarray,
    weight: np.ndarray,
) -> Logistic:
    """Fitted with one thread, because a sum's last bits depend on how many share it; coefficients rounded."""
    (names, values), told = table, weight > 0
    columns = {n: values[told, list(names).index(n)] for t in terms for n in (t.feature, t.times) if n}
    design = np.column_stack([t.value(columns) for t in terms])
    with threadpool_limits(limits=1):
        estimator.fit(design, outcome[told], sample_weight=weight[told])
        centre = np.average(design, axis=0, weights=weight[told])
    coefficients = tuple(round(float(c), DIGITS) for c in np.ravel(estimator.coef_))
    centres = tuple(round(float(m), DIGITS) for m in centre)
    intercept = round(float(np.ravel(estimator.intercept_)[0]), DIGITS)
    return Logistic(tuple(terms), intercept, coefficients, centres, log_link=not hasattr(estimator, "classes_"))
