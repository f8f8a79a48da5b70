"""NHS England's artificial Hospital Episode Statistics are read as delivered: no edit, no code of their own."""

import os
import shutil
from pathlib import Path

import polars as pl
import pytest

from tests.deliveries import World

FOLDER = Path(
    os.environ.get("ANTICIPATE_ARTIFICIAL_HES", Path(__file__).parents[3] / "shared" / "data" / "artificial_hes")
)
FILES = {
    "hes_apc": "artificial_hes_apc_0102.csv",
    "hes_ae": "artificial_hes_ae_0708_truncated.csv",
    "hes_op": "artificial_hes_op_0304_truncated.csv",
}

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the artificial HES files are not here: set ANTICIPATE_ARTIFICIAL_HES to their folder"
)


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("hes"))
    for source, name in FILES.items():
        folder = world.inbox / source / "2026-01-05"
        folder.mkdir(parents=True)
        shutil.copy(FOLDER / name, folder / name)
    return world, {e.source: e.checked() for e in world.conform(*FILES)}


def test_every_record_of_the_three_files_is_accounted_for(read):
    _, entries = read
    assert {s: (e.fate, e.records, e.accepted, e.quarantined) for s, e in entries.items()} == {
        "hes_apc": ("accepted", 2075, 2075, 0),
        "hes_ae": ("accepted", 1000, 1000, 0),
        "hes_op": ("accepted", 1000, 1000, 0),
    }


def test_the_admitted_care_file_has_its_people_and_its_open_stays(read):
    world, entries = read
    [path] = (world.lake / "conform" / "hes_apc").glob("*.parquet")
    rows = pl.read_parquet(path)
    assert rows["person_id"].n_unique() == 994
    # 80 are delivered blank; one more holds the date that stands for "unknown".
    assert rows["discharge_date"].null_count() == 80 + entries["hes_apc"].sentinels["DISDATE"]
    assert entries["hes_apc"].sentinels["DISDATE"] == 1


def test_their_pseudonyms_never_enter_the_vault_and_never_join_with_nhs_numbers(read):
    world, _ = read
    assert not (world.vault / "person").exists()
    with world.connect(*FILES) as con:
        assert con.execute("select count(*) from hospital_episode").fetchall() == [(0,)]
        assert con.execute("select count(distinct person_id) from hes_apc_history").fetchall() == [(994,)]
