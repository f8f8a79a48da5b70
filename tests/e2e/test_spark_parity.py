"""Every statement of ``sql/``, and what is built from them, is equal on DuckDB and on Spark.

Integers, dates and text exactly, floats within 1e-6, row order aside. A statement that is new runs here without being
named: only an input that Python makes must be added to ``make_inputs``, a parameter to ``GIVEN``.
"""

from __future__ import annotations

import datetime as dt
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import features
import record
import sql
from commissioning import build_marts
from commissioning import facts as marts
from commissioning.declaration import load_indicators
from data_contracts.conform import conform_source
from data_contracts.contract import REFERENCE
from data_contracts.identity import Vault
from features import gather
from models.outcome import follow_up, load_outcomes
from outreach.facts import fact_codes
from pipelines.errors import MistakeError
from record.tables import STORED
from tests.deliveries import KEY, World
from tests.e2e.engines import assert_same
from tests.examples.contract_rows import ContractRows

pyspark = pytest.importorskip("pyspark", reason="pyspark is not installed: uv pip install -e '.[spark]'")

from pyspark.sql import SparkSession  # noqa: E402

from pipelines.engine import SparkConnection, SparkSettings, find_java, start_spark  # noqa: E402

PEOPLE = 500
WEEK = dt.date(2026, 1, 12)
WEEKS = [WEEK - dt.timedelta(weeks=n) for n in (0, 1, 26)]
FOLLOWED = [dt.date(2024, 7, 1), dt.date(2025, 1, 6)]
DATA_DATE = dt.date(2026, 1, 19)
POLICY = REFERENCE / "opt_out_policy.csv"
GIVEN = {
    "levels_from": dt.date(2020, 1, 1),
    "data_date": DATA_DATE,
    "covered_to": dt.date(2025, 12, 20),
    "index": WEEK,
    "as_in_april": 1,
    "since": WEEK - dt.timedelta(days=365),
    "oldest": WEEK - dt.timedelta(days=28),
    "purpose": "commissioning",
    "ages": 65,
    "after_days": 91,
    "autumn": 0,
    "code_group": "housebound",
    "for_carers": 0,
    "from_day": dt.date(2025, 1, 1),
    "from_hospital": 1,
    "last_year": 2030,
    "to_day": dt.date(2025, 12, 1),
    "seen": DATA_DATE,
}
# One source of each way of delivering: a delta with objections, a snapshot and a rolling return with later facts, and
# a delta of versions.
DELIVERED = ("gp_event", "gp_registration", "cld", "csds_referral")
COMES_AS_A_WORKBOOK = ("record/outreach_feedback", "outreach/answer")
FEW = 60
# A few hundred rows a statement: planning and compiling cost more than running.
SMALL = {"spark.sql.adaptive.enabled": "false", "spark.sql.codegen.wholeStage": "false"}

pytestmark = pytest.mark.slow
Connection = duckdb.DuckDBPyConnection | SparkConnection


@dataclass
class Engines:
    """The same record on both engines."""

    world: World
    duck: duckdb.DuckDBPyConnection
    spark: SparkConnection

    @property
    def both(self) -> tuple[Connection, Connection]:
        return self.duck, self.spark


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    try:
        find_java()
    except MistakeError as problem:
        pytest.skip(str(problem))
    scratch = tmp_path_factory.mktemp("session")
    started = start_spark(SparkSettings("local[2]", scratch, memory="2g", partitions=2, extra=SMALL))
    yield started
    started.stop()


