"""Which clinical themes raise or lower a person's calculated risk, for the few people on a list.

Contributions of features (TreeSHAP for trees, coefficient times distance from the average row for regressions) are
summed over the theme that each feature declares, on the log-odds of the calibrated risk. They say how the model arrived
at its number, never why something will happen: no word of cause belongs beside them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from features import FeatureError, FeatureSet, load_features
from features.cohort import week_file
from models import registry
from models.errors import ModelError
from models.outcome import load_outcomes

RAISES, LOWERS = 3, 2
LEAST = 0.05
"""On the log-odds: about a twentieth more or less; what is smaller is not said."""
START = "average of the people it learnt from"


def themes_of(
    feature_folder: Path,
    model_folder: Path,
    week: dt.date,
    person_ids: Sequence[int],
    *,
    outcome: str | None = None,
    declared: FeatureSet | None = None,
    threads: int = 1,
) -> pl.DataFrame:
    """One row a person and theme: how much it raises or lowers the log-odds, and its place among those that do.

    Columns: person_id, theme, effect (log-odds; a person's effects and ``start`` add up to those of the score), start,
    rank (1 is the largest of its direction), said (among the three that raise or the two that lower most, and at least
    0.05). Sorted by person_id, then effect, largest first.

    Args:
        feature_folder: folder of weeks.
        model_folder: folder of kept models.
        week: the Monday.
        person_ids: the people asked about; those without a row that week have none here.
        outcome: default the primary one.
        declared: the feature declarations; default those shipped.
        threads: for speed only.

    Raises:
        ModelError: no model was promoted for the outcome, its number may not be shown, or its folder is damaged.
    """
    outcomes = load_outcomes()
    about = outcomes.get(outcome or next(iter(outcomes)))
    if about is None or not about.shown:
        raise ModelError(f"{outcome}: there is no such outcome, or its number is computed for nobody")
    if about.counts:
        raise ModelError(
            f"{about.name}: an expected number of days is the product of two parts: it has no sum of themes"
        )
    chosen = registry.promoted_for(model_folder, about.name, week)
    if chosen is None:
        raise ModelError(f"no model has been promoted for {about.name}: train one first")
    candidate = registry.load(model_folder, chosen[0].model_id).candidate
    names = list(candidate.features)
    try:
        matrix = week_file(feature_folder, week, "matrix.parquet")
    except FeatureError as problem:
        raise ModelError(str(problem)) from problem
    asked = (
        pl.scan_parquet(matrix)
        .select("person_id", *names)
        .filter(pl.col("person_id").is_in(sorted(set(person_ids))))
        .sort("person_id")
        .collect()
    )
    values = asked.drop("person_id").to_numpy().astype(np.float32, copy=False).reshape(-1, len(names))
    parts = candidate.contributions(names, values, threads=threads) if len(values) else np.zeros((0, len(names) + 1))
    return by_theme(asked["person_id"], names, parts, declared or load_features())


def by_theme(person_id: pl.Series, names: Sequence[str], parts: np.ndarray, declared: FeatureSet) -> pl.DataFrame:
    """Contributions summed to themes; see ``themes_of``. ``parts`` has one column a feature and the start last."""
    theme_of = [declared.by_name[name].theme for name in names]
    themes = list(dict.fromkeys(theme_of))
    member = np.array([[theme == own for theme in themes] for own in theme_of], dtype=np.float64)
    effect = (parts[:, :-1] @ member.reshape(len(names), len(themes))).round(6)
    people = len(person_id)
    table = pl.DataFrame(
        {
            "person_id": person_id.gather(np.repeat(np.arange(people), len(themes))),
            "theme": pl.Series(themes * people, dtype=pl.String),
            "effect": effect.reshape(-1),
            "start": np.repeat(parts[:, -1].round(6), len(themes)),
        }
    )
    raises = pl.col("effect") > 0
    ranked = table.with_columns(
        rank=pl.col("effect").abs().rank("ordinal", descending=True).over("person_id", raises).cast(pl.Int32)
    )
    few = pl.when(raises).then(RAISES).otherwise(LOWERS)
    return ranked.with_columns(said=(pl.col("rank") <= few) & (pl.col("effect").abs() >= LEAST)).sort(
        "person_id", "effect", "theme", descending=[False, True, False]
    )
