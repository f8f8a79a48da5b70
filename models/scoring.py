"""Scores of one week: calibrated risk of each outcome for everyone in the cohort.

An outcome whose number may not be shown (death) is never scored: a number that does not exist is on no output.
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import numpy as np
import polars as pl

from features import FeatureError
from features.cohort import week_file
from models import registry
from models.errors import ModelError
from models.outcome import Outcome, load_outcomes


def score_week(week: dt.date, *, feature_folder: Path, model_folder: Path, out: Path, threads: int = 0) -> Path:
    """Writes ``out/week=YYYY-MM-DD/score.parquet``: one row a person of the cohort and outcome with a promoted model.

    Columns: person_id, week, outcome, score (probability, or expected days where the outcome is
    counted; to 1e-6), model_id, model_status, retrospective_flag (every
    promotion is later than the week: kept out of evaluation), unknown_share (share of the model's features that are
    unknown for the person). Sorted by person_id, then outcome.

    People who cannot have an outcome because they are so already have no row of it.

    Raises:
        ModelError: no model was promoted for the primary outcome, a model folder is damaged, or the week's features
            were made from other declarations than the model's.
    """
    try:
        matrix_file = week_file(feature_folder, week, "matrix.parquet")
        people = pl.read_parquet(
            week_file(feature_folder, week, "person.parquet"), columns=["person_id", "cohort_flag"]
        )
        about = json.loads(week_file(feature_folder, week, "about.json").read_text(encoding="utf-8"))
    except FeatureError as problem:
        raise ModelError(str(problem)) from problem
    member = people["cohort_flag"]
    persons = people.filter(member)["person_id"]
    parts = []
    for outcome in (o for o in load_outcomes().values() if o.shown):
        chosen = registry.promoted_for(model_folder, outcome.name, week)
        if chosen is None:
            if outcome.primary:
                raise ModelError(f"no model has been promoted for {outcome.name}: train one first")
            continue
        promotion, retrospective = chosen
        kept = registry.load(model_folder, promotion.model_id)
        if kept.about["declarations"] != about["declarations"]:
            raise ModelError(
                f"model {promotion.model_id} was trained on features declared differently from those of "
                f"{week:%Y-%m-%d}: train a model on the present declarations"
            )
        names = list(kept.candidate.features)
        values = pl.read_parquet(matrix_file, columns=names).filter(member).to_numpy().astype(np.float32, copy=False)
        able = _able(matrix_file, outcome, member)
        parts.append(
            pl.DataFrame({"person_id": persons})
            .with_columns(
                week=pl.lit(week),
                outcome=pl.lit(outcome.name),
                score=pl.Series(kept.candidate.predict(names, values, threads=threads)),
                model_id=pl.lit(promotion.model_id),
                model_status=pl.lit(promotion.status),
                retrospective_flag=pl.lit(value=retrospective),
                unknown_share=pl.Series(np.isnan(values).mean(axis=1).round(4)),
            )
            .filter(able)
        )
    path = out / f"week={week:%Y-%m-%d}" / "score.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    staging = path.with_name(".score.writing")
    pl.concat(parts).sort("person_id", "outcome").write_parquet(staging, compression="zstd")
    staging.replace(path)
    return path


def _able(matrix_file: Path, outcome: Outcome, member: pl.Series) -> pl.Series:
    """Who of the cohort can have the outcome."""
    if not outcome.unless:
        return member.filter(member)
    already = pl.any_horizontal([pl.col(name).fill_nan(None) >= least for name, least in outcome.unless])
    read = pl.read_parquet(matrix_file, columns=[name for name, _ in outcome.unless])
    return read.filter(member).select(able=~already.fill_null(value=False))["able"]
