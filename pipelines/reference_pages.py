"""The generated part of the documentation: sources, features, outcomes, indicators, commands, settings.

Each page is made from the declarations that the product runs by; `python -m pipelines.reference_pages docs/reference`
writes them, and a test compares.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

from data_contracts.contract import SOURCES, Contract, load_contracts

MADE = "Made from {}; do not edit."
ROOT = Path(__file__).parents[1]


def pages() -> dict[str, str]:
    """File name to Markdown text."""
    from features import dictionary_page, load_features
    from features.declaration import DECLARED
    from pipelines.settings import reference_page

    return {
        "sources.md": _sources(load_contracts(SOURCES)),
        "features.md": dictionary_page(load_features(DECLARED)),
        "outcomes.md": _declared("Outcomes", ROOT / "models" / "outcomes", "models/outcomes"),
        "indicators.md": _declared("Indicators", ROOT / "commissioning" / "indicators", "commissioning/indicators"),
        "commands.md": _commands(),
        "settings.md": reference_page(),
    }


def _sources(contracts: dict[str, Contract]) -> str:
    lines = ["# Sources", "", MADE.format("the contracts in `data_contracts/sources/`"), ""]
    for contract in contracts.values():
        keyed = ", ".join(f"`{k}`" for k in contract.key)
        lines += [
            f"## {contract.id}",
            "",
            f"{contract.name}: {contract.grain}. {contract.description}",
            "",
            f"Version {contract.version}, from {contract.controller or 'a publication'}; every "
            f"{contract.frequency_days} days as {contract.delivery.kind}; key {keyed}.",
            "",
            "| column | heading | type | meaning |",
            "|---|---|---|---|",
            *(
                f"| `{c.lake_name}` | {_cell(c.header)} | {c.type}{', needed' if c.required else ''} "
                f"| {_cell(c.description or c.code_set or c.role or '')} |"
                for c in contract.columns
            ),
            "",
        ]
    return "\n".join(lines)


def _declared(title: str, folder: Path, named: str) -> str:
    """One section a declaration: its texts and numbers as a table."""
    lines = [f"# {title}", "", MADE.format(f"`{named}/`"), ""]
    for path in sorted(folder.glob("*.yaml")):
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        lines += [f"## {path.stem}", "", "| | |", "|---|---|"]
        lines += [f"| {key.replace('_', ' ')} | {_cell(_said(value))} |" for key, value in document.items()]
        lines.append("")
    return "\n".join(lines)


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{k}: {_said(v)}" for k, v in value.items())
    if isinstance(value, list):
        return ", ".join(_said(v) for v in value)
    return str(value)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _commands() -> str:
    from typer.main import get_command

    from pipelines.cli import app

    lines = ["# Commands", "", MADE.format("the commands themselves"), ""]
    lines += _command(get_command(app), "anticipate")
    return "\n".join(lines)


def _command(command: Any, name: str) -> list[str]:
    inner = getattr(command, "commands", None)
    lines: list[str] = []
    if inner is None:
        lines += [f"## {name}", "", (command.help or "").strip(), ""]
        options = [p for p in command.params if getattr(p, "help", None) and p.name != "help"]
        if options:
            lines += ["| | meaning |", "|---|---|"]
            lines += [f"| `{_named(p)}` | {_cell(str(getattr(p, 'help', '')))} |" for p in options]
            lines.append("")
        return lines
    for key in sorted(inner):
        lines += _command(inner[key], f"{name} {key}")
    return lines


def _named(parameter: Any) -> str:
    return ", ".join(parameter.opts) if parameter.param_type_name == "option" else str(parameter.name).upper()


def write(folder: Path) -> None:
    """Write every page."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text.rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
