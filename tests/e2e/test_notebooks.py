"""The notebooks run from first cell to last on artificial data, and are kept without results."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import environment

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def code_of(path: Path) -> str:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")


def test_there_is_a_notebook_for_each_question() -> None:
    assert len(NOTEBOOKS) >= 6
    for path in NOTEBOOKS:
        document = json.loads(path.read_text(encoding="utf-8"))
        assert document["nbformat"] == 4
        assert not [c for c in document["cells"] if c.get("outputs") or c.get("execution_count")], path.name
        assert document["cells"][0]["source"][0].startswith("# ")


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_runs_to_its_end(path: Path, demo_home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code_of(path)],
        capture_output=True, text=True, check=False, cwd=FOLDER,
        env={**environment(), "ANTICIPATE_HOME": str(demo_home), "PYTHONPATH": str(FOLDER.parent)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
