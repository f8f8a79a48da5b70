"""Whether a model puts the same people first when it learns from other people, and when a quarter has gone by.

Between refits: every step of the ladder is fitted twice more, to two halves of the people that share nobody. What share
of the highest 5 % by one half is among the highest 5 % by the other is what the gate asks for. All the people make a
steadier model than half of them, so the model itself is steadier than this says.

Between weeks: the same model and the same people, on the first and on the last of the test Mondays.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from models.draws import mix
from models.evaluation import TestRows, by_practice, interval
from models.groups import on_list


def first_half(person_id: np.ndarray) -> np.ndarray:
    """Whether a person belongs to the first half; the same people in every training."""
    return mix(person_id, 4) < 0.5


def overlap(one: np.ndarray, other: np.ndarray, rows: TestRows, share: float) -> dict[str, float]:
    """Share of the highest by one that are among the highest by the other, with its interval (practices drawn).

    Args:
        one: predictions of each row.
        other: predictions of the same rows.
        rows: the rows, for their practices.
        share: how much of the rows is on a list; a tie at the cut is shared out evenly.
    """
    mine, theirs, draws = on_list(one, share), on_list(other, share), rows.draws()
    with np.errstate(invalid="ignore", divide="ignore"):
        return interval(by_practice(rows, np.minimum(mine, theirs), draws) / by_practice(rows, mine, draws))


def between_weeks(predicted: np.ndarray, keys: pl.DataFrame, rows: TestRows, share: float) -> dict[str, Any]:
    """How alike the first and the last of the test Mondays are ranked, among people who are in both.

    Returns:
        ``weeks`` between them, ``people``, and ``overlap`` as an interval; empty where there is one Monday or nobody.
    """
    weeks = sorted(keys["week"].unique().to_list())
    told = keys.select("week", "person_id", score=pl.Series(predicted), practice=pl.Series(rows.practice))
    then = told.filter(pl.col("week") == weeks[0]).select("person_id", before="score")
    both = told.filter(pl.col("week") == weeks[-1]).join(then, on="person_id", maintain_order="left")
    if len(weeks) < 2 or both.is_empty():
        return {}
    nothing = np.zeros(both.height)
    people = TestRows(nothing > 0, nothing, np.unique(both["practice"].to_numpy(), return_inverse=True)[1])
    found = overlap(both["before"].to_numpy(), both["score"].to_numpy(), people, share)
    return {"weeks": (weeks[-1] - weeks[0]).days // 7, "people": both.height, "overlap": found}
