"""A model that can be kept and used: the boosted one, or a simpler step of the ladder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models import boosting
from models.calibration import Calibration
from models.ladder import BOOSTED
from models.logistic import Logistic


@dataclass(frozen=True)
class Candidate:
    """A fitted model.

    Attributes:
        name: ``lightgbm`` or the name of a comparator.
        model_text: the boosted model; empty for a comparator.
        calibration: of the boosted model.
        logistic: the comparator; None for the boosted model.
    """

    name: str
    features: tuple[str, ...]
    model_text: str = ""
    calibration: Calibration | None = None
    logistic: Logistic | None = None

    def predict(self, names: Sequence[str], values: np.ndarray, *, threads: int) -> np.ndarray:
        """Calibrated probability of each row, rounded to 1e-6; ``names`` are the columns of ``values``."""
        if self.logistic is not None:
            return np.round(self.logistic.predict(names, values), 6)
        raw = boosting.predict(self.model_text, self._columns(names, values), threads=threads)
        return np.round(self.calibration.apply(raw) if self.calibration else raw, 6)

    def contributions(self, names: Sequence[str], values: np.ndarray, *, threads: int) -> np.ndarray:
        """Calibrated log-odds that each of ``features`` adds or takes, and last those from which they start.

        A row's sum is the log-odds of its prediction. For trees these are TreeSHAP values, about 1 ms a row.
        """
        if self.logistic is not None:
            return self.logistic.contributions(names, values)
        found = boosting.contributions(self.model_text, self._columns(names, values), threads=threads)
        if self.calibration is None:
            return found
        found = found * self.calibration.slope
        found[:, -1] += self.calibration.intercept
        return found

    def _columns(self, names: Sequence[str], values: np.ndarray) -> np.ndarray:
        order = [list(names).index(name) for name in self.features]
        return values if order == list(range(values.shape[1])) else values[:, order]

    def files(self) -> dict[str, str]:
        """The model as text files by name."""
        kept = {"features.json": _json(list(self.features))}
        if self.logistic is not None:
            return kept | {"coefficients.json": _json(self.logistic.to_json())}
        assert self.calibration is not None
        return kept | {"model.txt": self.model_text, "calibration.json": _json(self.calibration.to_json())}

    @classmethod
    def read(cls, folder: Path, name: str) -> Candidate:
        """The model as ``files`` kept it."""
        features = tuple(json.loads((folder / "features.json").read_text(encoding="utf-8")))
        if name != BOOSTED:
            kept = json.loads((folder / "coefficients.json").read_text(encoding="utf-8"))
            return cls(name, features, logistic=Logistic.from_json(kept))
        line = json.loads((folder / "calibration.json").read_text(encoding="utf-8"))
        text = (folder / "model.txt").read_text(encoding="utf-8")
        return cls(name, features, text, Calibration(line["intercept"], line["slope"]))


def _json(value: object) -> str:
    return json.dumps(value, indent=1) + "\n"
