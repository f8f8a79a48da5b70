"""Scores of one week: calibrated risk of each outcome for everyone in the cohort.

An outcome whose number may not be shown (death) is never scored: a number that does not exist is on no output.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from features import FeatureError
from features.cohort import week_file
from models import hidden, registry
from models.errors import ModelError
from models.outcome import Outcome, load_outcomes

SHADOW = "challenger, in shadow"


def score_week(week: dt.date, *, feature_folder: Path, model_folder: Path, out: Path, threads: int = 0) -> Path:
    """Writes ``out/week=YYYY-MM-DD/score.parquet``: one row a person of the cohort and outcome with a promoted model.

    Columns: person_id, week, outcome, score (probability, or expected days where the outcome is counted; to 1e-6),
    model_id, model_status, retrospective_flag (every promotion is later than the week: kept out of evaluation),
    unknown_share (share of the model's features that are unknown for the person). Sorted by person_id, then outcome.

    People who cannot have an outcome because they are so already have no row of it; nor have people who are coded for a
    hidden state (`models.hidden`).

    Raises:
        ModelError: no model was promoted for the primary outcome, a model folder is damaged, or the week's features
            were made from other declarations than the model's.
    """
    asked = _Week.read(week, feature_folder, threads)
    parts = []
    for outcome in (o for o in load_outcomes().values() if o.shown):
        chosen = registry.promoted_for(model_folder, outcome.name, week)
        if chosen is None and outcome.primary:
            raise ModelError(f"no model has been promoted for {outcome.name}: train one first")
        if chosen is not None:
            kept, (promotion, retrospective) = registry.load(model_folder, chosen[0].model_id), chosen
            parts.append(asked.scored(outcome, kept, status=promotion.status, retrospective=retrospective))
    state = hidden.load_hidden()
    if (chosen := registry.promoted_for(model_folder, state.name, week)) is not None:
        kept, (promotion, retrospective) = registry.load(model_folder, chosen[0].model_id), chosen
        parts.append(asked.hidden(state, kept, status=promotion.status, retrospective=retrospective))
    return _written(out, week, "score", parts)


def shadow_week(week: dt.date, *, feature_folder: Path, model_folder: Path, out: Path, threads: int = 0) -> Path | None:
    """Writes ``out/week=YYYY-MM-DD/shadow.parquet``: the same columns by the challengers; None when there is none.

    They are kept to be compared when windows have closed (`models.shadow`), and are on no list.

    Raises:
        ModelError: a model folder is damaged.
    """
    challengers = list(_challengers(model_folder, week))
    if not challengers:
        return None
    asked = _Week.read(week, feature_folder, threads)
    parts = []
    for outcome, model_id in challengers:
        kept = registry.load(model_folder, model_id)
        if kept.about["declarations"] == asked.declarations:  # one of other features can no longer be a challenger
            parts.append(asked.scored(outcome, kept, status=SHADOW, retrospective=False))
    return _written(out, week, "shadow", parts) if parts else None


def _challengers(model_folder: Path, week: dt.date) -> Iterator[tuple[Outcome, str]]:
    """Outcome and id of each model that scores in shadow that week; none that scores the list itself."""
    for outcome in (o for o in load_outcomes().values() if o.shown):
        model_id = registry.challenger_for(model_folder, outcome.name, week)
        chosen = registry.promoted_for(model_folder, outcome.name, week)
        if model_id is not None and (chosen is None or chosen[0].model_id != model_id):
            yield outcome, model_id


@dataclass(frozen=True)
class _Week:
    """The cohort of one week, and where its features lie."""

    week: dt.date
    matrix: Path
    declarations: str
    member: pl.Series
    people: pl.DataFrame
    threads: int

    @classmethod
    def read(cls, week: dt.date, feature_folder: Path, threads: int) -> _Week:
        """The week's cohort.

        Raises:
            ModelError: its features have not been computed.
        """
        try:
            matrix = week_file(feature_folder, week, "matrix.parquet")
            columns = ["person_id", "practice_code", "cohort_flag"]
            people = pl.read_parquet(week_file(feature_folder, week, "person.parquet"), columns=columns)
            about = json.loads(week_file(feature_folder, week, "about.json").read_text(encoding="utf-8"))
        except FeatureError as problem:
            raise ModelError(str(problem)) from problem
        member = people["cohort_flag"]
        return cls(week, matrix, about["declarations"], member, people.filter(member), threads)

    def scored(self, outcome: Outcome, kept: registry.Kept, *, status: str, retrospective: bool) -> pl.DataFrame:
        """One row a person who can have the outcome."""
        names, values = self._values(kept)
        score = kept.candidate.predict(names, values, threads=self.threads)
        return self._rows(outcome.name, kept, values, score, status, retrospective=retrospective).filter(
            self._able(outcome)
        )

    def hidden(
        self, state: hidden.HiddenState, kept: registry.Kept, *, status: str, retrospective: bool
    ) -> pl.DataFrame:
        """One row a person who is not coded for the state."""
        names, values = self._values(kept)
        label, age = self._columns([state.label, "age"]).T
        asked = age >= state.youngest
        coded = asked & (label >= 1)
        chance = np.where(asked, kept.candidate.predict(names, values, threads=self.threads), 0.0)
        score = hidden.of_uncoded(chance, coded, self.people["practice_code"], kept.candidate.share_coded)
        rows = self._rows(state.name, kept, values, score, status, retrospective=retrospective)
        return rows.filter(pl.Series(asked) & pl.col("score").is_not_nan())

    def _rows(
        self,
        name: str,
        kept: registry.Kept,
        values: np.ndarray,
        score: np.ndarray,
        status: str,
        *,
        retrospective: bool,
    ) -> pl.DataFrame:
        return self.people.select(
            "person_id",
            week=pl.lit(self.week),
            outcome=pl.lit(name),
            score=pl.Series(score),
            model_id=pl.lit(kept.model_id),
            model_status=pl.lit(status),
            retrospective_flag=pl.lit(value=retrospective),
            unknown_share=pl.Series(np.isnan(values).mean(axis=1).round(4)),
        )

    def _values(self, kept: registry.Kept) -> tuple[list[str], np.ndarray]:
        """Features of the model for the cohort.

        Raises:
            ModelError: the week's features were declared otherwise, or one is missing from the matrix.
        """
        if kept.about["declarations"] != self.declarations:
            raise ModelError(
                f"model {kept.model_id} was trained on features declared differently from those of "
                f"{self.week:%Y-%m-%d}: train a model on the present declarations"
            )
        names = list(kept.candidate.features)
        return names, self._columns(names)

    def _columns(self, names: list[str]) -> np.ndarray:
        there = pl.read_parquet_schema(self.matrix)
        if missing := [name for name in names if name not in there]:
            raise ModelError(
                f"the matrix of {self.week:%Y-%m-%d} has no feature {missing[0]!r}, which the model reads: compute "
                "that week again"
            )
        return pl.read_parquet(self.matrix, columns=names).filter(self.member).to_numpy().astype(np.float32, copy=False)

    def _able(self, outcome: Outcome) -> pl.Series:
        """Who of the cohort can have the outcome."""
        if not outcome.unless:
            return self.member.filter(self.member)
        already = pl.any_horizontal([pl.col(name).fill_nan(None) >= least for name, least in outcome.unless])
        read = pl.read_parquet(self.matrix, columns=[name for name, _ in outcome.unless])
        return read.filter(self.member).select(able=~already.fill_null(value=False))["able"]


def _written(out: Path, week: dt.date, name: str, parts: list[pl.DataFrame]) -> Path:
    path = out / f"week={week:%Y-%m-%d}" / f"{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    staging = path.with_name(f".{name}.writing")
    pl.concat(parts).sort("person_id", "outcome").write_parquet(staging, compression="zstd")
    staging.replace(path)
    return path
