"""Outcomes and the models that predict them: panel, training, calibration, tests, gate, registry, scores, card.

Belongs here: what counts as an outcome (`outcomes/*.yaml`), which past Mondays and people a model learns from, how it
is fitted, calibrated, judged and kept, and the scores of a week.

Does not belong here: what a feature means (`features`), who is shown on a list and why (`outreach`), paths of a home
and connections (`pipelines`).
"""

from models.card import write_card
from models.errors import ModelError
from models.explanation import themes_of
from models.outcome import Outcome, load_outcomes
from models.registry import Promotion, champion, load, promoted_for, promotions
from models.scoring import score_week
from models.training import ModelReport, OutcomeReport, train, training_weeks

__all__ = [
    "ModelError",
    "ModelReport",
    "Outcome",
    "OutcomeReport",
    "Promotion",
    "champion",
    "load",
    "load_outcomes",
    "promoted_for",
    "promotions",
    "score_week",
    "themes_of",
    "train",
    "training_weeks",
    "write_card",
]
