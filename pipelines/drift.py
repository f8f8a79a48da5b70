"""Watches each scored week for drift: features, scores, unknown values, coding, and calibration as windows close."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from outreach.ledger import ledgers
from pipelines.findings import Finding
from pipelines.moved import told
from pipelines.stages import feature_folder, list_folder, record_opened, score_folder
from pipelines.store import Store
from pipelines.training import data_date

if TYPE_CHECKING:
    from models.drift import Closed, WeekDrift
    from models.limits import Limits

ASSET = ("score",)
CHECKS = {
    "features_steady": "No feature has moved far from where the model learnt (population stability index).",
    "scores_steady": "The scores are spread as they were when the model was tested (population stability index).",
    "nothing_newly_unknown": "No feature is unknown for many more people than where the model learnt.",
    "calibrated_in_the_large": "Of the newest scored week whose window has closed: events seen over events expected.",
    "coding_steady": "No practice codes far more or less than in its own year before, beside all other practices.",
}
TOLD = " Tells, does not stop."
NO_BINS = "The model in use keeps nothing to compare with; one trained now does."
SHOWN = 5


def drift_findings(store: Store, week: dt.date) -> list[Finding]:
    """One finding a check; numbers are kept week by week, so Dagster draws them over time."""
    from models import load_outcomes
    from models.coding_change import by_practice, changes
    from models.drift import newest_closed, week_drift
    from models.limits import load_limits

    primary, limits = next(iter(load_outcomes().values())), load_limits()
    found = week_drift(
        week,
        outcome=primary.name,
        feature_folder=feature_folder(store),
        model_folder=store.models,
        score_folder=score_folder(store),
    )
    with record_opened(store) as con:
        closed = newest_closed(con, primary, score_folder=score_folder(store), data_date=data_date(store, week))
        coding = changes(by_practice(con, week))
    reached = people_reached(list_folder(store), closed.week, primary.window_days) if closed else 0
    return [*_steady(found, limits), _in_the_large(closed, limits, reached), _coding(coding, limits)]


def _steady(found: WeekDrift | None, limits: Limits) -> list[Finding]:
    """Features, scores and unknown values beside those that the model learnt from."""
    if found is None:
        return [Finding(ASSET, name, passed=True, says=NO_BINS) for name in list(CHECKS)[:3]]
    drift = limits.drift
    moved, unknown = found.moved(drift.psi_warn), found.newly_unknown(drift.unknown_warn)
    largest = max((f["psi"] for f in found.features.values()), default=0.0)
    share = sum(f["unknown_now"] for f in found.features.values()) / max(1, len(found.features))
    psi = found.score_psi if found.score_psi is not None else 0.0
    week_to_week = {} if found.overlap is None else {"of the highest 5 %, there the week before": found.overlap}
    return [
        Finding(
            ASSET,
            "features_steady",
            not moved,
            f"Moved: {_named(moved)}." if moved else "No feature has moved far.",
            counts={"largest index": largest, "features moved": len(moved)},
        ),
        Finding(
            ASSET,
            "scores_steady",
            psi < drift.score_psi_warn,
            f"Index of the scores {psi:.3f}; a shift is said from {drift.score_psi_warn}.",
            counts={"index": psi, **week_to_week},
        ),
        Finding(
            ASSET,
            "nothing_newly_unknown",
            not unknown,
            f"Unknown for many more people: {_named(unknown)}." if unknown else "Nothing is newly unknown.",
            counts={"features": len(unknown), "mean share unknown": round(share, 4)},
        ),
    ]


def people_reached(lists: Path, week: dt.date, days: int) -> int:
    """People who were shown to a team, on a list of that week or one within the days after it."""
    until = week + dt.timedelta(days=days)
    within = [pl.scan_parquet(path) for when, path in ledgers(lists) if week <= when < until]
    if not within:
        return 0
    shown = pl.concat([ledger.filter("shown").select("person_id") for ledger in within])
    return int(shown.select(pl.col("person_id").n_unique()).collect().item())


def reached_in_words(people: int) -> str:
    """What must be said beside events of people whom a team may have helped meanwhile."""
    if not people:
        return "Nobody was shown on a list in these days."
    return (
        f"In these days {told(people)} were shown on lists: what a team did for them is in the events seen, "
        "and lists that help make a right model look too high."
    )


def _in_the_large(closed: Closed | None, limits: Limits, reached: int) -> Finding:
    """Events seen over events expected in the newest week whose window has closed."""
    if closed is None:
        return Finding(ASSET, "calibrated_in_the_large", passed=True, says="No scored week has closed yet.")
    low, high = closed.interval()
    bounds = limits.observed_over_expected
    return Finding(
        ASSET,
        "calibrated_in_the_large",
        low <= bounds[1] and high >= bounds[0],
        f"{closed.outcome}, week of {closed.week}: {closed.observed:,.0f} events seen, {closed.expected:,.0f} "
        f"expected, ratio {closed.ratio:.2f} ({low:.2f} to {high:.2f}). {reached_in_words(reached)}",
        counts={"observed": closed.observed, "expected": closed.expected, "ratio": round(closed.ratio, 4)},
    )


def _coding(found: pl.DataFrame, limits: Limits) -> Finding:
    """Practices that write far more or less than before."""
    from models.coding_change import changed

    moved = changed(found, limits.drift.coding_warn)
    named = [f"{practice} ({times:.1f} times as much)" for practice, times in moved.iter_rows()]
    says = f"{found.height} practices compared with their own year before"
    return Finding(
        ASSET,
        "coding_steady",
        not named,
        f"{says}; coding changed in {_named(named)}." if named else f"{says}; none codes far more or less.",
        counts={"practices compared": found.height, "practices changed": len(named)},
    )


def _named(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
