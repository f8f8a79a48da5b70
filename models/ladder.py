"""The ladder of models, simplest first: each step must be surely better than those below it to be worth its price.

A step stands on the ladder when the features it reads are declared. `models.fitting` adds the boosted trees on top.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from features import FeatureSet
from models.logistic import Logistic, Term, fit, fit_rate

AGE_SEX = (
    Term("age", scale=10, missing=75),
    *(Term("age", above=knot, scale=10, missing=75) for knot in (70, 80, 90)),
    Term("female", missing=0.5),
    Term("age", above=65, scale=10, times="female", missing=75),
)
PRIOR_ADMISSIONS = tuple(Term("emergency_admissions_730", equals=n, up_to=5) for n in (1, 2, 3, 4, 5))
FRAILTY_INDEX = (
    Term("deficit_count", scale=5),
    *(Term("deficit_count", above=knot, scale=5) for knot in (5, 10)),
    Term("deficit_count", unknown=True),
)
SIMPLE: dict[str, tuple[Term, ...]] = {
    "age_sex": AGE_SEX,
    "prior_admissions": PRIOR_ADMISSIONS,
    "frailty_index": FRAILTY_INDEX,
}
PRIOR_BED_NIGHTS = (Term("emergency_bed_nights_730", log=True), Term("emergency_bed_nights_730", unknown=True))
SIMPLE_DAYS: dict[str, tuple[Term, ...]] = {
    "age_sex": AGE_SEX,
    "prior_bed_nights": PRIOR_BED_NIGHTS,
    "frailty_index": FRAILTY_INDEX,
}
"""Steps for an expected number of days."""
SCORES = {"hospital_frailty": "hospital_frailty_tenths", "charlson": "charlson_quan_2011"}
"""Published scores: the name of the step, and the feature that holds the score."""

PENALISED = "penalised_logistic"
LEAST_SPREAD = 0.001
PENALTY = 300.0  # chosen on unseen people; strong, because windows of the same event say nearly the same
PENALISED_RATE = "penalised_poisson"
PENALTY_OF_DAYS = (
    20_000.0  # chosen so too; days vary some sixty times as much as Poisson's likelihood takes for granted
)
BOOSTED = "lightgbm"
HURDLE = "lightgbm_hurdle"
POSITIVE_UNLABELLED = "positive_unlabelled"
TOP = {BOOSTED, HURDLE, POSITIVE_UNLABELLED}
"""The last step: trees."""
TITLES = {
    BOOSTED: "boosted trees (LightGBM)",
    PENALISED: "penalised logistic regression on the same features",
    PENALISED_RATE: "penalised log-linear regression on the same features",
    POSITIVE_UNLABELLED: "boosted trees from positive and unlabelled people (Elkan and Noto)",
    HURDLE: "boosted trees: chance of any day, times days where there are any (LightGBM)",
    "prior_bed_nights": "emergency bed days in two years",
    "age_sex": "age and sex",
    "prior_admissions": "number of emergency stays in two years",
    "frailty_index": "number of recorded deficits",
    "hospital_frailty": "Hospital Frailty Risk Score",
    "charlson": "Charlson index",
}


def comparators(declared: FeatureSet) -> dict[str, tuple[Term, ...]]:
    """Terms of each simple step whose features a model may see, simplest first."""
    names = declared.model_names
    found = {step: terms for step, terms in SIMPLE.items() if all(t.feature in names for t in terms)}
    for step, name in SCORES.items():
        if name in names:
            found[step] = (Term(name, log=True), Term(name, equals=0), Term(name, unknown=True))
    return found


def comparators_of_days(declared: FeatureSet) -> dict[str, tuple[Term, ...]]:
    """The same for an expected number of days."""
    names = declared.model_names
    return {step: terms for step, terms in SIMPLE_DAYS.items() if all(t.feature in names for t in terms)}


def fit_penalised(
    declared: FeatureSet, names: Sequence[str], values: np.ndarray, event: np.ndarray, weight: np.ndarray
) -> Logistic:
    """Every feature as a standardised logarithm, and for each record table whether it is silent."""
    return fit(_all_terms(declared, names, values), names, values, event, weight, penalty=PENALTY)


def fit_penalised_rate(
    declared: FeatureSet, names: Sequence[str], values: np.ndarray, amount: np.ndarray, weight: np.ndarray
) -> Logistic:
    """The same for an expected number of days."""
    return fit_rate(_all_terms(declared, names, values), names, values, amount, weight, penalty=PENALTY_OF_DAYS)


def _all_terms(declared: FeatureSet, names: Sequence[str], values: np.ndarray) -> list[Term]:
    """One term a feature that varies (unknown stands at the mean), and one a table that is silent anywhere."""
    terms, told = [], set()
    for place, name in enumerate(names):
        known = values[:, place][~np.isnan(values[:, place])].astype(np.float64)
        logged = np.log1p(np.maximum(known, 0.0))
        if len(known) and logged.std() >= LEAST_SPREAD:
            mean, spread = float(logged.mean()), float(logged.std())
            terms.append(Term(name, log=True, missing=round(float(np.expm1(mean)), 6), scale=round(spread, 6)))
        if len(known) < len(values) and (tables := declared.tables_of(declared.by_name[name])) not in told:
            told.add(tables)
            terms.append(Term(name, unknown=True))
    return terms
