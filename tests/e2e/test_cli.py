"""The command line as people meet it: help, mistakes in one sentence, exit codes, what it shows."""

from __future__ import annotations

import datetime as dt
import json
import re
import socket
import subprocess
import sys
from pathlib import Path

import duckdb
import polars as pl
import pytest
from typer.testing import CliRunner

from data_contracts.identity import check_nhs_numbers, person_ref
from pipelines.cli import app
from pipelines.errors import MistakeError, ProblemError
from pipelines.lock import writing
from pipelines.person import WITHHELD, read_person
from pipelines.query import query, reading
from pipelines.store import Store
from pipelines.weeks import choose_week, parse_week
from tests.e2e.conftest import anticipate, environment

COMMANDS = ("demo", "run", "train", "ui", "status", "query", "person", "relocate")
FIRST_WEEK, NEWEST_WEEK = "2026-02-16", "2026-02-23"


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_has_an_example(command: str) -> None:
    said = CliRunner().invoke(app, [command, "--help"])
    assert said.exit_code == 0
    assert re.search(rf"Example: +anticipate .*{command}", said.output.replace("`", " ").replace("\n", " "))


def test_asking_for_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, pipelines.cli; print([m for m in ('dagster', 'duckdb', 'polars', 'lightgbm') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment())
    assert said.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("week", "says"),
    [
        ("2026-02-24", "2026-02-24 is a Tuesday; a week is named by its Monday, here 2026-02-23."),
        ("24/02/2026", "'24/02/2026' is not a date; write the week as YYYY-MM-DD, a Monday."),
    ],
)
def test_a_bad_week_is_one_sentence_and_exit_code_2(tmp_path: Path, week: str, says: str) -> None:
    (tmp_path / "home/inbox/gp_event/2026-02-23").mkdir(parents=True)
    (tmp_path / "home/inbox/gp_event/2026-02-23/file.csv").write_text("anything\n")
    done = anticipate(tmp_path / "home", "run", "--week", week)
    assert (done.returncode, done.stderr.strip(), done.stdout) == (2, says, "")


def test_a_home_without_deliveries_says_where_to_put_them(tmp_path: Path) -> None:
    done = anticipate(tmp_path / "home", "run")
    assert done.returncode == 2
    assert done.stderr.startswith("Nothing has been delivered to")
    assert done.stderr.count("\n") == 1


def test_a_second_writer_is_told_who_holds_the_home_and_exits_with_3(tmp_path: Path) -> None:
    folder = tmp_path / "home/inbox/gp_event/2026-02-23"
    folder.mkdir(parents=True)
    (folder / "file.csv").write_text("anything\n")
    holding = "import sys, time; from pathlib import Path; from pipelines.lock import writing\n"
    holding += "with writing(Path(sys.argv[1]), 'a long run'): print('held', flush=True); time.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", holding, str(tmp_path / "home")], stdout=subprocess.PIPE, text=True, env=environment()
    ) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            done = anticipate(tmp_path / "home", "run")
        finally:
            holder.kill()
    assert done.returncode == 3
    assert f"a long run (process {holder.pid} on {socket.gethostname()}, since " in done.stderr
    with writing(tmp_path / "home", "the next"):
        pass  # the killed holder's lock is free again


def test_asking_before_anything_is_published_is_exit_code_1(tmp_path: Path) -> None:
    done = anticipate(tmp_path / "home", "query", "select 1")
    assert done.returncode == 1
    assert "Nothing is published" in done.stderr


def test_without_a_week_the_latest_monday_not_after_the_newest_delivery_is_meant(tmp_path: Path) -> None:
    store = Store.at(tmp_path)
    for day in ("2026-01-05", "2026-01-16"):
        (store.inbox / "gp_event" / day).mkdir(parents=True)
        (store.inbox / "gp_event" / day / "file.csv").write_text("anything\n")
    assert choose_week(store, None) == dt.date(2026, 1, 12)
    assert choose_week(store, "2026-01-19") == dt.date(2026, 1, 19)
    with pytest.raises(MistakeError, match="too late"):
        choose_week(store, "2026-01-26")
    with pytest.raises(MistakeError, match="too early"):
        choose_week(store, "2019-01-07")
    assert parse_week("2026-01-05") == dt.date(2026, 1, 5)


