"""Disk full, unreadable file, corrupt Parquet, lost key, two runs, a week skipped, a wrong clock, no Dagster storage.

Whatever happens: the last publication stays readable, the next run completes, the accounting balances, nothing is left.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from data_contracts.ledger import FATES, read_ledger
from pipelines.backup import backup
from pipelines.doctor import examine
from pipelines.publish import current_manifest
from pipelines.query import query
from pipelines.store import Store
from tests.deliveries import World, nhs_number
from tests.e2e.conftest import anticipate, environment

pytestmark = pytest.mark.slow
NEXT, AFTER = "2026-03-02", "2026-03-09"


def readable(store: Store) -> str:
    """The run that readers see, after both of its databases were read."""
    assert query(store, "select count(*) from delivery").item() > 0
    assert query(store, "select count(*) from person", analyst=True).item() > 0
    manifest = current_manifest(store)
    assert manifest is not None
    return str(manifest["run_id"])


def sound(store: Store) -> None:
    ledger = read_ledger(store.lake)
    assert ledger.filter(pl.sum_horizontal(FATES) != pl.col("records")).is_empty()
    left = [
        p for p in store.home.rglob("*") if p.name.endswith(".partial") or p.name.startswith((".building", ".writing-"))
    ]
    assert left == []
    assert list(store.temporary.glob("*")) == []
    assert [s for s in examine(store) if s.state == "problem"] == []


def completes(store: Store, week: str = NEXT) -> None:
    before = readable(store)
    done = anticipate(store.home, "run", "--week", week)
    assert done.returncode == 0, done.stdout + done.stderr
    assert readable(store) != before
    sound(store)


def deliver(store: Store, received: str = NEXT) -> None:
    """A few rows in a fresh file, so that a run has something to read."""
    rows = [{"nhs_number": nhs_number(n), "event_date": "2026-02-25", "code": "161898004", "record_date": "2026-02-26",
             "record_id": 990_000_000 + n, "practice_code": "C81001"} for n in range(40)]  # fmt: skip
    World(store.home).deliver("gp_event", received, rows, name=f"{received}.csv")


def send_again(store: Store, source: str, received: str) -> None:
    """The newest file of a source once more, unchanged: what stands in it is as fresh as that."""
    newest = read_ledger(store.lake, source).sort("received").row(-1, named=True)
    place = store.inbox / source / received
    place.mkdir(parents=True)
    shutil.copyfile(store.vault / "received" / newest["sha256"], place / newest["file"])


def limited(size: int) -> Callable[[], None]:
    """No file may grow beyond so many bytes: to a program much like a disk that is full."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.parametrize("size", [20_000, 120_000, 600_000])
def test_a_full_disk_stops_the_run_and_nothing_else(own_home: Store, size: int) -> None:
    deliver(own_home)
    before = readable(own_home)
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", "--home", str(own_home.home), "run", "--week", NEXT],
        capture_output=True, text=True, check=False, env=environment(), preexec_fn=limited(size),
    )  # fmt: skip
    assert done.returncode != 0
    assert readable(own_home) == before
    completes(own_home)


def test_a_file_that_cannot_be_read_is_told_and_the_others_are_read(own_home: Store) -> None:
    deliver(own_home)
    bad = own_home.inbox / "apc" / NEXT / "bad.csv.gz"
    bad.parent.mkdir(parents=True)
    bad.write_bytes(b"\x1f\x8b\x08\x00 not what it should be")
    completes(own_home)
    ledger = read_ledger(own_home.lake)
    assert ledger.filter(pl.col("file") == "bad.csv.gz")["code"].to_list() == ["F03"]
    assert ledger.filter(pl.col("file") == f"{NEXT}.csv")["accepted"].to_list() == [40]


def test_a_stored_table_that_is_corrupt_is_built_again(own_home: Store) -> None:
    pointer = own_home.lake / "record" / "inpatient_spell" / "current"
    table = pointer.parent / pointer.read_text()
    table.write_bytes(table.read_bytes()[:100])
    done = anticipate(own_home.home, "run", "--week", NEXT)
    assert done.returncode == 0, done.stdout + done.stderr
    readable(own_home)
    sound(own_home)


