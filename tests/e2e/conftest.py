"""One small demonstration for all end-to-end tests: made once a session, read by many, written to by none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from pipelines.relocate import relocate
from pipelines.store import Store

PEOPLE, WEEKS = 3000, 2


def anticipate(home: Path, *arguments: str, timeout: int = 1800) -> subprocess.CompletedProcess[str]:
    """Runs the command line as a person would, in a process of its own."""
    command = [sys.executable, "-m", "pipelines.cli", "--home", str(home), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, env=environment())


def environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ANTICIPATE_", "DAGSTER_"))}
    return {**kept, "ANTICIPATE_THREADS": "2", "COLUMNS": "160"}


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home after a demonstration; tests only read it, workers side by side the same one.

    ``ANTICIPATE_TEST_HOME`` names one that was made before.
    """
    if made := os.environ.get("ANTICIPATE_TEST_HOME"):
        return Path(made)
    own = tmp_path_factory.getbasetemp()
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "demonstration"
    with FileLock(shared.with_suffix(".lock")):
        if not (shared / "made").exists():
            done = anticipate(shared / "home", "demo", "--people", str(PEOPLE), "--weeks", str(WEEKS))
            assert done.returncode == 0, done.stdout + done.stderr
            (shared / "made").touch()
    return shared / "home"


@pytest.fixture
def own_home(demo_home: Path, tmp_path: Path) -> Store:
    """A copy of the demonstration that a test may write to."""
    shutil.copytree(demo_home, tmp_path / "home", symlinks=True)
    store = Store.at(tmp_path / "home")
    assert relocate(store) > 0
    return store
