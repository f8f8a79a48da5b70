"""The model card: what a model is for, what it was made from, how good it is, and what is not known about it.

Content is written once as sections; Markdown and HTML are two renderings of it.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader

from features import load_features
from models import card_hidden, card_text, registry
from models.card_parts import Figure, Section, Table
from models.decision_curve import TREAT_ALL
from models.ladder import POSITIVE_UNLABELLED, TITLES

if TYPE_CHECKING:
    import plotly.graph_objects as go

TEMPLATES = Path(__file__).parent / "templates"
DEMONSTRATION = "Demonstration: not for clinical use"


@dataclass(frozen=True)
class Card:
    """Where the two renderings lie."""

    markdown: Path
    page: Path


def write_card(model_folder: Path, model_id: str, *, status: str, reasons: Sequence[str] = ()) -> Card:
    """Writes ``card.md`` and ``card.html`` into the model's folder and lists them in its manifest.

    Args:
        model_folder: folder of kept models.
        model_id: the model.
        status: as what it was promoted, or that it was not.
        reasons: what the gate said.

    Raises:
        ModelError: the model is not there or damaged.
    """
    kept = registry.load(model_folder, model_id)
    told = card_hidden if kept.about["kind"] == POSITIVE_UNLABELLED else card_text
    sections = told.sections(kept, load_features(), status=status, reasons=reasons)
    title = f"Model card: {kept.about['outcome']['title']}"
    head = {"title": title, "demonstration": DEMONSTRATION, "model_id": model_id, "status": status}
    card = Card(kept.folder / "card.md", kept.folder / "card.html")
    registry.write_safely(card.markdown, _markdown(head, sections))
    template = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True).get_template("card.html.j2")
    drawn = iter(range(len(sections)))
    body = "\n".join(_html_section(section, drawn) for section in sections)
    registry.write_safely(card.page, template.render(**head, body=body))
    registry.write_manifest(kept.folder, model_id)
    return card


def calibration_plot(curve: Sequence[dict[str, float]], *, days: bool = False) -> go.Figure:
    """Observed against predicted by tenths of what was predicted, with intervals and the line of perfect agreement."""
    import plotly.graph_objects as go  # imported here: it takes a second, and only cards need it

    predicted = [c["predicted"] for c in curve]
    observed = [c["estimate"] for c in curve]
    top, shown = max([*predicted, *(c["high"] for c in curve)], default=1.0) * 1.05, ".1f" if days else ".0%"
    figure = go.Figure()
    figure.add_scatter(
        x=[0, top], y=[0, top], mode="lines", name="perfect agreement", line={"color": "#6b6b6b", "dash": "dash"}
    )
    figure.add_scatter(
        x=predicted,
        y=observed,
        mode="markers+lines",
        name="observed, 95 % interval",
        marker={"color": "#005eb8", "size": 9},
        line={"color": "#005eb8"},
        error_y={
            "array": [c["high"] - c["estimate"] for c in curve],
            "arrayminus": [c["estimate"] - c["low"] for c in curve],
            "color": "#005eb8",
        },
    )
    figure.update_layout(
        xaxis={"title": "expected days" if days else "predicted risk", "tickformat": shown, "rangemode": "tozero"},
        yaxis={"title": "days seen" if days else "observed share", "tickformat": shown, "rangemode": "tozero"},
        template="plotly_white",
        legend={"orientation": "h", "y": 1.1},
        margin={"l": 60, "r": 20, "t": 30, "b": 50},
        width=640,
        height=440,
    )
    return figure


def net_benefit_plot(curve: Sequence[dict[str, Any]]) -> go.Figure:
    """Net benefit per 1,000 people over the risk from which one acts, a line a way of choosing."""
    import plotly.graph_objects as go

    lines = {TREAT_ALL: ("#6b6b6b", "dash", "x"), "age_sex": ("#b45f00", "dot", "square")}
    figure = go.Figure()
    thresholds = [c["threshold"] for c in curve]
    for name in (n for n in curve[0] if n != "threshold"):
        colour, dash, symbol = lines.get(name, ("#005eb8" if name != "frailty_index" else "#00703c", "solid", "circle"))
        figure.add_scatter(
            x=thresholds,
            y=[c[name]["estimate"] for c in curve],
            mode="lines+markers",
            name="act on everyone" if name == TREAT_ALL else TITLES.get(name, name),
            line={"color": colour, "dash": dash},
            marker={"color": colour, "symbol": symbol},
        )
    top = max(c[n]["estimate"] for c in curve for n in c if n != "threshold")
    figure.update_layout(
        xaxis={"title": "act from a risk of", "tickformat": ".0%"},
        yaxis={"title": "net benefit per 1,000 people", "range": [-0.15 * max(top, 1), 1.1 * max(top, 1)]},
        template="plotly_white",
        legend={"orientation": "h", "y": 1.15},
        margin={"l": 60, "r": 20, "t": 30, "b": 50},
        width=640,
        height=440,
    )
    return figure


def _markdown(head: dict[str, str], sections: Sequence[Section]) -> str:
    lines = [f"# {head['title']}", "", f"**{head['demonstration']}.** Model `{head['model_id']}`, {head['status']}."]
    for section in sections:
        lines += ["", f"## {section.title}"]
        for block in section.blocks:
            if isinstance(block, Table):
                lines += ["", "| " + " | ".join(block.head) + " |", "|" + "---|" * len(block.head)]
                lines += ["| " + " | ".join(row) + " |" for row in block.rows]
            elif isinstance(block, Figure):
                lines += ["", f"*{block.alternative}* The figure is in `card.html`."]
            else:
                lines += ["", block]
    return "\n".join(lines) + "\n"


def _html_section(section: Section, drawn: Iterator[int]) -> str:
    parts = [f"<h2>{html.escape(section.title)}</h2>"]
    for block in section.blocks:
        if isinstance(block, Table):
            parts.append(_html_table(block))
        elif isinstance(block, Figure):
            number = next(drawn)
            figure = _drawn(block)
            picture = figure.to_html(
                full_html=False,
                include_plotlyjs=number == 0,
                div_id=f"figure-{number}",
                config={"displayModeBar": False},
            )
            label = html.escape(block.alternative, quote=True)
            parts.append(f'<figure role="img" aria-label="{label}">{picture}<figcaption>{label}</figcaption></figure>')
        else:
            parts.append(f"<p>{html.escape(block)}</p>")
    return "\n".join(parts)


def _drawn(block: Figure) -> go.Figure:
    if block.kind == "net benefit":
        return net_benefit_plot(block.curve)
    return calibration_plot(block.curve, days=block.kind == "calibration of days")


def _html_table(table: Table) -> str:
    head = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in table.head)
    marks = table.marked or (False,) * len(table.rows)
    rows = "".join(
        ('<tr class="outside">' if mark else "<tr>") + "".join(f"<td>{html.escape(c)}</td>" for c in row) + "</tr>"
        for row, mark in zip(table.rows, marks, strict=True)
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
