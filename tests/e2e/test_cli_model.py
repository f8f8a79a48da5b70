"""Kept models from the command line, and a home in which no model can be trained."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.errors import MistakeError
from pipelines.runner import run_job
from pipelines.store import Store
from synthetic import generate

WEEK = dt.date(2026, 2, 23)


def anticipate(home: Path, *arguments: str) -> str:
    done = CliRunner().invoke(app, ["--home", str(home), *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_kept_models_can_be_listed_shown_and_compared(demo_home: Path) -> None:
    promoted = json.loads((demo_home / "model" / "registry.json").read_text())["promotions"]
    used = next(p for p in promoted if p["outcome"] == "emergency_admission_12m")["model_id"]
    about = {p.parent.name: json.loads(p.read_text()) for p in (demo_home / "model").glob("*/about.json")}
    same = ("outcome", "data_date")
    kept = [n for n, a in about.items() if [a[k] for k in same] == [about[used][k] for k in same]]
    assert len(kept) >= 7
    assert "in use" in anticipate(demo_home, "model", "list")
    shown = anticipate(demo_home, "model", "show", used)
    assert "Decided by the gate" in shown
    assert "Groups of people" in shown
    other = next(model_id for model_id in sorted(kept) if model_id != used)
    assert "Spearman" in anticipate(demo_home, "model", "compare", used, other)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("model", "show", "0123456789abcdef"), "There is no model 0123456789abcdef"),
        (("model", "show", "../lake"), "is no id of a model"),
        (("model", "rollback", "nonsense", "--why", "x", "--week", "2026-03-02"), "No model was ever promoted"),
        (("train", "--outcome", "nonsense"), "There is no outcome 'nonsense'"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(demo_home: Path, arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(MistakeError, match=said):
        CliRunner().invoke(app, ["--home", str(demo_home), *arguments], catch_exceptions=False)


@pytest.mark.slow
def test_a_history_too_short_for_any_model_still_publishes_everything_but_lists(tmp_path: Path) -> None:
    store = Store.at(tmp_path / "home")
    generate(store.prepare().inbox, people=600, years=3, weekly_deliveries=1, truth_folder=tmp_path / "truth")
    done = run_job(store, "weekly", week=WEEK)
    assert done.success, done.reasons
    manifest = json.loads((store.current / "manifest.json").read_text())
    assert manifest["model_id"] is None
    assert manifest["week"] == WEEK.isoformat()
    assert not (store.current / "lists").exists()
    assert (store.current / "dashboard.html").exists()
    checks = duckdb.sql(f"select \"check\", passed, says from '{store.checks}/*/*.parquet'").fetchall()
    (gate,) = [says for name, passed, says in checks if name == "passed_the_gate" and not passed]
    assert "no list is made" in gate
    assert "the history is too short" in gate
