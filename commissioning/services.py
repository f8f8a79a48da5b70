"""The twelve services of the founding documents: our indicators beside the figures they quote."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

SERVICES = Path(__file__).parent / "services.yaml"


@dataclass(frozen=True)
class Figure:
    """A figure quoted elsewhere; `comparable` says whether it may be read beside ours as the same thing."""

    figure: str
    value: str
    comparable: bool
    note: str


@dataclass(frozen=True)
class Service:
    """One service: ids of its indicators, figures quoted elsewhere, and what is missing to say more."""

    name: str
    indicators: tuple[str, ...]
    published: tuple[Figure, ...]
    missing: str


@cache
def services(path: Path = SERVICES) -> tuple[Service, ...]:
    """All services in their order."""
    said = yaml.safe_load(path.read_text(encoding="utf-8"))
    return tuple(
        Service(s["name"], tuple(s["indicators"]), tuple(Figure(**f) for f in s["published"]), s["missing"])
        for s in said
    )
