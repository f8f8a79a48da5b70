"""Lists as Dagster shows them: stage by stage, looked at anew, and nobody in what is shown."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from data_contracts.identity import person_ref
from outreach.ledger import ledgers
from pipelines.definitions import defs
from pipelines.list_checks import CHECKS, LEDGER, LIST, POSSIBLE, WeekLists, findings_of
from pipelines.list_preview import preview
from pipelines.stages import list_folder, register_folder
from pipelines.store import Store
from pipelines.webserver import link_to, published_files
from tests.examples.outreach import example
from tests.unit.test_outreach_list import build


def metadata(home: Path, asset: tuple[str, ...]) -> dict[str, dg.MetadataValue]:
    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        last = instance.get_latest_materialization_event(dg.AssetKey(list(asset)))
    assert last is not None
    assert last.asset_materialization is not None
    return dict(last.asset_materialization.metadata)


def test_each_stage_shows_counts_and_where_its_files_lie(demo_home: Path) -> None:
    people = str(metadata(demo_home, POSSIBLE)["people by team"].value)
    assert "may be listed" in people
    assert not re.search(r"\| [1-7] \|", people)
    assert "capacity" in str(metadata(demo_home, LEDGER)["teams"].value)
    given = metadata(demo_home, LIST)
    links = re.findall(r"\((/published/[^)]+\.xlsx)\)", str(given["workbooks"].value))
    handed_out = [link_to(name) for name in published_files(demo_home / "published", lists=True)]
    assert links
    assert set(links) <= set(handed_out)
    assert Path(str(given["folder"].value)).is_dir()


def test_nobody_is_in_the_event_log(demo_home: Path) -> None:
    week, path = ledgers(list_folder(Store.at(demo_home)))[-1]
    shown = {person_ref(p) for p in pl.read_parquet(path).filter("shown")["person_id"]}
    logs = [p for p in (demo_home / "dagster" / "history" / "runs").glob("*.db") if "index" not in p.name]
    assert logs
    for log in logs:
        with sqlite3.connect(f"file:{log}?mode=ro", uri=True) as con:
            text = "".join(row[0] for row in con.execute("select event from event_logs"))
        assert not [p for p in shown if p in text], week


def test_every_check_of_the_lists_holds_in_the_demonstration(demo_home: Path) -> None:
    checks = pl.concat([pl.read_parquet(p) for p in (demo_home / "lake" / "check").glob("*/weekly_list.parquet")])
    assert set(checks["check"]) == {c.name for c in CHECKS}
    told = checks.filter(~pl.col("passed") & ~pl.col("check").is_in(["nothing_missing", "churn", "fresh"]))
    assert told["says"].to_list() == []


@pytest.mark.parametrize(
    ("check", "spoil"),
    [
        ("nobody_twice", lambda rows: pl.concat([rows, rows.filter("shown").head(1)])),
        ("within_capacity", lambda rows: rows.with_columns(shown=pl.col("team").is_not_null())),
        (
            "only_eligible",
            lambda rows: rows.with_columns(pl.when("shown").then(0.001).otherwise("score").alias("score")),
        ),
    ],
)
def test_a_ledger_that_is_not_as_it_must_be_is_found(own_home: Store, check: str, spoil: object) -> None:
    week, path = ledgers(list_folder(own_home))[-1]
    record = example(own_home.home)
    record.person(1, 0.5)
    report = build(record)
    made = WeekLists(report.__class__(**{**vars(report), "week": week, "ledger": path}))
    assert next(f for f in findings_of(own_home, [made]) if f.check == check).passed
    assert set(preview(made)) == {POSSIBLE, LEDGER, LIST}
    spoil(pl.read_parquet(path)).write_parquet(path)  # type: ignore[operator]
    again = WeekLists(made.report)
    found = next(f for f in findings_of(own_home, [again]) if f.check == check)
    assert not found.passed


def test_the_jobs_of_lists_run_as_they_are_offered(own_home: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTICIPATE_HOME", str(own_home.home))
    with dg.DagsterInstance.ephemeral() as instance:
        for job, wanted in (("register", "people"), ("evaluate", "effect"), ("feedback", "lists")):
            result = defs.resolve_job_def(job).execute_in_process(instance=instance)
            (output,) = [e for e in result.all_events if e.event_type_value == "STEP_OUTPUT"]
            assert wanted in output.step_output_data.metadata
    assert list(register_folder(own_home).glob("week=*/*.xlsx"))
