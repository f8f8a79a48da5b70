"""A mart reads only sources that a contract allows for commissioning, and says where one was left out."""

from pathlib import Path

import polars as pl
import pytest

from commissioning import MartReport, build_marts, load_indicators, read_catalogue, write_dashboard
from commissioning.sources import sources_behind, sources_of
from data_contracts.contract import load_contracts
from tests.examples.commissioning import DATA_DATE, FEW, many, record

ALL_SOURCES = set(load_contracts())


def built(folder: Path, allowed: set[str]) -> MartReport:
    made = many(record(folder), 1500, years=2)
    report = build_marts(
        made.con,
        data_date=DATA_DATE,
        out=folder / "mart",
        months=12,
        policy=made.policy,
        sources_allowed=allowed,
        indicators=FEW,
    )
    assert made.con.sql("select count(*) from gp_event").fetchall()[0][0] > 0  # the record itself is untouched
    return report


def read(report: MartReport, name: str) -> pl.DataFrame:
    return pl.read_parquet(report.table(name).path)


def test_with_every_source_allowed_nothing_is_left_out(tmp_path: Path) -> None:
    assert not any(t.not_allowed for t in built(tmp_path, ALL_SOURCES).tables)


def test_a_hospital_extract_without_permission_feeds_no_table_and_each_says_so(tmp_path: Path) -> None:
    report = built(tmp_path, ALL_SOURCES - {"apc"})
    for table in report.tables:
        if table.indicator in ("emergency_bed_days", "emergency_admissions"):
            assert read(report, table.name).is_empty()
            assert table.not_allowed == ("apc",)
            assert "not allowed for this purpose" in table.why
    assert not read(report, "ed_attendances").is_empty()
    note = dict(read(report, "table_note").select("table_name", "note").iter_rows())
    assert "apc" in note["emergency_bed_days"]
    page = write_dashboard(report, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "not allowed for this purpose: no agreement lets apc be used" in page


def test_coded_events_without_permission_leave_out_frailty_and_nothing_else(tmp_path: Path) -> None:
    report = built(tmp_path, ALL_SOURCES - {"gp_event"})
    assert read(report, "emergency_admissions_by_frailty_band").is_empty()
    assert not read(report, "emergency_admissions_by_age_band").is_empty()
    assert read_catalogue(report.folder) == report


def test_without_registrations_nobody_is_counted_at_all(tmp_path: Path) -> None:
    report = built(tmp_path, ALL_SOURCES - {"gp_registration"})
    assert all(read(report, t.name).is_empty() for t in report.tables if t.indicator)


def test_the_sources_of_every_fact_are_contracts(tmp_path: Path) -> None:
    for indicator in load_indicators():
        for cut in indicator.cuts:
            assert sources_behind(indicator.fact, cut.by) <= ALL_SOURCES


@pytest.mark.parametrize(
    ("table", "sources"),
    [("inpatient_spell", {"apc"}), ("care_service", {"cld"}), ("community_contact", {"csds_care_contact"})],
)
def test_the_sources_of_a_record_table_are_those_its_statements_read(table: str, sources: set[str]) -> None:
    assert sources <= sources_of(table) <= ALL_SOURCES
