"""A model that can be kept and used: the boosted one, or a simple comparator."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models import boosting
from models.calibration import Calibration
from models.logistic import Logistic

BOOSTED = "lightgbm"


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
        order = [list(names).index(name) for name in self.features]
        columns = values if order == list(range(values.shape[1])) else values[:, order]
        raw = boosting.predict(self.model_text, columns, threads=threads)
        return np.round(self.calibration.apply(raw) if self.calibration else raw, 6)

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