@pytest.fixture(scope="module")
def engines(session: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    folder = tmp_path_factory.mktemp("engines")
    world = World(folder / "home")
    ContractRows(PEOPLE).deliver(world)
    duck = world.connect()
    spark = SparkConnection(session, folder)
    record.open_histories(spark, world.contracts.values(), lake=world.lake)
    own_lake = folder / "lake"
    shutil.copytree(world.lake / "withheld", own_lake / "withheld")
    for table in record.TABLES:
        record.build_table(spark, table, lake=own_lake)
    make_inputs(duck)
    make_inputs(spark)
    yield Engines(world, duck, spark)
    spark.close()
    duck.close()


def make_inputs(con: Connection) -> None:
    """Every table that a statement reads and no statement of ``sql/record`` makes, by the product's own functions."""
    people = con.sql("select distinct person_id from registration order by person_id").pl()
    shown = people.with_columns(week=pl.lit(WEEK), shown=pl.col("person_id") % 2 == 0)
    con.register("list_ledger", shown.to_arrow())
    words = {c: pl.lit(c) for c in ("register_level", "seen", "review")}
    con.register("register_profile", people.with_columns(week=pl.lit(WEEK), **words).to_arrow())
    con.register("asked_person", people.to_arrow())
    homes = con.sql("select person_id, min(lsoa_code) as lsoa_code from person group by person_id").pl()
    practices = con.sql(
        "select person_id, min(practice_code) as practice_code from registration group by person_id"
    ).pl()
    con.register("area_asked", practices.join(homes, on="person_id", how="left").sort("person_id").to_arrow())
    con.register("listed_week", people.with_columns(week=pl.lit(FOLLOWED[1]), until=pl.lit(WEEK)).to_arrow())
    con.register("fact_code", fact_codes().to_arrow())
    con.register("listed_code", pl.DataFrame({"code": ["0"]}).to_arrow())
    marts.prepare(con, DATA_DATE, marts.months_to(DATA_DATE, 60), marts.read_policy(POLICY))
    marts.gather(con, load_indicators(), DATA_DATE)
    con.execute(
        f"create or replace temp table mart_raw as {sql.load('marts/community_contact')}", {"data_date": DATA_DATE}
    )
    declared = features.load_features()
    gather.gather(con, declared, WEEKS, gather.present_tables(con, declared, None))
    gather.weeks_at_once(con, WEEKS)
    con.execute("create or replace temp table phenotype_entry as select * from feature_event")
    asked = "select distinct w.week, e.person_id from feature_week as w cross join feature_event as e"
    con.execute(f"create or replace temp table phenotype_asked as {asked}")
    coded = "select code from gp_event union select chief_complaint_code from ed_attendance"
    codes = con.sql(f"select code from ({coded}) as coded where code is not null order by code").pl()
    con.register("outcome_code", codes.to_arrow())
    con.register("outcome_panel", panel(people).with_columns(window_end=pl.col("week").dt.offset_by("365d")).to_arrow())
    for table, statement in (("event", "emergency_admission"), ("death", "death"), ("span", "registered_span")):
        con.execute(
            f"create or replace temp table outcome_{table} as {sql.load(f'outcomes/{statement}')}",
            {"data_date": DATA_DATE},
        )


def panel(people: pl.DataFrame) -> pl.DataFrame:
    """Every person on every Monday from which they are followed."""
    return people.join(pl.DataFrame({"week": FOLLOWED}), how="cross").select("week", "person_id")


@pytest.mark.parametrize("statement", sql.statements())
def test_a_statement_returns_the_same_rows_on_both_engines(engines, statement):
    text = sql.load(statement)
    given = {name: GIVEN[name] for name in set(re.findall(r"\$(\w+)", re.sub(r"--.*", "", text)))}
    ours, theirs = (con.sql(text, params=given).pl() for con in engines.both)
    assert ours.height > 0 or statement in COMES_AS_A_WORKBOOK, (
        "nothing to compare: the rows of contract_rows.py do not reach this statement"
    )
    assert_same(ours, theirs)


@pytest.mark.parametrize("table", STORED)
def test_a_stored_table_is_stored_alike(engines, table):
    ours, theirs = (con.sql(f"select * from {table}").pl() for con in engines.both)
    assert_same(ours, theirs)
    order = STORED[table].split(", ")
    assert_frame_equal(ours.select(order), theirs.select(order))


def test_the_weekly_matrix_is_the_same(engines, tmp_path):
    ours = features.build_matrix(engines.duck, WEEKS, out=tmp_path / "duckdb")
    theirs = features.build_matrix(engines.spark, WEEKS, out=tmp_path / "spark")
    for week in WEEKS:
        for name in ("matrix.parquet", "person.parquet"):
            assert_same(pl.read_parquet(ours[week].with_name(name)), pl.read_parquet(theirs[week].with_name(name)))


def test_what_became_of_each_person_is_the_same(engines):
    people = engines.duck.sql("select distinct person_id from registration").pl()
    happened = {}
    for outcome in load_outcomes().values():
        ours, theirs = (follow_up(con, outcome, panel(people), data_date=DATA_DATE) for con in engines.both)
        happened[outcome.name] = ours["event"].any()
        assert_same(ours, theirs)
    assert happened["emergency_admission_12m"]
    assert sum(happened.values()) > 1


def test_the_published_marts_are_the_same(engines, tmp_path):
    reports = [build_marts(c, data_date=DATA_DATE, out=tmp_path / str(n)) for n, c in enumerate(engines.both)]
    assert reports[0].removed == reports[1].removed
    assert len(reports[0].tables) > len(load_indicators())
    for table in reports[0].tables:
        file = f"{table.name}.parquet"
        assert_same(pl.read_parquet(tmp_path / "0" / file), pl.read_parquet(tmp_path / "1" / file))


@pytest.mark.parametrize("source", DELIVERED)
def test_deliveries_are_conformed_and_folded_alike(session, source, tmp_path):
    worlds = [World(tmp_path / name) for name in ("duckdb", "spark")]
    connections = duckdb.connect(), SparkConnection(session.newSession(), tmp_path)
    told = []
    for world, con in zip(worlds, connections, strict=True):
        contract = world.contracts[source]
        ContractRows(FEW).deliver(world, sources=[source])
        entries = conform_source(con, contract, inbox=world.inbox, lake=world.lake, vault=Vault(world.vault, KEY))
        told.append((entries, record.update_history(con, contract, lake=world.lake)))
        record.open_histories(con, [contract], lake=world.lake)
    assert told[0] == told[1]
    assert told[0][1].closed > 0
    for folder in ("conform", "quarantine"):
        ours, theirs = (sorted((world.lake / folder / source).iterdir()) for world in worlds)
        assert [f.name for f in ours] == [f.name for f in theirs]
        for our_file, their_file in zip(ours, theirs, strict=True):
            assert_same(pl.read_parquet(our_file), pl.read_parquet(their_file))
    assert_same(*(con.sql(f"select * from {source}_history").pl() for con in connections))
    connections[1].close()
