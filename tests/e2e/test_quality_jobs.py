"""The quality page, expectations over what is published, and schemas of frames, on a demonstration."""

from __future__ import annotations

import json

import polars as pl
import pytest

from data_contracts.words import refused_in
from pipelines.quality.frames import check_frames, frames
from pipelines.quality.published import docs_folder, run_suites
from pipelines.store import Store
from pipelines.weeks import as_date
from tests.e2e.conftest import anticipate

pytestmark = pytest.mark.slow
WEEK = "2026-02-23"


def test_the_page_is_made_by_its_job_and_says_what_gaps_do_to_the_list(own_home: Store) -> None:
    done = anticipate(own_home.home, "quality", "page", "--week", WEEK)
    assert done.returncode == 0, done.stdout + done.stderr
    html = (own_home.home / f"quality/quality-{WEEK}.html").read_text(encoding="utf-8")
    for heading in ("Effect on the list", "Worth a look", "Do sources agree?", "Columns", "Practices"):
        assert f"<h2>{heading}</h2>" in html
    assert "gp_event" in html
    assert refused_in(html) == []
    assert anticipate(own_home.home, "quality", "errors", "cld").returncode == 0


def test_what_is_published_meets_its_expectations_and_a_change_is_found(own_home: Store) -> None:
    done = anticipate(own_home.home, "quality", "expectations", "--week", WEEK)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads((own_home.home / "quality/expectations.json").read_text())
    assert {t["table"] for t in told} >= {"delivery", "emergency_bed_days", "feature", "score", "weekly_list"}
    assert [t for t in told if t["unmet"]] == []
    assert sum(t["expectations"] for t in told) > 200
    assert "delivery" in (docs_folder(own_home) / "index.html").read_text(encoding="utf-8")
    manifest = own_home.current / "manifest.json"
    said = json.loads(manifest.read_text())
    said["tables"]["warehouse/delivery"]["rows"] += 1
    manifest.write_text(json.dumps(said))
    unmet = {r.table: r.unmet for r in run_suites(own_home) if r.unmet}
    assert unmet == {"delivery": ("table row count to equal",)}


def test_frames_between_stages_are_as_declared_and_a_spoilt_one_is_found(own_home: Store) -> None:
    week = as_date(WEEK)
    assert week is not None
    looked, amiss = check_frames(own_home, week)
    assert looked > 20
    assert amiss == []
    path, _ = frames(own_home, week)["score"]
    pl.read_parquet(path).with_columns(score=pl.col("score") + 1).write_parquet(path)
    _, amiss = check_frames(own_home, week)
    assert len(amiss) == 1
    assert amiss[0].startswith("score: a_risk_unless_counted")
