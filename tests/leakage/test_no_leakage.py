"""What a Monday could not have known does not change what it computes: shown on the delivered files themselves.

An artificial population is delivered twice: as it is, and with its future corrupted (rows changed, taken away and
added; later snapshots with other deaths, moves and discharges). Both go through conform, record and features; the
matrices must be identical. Three planted leaks must each make the comparison fail.
"""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import duckdb
import polars as pl
import pytest

import features
import record
import sql
import synthetic
from data_contracts.conform import conform_source
from data_contracts.contract import load_contracts
from data_contracts.identity import Vault
from pipelines.stages import in_conform_order
from tests.deliveries import KEY, text_of
from tests.leakage.corrupt import corrupt_inbox

PEOPLE = 400
WEEKS_BACK = (26, 0)  # a Monday inside the historic delivery, and one between the live ones


def _build(home: Path) -> Path:
    with duckdb.connect() as con:
        for contract in in_conform_order(load_contracts().values()):
            for entry in conform_source(
                con, contract, inbox=home / "inbox", lake=home / "lake", vault=Vault(home / "vault", KEY)
            ):
                entry.checked()
            record.update_history(con, contract, lake=home / "lake")
    with _opened(home) as con:
        for table in record.TABLES:
            record.build_table(con, table, lake=home / "lake")
    return home


def _opened(home: Path) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    record.open_histories(con, load_contracts().values(), lake=home / "lake")
    record.open_record(con, lake=home / "lake")
    return con


@pytest.fixture(scope="module")
def delivered(tmp_path_factory):
    home = tmp_path_factory.mktemp("delivered")
    synthetic.generate(home / "inbox", people=PEOPLE, seed=7, fault_rate=0.0)
    days = sorted({dt.date.fromisoformat(p.name) for p in (home / "inbox").glob("gp_event/????-??-??")})
    week = days[-3]  # two live deliveries lie after this Monday
    _deliver_an_open_stay(home / "inbox", week - dt.timedelta(weeks=WEEKS_BACK[0]))
    return home, week


def _deliver_an_open_stay(inbox: Path, week: dt.date) -> None:
    """A stay that looked open on the Monday: its last episode, with the discharge, was coded afterwards."""
    contracts = load_contracts()
    historic = min(p for p in (inbox / "apc").iterdir())
    [registrations] = (inbox / "gp_registration" / historic.name).glob("*.csv")
    listed = pl.read_csv(registrations, infer_schema=False).filter(pl.col("REG_END_DATE").is_null())
    numbers = listed.filter(pl.col("REG_START_DATE") < str(week - dt.timedelta(days=400)))["NHS_NUMBER"][:20]
    admitted, moved, left = (week - dt.timedelta(days=d) for d in (60, 50, 10))
    rows = []
    for n, number in enumerate(numbers):
        stay = {"nhs_number": number, "admission_date": admitted}
        rows.append({**stay, "episode_id": 990_000_000 + 2 * n, "episode_start": admitted, "episode_end": moved})
        rows.append(
            {
                **stay,
                "episode_id": 990_000_001 + 2 * n,
                "episode_start": moved,
                "episode_end": left,
                "discharge_date": left,
                "discharge_method": "1",
                "episode_order": 2,
            }
        )
    (historic / "open_stays.csv").write_text(text_of(contracts["apc"], rows), encoding="utf-8")


@pytest.fixture(scope="module")
def as_delivered(delivered, tmp_path_factory):
    home = tmp_path_factory.mktemp("plain")
    shutil.copytree(delivered[0] / "inbox", home / "inbox")
    return _build(home)


@pytest.fixture(scope="module")
def corrupted(delivered, tmp_path_factory):
    """One corrupted home for each Monday: its own future is corrupted, nothing of its past."""
    homes = {}
    for back in WEEKS_BACK:
        week = delivered[1] - dt.timedelta(weeks=back)
        home = tmp_path_factory.mktemp(f"corrupted{back}")
        shutil.copytree(delivered[0] / "inbox", home / "inbox")
        assert corrupt_inbox(home / "inbox", week) > 100
        homes[week] = _build(home)
    return homes


def _matrix(home: Path, week: dt.date, out: Path) -> tuple[bytes, ...]:
    with _opened(home) as con:
        features.build_matrix(con, [week], out=out)
    folder = out / f"week={week}"
    return tuple((folder / f"{name}.parquet").read_bytes() for name in ("matrix", "person", "evidence"))


def test_the_corruption_reaches_what_the_record_holds(as_delivered, corrupted):
    """Otherwise the next test could not fail."""
    for home in corrupted.values():
        for table in ("gp_event", "hospital_episode", "registration", "ed_attendance"):
            with _opened(as_delivered) as a, _opened(home) as b:
                query = f"select * from {table} order by all"
                assert a.sql(query).pl().equals(b.sql(query).pl()) is False, table


def test_the_matrix_is_identical_whatever_the_future_holds(as_delivered, corrupted, tmp_path):
    for week, home in corrupted.items():
        plain = _matrix(as_delivered, week, tmp_path / "plain")
        assert pl.read_parquet(tmp_path / "plain" / f"week={week}" / "matrix.parquet").height > PEOPLE / 2
        assert _matrix(home, week, tmp_path / "corrupted") == plain, f"the matrix of {week} knows the future"


def _known_filter_lost(text: str) -> str:
    lines = [line for line in text.splitlines() if "known_from <=" not in line and "known_until >" not in line]
    return "\n".join(lines)


def _latest_practice(text: str) -> str:
    return (
        text.replace("r.known_from <= w.week", "r.known_from is not null")
        .replace("(r.known_until is null or r.known_until > w.week)", "r.known_until is null")
        .replace("r.start_date < w.week", "r.start_date is not null")
        .replace("(r.end_date is null or r.end_date >= w.week)", "true")
    )


def _discharge_seen_in_an_open_spell(text: str) -> str:
    return text.replace(
        "coalesce(e.end_date, w.week)",
        "coalesce((select max(discharge_date) from inpatient_spell s "
        "where s.person_id = e.person_id and s.admission_date = e.start_date), w.week)",
    )


PLANTED = {
    "a feature without the known filter": (
        ("features/entry_span", "features/coded_event", "features/event_long"),
        _known_filter_lost,
    ),
    "a diagnosis known later": (("features/diagnosis_span", "features/diagnosis_long"), _known_filter_lost),
    "a join to the latest practice": (("features/population",), _latest_practice),
    "the discharge date of an open spell": (("features/interval_long",), _discharge_seen_in_an_open_spell),
}


@pytest.mark.parametrize("leak", PLANTED)
def test_a_planted_leak_is_found(leak, as_delivered, corrupted, tmp_path, monkeypatch):
    names, plant = PLANTED[leak]
    honest = sql.load
    for name in names:
        assert plant(honest(name)) != honest(name)
    monkeypatch.setattr(sql, "load", lambda wanted: plant(honest(wanted)) if wanted in names else honest(wanted))
    found = any(
        _matrix(home, week, tmp_path / "corrupted") != _matrix(as_delivered, week, tmp_path / "plain")
        for week, home in corrupted.items()
    )
    assert found, leak
