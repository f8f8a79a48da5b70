"""Dagster as analysts meet it: the graph, the checks, the forms, the schedule, the sensor, backfills."""

from __future__ import annotations

import datetime as dt
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import polars as pl
import pytest

from data_contracts.contract import load_contracts
from pipelines.automation import inbox_content
from pipelines.definitions import defs
from pipelines.query import query
from pipelines.resources import Home
from pipelines.runner import run_job
from pipelines.store import Store
from tests.deliveries import World
from tests.e2e.conftest import WEEKS, environment

CONFORMED = [dg.AssetKey(["conform", c]) for c in load_contracts()]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """An empty home that Dagster's resources find."""
    monkeypatch.setenv("ANTICIPATE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home" / "dagster"))
    Store.at(tmp_path / "home").prepare()
    return World(tmp_path / "home")


def run_selected(*keys: list[str], week: str | None = None) -> dg.ExecuteInProcessResult:
    job = dg.define_asset_job("chosen", selection=dg.AssetSelection.assets(*[dg.AssetKey(k) for k in keys]))
    chosen = dg.Definitions.merge(defs, dg.Definitions(jobs=[job])).resolve_job_def("chosen")
    with dg.DagsterInstance.ephemeral() as instance:
        tags = {"anticipate/week": week} if week else {}
        return chosen.execute_in_process(instance=instance, tags=tags, raise_on_error=False)


def finding(result: dg.ExecuteInProcessResult, check: str) -> dg.AssetCheckEvaluation:
    (found,) = [e for e in result.get_asset_check_evaluations() if e.check_name == check]
    return found


