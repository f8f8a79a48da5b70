"""A person, or a source's period, is removed everywhere, and a search of every file proves it."""

from __future__ import annotations

import datetime as dt
import shutil
import threading
import time

import polars as pl
import pytest

from data_contracts.identity import parse_person_ref
from data_contracts.ledger import read_ledger
from pipelines.backup import backup, restore
from pipelines.forget import forget_period, forget_person, removals
from pipelines.publish import current_manifest
from pipelines.query import query
from pipelines.search import Wanted, search
from pipelines.store import Store
from tests.e2e.conftest import anticipate


def listed(store: Store) -> str:
    sql = "select person_id from weekly_list where shown order by score desc, person_id limit 1"
    return str(query(store, sql, analyst=True)["person_id"][0])


@pytest.mark.slow
def test_a_person_is_found_in_many_places_and_afterwards_in_none(own_home: Store) -> None:
    shutil.rmtree(own_home.home / "demo", ignore_errors=True)
    reference = listed(own_home)
    person = parse_person_ref(reference)
    vault = pl.concat([pl.read_parquet(p) for p in (own_home.vault / "person").glob("*.parquet")])
    (number,) = vault.filter(pl.col("person_id") == person)["number"].to_list()
    wanted = Wanted(person, number)
    places = {p.relative_to(own_home.home).parts[0] for p in search(own_home.home, wanted)}
    assert {"vault", "lake", "published"} <= places
    before = query(own_home, "select count(*) from weekly_list", analyst=True).item()
    people = query(own_home, "select count(distinct person_id) from person", analyst=True).item()
    done = forget_person(own_home, number, reason="a decision")
    assert done.remaining == ()
    assert search(own_home.home, wanted) == []
    assert done.models
    assert query(own_home, "select count(*) from weekly_list", analyst=True).item() == before
    assert query(own_home, "select count(distinct person_id) from person", analyst=True).item() == people - 1
    (note,) = removals(own_home)
    assert (note["what"], note["reason"]) == ("person", "a decision")
    assert reference not in str(note)
    assert number not in str(note)
    said = anticipate(own_home.home, "run", "--week", "2026-03-02")
    assert said.returncode == 0, said.stdout + said.stderr
    assert search(own_home.home, wanted) == []


@pytest.mark.slow
def test_what_a_source_delivered_in_a_period_is_gone_and_the_rest_folds_anew(own_home: Store) -> None:
    before = read_ledger(own_home.lake, "ecds")
    late = before.filter(pl.col("received") >= dt.date(2026, 2, 20))
    assert 0 < late.height < before.height
    done = forget_period(own_home, "ecds", dt.date(2026, 2, 20), dt.date(2026, 2, 28), reason="sent by mistake")
    assert done.remaining == ()
    assert read_ledger(own_home.lake, "ecds").height == before.height - late.height
    said = anticipate(own_home.home, "run", "--week", "2026-02-23")
    assert said.returncode == 0, said.stdout + said.stderr
    newest = query(own_home, "select max(event_date) from ed_attendance", analyst=True).item()
    assert newest < dt.date(2026, 2, 20)


@pytest.mark.slow
def test_a_copy_taken_while_a_run_is_writing_can_be_restored_and_run(own_home: Store, tmp_path_factory) -> None:
    target = tmp_path_factory.mktemp("copies")
    run: dict[str, object] = {}
    thread = threading.Thread(
        target=lambda: run.update(done=anticipate(own_home.home, "run", "--week", "2026-03-02")), daemon=True
    )
    thread.start()
    copies = []
    while thread.is_alive():
        copies.append(backup(own_home, target))
        time.sleep(0.5)
    assert run["done"].returncode == 0, run["done"].stderr  # type: ignore[attr-defined]
    assert len(copies) > 3
    for number, copy in enumerate((copies[1], copies[len(copies) // 2], copies[-1])):
        here = Store.at(target.parent / f"restored-{number}")
        restore(here, copy.folder, key_file=own_home.key_file)
        assert current_manifest(here) is not None
        assert query(here, "select count(*) from person", analyst=True).item() > 0
    said = anticipate(here.home, "run", "--week", "2026-03-02")
    assert said.returncode == 0, said.stdout + said.stderr
