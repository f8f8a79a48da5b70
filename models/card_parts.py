"""What a model card is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Table:
    """Rows of text under a head; ``marked`` rows are shown in red, and say so in words too."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    marked: tuple[bool, ...] = ()


@dataclass(frozen=True)
class Figure:
    """A curve to draw, and the same in words."""

    kind: Literal["calibration", "calibration of days", "net benefit"]
    curve: tuple[dict[str, Any], ...]
    alternative: str


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it: paragraphs, tables, figures."""

    title: str
    blocks: tuple[str | Table | Figure, ...]


def made_from(about: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Rows of a table of provenance: hashes of data and code, versions of libraries."""
    declared = ("feature declarations (SHA-256)", about["declarations"]), ("data date", about["data_date"])
    if "made_by" not in about:  # kept before this was
        return declared
    made = about["made_by"]
    return (
        *declared,
        ("rows learned from (SHA-256)", about["train"]["rows"]),
        ("rows tested on (SHA-256)", about["test"]["rows"]),
        ("code (SHA-256)", made["code"]),
        ("libraries", ", ".join(f"{name} {number}" for name, number in made["libraries"].items())),
    )
