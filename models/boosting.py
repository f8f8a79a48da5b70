"""The boosted model: LightGBM by its own interface, the same bytes whatever the number of threads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

from models._openmp import ensure_openmp

ROUNDS = 150
ROWS_WORTH_A_THREAD = 50_000
PARAMETERS: dict[str, Any] = {
    "objective": "binary",
    "learning_rate": 0.05,
    "lambda_l2": 50.0,
    "feature_fraction": 0.3,
    "max_bin": 63,
    "deterministic": True,
    "force_row_wise": True,
    "seed": 20,
    "data_random_seed": 21,
    "feature_fraction_seed": 22,
    "verbosity": -1,
}


def load_lightgbm() -> ModuleType:
    """LightGBM, imported when first needed (it takes seconds), after the OpenMP runtime is there."""
    ensure_openmp()
    import lightgbm

    return lightgbm


def parameters(rows: int) -> dict[str, Any]:
    """Declared parameters: small trees, larger ones where a panel can bear them, as chosen on unseen people.

    A leaf holds at least 200 rows: several weeks of the same person tell less than as many people.
    """
    return {**PARAMETERS, "num_leaves": 8 if rows < 200_000 else 15, "min_data_in_leaf": max(200, rows // 2000)}


def train_but(
    names: Sequence[str],
    values: np.ndarray,
    event: np.ndarray,
    weight: np.ndarray,
    fold: np.ndarray | None = None,
    *,
    threads: int,
    leave_out: Sequence[int] = (-1,),
    objective: str = "binary",
) -> list[str]:
    """For each fold to leave out, one model that has not seen its rows, as text without thread count.

    The same for any number of threads. A value that is unknown in no row would be taken for zero when it is: see
    `models.silence`.

    Args:
        names: features, the columns of ``values``.
        values: float32 rows; NaN is unknown.
        event: whether the event happened; for ``gamma`` numbers above zero.
        weight: rows of weight 0 are not learned from.
        fold: of each row; needed where one is left out.
        threads: for speed only.
        leave_out: the folds; -1: none is left out.
        objective: LightGBM's; ``gamma`` learns the mean of numbers above zero.
    """
    lightgbm = load_lightgbm()
    told = weight > 0
    settings = parameters(int(told.sum())) | {"objective": objective}
    threads = min(threads, 1 + int(told.sum()) // ROWS_WORTH_A_THREAD)
    whole = lightgbm.Dataset(
        values[told],
        label=event[told].astype(np.float32),
        weight=weight[told].astype(np.float32),
        feature_name=list(names),
        params={**settings, "num_threads": threads},
        free_raw_data=False,
    ).construct()
    folds = None if fold is None else fold[told]
    texts = []
    for number in leave_out:
        part = whole if folds is None or number < 0 else whole.subset(np.flatnonzero(folds != number).tolist())
        model = lightgbm.train({**settings, "num_threads": threads}, part, ROUNDS)
        texts.append(without_threads(model.model_to_string()))
    return texts


def without_threads(model_text: str) -> str:
    """The model's text without the setting that must not matter."""
    return re.sub(r"\[num_threads: \d+\]\n", "", model_text)


def predict(model_text: str, values: np.ndarray, *, threads: int) -> np.ndarray:
    """Raw probability of each row."""
    return np.asarray(load_lightgbm().Booster(model_str=model_text).predict(values, num_threads=threads))


def contributions(model_text: str, values: np.ndarray, *, threads: int) -> np.ndarray:
    """TreeSHAP contributions on the log-odds: one column a feature and the base value last. About 1 ms a row."""
    booster = load_lightgbm().Booster(model_str=model_text)
    return np.asarray(booster.predict(values, pred_contrib=True, num_threads=threads))


def importance(model_text: str) -> dict[str, float]:
    """Share of the total gain by feature, largest first."""
    booster = load_lightgbm().Booster(model_str=model_text)
    gain = booster.feature_importance("gain")
    total = max(gain.sum(), 1e-12)
    shares = zip(booster.feature_name(), gain / total, strict=True)
    return {name: round(float(share), 6) for name, share in sorted(shares, key=lambda s: (-s[1], s[0])) if share > 0}
