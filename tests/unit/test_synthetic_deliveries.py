"""What must hold for the deliveries: bytes, dates, and every planted fault found where the manifest says."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import hashlib
import json
import zipfile
from pathlib import Path

import duckdb
import polars as pl
import pytest

from data_contracts.conform import conform_source
from data_contracts.contract import load_contracts
from data_contracts.identity import Vault
from data_contracts.ledger import DeliveryLedger
from synthetic import Manifest, generate
from synthetic.people import BLOCK

PEOPLE, SEED = 1_500, 4
HISTORIC, WEEKS = "2026-01-26", ("2026-02-02", "2026-02-09", "2026-02-16", "2026-02-23")
VERSIONED = ("csds_referral", "csds_service_type", "csds_waiting_time", "mhsds_referral")
NATURAL = {("cld", "N00"), *((source, "K02") for source in VERSIONED)}


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    folder = tmp_path_factory.mktemp("clean")
    return folder, generate(folder / "inbox", people=PEOPLE, seed=SEED, fault_rate=0.0)


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    folder = tmp_path_factory.mktemp("spoiled")
    return folder, generate(folder / "inbox", people=PEOPLE, seed=SEED, fault_rate=0.01)


def digest(folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "manifest.json")
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def text_of(path: Path) -> str:
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes()).decode()
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return archive.read(archive.namelist()[0]).decode()
    raw = path.read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252")


def table(folder: Path, source: str, day: str) -> pl.DataFrame:
    names = {c.header: c.name for c in load_contracts()[source].columns}
    frame = pl.concat(
        pl.read_csv(p, infer_schema=False) for p in sorted((folder / "inbox" / source / day).glob("*.csv"))
    )
    return frame.rename({h: n for h, n in names.items() if h in frame.columns})


def conform(folder: Path, room: Path) -> tuple[pl.DataFrame, list[DeliveryLedger]]:
    """All faults found (source, file, row, rule, level) and the ledger of every file."""
    found, entries = [], []
    (room / "vault").mkdir(mode=0o700, parents=True)
    (room / "lake").mkdir()
    for source, contract in load_contracts().items():
        made = conform_source(
            duckdb.connect(),
            contract,
            inbox=folder / "inbox",
            lake=room / "lake",
            vault=Vault(room / "vault", b"k" * 32),
        )
        for entry in made:
            entries.append(entry)
            path = room / "lake" / "quarantine" / source / f"{entry.sha256[:16]}.parquet"
            if entry.fate == "accepted" and path.exists():
                name = f"{source}/{entry.received}/{entry.file}"
                faults = pl.read_parquet(path).select("row_number", "rule", "level")
                found.append(faults.with_columns(source=pl.lit(source), file=pl.lit(name)))
    return pl.concat(found).rename({"row_number": "row"}), entries


def test_bytes_do_not_depend_on_chunks_parts_or_workers(tmp_path: Path) -> None:
    small = {"people": 3_000, "seed": 9, "years": 1, "fault_rate": 0.002, "part": 2 * BLOCK}
    generate(tmp_path / "a" / "inbox", **small, chunk=BLOCK, workers=1)
    generate(tmp_path / "b" / "inbox", **small, chunk=2 * BLOCK, workers=2)
    assert digest(tmp_path / "a") == digest(tmp_path / "b")


def test_another_seed_is_another_county(tmp_path: Path) -> None:
    for seed in (1, 2):
        generate(tmp_path / str(seed) / "inbox", people=500, seed=seed, years=1)
    one, other = (digest(tmp_path / str(s) / "inbox") for s in (1, 2))
    assert (
        one[f"gp_registration/{HISTORIC}/gp_registration.csv"]
        != other[f"gp_registration/{HISTORIC}/gp_registration.csv"]
    )


def test_every_source_but_the_artificial_hes_is_delivered(clean: tuple[Path, Manifest]) -> None:
    delivered = {str(f["source"]) for f in clean[1].files}
    own = {source for source in load_contracts() if source.startswith("hes_")} | {"outreach_feedback"}  # from teams
    assert delivered == set(load_contracts()) - own


def test_headings_are_those_of_the_contract_in_its_order(clean: tuple[Path, Manifest]) -> None:
    folder, manifest = clean
    for entry in manifest.files:
        contract = load_contracts()[str(entry["source"])]
        path = folder / "inbox" / str(entry["file"])
        headings = next(csv.reader([text_of(path).splitlines()[0]], delimiter=contract.delimiter))
        allowed = [c.header for c in contract.columns]
        assert headings == [h for h in allowed if h in headings]
        assert {c.header for c in contract.columns if not c.optional_column} <= set(headings)


def test_the_manifest_counts_the_rows_of_each_file(clean: tuple[Path, Manifest]) -> None:
    folder, manifest = clean
    for entry in manifest.files:
        assert text_of(folder / "inbox" / str(entry["file"])).count("\n") == int(str(entry["rows"])) + 1
    told = json.loads((folder / "truth" / "manifest.json").read_text())
    assert told["deliveries"] == [HISTORIC, *WEEKS]


def test_the_history_holds_nothing_known_later(clean: tuple[Path, Manifest]) -> None:
    folder, received = clean[0], dt.date.fromisoformat(HISTORIC)

    def latest(source: str, column: str) -> dt.date:
        return max(dt.date.fromisoformat(v) for v in table(folder, source, HISTORIC)[column].drop_nulls().to_list())

    assert latest("gp_event", "record_date") <= received
    assert latest("apc", "discharge_date") + dt.timedelta(days=42) <= received
    assert latest("ecds", "event_date") + dt.timedelta(days=5) <= received
    assert latest("gp_registration", "death_date") + dt.timedelta(days=7) <= received
    assert latest("gp_registration", "start_date") <= received
    assert latest("csds_care_contact", "effective_from") <= received
    assert latest("cld", "reporting_period_end_date") + dt.timedelta(days=42) <= received
    assert latest("inpatient_snapshot", "event_date") < received
    assert (folder / "inbox" / "apc" / HISTORIC / "delivery.yaml").read_text() == "historic: true\n"
    assert not (folder / "inbox" / "apc" / WEEKS[0] / "delivery.yaml").exists()


def test_gp_records_reach_back_before_the_other_sources(clean: tuple[Path, Manifest]) -> None:
    assert table(clean[0], "gp_event", HISTORIC)["event_date"].min() < "2005"
    assert table(clean[0], "apc", HISTORIC)["admission_date"].min() > "2020"


def test_weekly_deliveries_carry_news_and_corrections(clean: tuple[Path, Manifest]) -> None:
    folder = clean[0]
    before = table(folder, "gp_event", HISTORIC)
    sent = [table(folder, "gp_event", day) for day in WEEKS]
    assert all(frame.height > 0 for frame in sent)
    withdrawn = pl.concat(frame.filter(pl.col("is_deleted") == "true") for frame in sent)
    assert withdrawn.height > 0
    assert set(withdrawn["record_id"]) <= set(before["record_id"]) | set(pl.concat(sent)["record_id"])


def test_the_snapshot_of_inpatients_comes_every_day_on_which_somebody_lay_in_a_bed(
    clean: tuple[Path, Manifest],
) -> None:
    sent = sorted(p.name for p in (clean[0] / "inbox" / "inpatient_snapshot").iterdir())
    first = dt.date.fromisoformat(HISTORIC)
    stay = pl.read_parquet(clean[1].truth / "state" / "stay" / "*.parquet")
    mornings = [first + dt.timedelta(days=k - 1) for k in range(1, 29)]
    expected = [
        (day + dt.timedelta(days=1)).isoformat()
        for day in mornings
        if stay.filter((pl.col("admission_date") < day) & (pl.col("discharge_date") >= day)).height
    ]
    assert len(expected) > 20
    assert sent == [HISTORIC, *expected]


def test_social_care_resends_a_rolling_year(clean: tuple[Path, Manifest]) -> None:
    folder = clean[0]
    assert sorted(p.name for p in (folder / "inbox" / "cld").iterdir()) == [HISTORIC, "2026-02-16"]
    path = next((folder / "inbox" / "cld" / "2026-02-16").glob("*.csv"))
    assert b"\x96" in path.read_bytes()  # a dash in Windows-1252
    rows = list(csv.DictReader(text_of(path).splitlines()))
    assert {r["Reporting Period Start Date"] for r in rows} == {"2025-01-01"}
    assert {r["Reporting Period End Date"] for r in rows} == {"2025-12-31"}
    ended = [r["Event End Date"] for r in rows if r["Event End Date"]]
    assert min(ended) >= "2025-01-01"
    assert any(r["Event Type"] == "Service" and not r["Event End Date"] for r in rows)


def test_one_file_is_sent_twice_byte_for_byte(clean: tuple[Path, Manifest]) -> None:
    folder = clean[0] / "inbox" / "gp_medication"
    (first,), (again,) = folder.glob(f"{WEEKS[0]}/*.gz"), folder.glob(f"{WEEKS[1]}/*again*")
    assert first.read_bytes() == again.read_bytes()


def test_true_states_are_never_inside_the_inbox(tmp_path: Path, clean: tuple[Path, Manifest]) -> None:
    folder, manifest = clean
    assert manifest.truth == folder / "truth"
    assert (folder / "truth" / "state" / "spell" / "0000.parquet").exists()
    with pytest.raises(ValueError, match="inside the inbox"):
        generate(tmp_path / "inbox", people=100, truth_folder=tmp_path / "inbox" / "truth")


def test_the_last_delivery_is_a_monday(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Monday"):
        generate(tmp_path / "inbox", people=100, last_delivery=dt.date(2026, 2, 24))


@pytest.fixture(scope="module")
def conformed(
    clean: tuple[Path, Manifest], tmp_path_factory: pytest.TempPathFactory
) -> tuple[pl.DataFrame, list[DeliveryLedger]]:
    room = tmp_path_factory.mktemp("conformed")
    return conform(copy(clean[0], room / "copy"), room / "room")


def test_a_clean_county_passes_its_contracts(conformed: tuple[pl.DataFrame, list[DeliveryLedger]]) -> None:
    found, entries = conformed
    assert {e.fate for e in entries} <= {"accepted", "resent"}
    assert {(r["source"], r["rule"]) for r in found.iter_rows(named=True)} <= NATURAL
    assert sum(e.quarantined for e in entries) == 0


def test_each_planted_fault_is_found_and_its_neighbours_survive(
    conformed: tuple[pl.DataFrame, list[DeliveryLedger]], spoiled: tuple[Path, Manifest], tmp_path: Path
) -> None:
    good = conformed[1]
    bad = copy(spoiled[0], tmp_path / "bad")
    sent = sorted((bad / "inbox").rglob("*.*"))
    found, entries = conform(bad, tmp_path / "bad room")
    planted = pl.read_csv(spoiled[0] / "truth" / "fault.csv").filter(
        pl.col("file").is_in([str(p.relative_to(tmp_path / "bad" / "inbox")) for p in sent])
    )
    assert planted["rule"].n_unique() >= 15
    rules = found.group_by("file", "row").agg(pl.col("rule").alias("found"))
    matched = planted.join(rules, on=["file", "row"], how="left").with_columns(pl.col("found").fill_null([]))
    superseded = pl.col("found").list.contains("K02")  # a resubmitted row gives way to its later version
    missed = matched.filter(~pl.col("found").list.contains(pl.col("rule")) & ~superseded)
    assert missed.is_empty(), missed.rows(named=True)
    unplanned = found.join(planted, on=["file", "row"], how="anti").filter(
        ~pl.struct("source", "rule").map_elements(lambda r: (r["source"], r["rule"]) in NATURAL, pl.Boolean)
    )
    assert unplanned.is_empty(), unplanned.rows(named=True)
    kept = {e.source: e.accepted for e in entries if e.received == HISTORIC}
    assert kept == {e.source: e.accepted for e in good if e.received == HISTORIC}


def test_manifest_rows_hold_the_fault_they_name(spoiled: tuple[Path, Manifest]) -> None:
    folder, manifest = spoiled
    contract = load_contracts()["gp_event"]
    path = folder / "inbox" / "gp_event" / HISTORIC / "gp_event.csv"
    records = list(csv.reader(path.read_text().splitlines()))
    headings, cells = records[0], records[1:]
    mine = [f for f in manifest.faults if f["file"] == str(path.relative_to(folder / "inbox"))]
    at = {c.name: headings.index(c.header) for c in contract.columns if c.header in headings}
    checks = {
        "nine digits": lambda r, c: len(r[at[c]]) == 9,
        "a cell too many": lambda r, _: len(r) == len(headings) + 1,
        "a cell too few": lambda r, _: len(r) == len(headings) - 1,
        "a required value is missing": lambda r, c: r[at[c]] == "",
        "a date in another format": lambda r, c: r[at[c]][2] == "/",
        "text in a code": lambda r, c: r[at[c]] == "see notes",
    }
    seen = set()
    for fault in mine:
        if check := checks.get(str(fault["fault"])):
            assert check(cells[int(str(fault["row"])) - 1], str(fault["column"])), fault
            seen.add(fault["fault"])
    assert seen == set(checks)


def copy(folder: Path, target: Path) -> Path:
    """The deliveries again, of the daily snapshots only a few: conform takes accepted files away."""
    for path in (folder / "inbox").rglob("*"):
        if path.is_file() and not ("inpatient_snapshot" in path.parts and path.parent.name > "2026-01-28"):
            place = target / path.relative_to(folder)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())
    return target
