"""Renders the hand-worked cases as a page for clinicians: `python -m tests.spec.render` writes `docs/cases.md`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "cases.md"
TITLES = {
    "housebound": "Housebound",
    "care_home": "Living in a care home",
    "frailty_index": "Frailty index and its deficits",
    "index_change": "What the frailty index gained in a year",
    "hospital_frailty": "Hospital Frailty Risk Score and Charlson index",
}
INTRODUCTION = """# Cases that define

Each line is a tiny record and what is said of the person on Monday 4 March 2024. Every line is run as a test; the rules
are in `features/declared/`, explained in [definitions.md](definitions.md). A dash means unknown: nothing can be said,
because a source is silent or nobody has looked. Made by `python -m tests.spec.render` from `tests/spec/`; do not edit.
"""


def page() -> str:
    """The page as Markdown."""
    return "\n".join([INTRODUCTION, *(_section(name) for name in TITLES)])


def _section(name: str) -> str:
    lines = (HERE / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    said = " ".join(line.removeprefix("# ") for line in lines if line.startswith("#"))
    rows = [_row(case) for case in yaml.safe_load("\n".join(lines))]
    return "\n".join(
        [f"## {TITLES[name]}", "", said, "", "| case | record | what is said |", "|---|---|---|", *rows, ""]
    )


def _row(case: dict[str, Any]) -> str:
    expect = {k: v for k, v in case["expect"].items() if k != "silent"}
    said = ", ".join(f"{k.replace('_', ' ')} {'–' if v is None else v}" for k, v in expect.items())
    record = [
        *([f"{case['deficits']} deficits"] if "deficits" in case else []),
        *case["record"],
        *([f"born {case['born']}"] if "born" in case else []),
        *([f"sex {case['sex'] or 'unknown'}"] if "sex" in case else []),
        *([f"registered at an institution ({case['registered']})"] if "registered" in case else []),
    ]
    return f"| {case['case']} | {'; '.join(record).replace('_', ' ') or 'nothing'} | {said} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