def test_status_shows_one_fate_for_every_record_of_every_source(demo_home: Path) -> None:
    from data_contracts.ledger import FATES
    from pipelines.status import read_status

    found = read_status(Store.at(demo_home))
    delivered = found.sources.filter(pl.col("files").is_not_null())
    assert len(delivered) > 15
    assert delivered.select(pl.sum_horizontal(FATES))["accepted"].to_list() == delivered["records"].to_list()
    assert delivered["quarantined"].sum() > 0
    assert found.runs.filter(pl.col("status") == "success")["week"].to_list()[0] == NEWEST_WEEK
    said = anticipate(demo_home, "status")
    assert said.returncode == 0
    for source in ("gp_event", "csds_referral", "quarantined", "superseded", f"Published: week {NEWEST_WEEK}"):
        assert source in said.stdout


def test_query_reads_the_warehouse_and_writes_files(demo_home: Path, tmp_path: Path) -> None:
    sql = "select source, sum(records) as records from delivery group by source order by source"
    shown = anticipate(demo_home, "query", sql)
    assert shown.returncode == 0
    assert "gp_event" in shown.stdout
    done = anticipate(
        demo_home, "query", sql, "--csv", str(tmp_path / "a.csv"), "--parquet", str(tmp_path / "a.parquet")
    )
    assert done.returncode == 0, done.stderr
    assert pl.read_csv(tmp_path / "a.csv").equals(pl.read_parquet(tmp_path / "a.parquet").cast({"records": pl.Int64}))


@pytest.mark.parametrize(
    "sql",
    [
        "delete from delivery",
        "select 1; select 2",
        "copy delivery to 'stolen.csv'",
        "attach 'other.duckdb'",
        "select * from read_text('/etc/hostname')",
        "selec 1",
    ],
)
def test_query_changes_nothing_and_reads_nothing_else(demo_home: Path, sql: str) -> None:
    done = anticipate(demo_home, "query", sql)
    assert done.returncode == 2
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr


def test_the_analyst_file_cannot_be_used_to_read_the_vault(demo_home: Path) -> None:
    vault = next((demo_home / "vault/person").glob("*.parquet"))
    with pytest.raises(MistakeError, match=r"(?i)permission|disabled"):
        query(Store.at(demo_home), f"select * from read_parquet('{vault}')", analyst=True)


def test_a_query_writes_people_as_references(demo_home: Path) -> None:
    table = query(Store.at(demo_home), "select person_id from weekly_list where shown limit 3", analyst=True)
    assert table["person_id"].str.contains("^[0-9A-HJKMNP-TV-Z]{13}$").all()
    again = query(
        Store.at(demo_home),
        f"select count(*) as n from weekly_list where person_id = person_id_of('{table['person_id'][0]}')",
        analyst=True,
    )
    assert again["n"][0] > 0


def _listed(home: Path) -> str:
    sql = "select person_id from weekly_list where shown order by score desc, person_id limit 1"
    return str(query(Store.at(home), sql, analyst=True)["person_id"][0])


def test_person_shows_what_was_known_that_monday_and_nothing_later(demo_home: Path) -> None:
    reference = _listed(demo_home)
    early = read_person(Store.at(demo_home), reference, FIRST_WEEK)
    late = read_person(Store.at(demo_home), reference)
    assert late.week == dt.date.fromisoformat(NEWEST_WEEK)
    for view in (early, late):
        assert len(view.timeline) > 0
        assert view.timeline["date"].max() < view.week
        assert view.timeline["known_from"].max() <= view.week
        assert len(view.scores) > 0
    assert len(late.timeline) >= len(early.timeline)
    said = anticipate(demo_home, "person", reference, "--week", FIRST_WEEK)
    assert said.returncode == 0
    assert reference in said.stdout
    runs = re.findall(r"(?<!\d)\d{10}(?!\d)", said.stdout)
    assert not runs or check_nhs_numbers(pl.Series(runs))["fault"].is_not_null().all()


