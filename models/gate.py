"""Which model may be shown: decided by intervals, never by a point alone.

Every candidate is asked the same questions. Among those that pass, the simplest one that no other surely beats (whole
paired interval of the AUROC above 0) is the best. It becomes champion when it surely beats the first step of the ladder
and is not surely worse than the champion on the same people. Else the champion stays; with none yet, the simplest
comparator that passes calibration is shown, marked as not yet validated; if none does, no model is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.limits import Limits, load_limits

Interval = Mapping[str, float]
CHAMPION = "champion"
BY_OVERRIDE = "champion by a named person's override"
FIRST = "first model, not yet validated"
CHALLENGER = "challenger"


@dataclass(frozen=True)
class Test:
    """One question: whether it is passed (None: it could not be asked, which blocks nothing), and the answer."""

    name: str
    passed: bool | None
    says: str


@dataclass(frozen=True)
class Decision:
    """What the gate says.

    Attributes:
        promoted: the candidate to promote; None: nothing changes, or nothing may be shown.
        status: as what.
        best: the simplest candidate that passes and that no other beats; None when none passes.
        reasons: why, in sentences.
    """

    promoted: str | None
    status: str
    best: str | None
    reasons: tuple[str, ...]


def said(metric: Interval, digits: int = 2) -> str:
    """Estimate and interval, as text."""
    return f"{metric['estimate']:.{digits}f} ({metric['low']:.{digits}f} to {metric['high']:.{digits}f})"


def calibrated(metrics: Mapping[str, Interval], limits: Limits | None = None) -> list[Test]:
    """Whether slope and observed/expected pass: the interval includes 1, or lies wholly within the bounds."""
    limits = limits or load_limits()
    tests = []
    for name, words, (low, high) in (
        ("calibration_slope", "calibration slope", limits.slope),
        ("observed_over_expected", "observed over expected", limits.observed_over_expected),
    ):
        m = metrics[name]
        good = m["low"] <= 1 <= m["high"] or (low <= m["low"] and m["high"] <= high)
        tests.append(Test(name, good, f"{words} {said(m)} {'passes' if good else 'does not pass'}"))
    return tests


def ask(
    metrics: Mapping[str, Interval],
    groups: Sequence[Mapping[str, Any]],
    worth: Interval | None,
    steady: Interval | None = None,
    limits: Limits | None = None,
) -> list[Test]:
    """Every question to one candidate.

    Args:
        metrics: every metric with its interval.
        groups: `models.groups.assess`.
        worth: `models.decision_curve.worth`; None where there is no risk from which one acts.
        steady: `models.stability.overlap` of two refits; None where it was not measured.
        limits: default those declared.
    """
    limits = limits or load_limits()
    benefit = [] if worth is None else [_useful(worth, limits)]
    alike = [] if steady is None else [_steady(steady, limits)]
    return [*calibrated(metrics, limits), *benefit, _fair(groups), *alike]


def _steady(overlap: Interval, limits: Limits) -> Test:
    good = overlap["high"] >= limits.list_overlap
    share = f"{overlap['estimate']:.0%} ({overlap['low']:.0%} to {overlap['high']:.0%})"
    return Test(
        "stability",
        good,
        f"learned from other people, {share} of the highest {limits.list_share:.0%} are the same "
        f"{'passes' if good else 'does not pass'}",
    )


def _useful(worth: Interval, limits: Limits) -> Test:
    useful = worth["high"] >= 0
    amount = f"{worth['estimate']:.1f} ({worth['low']:.1f} to {worth['high']:.1f}) per 1,000 people"
    return Test(
        "net_benefit",
        useful,
        f"net benefit at a risk of {limits.net_benefit_at:.0%}, above acting on everyone or no one, {amount} "
        f"{'passes' if useful else 'does not pass'}",
    )


def _fair(groups: Sequence[Mapping[str, Any]]) -> Test:
    failing = [f"{g['grouping']}: {g['group']}" for g in groups if g["verdict"] == "does not pass"]
    judged = sum(g["verdict"] in ("passes", "does not pass") for g in groups)
    if not judged:
        return Test("groups", None, "no group is large enough to be assessed")
    if failing:
        return Test("groups", False, f"outside the tolerances for {', '.join(failing)}: does not pass")
    return Test("groups", True, f"within the tolerances for all {judged} groups that could be assessed")


def best_of(tests: Mapping[str, Sequence[Test]], minus: Mapping[str, Mapping[str, Interval]]) -> str | None:
    """The simplest candidate that passes everything and that no other that passes surely beats.

    Args:
        tests: answers of each candidate, in the order of the ladder.
        minus: ranking metric (AUROC of a risk) of one candidate minus that of another, paired.
    """
    able = [name for name, asked in tests.items() if all(t.passed is not False for t in asked)]
    for place, name in enumerate(able):
        if not any(minus[other][name]["low"] > 0 for other in able[place + 1 :]):
            return name
    return None


def decide(
    tests: Mapping[str, Sequence[Test]],
    minus: Mapping[str, Mapping[str, Interval]],
    *,
    has_champion: bool,
    against_champion: Mapping[str, Interval] | None = None,
    events: int,
    metric: str = "AUROC",
    limits: Limits | None = None,
) -> Decision:
    """The gate's decision.

    Args:
        tests: `ask` for each candidate, in the order of the ladder.
        minus: ranking metric (AUROC of a risk) of one candidate minus that of another, paired.
        has_champion: a model that passed the gate is in use and can score what the candidates can.
        against_champion: the same of each candidate minus that of the champion on the same people, paired; None when
            there is nothing to compare with.
        events: events among the test rows.
        metric: what the ranking metric is called.
        limits: default those declared.
    """
    limits = limits or load_limits()
    if events < limits.fewest_events:
        few = f"{events} events among the test people: fewer than {limits.fewest_events}, so nothing can be judged"
        return _without(tests, None, [few], has_champion=has_champion)
    best, first = best_of(tests, minus), next(iter(tests))
    reasons = [f"{name}: {t.says}" for name, asked in tests.items() for t in asked if t.passed is False]
    if best is None:
        return _without(tests, None, [*reasons, "no candidate passes every test"], has_champion=has_champion)
    reasons = [
        f"{best} is the simplest that passes and that none other surely beats",
        *_beaten(best, minus, metric),
        *reasons,
    ]
    reasons += [t.says for t in tests[best]]
    if best == first or minus[best][first]["low"] <= 0:
        return _without(tests, best, [*reasons, f"no candidate surely beats {first}"], has_champion=has_champion)
    if against_champion is not None:
        difference = against_champion[best]
        reasons.append(f"{metric} minus the champion's, on the same people, {said(difference, 3)}")
        if difference["high"] < 0:
            return Decision(None, CHALLENGER, best, (*reasons, "surely worse: the champion stays"))
    return Decision(best, CHAMPION, best, tuple(reasons))


def _beaten(best: str, minus: Mapping[str, Mapping[str, Interval]], metric: str) -> list[str]:
    return [f"{metric} above {other} by {said(difference, 3)}" for other, difference in minus[best].items()]


def _without(
    tests: Mapping[str, Sequence[Test]], best: str | None, reasons: list[str], *, has_champion: bool
) -> Decision:
    """What is shown when no candidate may become champion."""
    if has_champion:
        return Decision(None, CHALLENGER, best, (*reasons, "the champion stays"))
    for name, asked in tests.items():
        of_calibration = [t for t in asked if t.name in ("calibration_slope", "observed_over_expected")]
        if all(t.passed is not False for t in of_calibration):
            simplest = f"{name} is the simplest that passes calibration ({'; '.join(t.says for t in of_calibration)})"
            return Decision(name, FIRST, best, (*reasons, simplest))
    return Decision(None, CHALLENGER, None, (*reasons, "none passes calibration either: no model may be shown"))
