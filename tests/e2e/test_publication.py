"""What is published, how it is swapped in, what readers see meanwhile, and what a killed run leaves behind."""

from __future__ import annotations

import datetime as dt
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from data_contracts.ledger import FATES, read_ledger
from pipelines.content import content_hash, settle
from pipelines.identity_scan import identities_in
from pipelines.publish import KEPT, Contents, Table, current_manifest, publications, publish
from pipelines.query import query
from pipelines.relocate import relocate
from pipelines.status import read_status
from pipelines.store import Store
from synthetic import generate
from tests.deliveries import nhs_number
from tests.e2e.conftest import PEOPLE, WEEKS, anticipate, environment

WEEK = dt.date(2026, 2, 23)


def _contents(store: Store, rows: int = 3) -> Contents:
    """A publication of one mart, one record view and one page."""
    mart = store.lake / "mart" / "visits" / f"{rows:04d}.parquet"
    record = store.lake / "record" / "person" / f"{rows:04d}.parquet"
    for path in (mart, record):
        path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame({"pcn": [f"U{i}" for i in range(rows)], "value": list(range(rows))}).write_parquet(mart)
    people = {"person_id": list(range(rows)), "sex_code": ["1"] * rows, "sensitive_flag": [False] * rows}
    pl.DataFrame(people).write_parquet(record)
    for path in (mart, record):
        (path.parent / "current").write_text(path.name)
    page = store.home / "page.html"
    page.write_text(f"<p>{rows}</p>")
    return Contents(
        week=WEEK,
        data_date=WEEK,
        warehouse=(Table("visits", (mart,), "One row a network.", {"value": "visits, rounded"}),),
        record=lambda con: _open_small_record(con, record),
        meanings={"sex_code": "as recorded"},
        analyst=(),
        files={"dashboard.html": page},
        facts={"model_id": "none", "key_fingerprint": "none"},
    )


def _open_small_record(con: duckdb.DuckDBPyConnection, people: Path) -> None:
    nobody = {"person_id": "bigint", "opt_out_type": "varchar"} | dict.fromkeys(
        ("start_date", "known_from", "known_until"), "date"
    )
    typed = ", ".join(f"cast(null as {kind}) as {name}" for name, kind in nobody.items())
    con.execute(f"create view person as select * from read_parquet('{people}')")
    con.execute(f"create view opt_out as select {typed} where false")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.at(tmp_path / "home").prepare()


def test_a_publication_has_tables_with_comments_views_of_exact_files_and_a_manifest(store: Store) -> None:
    manifest = publish(store, _contents(store), run_id="first")
    with duckdb.connect(str(store.current / "warehouse.duckdb"), read_only=True) as con:
        assert con.sql("select sum(value)::int from visits").fetchall() == [(3,)]
        assert con.sql("select comment from duckdb_tables()").fetchall() == [("One row a network.",)]
        assert ("visits, rounded",) in con.sql("select comment from duckdb_columns()").fetchall()
    with duckdb.connect(str(store.current / "analyst.duckdb"), read_only=True) as con:
        assert con.sql("select count(*) from person").fetchall() == [(3,)]
        assert con.sql("select person_id_of(person_ref(person_id)) = person_id from person").fetchall() == [(True,)] * 3
    assert (store.current / "analyst.duckdb").stat().st_mode & 0o077 == 0
    assert manifest["lake_files"] == ["mart/visits/0003.parquet", "record/person/0003.parquet"]
    assert current_manifest(store) == manifest
    assert store.current.is_symlink()
    assert store.current.readlink() == Path("first")


def test_content_depends_on_values_and_not_on_order_or_files(tmp_path: Path) -> None:
    frame = pl.DataFrame({"person_id": range(1000), "value": [None if i % 7 == 0 else i / 3 for i in range(1000)]})
    frame.write_parquet(tmp_path / "one.parquet")
    frame.reverse()[:400].write_parquet(tmp_path / "a.parquet")
    frame.reverse()[400:].write_parquet(tmp_path / "b.parquet")
    frame.with_columns(value=pl.col("value") + 1e-9).write_parquet(tmp_path / "other.parquet")
    with duckdb.connect() as con:
        one = content_hash(con, [tmp_path / "one.parquet"])
        assert content_hash(con, [tmp_path / "b.parquet", tmp_path / "a.parquet"]) == one
        assert content_hash(con, [tmp_path / "other.parquet"])[1] != one[1]
        assert content_hash(con, [tmp_path / "one.parquet", tmp_path / "one.parquet"])[1] != one[1]


