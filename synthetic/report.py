"""The artificial county beside published figures: a table and plots, as Markdown and as a page of its own.

Every line says where its target comes from, and when sources contradict each other or nobody has checked them.
"""

from __future__ import annotations

import datetime as dt
import html
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from synthetic.deliveries import make_life
from synthetic.measure import SCALE, Counts, index_week, measure
from synthetic.plan import Plan, first_day

if TYPE_CHECKING:
    import plotly.graph_objects as go

TARGETS = Path(__file__).parent / "targets.yaml"
STATUS = {
    "found": "",
    "unverified": "unverified: not checked at its source",
    "disagree": "sources disagree",
    "judged": "no published figure: judged",
}
GROUPS = {
    "population": "Who lives there", "frailty": "Frailty and what is coded", "place": "Home and care home",
    "hospital": "Hospital", "hospital_codes": "Hospital codes, 75 and over", "after_hospital": "After hospital",
    "community": "Two-hour response",
}  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One target and what was achieved; ``achieved`` is None when nobody was there to count."""

    group: str
    key: str
    said: str
    kind: str
    target: float
    low: float
    high: float
    source: str
    status: str
    note: str
    achieved: float | None

    @property
    def met(self) -> bool:
        """Within the accepted range."""
        return self.achieved is not None and self.low <= self.achieved <= self.high

    @property
    def remark(self) -> str:
        """What has to be said about the target."""
        return "; ".join(s for s in (STATUS[self.status], self.note) if s)


def count(
    people: int, seed: int, *, workers: int | None = None, progress: Callable[[int, int], None] | None = None
) -> Counts:
    """Lives a county and counts, a part of the people at a time.

    Args:
        people: registered at any time.
        seed: of the world.
        workers: processes; one a part, at most the machine's cores.
        progress: called with parts done and parts in all.
    """
    last = dt.date(2026, 2, 23)
    plan = Plan(people, seed, first_day(last, 6, 4), last, 4)
    week = index_week(plan.days)
    starts = range(0, plan.count, plan.chunk)
    workers = min(workers or os.cpu_count() or 1, len(starts))
    total = Counts()
    if workers <= 1:
        for done, start in enumerate(starts, start=1):
            total.merge(_part(plan, start, week))
            if progress:
                progress(done, len(starts))
        return total
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        futures = [pool.submit(_part, plan, start, week) for start in starts]
        for done, future in enumerate(futures, start=1):
            total.merge(future.result())
            if progress:
                progress(done, len(starts))
    return total


def _part(plan: Plan, start: int, week: int) -> Counts:
    return measure(make_life(plan, start, min(start + plan.chunk, plan.count)), week)


def lines(counts: Counts) -> list[Line]:
    """All targets with what was achieved."""
    declared: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load(TARGETS.read_text(encoding="utf-8"))
    found = []
    for group, targets in declared.items():
        for key, t in targets.items():
            low, high = t["within"]
            told = (t["said"], t["kind"], t["target"], low, high, t["source"], t["status"], t.get("note", ""))
            found.append(Line(group, key, *told, _achieved(counts, key, t["kind"])))
    return found


def _achieved(counts: Counts, key: str, kind: str) -> float | None:
    number, base = counts.pairs[key]
    if kind in ("share", "ratio"):
        return number / base if base else None
    return number * SCALE / counts.people if counts.people else None


def number(value: float | None, kind: str) -> str:
    """A figure as it is read: a share in percent, a count rounded to tens."""
    if value is None:
        return "nobody"
    if kind == "share":
        return f"{100 * value:.1f} %"
    return f"{value:.2f}" if kind == "ratio" else f"{round(value, -1 if value >= 1000 else 0):,.0f}"


def heading(people: int, seed: int, found: list[Line]) -> str:
    """What the report rests on, in three sentences."""
    checked = [line for line in found if line.status == "found"]
    return (
        f"{people:,} artificial people, seed {seed}; counts are scaled to {SCALE:,}. "
        f"{sum(line.met for line in found)} of {len(found)} figures lie within the range accepted for them; "
        f"{sum(line.met for line in checked)} of the {len(checked)} whose source was seen and is undisputed. "
        "Targets are held against, not fitted row by row; a figure out of range stays out of range here."
    )


def markdown(people: int, seed: int, found: list[Line]) -> str:
    """The report as Markdown tables."""
    out = ["# The artificial county beside published figures", "", heading(people, seed, found), ""]
    for group, title in GROUPS.items():
        out += [f"## {title}", "", "| figure | target | accepted | here | | source | remark |", "|" + "---|" * 7]
        for line in (x for x in found if x.group == group):
            band = f"{number(line.low, line.kind)} to {number(line.high, line.kind)}"
            cells = [line.said, number(line.target, line.kind), band, number(line.achieved, line.kind)]
            out.append("| " + " | ".join([*cells, _verdict(line), line.source, line.remark]) + " |")
        out.append("")
    return "\n".join(out)


def _verdict(line: Line) -> str:
    return "pass" if line.met else "fail"


def page(people: int, seed: int, found: list[Line]) -> str:
    """The report as a page that needs nothing else: table and plots."""
    parts = [
        f"<h1>The artificial county beside published figures</h1><p>{html.escape(heading(people, seed, found))}</p>"
    ]
    for i, (group, title) in enumerate(GROUPS.items()):
        mine = [line for line in found if line.group == group]
        parts.append(f"<h2>{title}</h2>")
        parts.append(_table(mine))
        parts.append(_plot(mine).to_html(full_html=False, include_plotlyjs=i == 0, div_id=f"plot-{group}"))
    return _PAGE.format(body="\n".join(parts))


def _table(mine: list[Line]) -> str:
    head = "".join(
        f'<th scope="col">{c}</th>' for c in ("figure", "target", "accepted", "here", "", "source", "remark")
    )
    body = ""
    for line in mine:
        band = f"{number(line.low, line.kind)} to {number(line.high, line.kind)}"
        cells = [number(line.target, line.kind), band, number(line.achieved, line.kind), _verdict(line), line.source]
        told = "".join(f"<td>{html.escape(c)}</td>" for c in [*cells, line.remark])
        body += f'<tr class="{_verdict(line)}"><th scope="row">{html.escape(line.said)}</th>{told}</tr>\n'
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _plot(mine: list[Line]) -> go.Figure:
    """Achieved over target, with the accepted range as a bar; 1 is the target."""
    import plotly.graph_objects as go  # imported here: it takes a second, and only reports need it

    shown = [line for line in reversed(mine) if line.achieved is not None]
    names = [line.said for line in shown]
    figure = go.Figure()
    figure.add_bar(
        y=names, x=[(line.high - line.low) / line.target for line in shown],
        base=[line.low / line.target for line in shown],
        orientation="h", name="accepted", marker={"color": "#d0d7de"}, width=0.5, hoverinfo="skip",
    )  # fmt: skip
    figure.add_scatter(
        y=names, x=[(line.achieved or 0) / line.target for line in shown], mode="markers", name="here",
        marker={
            "size": 12, "color": ["#00703c" if line.met else "#b42318" for line in shown],
            "symbol": ["circle" if line.met else "x" for line in shown],
        },
        text=[f"{number(line.achieved, line.kind)} (target {number(line.target, line.kind)})" for line in shown],
    )  # fmt: skip
    figure.add_vline(x=1, line={"color": "#6b6b6b", "dash": "dash"})
    figure.update_layout(
        template="plotly_white", height=130 + 32 * len(shown), width=900, showlegend=True,
        xaxis={"title": "achieved over target", "rangemode": "tozero"}, margin={"l": 330, "r": 20, "t": 20, "b": 50},
        legend={"orientation": "h", "y": 1.12},
    )  # fmt: skip
    return figure


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>The artificial county beside published figures</title><style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a }}
table {{ border-collapse: collapse; width: 100%; font-size: .9rem }}
th, td {{ text-align: left; padding: .35rem .6rem; border-bottom: 1px solid #d0d7de; vertical-align: top }}
tr.fail td:nth-child(5) {{ font-weight: 700; color: #b42318 }}
tr.pass td:nth-child(5) {{ color: #00703c }}
</style></head><body>
{body}
</body></html>
"""


def write_report(folder: Path, *, people: int, seed: int, counts: Counts) -> list[Path]:
    """Writes ``synthetic-report.md`` and ``synthetic-report.html``; returns both."""
    found = lines(counts)
    folder.mkdir(parents=True, exist_ok=True)
    made = {"synthetic-report.md": markdown(people, seed, found), "synthetic-report.html": page(people, seed, found)}
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in made]