def test_a_person_is_shown_with_the_evidence_and_without_what_is_known_of_others_at_the_address(
    demo_home: Path,
) -> None:
    sql = "select person_id from feature_evidence where phenotype = 'housebound' order by week desc, person_id limit 1"
    reference = str(query(Store.at(demo_home), sql, analyst=True)["person_id"][0])
    view = read_person(Store.at(demo_home), reference)
    assert "housebound" in set(view.evidence["phenotype"])
    assert view.evidence["words"].str.len_chars().min() > 0
    assert "housebound_class" in set(view.features["feature"])
    assert not any(name.startswith("household") for name in view.features["feature"])


def test_a_person_nobody_knows_is_one_sentence(demo_home: Path) -> None:
    done = anticipate(demo_home, "person", person_ref(1))
    assert done.returncode == 2
    assert done.stderr.startswith("Nobody with the reference 0000000000001")
    done = anticipate(demo_home, "person", "nobody")
    assert done.returncode == 2
    assert "is not a person reference" in done.stderr


def test_people_who_may_not_be_shown_are_not_shown(demo_home: Path) -> None:
    store = Store.at(demo_home)
    reference = str(query(store, "select person_id from withheld_person limit 1", analyst=True)["person_id"][0])
    with pytest.raises(ProblemError, match=WITHHELD[:30]):
        read_person(store, reference)


def test_no_view_of_the_analyst_file_shows_a_row_of_someone_withheld(demo_home: Path) -> None:
    with reading(Store.at(demo_home), analyst=True) as con:
        views = con.execute(
            "select distinct table_name from duckdb_columns() where column_name = 'person_id' and not internal "
            "and table_name <> 'withheld_person'"
        ).fetchall()
        assert len(views) > 30
        for (view,) in views:
            shown = f'select count(*) from "{view}" where person_id in (select person_id from withheld_person)'
            assert con.execute(shown).fetchall() == [(0,)], view


def test_a_demonstration_goes_on_and_is_not_mixed_with_another(demo_home: Path) -> None:
    done = anticipate(demo_home, "demo", "--people", "9000")
    assert done.returncode == 2
    assert "choose another --home" in done.stderr


def test_a_reader_is_not_stopped_by_a_writer(demo_home: Path) -> None:
    with writing(demo_home, "a run"):
        assert anticipate(demo_home, "query", "select count(*) as n from delivery").returncode == 0
        assert anticipate(demo_home, "status").returncode == 0


def test_the_manifest_names_model_dates_key_and_versions(demo_home: Path) -> None:
    manifest = json.loads((demo_home / "published/current/manifest.json").read_text())
    assert manifest["week"] == NEWEST_WEEK
    assert manifest["data_date"] == NEWEST_WEEK
    assert manifest["versions"]["duckdb"] == duckdb.__version__
    assert len(manifest["key_fingerprint"]) == 12
    assert manifest["model_id"]
    assert manifest["approved"] is False


def test_a_file_that_nobody_could_read_does_not_use_up_its_monday(own_home: Store) -> None:
    newest = dt.date.fromisoformat(json.loads((own_home.current / "manifest.json").read_text())["week"])
    monday = newest + dt.timedelta(days=7)
    folder = own_home.inbox / "ecds" / monday.isoformat()
    folder.mkdir(parents=True)
    (folder / "ed.csv.gz").write_bytes(b"\x1f\x8b damaged")
    done = anticipate(own_home.home, "run")
    assert done.returncode == 1
    assert "Nothing that could be read was received since Monday" in done.stderr
    assert not (own_home.lake / "list" / f"week={monday}").exists()
