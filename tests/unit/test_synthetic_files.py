"""Files as senders send them: Parquet, files spoilt as a whole, numbers that change, true risks beside the inbox."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import polars as pl
import pytest

from data_contracts.conform import conform_source
from data_contracts.contract import load_contracts
from data_contracts.identity import Vault
from data_contracts.ledger import DeliveryLedger
from synthetic import Manifest, generate

RISK_DAY = dt.date(2025, 6, 2)


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    inbox = tmp_path_factory.mktemp("text") / "inbox"
    options = {"broken_files": True, "risk_weeks": [RISK_DAY], "replicates": 10}
    return inbox, generate(inbox, people=1_000, seed=6, years=1, fault_rate=0.005, **options)


def conform(inbox: Path, room: Path, source: str) -> list[DeliveryLedger]:
    (room / "vault").mkdir(mode=0o700, parents=True)
    (room / "lake").mkdir()
    rooms = {"inbox": inbox, "lake": room / "lake", "vault": Vault(room / "vault", b"k" * 32)}
    return conform_source(duckdb.connect(), load_contracts()[source], **rooms)


@pytest.mark.slow
def test_parquet_deliveries_are_accepted_as_the_text_ones_are(tmp_path: Path) -> None:
    asked = {"people": 700, "seed": 6, "years": 1, "fault_rate": 0.0}
    generate(tmp_path / "text" / "inbox", **asked)
    generate(tmp_path / "parquet" / "inbox", **asked, parquet=True)
    for source in ("gp_registration", "apc"):
        counts = []
        for form in ("text", "parquet"):
            entries = conform(tmp_path / form / "inbox", tmp_path / form / source, source)
            counts.append([(e.received, e.fate, e.accepted) for e in entries])
        assert counts[0] == counts[1]
        assert sum(c[2] for c in counts[0]) > 100
    assert not list((tmp_path / "parquet" / "inbox").rglob("*.csv"))


@pytest.mark.slow
def test_a_file_spoilt_as_a_whole_is_rejected_with_its_rule_and_the_good_one_read(
    text: tuple[Path, Manifest], tmp_path: Path
) -> None:
    inbox, manifest = text
    planted = {str(f["file"]): str(f["rule"]) for f in manifest.faults if f["level"] == "reject file"}
    assert len(planted) == 8
    assert len(set(planted.values())) == 5
    for source in ("ecds", "apc", "outpatient", "gp_appointment", "gp_event", "gp_medication"):
        entries = conform(copy_of(inbox, source, tmp_path / source), tmp_path / (source + " room"), source)
        found = {f"{source}/{e.received}/{e.file}": e.code for e in entries if e.fate == "rejected"}
        assert found == {file: rule for file, rule in planted.items() if file.startswith(source + "/")}
        assert sum(e.fate == "accepted" for e in entries) == 5


def copy_of(inbox: Path, source: str, target: Path) -> Path:
    for path in (inbox / source).rglob("*.*"):
        place = target / source / path.relative_to(inbox / source)
        place.parent.mkdir(parents=True, exist_ok=True)
        if "-again" not in path.name:
            place.write_bytes(path.read_bytes())
    return target


def test_a_changed_number_is_told_and_used_from_then_on(tmp_path: Path) -> None:
    made = generate(tmp_path / "inbox", people=3_000, seed=8, years=1, fault_rate=0.0)
    inbox = tmp_path / "inbox"
    numbers = pl.read_parquet(made.truth / "state" / "number" / "*.parquet")
    changed = numbers.filter(pl.col("kind") == "changed")["superseded_number"].to_list()
    told = pl.concat(pl.read_csv(p) for p in sorted((inbox / "nhs_number_change").rglob("*.csv")))
    told = told.filter(pl.col("SUPERSEDED_NHS_NUMBER").is_in(changed))
    assert told.height >= 5
    current = set(pl.read_parquet(made.truth / "state" / "person" / "*.parquet")["nhs_number"])
    assert set(told["NHS_NUMBER"]) <= current
    assert not set(told["SUPERSEDED_NHS_NUMBER"]) & current
    last = pl.read_csv(inbox / "gp_registration" / made.deliveries[-1].isoformat() / "gp_registration.csv")
    assert not set(last["NHS_NUMBER"]) & set(told["SUPERSEDED_NHS_NUMBER"])
    first = pl.read_csv(inbox / "gp_registration" / made.deliveries[0].isoformat() / "gp_registration.csv")
    later = told.filter(pl.col("CHANGE_DATE") > made.deliveries[0].isoformat())
    assert later.height
    assert set(later["SUPERSEDED_NHS_NUMBER"]) <= set(first["NHS_NUMBER"])


def test_true_risks_are_written_beside_the_inbox(text: tuple[Path, Manifest]) -> None:
    risk = pl.read_parquet(text[1].truth / "risk" / RISK_DAY.isoformat() / "*.parquet")
    assert 250 < risk.height < 500
    assert set(risk["index_date"]) == {RISK_DAY}
    assert ((risk["admission_90"] <= risk["admission_365"]) & risk["admission_365"].is_between(0, 1)).all()


def test_a_risk_week_has_to_be_a_monday_of_the_span(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no Monday between"):
        generate(tmp_path / "inbox", people=100, years=1, risk_weeks=[dt.date(2025, 6, 3)])


@pytest.mark.slow
def test_bytes_do_not_depend_on_the_number_of_threads(tmp_path: Path) -> None:
    made = []
    for threads in ("1", "3"):
        folder = tmp_path / threads
        limits = dict.fromkeys(("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads)
        asked = ("--people", "700", "--seed", "6", "--years", "1", "--fault-rate", "0.005", "--out", str(folder))
        command = [sys.executable, "-m", "pipelines.cli", "synth", "generate", *asked]
        subprocess.run(command, check=True, env={**os.environ, **limits}, capture_output=True)
        files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "manifest.json")
        made.append({str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files})
    assert len(made[0]) > 60
    assert made[0] == made[1]
