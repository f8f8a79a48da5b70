"""A run on Spark gives what the same run on DuckDB gives: record, matrix, scores, lists and marts of a small home."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import polars as pl
import pytest

from pipelines.errors import MistakeError
from pipelines.publish import current_manifest
from pipelines.stages import feature_folder, list_folder, record_opened, score_folder
from pipelines.store import Store
from record import all_tables
from synthetic import generate
from tests.e2e.conftest import anticipate
from tests.e2e.engines import assert_same

pytest.importorskip("pyspark", reason="pyspark is not installed: uv pip install -e '.[spark]'")

from pipelines.engine import find_java

PEOPLE = 1000  # with fewer no model can be trained
# A few hundred rows a statement: planning and compiling would cost more than running.
SETTINGS = """
[engine]
memory = "1g"
partitions = 1

[engine.options]
"spark.sql.adaptive.enabled" = "false"
"spark.sql.codegen.wholeStage" = "false"
"spark.driver.extraJavaOptions" = "-XX:TieredStopAtLevel=1"
"""
TRY = "ANTICIPATE_TEST_SPARK_RUN"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(TRY not in os.environ, reason=f"not seen through to its end yet: set {TRY}=1 to try it"),
]


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Store]:
    """The same deliveries run by each engine."""
    try:
        find_java()
    except MistakeError as problem:
        pytest.skip(str(problem))
    folder = tmp_path_factory.mktemp("engines")
    generate(folder / "given", people=PEOPLE, seed=1, weekly_deliveries=1)
    made = []
    for name, asked in (("duckdb", ()), ("spark", ("--engine", "spark", "--master", "local[2]"))):
        home = folder / name
        shutil.copytree(folder / "given", home / "inbox")
        (home / "anticipate.toml").write_text(SETTINGS, encoding="utf-8")
        shared = folder / "duckdb" / "vault" / "key"
        if shared.exists():  # the same people under the same pseudonyms
            shutil.copytree(shared, home / "vault" / "key")
        done = anticipate(home, "run", "--week", "2026-02-23", *asked)
        assert done.returncode == 0, done.stdout + done.stderr
        made.append(Store.at(home))
    return made[0], made[1]


def test_the_record_is_the_same(homes):
    for table in all_tables():
        with record_opened(homes[0]) as ours, record_opened(homes[1]) as theirs:
            assert_same(*(con.sql(f'select * from "{table}"').pl() for con in (ours, theirs)))


def test_the_matrix_of_the_week_is_the_same(homes):
    for name in ("matrix.parquet", "person.parquet"):
        assert_same(*(_read(feature_folder(store), name) for store in homes))


def test_the_models_and_the_scores_are_the_same(homes):
    ours, theirs = (_read(score_folder(store), "score.parquet") for store in homes)
    assert ours.height > PEOPLE // 10
    assert_same(ours, theirs)


def test_the_lists_are_the_same(homes):
    ours, theirs = (_read(list_folder(store), "ledger.parquet") for store in homes)
    assert ours.height > 0
    assert_same(ours, theirs)


def test_what_is_published_has_the_same_content(homes):
    ours, theirs = (current_manifest(store) for store in homes)
    assert ours is not None
    assert theirs is not None
    warehouse = [name for name in ours["tables"] if name.startswith("warehouse/") and "delivery" not in name]
    assert len(warehouse) > 20
    for name in warehouse:
        assert ours["tables"][name] == theirs["tables"][name], name


def test_what_spark_needed_meanwhile_is_gone(homes):
    assert [p.name for p in homes[1].temporary.iterdir()] == []


def _read(weeks: Path, name: str) -> pl.DataFrame:
    (path,) = weeks.glob(f"week=*/{name}")
    return pl.read_parquet(path)
