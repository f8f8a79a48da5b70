"""Which model may be shown: decided by intervals, never by a point alone.

The boosted model becomes champion when its AUROC is better than that of age and sex with the whole paired interval,
and its calibration passes. Else a champion stays; with none yet, the simplest comparator that passes calibration is
shown, marked as not yet validated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Interval = Mapping[str, float]
Status = Literal["champion", "first model, not yet validated", "challenger"]
TOLERANCE = (0.90, 1.10)
FEWEST_EVENTS = 50


@dataclass(frozen=True)
class Decision:
    """What the gate says: the candidate to promote (None: nothing changes), as what, and why, in sentences."""

    promoted: str | None
    status: Status
    reasons: tuple[str, ...]


def calibrated(metrics: Mapping[str, Interval]) -> tuple[bool, list[str]]:
    """Whether slope and observed/expected pass, and a sentence for each.

    A ratio passes when its interval includes 1, or, measured precisely, lies wholly within 0.90 to 1.10.
    """
    passed, said = True, []
    for name, words in (
        ("calibration_slope", "calibration slope"),
        ("observed_over_expected", "observed over expected"),
    ):
        m = metrics[name]
        good = m["low"] <= 1 <= m["high"] or (TOLERANCE[0] <= m["low"] and m["high"] <= TOLERANCE[1])
        passed &= good
        verdict = "passes" if good else "does not pass"
        said.append(f"{words} {m['estimate']:.2f} ({m['low']:.2f} to {m['high']:.2f}) {verdict}")
    return passed, said


def decide(
    metrics: Mapping[str, Mapping[str, Interval]],
    better: Interval,
    *,
    boosted: str,
    comparators: list[str],
    has_champion: bool,
    events: int,
) -> Decision:
    """The gate's decision.

    Args:
        metrics: for each candidate, every metric with its interval.
        better: AUROC of the boosted model minus that of the first comparator, paired.
        boosted: name of the boosted model.
        comparators: names, simplest first.
        has_champion: a model has passed the gate before.
        events: events among the test rows.
    """
    if events < FEWEST_EVENTS:
        reason = f"{events} events among the test people: fewer than {FEWEST_EVENTS}, so nothing can be judged"
        return _without(metrics, comparators, [reason], has_champion)
    beats = better["low"] > 0
    verdict = "passes" if beats else "does not pass"
    difference = f"{better['estimate']:.3f} ({better['low']:.3f} to {better['high']:.3f})"
    fits, said = calibrated(metrics[boosted])
    reasons = [f"AUROC above {comparators[0]} by {difference} {verdict}", *said]
    if beats and fits:
        return Decision(boosted, "champion", tuple(reasons))
    return _without(metrics, comparators, reasons, has_champion)


def _without(metrics: Mapping[str, Any], comparators: list[str], reasons: list[str], has_champion: bool) -> Decision:
    """What is shown when the boosted model may not be."""
    if has_champion:
        return Decision(None, "challenger", (*reasons, "the champion stays"))
    for name in comparators:
        fits, said = calibrated(metrics[name])
        reasons += [f"{name}: {s}" for s in said]
        if fits:
            return Decision(name, "first model, not yet validated", tuple(reasons))
    return Decision(None, "challenger", (*reasons, "no comparator passes either: no model may be shown"))