def test_a_corrupt_file_of_the_lake_stops_the_run_until_it_is_brought_back_from_a_copy(
    own_home: Store, tmp_path: Path
) -> None:
    copy = backup(own_home, tmp_path / "copies").folder
    damaged = max((own_home.lake / "conform" / "ecds").glob("*.parquet"), key=lambda p: p.stat().st_size)
    whole = copy / damaged.relative_to(own_home.home)
    damaged.write_bytes(damaged.read_bytes()[: damaged.stat().st_size // 2])
    before = query(own_home, "select count(*) from delivery").item()
    done = anticipate(own_home.home, "run", "--week", NEXT)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert query(own_home, "select count(*) from delivery").item() == before
    shutil.copy2(whole, damaged)
    completes(own_home)


def test_without_its_key_a_home_reads_nothing_and_publishes_nothing(own_home: Store, tmp_path: Path) -> None:
    deliver(own_home)
    before = readable(own_home)
    own_home.key_file.rename(tmp_path / "person.key")
    done = anticipate(own_home.home, "run", "--week", NEXT)
    assert done.returncode == 1
    assert "no key" in done.stderr
    assert readable(own_home) == before
    assert (own_home.inbox / "gp_event" / NEXT / f"{NEXT}.csv").exists()
    shutil.copy2(tmp_path / "person.key", own_home.key_file)
    completes(own_home)


def test_of_two_runs_at_once_one_completes_and_the_other_says_who_holds_the_home(own_home: Store) -> None:
    deliver(own_home)
    command = [sys.executable, "-m", "pipelines.cli", "--home", str(own_home.home), "run", "--week", NEXT]
    runs = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())
        for _ in range(2)
    ]
    said = [run.communicate()[1] for run in runs]
    codes = sorted(run.returncode for run in runs)
    assert codes == [0, 3], said
    assert "is being written by" in "".join(said)
    readable(own_home)
    sound(own_home)


def test_a_week_that_was_skipped_is_no_hindrance_to_the_next(own_home: Store) -> None:
    deliver(own_home, AFTER)
    for source in ("gp_registration", "inpatient_snapshot"):
        send_again(own_home, source, AFTER)
    completes(own_home, AFTER)
    weeks = query(own_home, "select distinct week from weekly_list order by week", analyst=True)["week"].cast(pl.String)
    assert AFTER in weeks.to_list()
    assert NEXT not in weeks.to_list()


def test_a_clock_that_was_set_back_a_year_keeps_the_newest_publication_in_front(
    own_home: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if (compiler := shutil.which("cc")) is None:
        pytest.skip("no C compiler: the wrong clock is a small library that is put before the others")
    clock = tmp_path / "clock.so"
    source = Path(__file__).parents[1] / "faults" / "clock.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(clock), str(source), "-ldl"], check=True)
    before = current_manifest(own_home)
    deliver(own_home)
    with monkeypatch.context() as wrong:
        wrong.setenv("CLOCK_SHIFT", str(-365 * 24 * 3600))
        wrong.setenv("LD_PRELOAD", str(clock))
        completes(own_home)
    after = current_manifest(own_home)
    assert before is not None
    assert after is not None
    assert after["published_at"] < before["published_at"]  # the clock was wrong
    assert after["sequence"] == before["sequence"] + 1
    assert (after["week"], after["data_date"]) == (NEXT, NEXT)
    deliver(own_home, AFTER)
    for delivered in ("gp_registration", "inpatient_snapshot"):
        send_again(own_home, delivered, AFTER)
    completes(own_home, AFTER)  # and the next, by a clock that was put right


def test_the_storage_of_dagster_can_be_deleted(own_home: Store) -> None:
    deliver(own_home)
    shutil.rmtree(own_home.dagster_home)
    assert anticipate(own_home.home, "status").returncode == 0
    completes(own_home)
