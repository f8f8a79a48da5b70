"""How far a week's features and scores have moved from those that the model learnt from.

The population stability index compares the shares of people in the bins of a feature: the sum of (now - then) x
log(now / then). Below 0.1 is usually called steady and above 0.25 a shift; these are conventions of credit scoring, not
evidence. Bins are of the known values; unknown values are a bin of their own.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl

from features.cohort import week_file
from models import censoring, registry
from models.errors import ModelError
from models.outcome import Outcome, follow_up

BINS = 10
MOST_ROWS = 50_000
LEAST_SHARE = 1e-4
NEWLY_UNKNOWN = 0.10
SCORE = "(score)"  # among the bins: the scores of the people tested


def training_bins(names: Sequence[str], values: np.ndarray) -> dict[str, dict[str, Any]]:
    """Edges of up to ten bins of each feature, the share of rows in each, and last the share unknown.

    At most 50,000 rows are looked at, evenly spaced in the order of week and person.
    """
    some = values[:: max(1, -(-len(values) // MOST_ROWS))]
    found = {}
    for place, name in enumerate(names):
        known = np.sort(some[:, place][~np.isnan(some[:, place])].astype(np.float64))
        edges = np.unique(known[(np.arange(1, BINS) * len(known) // BINS)]) if len(known) else np.zeros(0)
        found[name] = {"edges": edges.tolist(), "shares": shares(some[:, place], edges)}
    return found


def score_bins(predicted: np.ndarray) -> dict[str, Any]:
    """Bins of the scores of the people tested."""
    return training_bins([SCORE], predicted[:, None])[SCORE]


def shares(value: np.ndarray, edges: np.ndarray) -> list[float]:
    """Share of rows in each bin (the first is up to and with the first edge), and last of those unknown."""
    unknown = np.isnan(value)
    bins = np.searchsorted(edges, value[~unknown], side="left")
    counts = np.append(np.bincount(bins, minlength=len(edges) + 1), unknown.sum())
    return [round(float(c), 6) for c in counts / max(1, len(value))]


def stability_index(then: Sequence[float], now: Sequence[float]) -> float:
    """Population stability index of two lists of shares.

    >>> stability_index([0.5, 0.5], [0.5, 0.5])
    0.0
    """
    a, b = (np.maximum(np.asarray(s, dtype=np.float64), LEAST_SHARE) for s in (then, now))
    return round(float(((b - a) * np.log(b / a)).sum()), 6)


def feature_drift(
    bins: dict[str, dict[str, Any]], names: Sequence[str], values: np.ndarray
) -> dict[str, dict[str, float]]:
    """For each feature: stability index, and the share unknown then and now."""
    found = {}
    for place, name in enumerate(names):
        then = bins[name]["shares"]
        now = shares(values[:, place], np.asarray(bins[name]["edges"]))
        found[name] = {"psi": stability_index(then, now), "unknown_then": then[-1], "unknown_now": now[-1]}
    return found


@dataclass(frozen=True)
class WeekDrift:
    """How far one week has moved from where a model learnt.

    Attributes:
        features: feature → stability index, share unknown then and now.
        score_psi: stability index of the scores; None when the model keeps no bins of them.
        overlap: share of the highest 5 % that were there the week before; None without that week.
    """

    features: dict[str, dict[str, float]]
    score_psi: float | None
    overlap: float | None

    def moved(self, limit: float) -> list[str]:
        """Features whose index is at least ``limit``, the largest first; what is newly unknown is told apart."""
        known = {n: f["psi"] for n, f in self.features.items() if f["unknown_now"] - f["unknown_then"] < NEWLY_UNKNOWN}
        return sorted((n for n, psi in known.items() if psi >= limit), key=lambda n: (-known[n], n))

    def newly_unknown(self, limit: float) -> list[str]:
        """Features that are unknown for many more people than where the model learnt."""
        return [n for n, f in self.features.items() if f["unknown_now"] - f["unknown_then"] >= limit]


def week_drift(
    week: dt.date, *, outcome: str, feature_folder: Path, model_folder: Path, score_folder: Path
) -> WeekDrift | None:
    """Features and scores of a scored week beside those that its model learnt from and was tested on.

    None when the model was kept before bins were.

    Raises:
        ModelError: no model was promoted, or its folder is damaged.
    """
    chosen = registry.promoted_for(model_folder, outcome, week)
    if chosen is None:
        raise ModelError(f"no model has been promoted for {outcome}: train one first")
    kept = registry.load(model_folder, chosen[0].model_id)
    path = kept.folder / registry.BINS
    if not path.is_file():
        return None
    bins = json.loads(path.read_text(encoding="utf-8"))
    names = list(kept.candidate.features)
    member = pl.read_parquet(week_file(feature_folder, week, "person.parquet"), columns=["cohort_flag"])["cohort_flag"]
    matrix = pl.read_parquet(week_file(feature_folder, week, "matrix.parquet"), columns=names).filter(member)
    values = matrix.to_numpy().astype(np.float32, copy=False)
    now = _scores(score_folder, week, outcome)
    before = _scores(score_folder, week - dt.timedelta(days=7), outcome)
    then = bins.get(SCORE)
    psi = None
    if then and now is not None:
        psi = stability_index(then["shares"], shares(now["score"].to_numpy(), np.asarray(then["edges"])))
    overlap = None
    if now is not None and before is not None:
        top, last = (
            set(f.sort("score", "person_id", descending=True)["person_id"][: len(f) // 20]) for f in (now, before)
        )
        overlap = round(len(top & last) / max(1, len(top)), 4)
    return WeekDrift(feature_drift(bins, names, values), psi, overlap)


def _scores(folder: Path, week: dt.date, outcome: str) -> pl.DataFrame | None:
    path = folder / f"week={week:%Y-%m-%d}" / "score.parquet"
    if not path.is_file():
        return None
    read = pl.scan_parquet(path).filter(pl.col("outcome") == outcome).select("person_id", "score").collect()
    return None if read.is_empty() else read


@dataclass(frozen=True)
class Closed:
    """A scored week whose window has closed: how many events were expected and seen, and their ratio."""

    week: dt.date
    outcome: str
    people: int
    expected: float
    observed: float

    @property
    def ratio(self) -> float:
        """Observed over expected."""
        return self.observed / self.expected if self.expected else float("nan")

    def interval(self) -> tuple[float, float]:
        """95 % interval of the ratio, were the events Poisson."""
        spread = 1.96 / np.sqrt(max(self.observed, 1.0))
        return float(self.ratio * np.exp(-spread)), float(self.ratio * np.exp(spread))


def newest_closed(
    con: duckdb.DuckDBPyConnection, outcome: Outcome, *, score_folder: Path, data_date: dt.date
) -> Closed | None:
    """The newest week whose window and lag are over and that was not scored in retrospect; None: there is none.

    Who left is weighted for as in training. One week a run: every week is the newest closed one once.
    """
    weeks = sorted(
        (dt.date.fromisoformat(p.parent.name[5:]) for p in score_folder.glob("week=*/score.parquet")), reverse=True
    )
    for week in (w for w in weeks if outcome.closes(w) <= data_date):
        path = score_folder / f"week={week:%Y-%m-%d}" / "score.parquet"
        told = (
            pl.scan_parquet(path)
            .filter((pl.col("outcome") == outcome.name) & ~pl.col("retrospective_flag"))
            .select("week", "person_id", "score")
            .sort("week", "person_id")
            .collect()
        )
        if told.is_empty():
            continue
        fate = follow_up(con, outcome, told.select("week", "person_id"), data_date=data_date)
        weight = censoring.weights(fate["time_days"].to_numpy(), fate["censored"].to_numpy())
        score, event = told["score"].to_numpy(), fate["event"].to_numpy()
        expected, observed = float((weight * score).sum()), float((weight * event).sum())
        return Closed(week, outcome.name, told.height, round(expected, 3), round(observed, 3))
    return None
