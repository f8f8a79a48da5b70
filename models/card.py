"""The model card: what a model is for, what it was made from, how good it is, and what is not known about it.

Content is written once as sections; Markdown and HTML are two renderings of it.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader

from features import load_features
from models import card_text, registry
from models.card_text import Figure, Section, Table

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
    sections = card_text.sections(kept, load_features(), status=status, reasons=reasons)
    title = f"Model card: {kept.about['outcome']['title']}"
    head = {"title": title, "demonstration": DEMONSTRATION, "model_id": model_id, "status": status}
    card = Card(kept.folder / "card.md", kept.folder / "card.html")
    registry.write_safely(card.markdown, _markdown(head, sections))
    template = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True).get_template("card.html.j2")
    body = "\n".join(_html_section(section) for section in sections)
    registry.write_safely(card.page, template.render(**head, body=body))
    registry.write_manifest(kept.folder, model_id)
    return card


def calibration_plot(curve: Sequence[dict[str, float]]) -> go.Figure:
    """Observed against predicted risk by tenths of predicted risk, with intervals and the line of perfect agreement."""
    import plotly.graph_objects as go  # imported here: it takes a second, and only cards need it

    predicted = [c["predicted"] for c in curve]
    observed = [c["estimate"] for c in curve]
    top = max([*predicted, *(c["high"] for c in curve)], default=1.0) * 1.05
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
        xaxis={"title": "predicted risk", "tickformat": ".0%", "rangemode": "tozero"},
        yaxis={"title": "observed share", "tickformat": ".0%", "rangemode": "tozero"},
        template="plotly_white",
        legend={"orientation": "h", "y": 1.1},
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


def _html_section(section: Section) -> str:
    parts = [f"<h2>{html.escape(section.title)}</h2>"]
    for block in section.blocks:
        if isinstance(block, Table):
            parts.append(_html_table(block))
        elif isinstance(block, Figure):
            drawn = calibration_plot(block.curve).to_html(
                full_html=False, include_plotlyjs=True, div_id="calibration", config={"displayModeBar": False}
            )
            label = html.escape(block.alternative, quote=True)
            parts.append(f'<figure role="img" aria-label="{label}">{drawn}<figcaption>{label}</figcaption></figure>')
        else:
            parts.append(f"<p>{html.escape(block)}</p>")
    return "\n".join(parts)


def _html_table(table: Table) -> str:
    head = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in table.head)
    rows = "".join("<tr>" + "".join(f"<td>{html.escape(c)}</td>" for c in row) + "</tr>" for row in table.rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
