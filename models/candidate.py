"""A model that can be kept and used: the boosted one, or a simpler step of the ladder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models import boosting
from models.calibration import Calibration, RateLine
from models.errors import ModelError
from models.ladder import HURDLE, POSITIVE_UNLABELLED, TOP
from models.logistic import Logistic


@dataclass(frozen=True)
class Length:
    """Days where there are any (trees as text), and the line that makes the product add up to what was seen."""

    model_text: str
    line: RateLine


@dataclass(frozen=True)
class Candidate:
    """A fitted model.

    Attributes:
        name: ``lightgbm``, ``lightgbm_hurdle`` or the name of a comparator.
        model_text: the boosted model of a risk; empty for a comparator.
        calibration: of the boosted model.
        logistic: the comparator; None for the boosted model.
        length: of an expected number of days: the second part of the hurdle.
        share_coded: of a hidden state: share of people in it who are coded; the chance of a code is divided by it.
    """

    name: str
    features: tuple[str, ...]
    model_text: str = ""
    calibration: Calibration | None = None
    logistic: Logistic | None = None
    length: Length | None = None
    share_coded: float = 1.0

    def predict(self, names: Sequence[str], values: np.ndarray, *, threads: int) -> np.ndarray:
        """Calibrated probability, or expected days, of each row, to 1e-6; ``names`` are the columns of ``values``.

        Raises:
            ModelError: a feature of the model is not among the columns.
        """
        if missing := [name for name in self.features if name not in names]:
            raise ModelError(f"the data have no feature {missing[0]!r}, which the model reads: compute the week again")
        if self.logistic is not None:
            return np.round(self.logistic.predict(names, values), 6)
        own = self._columns(names, values)
        raw = boosting.predict(self.model_text, own, threads=threads)
        risk = self.calibration.apply(raw) if self.calibration else raw
        if self.share_coded < 1:
            return np.round(np.minimum(risk / self.share_coded, 1.0), 6)
        if self.length is None:
            return np.round(risk, 6)
        days = boosting.predict(self.length.model_text, own, threads=threads)
        return np.round(self.length.line.apply(risk * days), 6)

    def contributions(self, names: Sequence[str], values: np.ndarray, *, threads: int) -> np.ndarray:
        """Calibrated log-odds that each of ``features`` adds or takes, and last those from which they start.

        A row's sum is the log-odds of its prediction. For trees these are TreeSHAP values, about 1 ms a row.

        Raises:
            ModelError: it predicts a number of days, which is the product of two parts.
        """
        if self.length is not None:
            raise ModelError("an expected number of days is the product of two parts: it has no sum of themes")
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
        kept |= {"model.txt": self.model_text, "calibration.json": _json(self.calibration.to_json())}
        if self.length is not None:
            kept |= {"length.txt": self.length.model_text, "length_line.json": _json(self.length.line.to_json())}
        if self.share_coded < 1:
            kept["share_coded.json"] = _json({"share_coded": self.share_coded})
        return kept

    @classmethod
    def read(cls, folder: Path, name: str) -> Candidate:
        """The model as ``files`` kept it."""
        features = tuple(json.loads((folder / "features.json").read_text(encoding="utf-8")))
        if name not in TOP:
            return cls(name, features, logistic=Logistic.from_json(_read(folder / "coefficients.json")))
        line = _read(folder / "calibration.json")
        text = (folder / "model.txt").read_text(encoding="utf-8")
        length = None
        if name == HURDLE:
            told = _read(folder / "length_line.json")
            days = (folder / "length.txt").read_text(encoding="utf-8")
            length = Length(days, RateLine(told["intercept"], told["slope"]))
        share = _read(folder / "share_coded.json")["share_coded"] if name == POSITIVE_UNLABELLED else 1.0
        calibrated = Calibration(line["intercept"], line["slope"])
        return cls(name, features, text, calibrated, length=length, share_coded=share)


def _read(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return read


def _json(value: object) -> str:
    return json.dumps(value, indent=1) + "\n"
