"""What a kind of outcome is measured by: risks by discrimination and Brier score, numbers of days by days reached."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models import evaluation, evaluation_days
from models.evaluation import TestRows

RANKING_TITLES = {"auroc": "AUROC", "concentration": "concentration of days"}
Measure = Callable[[np.ndarray, TestRows], dict[str, np.ndarray]]


@dataclass(frozen=True)
class Yardstick:
    """How predictions of one kind are measured.

    Attributes:
        replicates: every metric of predictions, for the estimate and each replicate.
        brief: the few that are asked again and again.
        ranking: the metric by which one candidate beats another.
        compared: metrics of which the paired difference is kept.
    """

    replicates: Measure
    brief: Measure
    ranking: str
    compared: tuple[str, ...]


OF_RISK = Yardstick(evaluation.replicates, evaluation.brief, "auroc", ("auroc", "auprc", "brier"))
OF_DAYS = Yardstick(
    evaluation_days.replicates,
    evaluation_days.brief,
    "concentration",
    ("concentration", "deviance_explained", "mean_absolute_error"),
)


def of(rows: TestRows) -> Yardstick:
    """The yardstick of rows: of days where they have amounts."""
    return OF_RISK if rows.amount is None else OF_DAYS
