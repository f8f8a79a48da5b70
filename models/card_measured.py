"""The parts of a model card that hold measurements beyond discrimination and calibration."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from features import FeatureSet
from models.card_parts import Figure, Section, Table
from models.decision_curve import TREAT_ALL
from models.ladder import TITLES
from models.limits import load_limits
from models.registry import Kept, decision
from models.yardstick import RANKING_TITLES

PUBLISHED = Path(__file__).parent / "published.csv"


def gate_section(kept: Kept) -> Section:
    """What the gate asked and heard, and how the model compares with the champion of the day."""
    told = decision(kept)
    words = {True: "passes", False: "does not pass", None: "could not be asked"}
    rows = tuple((t["says"], words[t["passed"]]) for t in kept.metrics.get("gate", []))
    blocks: list[str | Table | Figure] = [
        "Every step of the ladder is asked the same. Among those that pass, the simplest one that no other surely "
        "beats (whole paired interval of the AUROC, of days of their concentration, above 0) is the best; boosted "
        "trees have no advance.",
        Table(("asked", "answer"), rows),
    ]
    if best := told.get("best"):
        blocks.append(f"Best in this training: {TITLES.get(best, best)}.")
    against = told.get("against_champion") or {}
    if against:
        ranking = next(pair for pair in RANKING_TITLES.items() if pair[0] in against)
        alike = against["agreement"]
        blocks.append(
            f"Against the champion {against['champion']}, on the same people: {ranking[1]} differs by "
            f"{span(against[ranking[0]])}; ranks agree with a correlation of {alike['spearman']:.2f}, and "
            f"{alike['top_share_overlap']:.0%} of the highest 5 % are the same people."
        )
    return Section("Gate", tuple(blocks))


def groups_section(kept: Kept) -> Section:
    """Calibration and who is missed, by group."""
    limits = load_limits()
    found = kept.metrics.get("groups", [])
    rows = tuple(_group(g, limits.groups[g["grouping"]].title) for g in found)
    failing = [f"{g['grouping']}: {g['group']}" for g in found if g["verdict"] == "does not pass"]
    head = (
        *("", "group", "person-weeks", "events", "observed / expected", "missed by the list"),
        *("missed more than others by", "share of list", "share of need", ""),
    )
    return Section(
        "Groups of people",
        (
            f"The list is the highest {limits.list_share:.0%}; missed is the share of events among people not on it "
            "(the false-negative rate at that threshold). Tolerances are declared in models/limits.yaml and broken "
            "only when a whole interval lies outside. Groups with fewer than "
            f"{limits.fewest_events} events or people without one are not assessable; those of fewer than "
            f"{limits.smallest_group} are not shown; counts are rounded to 5. Age, care home and housebound are held "
            "to calibration only: a good list misses fewer of those whose need is greater.",
            f"Outside the tolerances: {', '.join(failing)}." if failing else "No group is outside the tolerances.",
            Table(head, rows, marked=tuple(r[-1] == "does not pass" for r in rows)),
        ),
    )


def _group(g: Mapping[str, Any], title: str) -> tuple[str, ...]:
    def cell(name: str, *, percent: bool = False) -> str:
        """Estimate and interval of one measure; empty where there is none."""
        return span(g[name], percent=percent) if g.get(name) else ""

    return (
        title,
        str(g["group"]),
        f"{g['rows']:,}" if g.get("rows") else "*",
        f"{g['events']:,}" if g.get("events") else "*",
        cell("observed_over_expected"),
        cell("missed", percent=True),
        cell("missed_more", percent=True),
        cell("share_of_list", percent=True),
        cell("share_of_need", percent=True),
        str(g["verdict"]),
    )


def neighbourhoods_section(kept: Kept) -> Section:
    """Who is missed in each neighbourhood, and what missing equally few would cost."""
    found, limits = kept.metrics.get("neighbourhoods") or {}, load_limits()
    if not found:
        return Section("Neighbourhoods", ("Not measured: which practice belongs to which is not known.",))
    told = [a for a in found["areas"] if "missed" in a]
    few = len(found["areas"]) - len(told)
    rows = tuple(
        (a["area"], f"{a['people']:,}", f"{a['events']:,}", span(a["missed"], percent=True), f"{a['more']:,}")
        for a in told
    )
    return Section(
        "Neighbourhoods",
        (
            f"The list is the highest {limits.list_share:.0%} wherever they live: about {found['listed']:,} people of "
            f"the test people on a Monday, and {span(found['missed'], percent=True)} of need is not on it. So that no "
            f"neighbourhood misses more than all together, about {found['more']:,} more would have to be seen each "
            "time, chosen by risk within it. It is no promise: with few events a neighbourhood misses more by chance.",
            *([f"{few} with fewer than {limits.fewest_events} events are not shown one by one."] if few else []),
            *(
                [Table(("neighbourhood", "people", "events", "missed by the list", "more to see"), rows)]
                if rows
                else []
            ),
        ),
    )


def horizon_section(kept: Kept) -> Section:
    """Risk and cumulative incidence to the end of the window."""
    found = kept.metrics.get("horizon") or []
    if not found:
        return Section("To the end of the window", ("Of risks only.",))
    rows = tuple(
        (
            *(b["band"], f"{b['people']:,}", f"{b['predicted']:.1%}", span(b["observed"], percent=True)),
            *(f"{share:.1%}" for share in b["incidence"]),
        )
        for b in found
    )
    head = ("", "person-weeks", "predicted", "observed", *(f"by day {day}" for day in found[0]["days"]))
    return Section(
        "To the end of the window",
        (
            "Seen as survival with death competing (Aalen and Johansen): the share with the event by each day, among "
            "the highest risks and the rest. On the last day it should be what was observed by weights, and predicted.",
            Table(head, rows),
        ),
    )


def stability_section(kept: Kept) -> Section:
    """How many of the highest are the same after a refit, and a quarter later."""
    found, limits = kept.metrics.get("stability") or {}, load_limits()
    if not found:
        return Section("Stability", ("Not measured.",))
    top = f"the highest {limits.list_share:.0%}"
    blocks = [
        f"Fitted twice more, to two halves of the people that share nobody: {span(found['refits'], percent=True)} of "
        f"{top} by one half are among {top} by the other. The model learned from all, so it is steadier than this."
    ]
    if weeks := found["weeks"]:
        blocks.append(
            f"{weeks['weeks']} weeks later, among {weeks['people']:,} people tested both times: "
            f"{span(weeks['overlap'], percent=True)} of {top} had been there before."
        )
    return Section("Stability", tuple(blocks))


def decision_section(kept: Kept) -> Section:
    """Net benefit against acting on everyone, on no one, and by the frailty index."""
    curve = kept.metrics.get("decision_curve", [])
    if not curve:
        said = "There is no risk from which one acts." if kept.about["outcome"].get("counts") else "Not measured."
        return Section("Decision curve", (said,))
    names = [name for name in curve[0] if name != "threshold"]
    titles = {**TITLES, TREAT_ALL: "act on everyone"}
    rows = tuple((f"{c['threshold']:.0%}", *(span(c[name], digits=1) for name in names)) for c in curve)
    words = "; ".join(f"at {c['threshold']:.0%} {c[names[-1]]['estimate']:.1f}" for c in curve)
    return Section(
        "Decision curve",
        (
            "Net benefit per 1,000 people of acting from a risk upwards; acting on no one is 0. At a risk of 10 % one "
            "event reached is held to be worth nine visits that were not needed.",
            Table(("from a risk of", *(titles.get(n, n) for n in names)), rows),
            Figure("net benefit", tuple(curve), f"Net benefit of {titles.get(names[-1], names[-1])}: {words}."),
        ),
    )


def robustness_section(kept: Kept) -> Section:
    """Silent sources, held-out practices, fewer sources: of the trees."""
    more = kept.metrics.get("more", {})
    blocks: list[str | Table | Figure] = [
        "Of the boosted trees. A tenth of the rows they learnt from were given again with one source unknown, so that "
        "a source that falls silent later is not read as zero. What is left when one is silent for everyone:",
        _brief_table("silent", more.get("silent", {})),
    ]
    if held := more.get("held_out_practices"):
        rows = {f"practices of fold {f['fold']}": f for f in held["folds"]} | {"all together": held["all"]}
        blocks += ["By trees that never saw a person of the practice (internal–external):", _brief_table("", rows)]
    elif not more.get("fewer_sources"):
        blocks.append("Held-out practices and fewer sources: not measured in this training (`anticipate train` does).")
    if fewer := more.get("fewer_sources"):
        lost = "; ".join(f"{name}: {span(f['minus_all_sources'])}" for name, f in fewer.items())
        blocks += [
            "Trained and calibrated without sources that a board may lawfully not hold:",
            _brief_table("", fewer),
            f"Difference in the first of these from all sources: {lost}.",
        ]
    return Section("Silent sources, other practices, fewer sources", tuple(blocks))


def _brief_table(first: str, rows: Mapping[str, Mapping[str, Any]]) -> Table:
    measured = next(iter(rows.values()), {})
    names = [name for name in (*RANKING_TITLES, "calibration_slope", "observed_over_expected") if name in measured]
    titles = {
        **RANKING_TITLES,
        "calibration_slope": "calibration slope",
        "observed_over_expected": "observed / expected",
    }
    head = (first, *(titles[name] for name in names))
    return Table(head, tuple((name, *(span(found[m]) for m in names)) for name, found in rows.items()))


def dependence_section(kept: Kept, declared: FeatureSet) -> Section:
    """How the prediction goes with its strongest predictors, and which go together."""
    found = kept.about.get("dependence") or {}
    if not found.get("partial"):
        return Section("What drives the model", ("Not measured.",))
    days = bool(kept.about["outcome"].get("counts"))

    def told(mean: float) -> str:
        """A mean prediction as text."""
        return f"{mean:.1f}" if days else f"{mean:.1%}"

    rows = tuple(
        (name, declared.by_name[name].unit, "; ".join(f"{value:g}: {told(mean)}" for value, mean in points))
        for name, points in found["partial"].items()
        if name in declared.by_name
    )
    pairs = tuple((str(a), str(b), f"{strength:.2f}") for a, b, strength in found["interactions"])
    return Section(
        "What drives the model",
        (
            "Partial dependence: the mean prediction when everyone is given one value of a predictor and all else "
            "stays as it is. It is a look at the model, not at what would happen to people.",
            Table(("predictor", "unit", "value: mean prediction"), rows),
            "Strongest interactions: by how much, as a root mean square of log-odds (of days, of their logarithm), "
            "what one predictor does depends on the other."
            + ("" if pairs else " None: this model adds up what its predictors say."),
            *([Table(("predictor", "and", "strength"), pairs)] if pairs else []),
        ),
    )


def published_section() -> Section:
    """Published figures of others, with the caveat."""
    with PUBLISHED.open(encoding="utf-8") as file:
        rows = [tuple(row) for row in csv.reader(file)]
    return Section(
        "Beside published figures",
        (
            "Of other people, other outcomes and other horizons; **the people here are artificial**, so being above or "
            "below means nothing about either. They show what is to be expected of real people: an AUROC of 0.9 for "
            "admissions of older people would point to a leak.",
            Table(rows[0], tuple(rows[1:])),
        ),
    )


def span(metric: Mapping[str, float], *, percent: bool = False, digits: int = 3) -> str:
    """Estimate and interval."""
    numbers: Sequence[float] = (metric["estimate"], metric["low"], metric["high"])
    shown = [f"{n:.0%}" if percent else f"{n:.{digits}f}" for n in numbers]
    return f"{shown[0]} ({shown[1]} to {shown[2]})"