def test_a_past_result_is_never_replaced(tmp_path: Path) -> None:
    def staged(value: int) -> Path:
        folder = tmp_path / "staged"
        folder.mkdir()
        pl.DataFrame({"a": [value]}).write_parquet(folder / "score.parquet")
        return folder

    final = tmp_path / "week=2026-02-23"
    with duckdb.connect() as con:
        assert settle(con, staged(1), final) == "new"
        assert settle(con, staged(1), final) == "same"
        pl.DataFrame({"a": [2]}).write_parquet(tmp_path / "staged" / "score.parquet")
        assert settle(con, tmp_path / "staged", final) == "different"
    assert pl.read_parquet(final / "score.parquet")["a"].to_list() == [1]


def test_a_reader_keeps_what_it_opened_while_the_next_finds_the_new(store: Store) -> None:
    publish(store, _contents(store, 3), run_id="first")
    with duckdb.connect(str(store.current.resolve() / "warehouse.duckdb"), read_only=True) as reader:
        assert reader.sql("select count(*) from visits").fetchall() == [(3,)]
        publish(store, _contents(store, 5), run_id="second")
        assert reader.sql("select count(*) from visits").fetchall() == [(3,)]
    with duckdb.connect(str(store.current / "warehouse.duckdb"), read_only=True) as reader:
        assert reader.sql("select count(*) from visits").fetchall() == [(5,)]


def test_a_reader_in_another_process_never_finds_nothing_or_half(store: Store) -> None:
    publish(store, _contents(store, 1), run_id="run-0")
    watching = (
        "import sys, json, duckdb; from pathlib import Path\n"
        "current, seen = Path(sys.argv[1]), []\n"
        "print('watching', flush=True)\n"
        "while not seen or seen[-1] < 12:\n"
        "    folder = current.resolve()\n"
        "    with duckdb.connect(str(folder / 'warehouse.duckdb'), read_only=True) as con:\n"
        "        rows = con.sql('select count(*) from visits').fetchall()[0][0]\n"
        "    assert json.loads((folder / 'manifest.json').read_text())['tables']['warehouse/visits']['rows'] == rows\n"
        "    seen.append(rows)\n"
        "assert seen == sorted(seen)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", watching, str(store.current)], stdout=subprocess.PIPE, text=True, env=environment()
    ) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "watching\n"
        for n in range(2, 13):
            publish(store, _contents(store, n), run_id=f"run-{n}")
        assert reader.wait(timeout=60) == 0


def test_eight_publications_are_kept_and_files_that_none_names_are_removed(store: Store) -> None:
    for n in range(1, KEPT + 4):
        publish(store, _contents(store, n), run_id=f"run-{n}")
    kept = [m["run_id"] for m in publications(store)]
    assert kept == [f"run-{n}" for n in range(4, KEPT + 4)]
    files = sorted(p.name for p in (store.lake / "mart/visits").glob("*.parquet"))
    assert files == [f"{n:04d}.parquet" for n in range(4, KEPT + 4)]
    oldest = store.published / kept[0]
    with duckdb.connect(str(oldest / "analyst.duckdb"), read_only=True) as con:
        assert con.sql("select count(*) from person").fetchall() == [(4,)]


def test_what_a_killed_run_left_is_swept_away_by_the_next(store: Store) -> None:
    publish(store, _contents(store), run_id="first")
    (store.published / ".building-dead").mkdir()
    (store.published / ".building-dead" / "warehouse.duckdb").write_text("half")
    (store.published / ".current-dead").symlink_to("dead")
    (store.temporary / "feature-dead").mkdir()
    assert store.sweep() == 3
    assert [p.name for p in store.published.iterdir() if p.name.startswith(".")] == []
    assert current_manifest(store) is not None