def test_loading_the_definitions_writes_nothing_and_opens_nothing(tmp_path: Path) -> None:
    code = (
        "import sys, duckdb, sqlite3\n"
        "opened = []\n"
        "sys.addaudithook(lambda event, args: opened.append(args) if event == 'sqlite3.connect' else None)\n"
        "real = duckdb.connect\n"
        "duckdb.connect = lambda *a, **k: opened.append(a) or real(*a, **k)\n"
        "import pipelines.definitions\n"
        "print(opened)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env={**environment(), "ANTICIPATE_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
    assert not (tmp_path / "home").exists()


def test_everything_loads_as_the_user_interface_loads_it() -> None:
    repository = defs.get_repository_def()
    repository.load_all_definitions()
    assert {"weekly", "train", "status", "query", "person"} <= {j.name for j in repository.get_all_jobs()}


def test_every_asset_says_what_it_is_whose_it_is_and_to_which_stage_it_belongs() -> None:
    specs = defs.resolve_all_asset_specs()
    stages = {"conform", "record", "features", "models", "lists", "marts", "publish", "quality"}
    assert {s.group_name for s in specs} == stages
    for spec in specs:
        assert all((spec.description, spec.owners, spec.kinds)), spec.key
    assert set(CONFORMED) <= {s.key for s in specs}
    contract = next(s for s in specs if s.key == dg.AssetKey(["conform", "gp_event"]))
    schema = contract.metadata["dagster/column_schema"]
    assert "person_id" in [c.name for c in schema.columns]
    assert "nhs_number" not in [c.name for c in schema.columns]


def test_a_source_is_looked_at_within_its_staleness_limit() -> None:
    graph = defs.resolve_asset_graph()
    declared = {c.id: c.staleness_days for c in load_contracts().values()}
    policies = {source: graph.get(dg.AssetKey(["conform", source])).freshness_policy for source in declared}
    days = {source: limit and dt.timedelta(days=limit) for source, limit in declared.items()}
    assert policies == {s: limit and dg.FreshnessPolicy.time_window(fail_window=limit) for s, limit in days.items()}
    assert {p is None for p in policies.values()} == {True, False}


def test_lineage_comes_from_the_statements() -> None:
    graph = defs.resolve_asset_graph()
    parents = graph.get(dg.AssetKey(["record", "spell"])).parent_keys
    assert parents == {dg.AssetKey(["record", "hospital_episode"])}
    parents = graph.get(dg.AssetKey(["record", "gp_event"])).parent_keys
    assert dg.AssetKey(["conform", "gp_event"]) in parents
    assert graph.get(dg.AssetKey("weekly_list")).parent_keys >= {dg.AssetKey("score"), dg.AssetKey("feature")}


def test_weeks_are_mondays_and_this_mornings_can_be_run() -> None:
    weekly = defs.resolve_asset_graph().get(dg.AssetKey("feature")).partitions_def
    assert isinstance(weekly, dg.WeeklyPartitionsDefinition)
    morning = dt.datetime(2026, 3, 2, 6, 0, tzinfo=ZoneInfo("Europe/London"))
    keys = weekly.get_partition_keys(current_time=morning)
    assert "2026-03-02" in keys
    assert all(dt.date.fromisoformat(k).weekday() == 0 for k in keys)


def test_the_schedule_runs_the_monday_of_its_own_morning_in_london_in_summer_too() -> None:
    schedule = defs.resolve_schedule_def("monday_morning")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 6 * * 1", "Europe/London")
    morning = dt.datetime(2026, 6, 29, 6, 0, tzinfo=ZoneInfo("Europe/London"))
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(
            instance=instance, scheduled_execution_time=morning, repository_def=defs.get_repository_def()
        )
        (request,) = schedule.evaluate_tick(context).run_requests or []
    assert request.partition_key == "2026-06-29"


def _tick(cursor: str | None) -> tuple[list[dg.RunRequest], str | None]:
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(
            instance=instance, cursor=cursor, repository_def=defs.get_repository_def(), resources={"home": Home()}
        )
        tick = defs.resolve_sensor_def("inbox").evaluate_tick(context)
    return list(tick.run_requests or []), tick.cursor


def test_the_sensor_waits_until_files_stop_growing_and_asks_once_for_each_content(world: World) -> None:
    requests, cursor = _tick(None)
    assert requests == []
    path = world.deliver("gp_event", "2026-02-25", [])
    requests, cursor = _tick(cursor)
    assert requests == []
    path.write_text(path.read_text() + "still being written\n")
    requests, cursor = _tick(cursor)
    assert requests == []
    requests, cursor = _tick(cursor)
    assert [r.partition_key for r in requests] == ["2026-02-23"]
    assert requests[0].run_key == inbox_content(Store.at())
    os.utime(path, (0, 0))
    requests, cursor = _tick(cursor)
    assert requests == []
    path.rename(path.with_name("renamed.csv"))
    requests, cursor = _tick(_tick(cursor)[1])
    assert requests == [], "the same content under another name is nothing new"


def test_an_analyst_can_run_one_source_again(world: World) -> None:
    world.deliver("gp_event", "2026-02-23", [{"nhs_number": 1, "event_date": "2026-01-05", "code": "185202000"}])
    result = run_selected(["conform", "gp_event"])
    assert result.success
    (event,) = result.asset_materializations_for_node("conform")
    assert event.asset_key == dg.AssetKey(["conform", "gp_event"])
    assert event.metadata["records"].value == 1
    assert "file.csv" in str(event.metadata["accounting"].value)


def test_a_rejected_file_fails_a_check_that_does_not_stop_the_run(world: World) -> None:
    world.deliver_text("gp_event", "2026-02-23", "A,B\n1,2\n")
    result = run_selected(["conform", "gp_event"], ["record", "gp_event"])
    assert result.success
    found = finding(result, "files_and_rows_accepted")
    assert (found.passed, found.blocking, found.severity) == (False, False, dg.AssetCheckSeverity.WARN)
    assert "holds no heading" in (found.description or "")
    kept = pl.concat([pl.read_parquet(p) for p in Store.at().checks.rglob("*.parquet")])
    row = kept.filter(pl.col("check") == "files_and_rows_accepted").row(0, named=True)
    assert (row["asset"], row["passed"], row["says"]) == ("conform/gp_event", False, found.description)


@pytest.mark.parametrize(("week", "stopped"), [("2026-03-02", False), ("2026-03-16", True)])
def test_a_source_past_its_staleness_limit_stops_what_comes_after(world: World, week: str, stopped: bool) -> None:
    limit = load_contracts()["gp_event"].staleness_days
    assert limit == 14
    world.deliver("gp_event", "2026-03-01", [{"nhs_number": 1, "event_date": "2026-01-05", "code": "185202000"}])
    world.deliver("organisation", "2026-03-16", [])
    result = run_selected(["conform", "gp_event"], ["record", "gp_event"], week=week)
    assert result.success is not stopped
    assert finding(result, "within_staleness_limit").passed is not stopped
    built = [e for e in result.all_events if e.is_step_success and e.step_key == "record"]
    assert bool(built) is not stopped


def test_a_stray_file_is_told_and_stops_nothing(world: World) -> None:
    folder = world.inbox / "ambulance" / "2026-02-23"
    folder.mkdir(parents=True)
    (folder / "calls.csv").write_text("a,b\n1,2\n")
    world.deliver("gp_event", "2026-02-23", [])
    result = run_selected(["inbox"])
    assert result.success
    assert not finding(result, "no_stray_files").passed


@contextmanager
def as_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("ANTICIPATE_HOME", str(home))
    yield Store.at(home)


def test_the_demonstration_ran_in_dagster_with_numbers_and_tables(demo_home: Path) -> None:
    with dg.DagsterInstance.from_config(str(demo_home / "dagster")) as instance:
        runs = instance.get_runs()
        assert {r.status.value for r in runs} == {"SUCCESS"}
        assert len(runs) == WEEKS
        assert {r.remote_job_origin.location_name for r in runs if r.remote_job_origin} == {"pipelines.definitions"}
        last = instance.get_latest_materialization_event(dg.AssetKey("weekly_list"))
        assert last is not None
        assert last.asset_materialization is not None
        metadata = last.asset_materialization.metadata
        assert metadata["shown"].value > 0
        assert "| team |" in str(metadata["teams"].value)
        keys = instance.get_materialized_partitions(dg.AssetKey("score"))
    assert keys == {"2026-02-16", "2026-02-23"}


def test_the_forms_are_filled_in_and_give_markdown(demo_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with as_home(demo_home, monkeypatch), dg.DagsterInstance.ephemeral() as instance:
        wanted_of = {"status": "accounting", "query": "result", "compare_weeks": "lists by team"}
        wanted_of |= {"codelist_diff": "codes", "promote": "kept models"}
        for job, wanted in wanted_of.items():
            result = defs.resolve_job_def(job).execute_in_process(instance=instance)
            (output,) = [e for e in result.all_events if e.event_type_value == "STEP_OUTPUT"]
            shown = output.step_output_data.metadata[wanted]
            assert isinstance(shown, dg.MarkdownMetadataValue)
            if job == "codelist_diff":  # shipped against in use: nothing differs
                assert shown.value == "*nothing*"
            else:
                assert "|---" in (shown.value or "")


def test_the_person_job_leaves_only_a_path_in_the_event_log(own_home: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTICIPATE_HOME", str(own_home.home))
    listed = query(own_home, "select person_id from weekly_list where shown limit 1", analyst=True)["person_id"][0]
    config = {"ops": {"show_person": {"config": {"person_id": listed}}}}
    with dg.DagsterInstance.from_config(str(own_home.dagster_home)) as instance:
        result = defs.resolve_job_def("person").execute_in_process(instance=instance, run_config=config)
    assert result.success
    (page,) = own_home.analyst.glob("person-*.html")
    assert listed in page.read_text()
    assert page.stat().st_mode & 0o077 == 0
    events = own_home.dagster_home / "history" / "runs" / f"{result.run_id}.db"
    with sqlite3.connect(f"file:{events}?mode=ro", uri=True) as con:
        log = "".join(row[0] for row in con.execute("select event from event_logs"))
    assert str(page) in log
    for said in ("gp_event", "birth_month", "1936-", "practice code"):
        assert said not in log


def test_many_weeks_are_one_run(own_home: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTICIPATE_HOME", str(own_home.home))
    job = dg.define_asset_job("backfill", selection=dg.AssetSelection.assets("feature", "score"))
    chosen = dg.Definitions.merge(defs, dg.Definitions(jobs=[job])).resolve_job_def("backfill")
    tags = {
        "dagster/asset_partition_range_start": "2026-02-02",
        "dagster/asset_partition_range_end": "2026-02-23",
    }
    with dg.DagsterInstance.ephemeral() as instance:
        result = chosen.execute_in_process(instance=instance, tags=tags)
        assert instance.get_materialized_partitions(dg.AssetKey("score")) == {
            "2026-02-02",
            "2026-02-09",
            "2026-02-16",
            "2026-02-23",
        }
    assert result.success
    assert len([e for e in result.all_events if e.is_step_start]) == 2


@pytest.mark.slow
def test_training_again_is_a_job_of_its_own(own_home: Store) -> None:
    outcome = run_job(
        own_home, "train", week=dt.date(2026, 2, 23), config={"ops": {"model": {"config": {"retrain": True}}}}
    )
    assert outcome.success, outcome.reasons


def test_the_sensor_waits_for_the_marker_where_the_settings_ask_for_one(world: World) -> None:
    (world.home / "anticipate.toml").write_text('[inbox]\nmarker = ".done"\n')
    path = world.deliver("gp_event", "2026-02-25", [])
    cursor = _tick(_tick(None)[1])[1]
    assert _tick(cursor)[0] == []
    path.with_name(f"{path.name}.done").touch()
    assert [r.partition_key for r in _tick(_tick(cursor)[1])[0]] == ["2026-02-23"]


@pytest.mark.slow
def test_a_past_week_in_hindsight_is_told_on_the_run_page(own_home: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with as_home(own_home.home, monkeypatch), dg.DagsterInstance.ephemeral() as instance:
        result = defs.resolve_job_def("as_known_now").execute_in_process(instance=instance)
    (output,) = [e for e in result.all_events if e.event_type_value == "STEP_OUTPUT"]
    shown = output.step_output_data.metadata
    assert "csds_care_contact" in str(shown["what became known since"].value)
    assert "| community_contacts_90 |" in str(shown["features that change"].value)
    assert "2026-02-16 as known then" in str(shown["week"].value)
    assert "| emergency_admission_12m | 100 people |" in str(shown["risks as known now"].value)
    assert "| shown as given out |" in str(shown["lists as known now"].value)
