"""Which engine a run uses, and what is said before any work where it cannot; nothing here starts Spark."""

from __future__ import annotations

import errno
import sys
from pathlib import Path

import pytest

from pipelines import engines
from pipelines.errors import MistakeError
from pipelines.runner import run_job
from pipelines.settings import FILE
from pipelines.store import Store, own_prefix
from sql import dialect, statements


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv(engines.NAME, "")
    monkeypatch.setenv(engines.MASTER, "")
    return Store.at(tmp_path / "home").prepare()


def settings(store: Store, text: str) -> None:
    (store.home / FILE).write_text(text, encoding="utf-8")


def test_without_a_word_about_it_everything_runs_on_duckdb(store):
    assert engines.chosen(store).name == "duckdb"
    engines.check(store)
    with engines.connection(store) as con:
        assert con.sql("select 40 + 2").fetchall() == [(42,)]


def test_the_settings_choose_and_the_command_goes_before_them(store):
    settings(store, '[engine]\nname = "spark"\nmaster = "local[4]"\n')
    assert (engines.chosen(store).name, engines.chosen(store).master) == ("spark", "local[4]")
    engines.choose("spark", "local[2]")
    assert engines.chosen(store).master == "local[2]"
    engines.choose("duckdb", None)
    assert engines.chosen(store).name == "duckdb"


@pytest.mark.parametrize(
    ("name", "master", "says"),
    [("sparc", None, "There is no engine 'sparc'"), (None, "local[2]", "say --engine spark too")],
)
def test_a_choice_that_means_nothing_is_said(store, name, master, says):
    with pytest.raises(MistakeError, match=says):
        engines.choose(name, master)


def test_an_engine_that_the_environment_misspells_is_said(store, monkeypatch):
    monkeypatch.setenv(engines.NAME, "sparc")
    with pytest.raises(MistakeError, match="'sparc' is neither duckdb nor spark"):
        engines.chosen(store)


@pytest.mark.parametrize(
    ("line", "says"),
    [('name = "sparc"', "engine.name"), ('memory = "lots"', "engine.memory"), ("partitions = 0", "engine.partitions")],
)
def test_a_setting_of_the_wrong_kind_is_said(store, line, says):
    settings(store, f"[engine]\n{line}\n")
    with pytest.raises(MistakeError, match=says):
        engines.chosen(store)


def test_a_run_says_that_pyspark_is_missing_before_it_touches_anything(store, monkeypatch):
    settings(store, '[engine]\nname = "spark"\n')
    monkeypatch.setitem(sys.modules, "pyspark", None)
    with pytest.raises(MistakeError, match="needs the package pyspark: install it"):
        run_job(store, "weekly")
    assert not any(store.dagster_home.iterdir())


def test_a_run_says_that_a_master_is_misspelt_before_it_touches_anything(store):
    settings(store, '[engine]\nname = "spark"\nmaster = "loacl[2]"\n')
    with pytest.raises(MistakeError, match=r"'loacl\[2\]' is no Spark master"):
        run_job(store, "weekly")
    assert not any(store.dagster_home.iterdir())


def test_an_option_that_would_change_what_statements_mean_is_said(store):
    settings(store, '[engine]\nname = "spark"\n[engine.options]\n"spark.sql.ansi.enabled" = "false"\n')
    with pytest.raises(MistakeError, match=r"spark\.sql\.ansi\.enabled decides what statements mean"):
        engines.check(store)


def test_a_filesystem_that_cannot_rename_is_said_before_any_work(store, monkeypatch):
    def refuse(self: Path, target: Path) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(MistakeError, match=r"cannot rename .* put the home on a local disk"):
        run_job(store, "weekly")
    assert not any(store.temporary.iterdir())


def test_what_this_process_keeps_from_run_to_run_is_not_swept_away(store):
    (store.temporary / f"{own_prefix()}spark").mkdir()
    (store.temporary / "process-0-spark").mkdir()
    assert store.sweep() == 1
    assert [p.name for p in store.temporary.iterdir()] == [f"{own_prefix()}spark"]


def test_a_home_in_an_object_store_is_said():
    with pytest.raises(MistakeError, match="s3://bucket/home is an address in an object store"):
        Store.at("s3://bucket/home")
    with pytest.raises(MistakeError, match="gs:/bucket/home is an address in an object store"):
        Store.at(Path("gs://bucket/home"))


def test_the_list_of_statements_that_spark_has_of_its_own_is_told():
    told = dialect.told()
    assert told.startswith(f"{len(statements())} statements, {len(dialect.exceptions())} of them")