@pytest.mark.parametrize("where", ["column", "value", "page"])
def test_an_identity_is_found_before_it_is_published(store: Store, where: str) -> None:
    contents = _contents(store)
    assert identities_in(contents) == []
    path = contents.warehouse[0].files[0]
    if where == "column":
        pl.DataFrame({"person_id": [1]}).write_parquet(path)
    elif where == "value":
        pl.DataFrame({"pcn": ["U1", f"see {nhs_number(5)}"]}).write_parquet(path)
    else:
        contents.files["dashboard.html"].write_text(
            f"<p>{nhs_number(5)[:3]} {nhs_number(5)[3:6]} {nhs_number(5)[6:]}</p>"
        )
    found = identities_in(contents)
    assert len(found) == 1
    assert nhs_number(5) not in found[0]


def test_the_warehouse_of_the_demonstration_holds_nothing_about_one_person(demo_home: Path) -> None:
    with duckdb.connect(str(demo_home / "published/current/warehouse.duckdb"), read_only=True) as con:
        columns = {c for (c,) in con.sql("select distinct column_name from duckdb_columns()").fetchall()}
        tables = {t for (t,) in con.sql("select table_name from duckdb_tables()").fetchall()}
    assert not columns & {"person_id", "nhs_number", "household_id", "score", "birth_month"}
    assert {"delivery", "emergency_bed_days_by_frailty_band", "indicator"} <= tables


def test_no_number_of_the_vault_is_in_anything_published_or_logged(demo_home: Path) -> None:
    files = [str(p) for p in (demo_home / "vault/person").glob("*.parquet")]
    numbers = {n.encode() for n in pl.concat([pl.read_parquet(f) for f in files])["number"].to_list()}
    assert len(numbers) > 1000
    looked = 0
    for folder in ("published", "dagster", "lake/ledger", "lake/check", "model"):
        for path in (p for p in (demo_home / folder).rglob("*") if p.is_file() and not p.is_symlink()):
            runs = set(_ten_digits(path.read_bytes()))
            assert not runs & numbers, path
            looked += 1
    assert looked > 50


def _ten_digits(content: bytes) -> list[bytes]:
    return re.findall(rb"(?<!\d)\d{10}(?!\d)", content)


def test_an_earlier_week_run_again_has_the_same_content(own_home: Store) -> None:
    before = current_manifest(own_home)
    assert before is not None
    done = anticipate(own_home.home, "run", "--week", "2026-02-16")
    assert done.returncode == 0, done.stdout + done.stderr
    after = current_manifest(own_home)
    assert after is not None
    assert after["sequence"] == before["sequence"] + 1
    assert {n: t["content"] for n, t in after["tables"].items()} == {
        n: t["content"] for n, t in before["tables"].items()
    }
    assert (after["content"], after["week"]) == (before["content"], before["week"])


def test_a_home_moved_elsewhere_reads_its_own_lake(own_home: Store) -> None:
    with duckdb.connect(str(own_home.current / "analyst.duckdb"), read_only=True) as con:
        views = [sql for (sql,) in con.sql("select sql from duckdb_views() where not internal").fetchall()]
        comments = dict(con.sql("select view_name, comment from duckdb_views() where not internal").fetchall())
        assert con.sql("select count(*) from spell").fetchall()[0][0] > 0
    named = [name for sql in views for name in re.findall(r"'(/[^']*\.parquet)'", sql)]
    assert named
    assert all(Path(name).is_relative_to(own_home.lake) for name in named)
    assert "One row a person considered" in comments["weekly_list"]
    assert anticipate(own_home.home, "relocate").stdout == "0 publications rewritten.\n"


def test_a_home_is_moved_though_nothing_lies_where_it_was(own_home: Store, tmp_path: Path) -> None:
    moved = Store.at(own_home.home.rename(tmp_path / "elsewhere"))
    assert relocate(moved) > 0
    assert query(moved, "select count(*) from spell", analyst=True).item() > 0


