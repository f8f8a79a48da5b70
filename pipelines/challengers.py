"""Scores in shadow: what a challenger would have said each week, kept beside the scores and on no list."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.content import settle
from pipelines.errors import ProblemError
from pipelines.stages import feature_folder, record_opened, score_folder
from pipelines.store import Store
from pipelines.training import data_date

if TYPE_CHECKING:
    from models.shadow import SideBySide


def shadow_folder(store: Store) -> Path:
    """The folder of weeks that holds scores in shadow; apart from scores, so that nothing reads them by mistake."""
    return store.lake / "shadow"


def build_shadow(store: Store, week: dt.date) -> str:
    """Scores one week by the challengers; what a past week holds is never changed.

    Returns:
        ``none`` (there is no challenger), ``new``, ``same`` or ``different``.

    Raises:
        ProblemError: a model folder is damaged.
    """
    from models import ModelError
    from models.scoring import shadow_week

    with store.compute() as con, store.staging("shadow") as staging:
        try:
            made = shadow_week(week, feature_folder=feature_folder(store), model_folder=store.models, out=staging)
        except ModelError as error:
            raise ProblemError(str(error)) from error
        return "none" if made is None else settle(con, made.parent, shadow_folder(store) / f"week={week}")


def beside(store: Store, one: str, other: str, week: dt.date) -> SideBySide | None:
    """Two models in the weeks that both have scored; None where they predict different things, or a state.

    Raises:
        ModelError: a model is not there or damaged.
    """
    from models import load, load_outcomes
    from models.shadow import side_by_side

    names = {load(store.models, model_id).about["outcome"]["name"] for model_id in (one, other)}
    outcome = load_outcomes().get(names.pop()) if len(names) == 1 else None
    if outcome is None:
        return None
    with record_opened(store) as con:
        return side_by_side(
            con,
            outcome,
            one,
            other,
            score_folder=score_folder(store),
            shadow_folder=shadow_folder(store),
            data_date=data_date(store, week),
        )
