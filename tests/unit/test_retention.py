"""Files past the age that the settings give them are removed, and nothing else."""

import datetime as dt
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.commands.operate import forget
from pipelines.doctor import examine
from pipelines.errors import MistakeError
from pipelines.retention import ANALYST, LISTS, LOG, QUALITY, RECEIVED, counted, expired, remove_expired
from pipelines.settings import FILE, read_settings
from pipelines.store import Store
from tests.deliveries import World

NOW = dt.datetime(2026, 7, 1, 3, tzinfo=dt.UTC)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A home with three deliveries, lists of two weeks, and old pages."""
    world, store = World(tmp_path), Store.at(tmp_path)
    for n, day in enumerate(("2026-01-05", "2026-02-02", "2026-06-29")):
        world.deliver("gp_registration", day, [{"nhs_number": n + 1}])
    world.deliver("gp_event", "2026-01-05", [])
    world.conform("gp_registration", "gp_event")
    for week in ("2026-01-05", "2026-06-29"):
        folder = store.lake / "list" / f"week={week}"
        folder.mkdir(parents=True)
        for name in ("ledger.parquet", "rows.parquet", "U1.xlsx", "U1.html", "U1.sheet.json"):
            (folder / name).touch()
    for path in (
        store.analyst / "a.html",
        store.home / "quality" / "errors" / "e.xlsx",
        store.home / "log" / "l.jsonl",
    ):
        path.parent.mkdir(parents=True)
        path.touch()
        old = dt.datetime(2026, 1, 1, tzinfo=dt.UTC).timestamp()
        os.utime(path, (old, old))
    return store


def say(store: Store, text: str) -> None:
    (store.home / FILE).write_text(f"[retention]\n{text}\n")


def test_without_a_setting_everything_is_kept(store: Store) -> None:
    assert expired(store, NOW.date()) == []


def test_received_files_past_their_age_go_but_the_newest_of_each_source_stays(store: Store) -> None:
    say(store, "received_days = 90")
    assert remove_expired(store, NOW)[RECEIVED] == 2
    assert len(list((store.vault / "received").iterdir())) == 2  # the only GP events are old, and stay
    assert remove_expired(store, NOW)[RECEIVED] == 0
    assert len(list((store.lake / "conform" / "gp_registration").iterdir())) == 3


def test_workbooks_of_old_lists_go_and_their_ledgers_stay(store: Store) -> None:
    say(store, "lists_days = 100")
    assert remove_expired(store, NOW)[LISTS] == 3
    left = sorted(p.relative_to(store.lake / "list").as_posix() for p in (store.lake / "list").rglob("*.*"))
    assert left[:2] == ["week=2026-01-05/ledger.parquet", "week=2026-01-05/rows.parquet"]
    assert len(left) == 7


def test_pages_workbooks_and_logs_go_by_their_last_change(store: Store) -> None:
    say(store, "analyst_days = 30\nquality_days = 30\nlog_days = 400")
    found = counted(expired(store, NOW.date()))
    assert (found[ANALYST], found[QUALITY], found[LOG]) == (1, 1, 0)


def test_a_dry_run_and_the_doctor_tell_and_remove_nothing(store: Store) -> None:
    say(store, "analyst_days = 30")
    before = sorted(store.home.rglob("*"))
    told = CliRunner().invoke(forget, ["expired", "--dry-run"], obj=store)
    assert "1 analysts' pages to be removed" in told.output
    assert sorted(store.home.rglob("*")) == before
    (sign,) = [s for s in examine(store) if s.about == "retention"]
    assert "1 analysts' pages" in sign.says


def test_lists_cannot_be_removed_while_a_publication_still_holds_their_week(store: Store) -> None:
    say(store, "lists_days = 30")
    with pytest.raises(MistakeError, match=r"retention\.lists_days"):
        read_settings(store)