@pytest.mark.slow
def test_the_same_deliveries_give_the_same_content_whatever_the_threads(demo_home: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    key = next((demo_home / "vault/key").iterdir())
    command = [sys.executable, "-m", "pipelines.cli", "--home", str(again), "demo", "--people", str(PEOPLE)]
    command += ["--weeks", str(WEEKS)]
    setting = {**environment(), "ANTICIPATE_THREADS": "1", "ANTICIPATE_KEY_FILE": str(key)}
    subprocess.run(command, check=True, env=setting, capture_output=True, timeout=1200)
    first, second = (current_manifest(Store.at(h)) for h in (demo_home, again))
    assert first is not None
    assert second is not None
    assert second["tables"] == first["tables"]
    assert (second["content"], second["model_id"]) == (first["content"], first["model_id"])


@pytest.mark.slow
def test_a_run_killed_at_any_moment_leaves_the_last_publication_and_can_be_run_again(tmp_path: Path) -> None:
    store = Store.at(tmp_path / "home")
    made = generate(tmp_path / "made", people=PEOPLE, weekly_deliveries=2, truth_folder=tmp_path / "truth", workers=1)
    _, first, second = made.deliveries
    _deliver(tmp_path / "made", store, until=first)
    began = time.monotonic()
    assert anticipate(store.home, "run").returncode == 0
    whole = time.monotonic() - began
    before = current_manifest(store)
    assert before is not None
    assert before["week"] == str(first)
    _deliver(tmp_path / "made", store, until=second)
    rng, killed = random.Random(11), 0
    for _ in range(8):
        killed += _run_and_kill(store, after=rng.uniform(0.05, 0.8) * whole)
        _assert_whole(store, before)
    assert killed >= 4
    done = anticipate(store.home, "run")
    assert done.returncode == 0, done.stdout + done.stderr
    newest = current_manifest(store)
    assert newest is not None
    assert (newest["week"], newest["data_date"]) == (str(second), str(second))
    ledger = read_ledger(store.lake)
    assert (
        ledger.filter(pl.col("fate") != "resent")
        .select(pl.sum_horizontal(FATES) == pl.col("records"))
        .to_series()
        .all()
    )
    assert set(ledger.filter(pl.col("fate") == "accepted")["file"])
    assert _nothing_waits(store)
    assert not list(store.temporary.iterdir())
    assert not [p for p in store.published.iterdir() if p.name.startswith(".")]
    assert "started" not in read_status(store).runs["status"].to_list()
    assert newest["content"] == _undisturbed(tmp_path, store, until=second)


def _deliver(made: Path, store: Store, *, until: dt.date) -> None:
    for folder in sorted(made.glob("*/*")):
        if folder.name <= str(until):
            target = store.inbox / folder.parent.name / folder.name
            if not target.exists():
                shutil.copytree(folder, target)


def _run_and_kill(store: Store, *, after: float) -> bool:
    """Starts a run and kills it and its children after so many seconds; false when it had ended by then."""
    run = subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", "--home", str(store.home), "run"],
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        run.wait(timeout=after)
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        return True
    return False


def _assert_whole(store: Store, before: dict[str, Any]) -> None:
    """What readers see is the publication of before, unchanged, or a complete later one."""
    manifest = current_manifest(store)
    assert manifest is not None
    assert manifest == before or manifest["sequence"] > before["sequence"]
    with duckdb.connect(str(store.current / "warehouse.duckdb"), read_only=True) as con:
        for name, table in manifest["tables"].items():
            part, _, view = name.partition("/")
            if part == "warehouse":
                assert con.sql(f"select count(*) from {view}").fetchall() == [(table["rows"],)]
    with duckdb.connect(str(store.current / "analyst.duckdb"), read_only=True) as con:
        for view in ("weekly_list", "score", "feature", "gp_event", "spell"):
            assert con.sql(f"select count(*) from {view}").fetchall()[0][0] > 0


def _nothing_waits(store: Store) -> bool:
    return not [p for p in store.inbox.glob("*/*/*") if p.name != "delivery.yaml"]


def _undisturbed(tmp_path: Path, store: Store, *, until: dt.date) -> str:
    """Content of the same two weeks run without any interruption, with the same key."""
    other = Store.at(tmp_path / "undisturbed").prepare()
    shutil.copytree(store.vault / "key", other.vault / "key")
    for week in (until - dt.timedelta(days=7), until):
        _deliver(tmp_path / "made", other, until=week)
        assert anticipate(other.home, "run").returncode == 0
    manifest = current_manifest(other)
    assert manifest is not None
    return str(manifest["content"])
