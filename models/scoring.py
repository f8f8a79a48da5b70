"""Scores of one week: calibrated risk of each outcome for everyone in the cohort.

An outcome whose number may not be shown (death) is never scored: a number that does not exist is on no output.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator
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


@dataclass(frozen=True)
class Chosen:
    """A model that scores an outcome, or a hidden state, in a week.

    Attributes:
        name: of the outcome or state.
        retrospective: every promotion is later than the week: kept out of evaluation.
    """

    name: str
    model_id: str
    status: str
    retrospective: bool


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
    people = People.of_week(week, feature_folder, threads=threads)
    return write_scores(out, week, people.scores(models_of(week, model_folder), model_folder))


def models_of(week: dt.date, model_folder: Path) -> tuple[Chosen, ...]:
    """The promoted models of a week.

    Raises:
        ModelError: none was promoted for the primary outcome.
    """
    found = []
    shown = [o for o in load_outcomes().values() if o.shown]
    for name in [*(o.name for o in shown), hidden.load_hidden().name]:
        chosen = registry.promoted_for(model_folder, name, week)
        if chosen is not None:
            promotion, retrospective = chosen
            found.append(Chosen(name, promotion.model_id, promotion.status, retrospective))
        elif any(o.primary for o in shown if o.name == name):
            raise ModelError(f"no model has been promoted for {name}: train one first")
    return tuple(found)


def shadow_week(week: dt.date, *, feature_folder: Path, model_folder: Path, out: Path, threads: int = 0) -> Path | None:
    """Writes ``out/week=YYYY-MM-DD/shadow.parquet``: the same columns by the challengers; None when there is none.

    They are kept to be compared when windows have closed (`models.shadow`), and are on no list.

    Raises:
        ModelError: a model folder is damaged.
    """
    challengers = list(_challengers(model_folder, week))
    if not challengers:
        return None
    people = People.of_week(week, feature_folder, threads=threads)
    # One of other features can no longer be a challenger.
    able = [
        c for c in challengers if registry.load(model_folder, c.model_id).about["declarations"] == people.declarations
    ]
    return write_scores(out, week, people.scores(able, model_folder), name="shadow") if able else None


def _challengers(model_folder: Path, week: dt.date) -> Iterator[Chosen]:
    """Each model that scores in shadow that week; none that scores the list itself."""
    for outcome in (o for o in load_outcomes().values() if o.shown):
        model_id = registry.challenger_for(model_folder, outcome.name, week)
        chosen = registry.promoted_for(model_folder, outcome.name, week)
        if model_id is not None and (chosen is None or chosen[0].model_id != model_id):
            yield Chosen(outcome.name, model_id, SHADOW, retrospective=False)


@dataclass(frozen=True)
class People:
    """People of one week and their features: all of a week, or those of whole practices.

    Attributes:
        people: person_id and practice_code of those in the cohort, in order of person_id.
        matrix: features of those in the cohort and others, or the file that holds them.
        member: which rows of the matrix are those of ``people``, in the same order.
        declarations: fingerprint of what the features were declared by.
        threads: of trees; 0: all.
    """

    week: dt.date
    people: pl.DataFrame
    matrix: pl.DataFrame | Path
    member: pl.Series
    declarations: str
    threads: int = 0

    @classmethod
    def of_week(cls, week: dt.date, feature_folder: Path, *, threads: int = 0) -> People:
        """The cohort of a week.

        Raises:
            ModelError: its features have not been computed.
        """
        try:
            matrix = week_file(feature_folder, week, "matrix.parquet")
            columns = ["person_id", "practice_code", "cohort_flag"]
            people = pl.read_parquet(week_file(feature_folder, week, "person.parquet"), columns=columns)
        except FeatureError as problem:
            raise ModelError(str(problem)) from problem
        member = people["cohort_flag"]
        declarations = declarations_of(feature_folder, week)
        return cls(week, people.filter(member).drop("cohort_flag"), matrix, member, declarations, threads)

    def scores(self, models: Iterable[Chosen], model_folder: Path) -> pl.DataFrame:
        """One row a person and model, but for people who cannot have its outcome or are coded for its state.

        Raises:
            ModelError: a model folder is damaged, or a model reads features that were declared otherwise.
        """
        state, outcomes = hidden.load_hidden(), load_outcomes()
        parts = []
        for chosen in models:
            kept = registry.load(model_folder, chosen.model_id)
            if chosen.name == state.name:
                parts.append(self._hidden(state, kept, chosen))
            else:
                parts.append(self._scored(outcomes[chosen.name], kept, chosen))
        return pl.concat(parts)

    def _scored(self, outcome: Outcome, kept: registry.Kept, chosen: Chosen) -> pl.DataFrame:
        """One row a person who can have the outcome."""
        names, values = self._values(kept)
        score = kept.candidate.predict(names, values, threads=self.threads)
        return self._rows(chosen, values, score).filter(self._able(outcome))

    def _hidden(self, state: hidden.HiddenState, kept: registry.Kept, chosen: Chosen) -> pl.DataFrame:
        """One row a person who is not coded for the state."""
        names, values = self._values(kept)
        label, age = self._columns([state.label, "age"]).T
        asked = age >= state.youngest
        coded = asked & (label >= 1)
        chance = np.where(asked, kept.candidate.predict(names, values, threads=self.threads), 0.0)
        score = hidden.of_uncoded(chance, coded, self.people["practice_code"], kept.candidate.share_coded)
        rows = self._rows(chosen, values, score)
        return rows.filter(pl.Series(asked) & pl.col("score").is_not_nan())

    def _rows(self, chosen: Chosen, values: np.ndarray, score: np.ndarray) -> pl.DataFrame:
        return self.people.select(
            "person_id",
            week=pl.lit(self.week),
            outcome=pl.lit(chosen.name),
            score=pl.Series(score),
            model_id=pl.lit(chosen.model_id),
            model_status=pl.lit(chosen.status),
            retrospective_flag=pl.lit(value=chosen.retrospective),
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
        there = pl.read_parquet_schema(self.matrix) if isinstance(self.matrix, Path) else self.matrix.schema
        if missing := [name for name in names if name not in there]:
            raise ModelError(
                f"the matrix of {self.week:%Y-%m-%d} has no feature {missing[0]!r}, which the model reads: compute "
                "that week again"
            )
        return self._read(names).to_numpy().astype(np.float32, copy=False)

    def _read(self, names: list[str]) -> pl.DataFrame:
        """Features of the people."""
        if isinstance(self.matrix, Path):
            return pl.read_parquet(self.matrix, columns=names).filter(self.member)
        return self.matrix.select(names).filter(self.member)

    def _able(self, outcome: Outcome) -> pl.Series:
        """Who of the people can have the outcome."""
        if not outcome.unless:
            return self.member.filter(self.member)
        already = pl.any_horizontal([pl.col(name).fill_nan(None) >= least for name, least in outcome.unless])
        return self._read([name for name, _ in outcome.unless]).select(able=~already.fill_null(value=False))["able"]


def declarations_of(feature_folder: Path, week: dt.date) -> str:
    """Fingerprint of what the features of a week were declared by.

    Raises:
        ModelError: they have not been computed.
    """
    try:
        about = week_file(feature_folder, week, "about.json").read_text(encoding="utf-8")
    except FeatureError as problem:
        raise ModelError(str(problem)) from problem
    return str(json.loads(about)["declarations"])


def write_scores(out: Path, week: dt.date, scores: pl.DataFrame, *, name: str = "score") -> Path:
    """Writes ``out/week=YYYY-MM-DD/<name>.parquet``, in order of person and outcome."""
    path = out / f"week={week:%Y-%m-%d}" / f"{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    staging = path.with_name(f".{name}.writing")
    scores.sort("person_id", "outcome").write_parquet(staging, compression="zstd")
    staging.replace(path)
    return path
