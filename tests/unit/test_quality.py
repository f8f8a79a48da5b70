"""Quality that people can read: notes on files, silent practices, rules across sources, the sender's workbook."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb
import openpyxl
import polars as pl
import pytest

import sql
from data_contracts.contract import load_contracts
from data_contracts.profile import FileProfile, profiles
from data_contracts.rules import REMEDY
from data_contracts.words import refused_in
from pipelines.errors import MistakeError
from pipelines.quality import measure as measuring
from pipelines.quality.page import page
from pipelines.quality.sender import TO_DO, write_reports
from pipelines.store import Store
from tests.deliveries import World, nhs_number
from tests.tiny_record import TinyRecord

WEEK = dt.date(2026, 2, 23)
D = dt.date


def profile(received: str, rows: int = 1000, **values: object) -> FileProfile:
    return FileProfile(
        **{"source": "ecds", "delivery": received, "received": received, "historic": False, "rows": rows, **values}
    )  # type: ignore[arg-type]


BEFORE = [profile("2026-02-02"), profile("2026-02-09")]


def test_a_file_with_a_third_or_three_times_the_usual_rows_is_noted() -> None:
    assert measuring._rows_changed(profile("2026-02-16", 1500), BEFORE) == []
    assert measuring._rows_changed(profile("2026-02-16", 300), BEFORE) == [
        "ecds: 300 rows received 2026-02-16, usually 1,000."
    ]
    assert len(measuring._rows_changed(profile("2026-02-16", 3100), BEFORE)) == 1


def test_a_column_that_empties_and_codes_that_shift_are_noted() -> None:
    before = [profile("2026-02-09", filled={"acuity_code": 900}, codes={"department_type": {"01": 800, "03": 200}})]
    same = profile("2026-02-16", filled={"acuity_code": 850}, codes={"department_type": {"01": 780, "03": 220}})
    assert measuring._filled_changed(same, before) == measuring._codes_shifted(same, before) == []
    other = profile("2026-02-16", filled={"acuity_code": 100}, codes={"department_type": {"01": 200, "03": 800}})
    assert measuring._filled_changed(other, before) == ["ecds: acuity_code is filled in 10% of rows, before in 90%."]
    assert measuring._codes_shifted(other, before)[0].startswith("ecds: the codes of department_type are spread")


def test_a_gap_between_two_files_of_changes_is_noted() -> None:
    contract = load_contracts()["ecds"]
    before = [profile("2026-02-02", last_event="2026-02-01")]
    assert measuring._period_gap(contract, profile("2026-02-09", first_event="2026-02-02"), before) == []
    (says,) = measuring._period_gap(contract, profile("2026-02-23", first_event="2026-02-20"), before)
    assert "19 days lie between" in says


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path / "home")
    rows = [
        {"nhs_number": n, "record_id": n * 100 + i, "event_date": "2026-01-02", "record_date": "2026-01-03",
         "code": "161898004", "practice_code": "C81001" if n < 6 else "C81002"}
        for n in range(10) for i in range(6)
    ]  # fmt: skip
    world.deliver("gp_event", "2026-01-05", rows, historic=True)
    later = [
        {**row, "record_id": 9000 + int(str(row["record_id"])), "event_date": "2026-02-20", "record_date": "2026-02-20"}
        for row in rows if row["practice_code"] == "C81001"
    ]  # fmt: skip
    later[0]["nhs_number"] = "9000000000"
    later[1]["event_date"] = "20/02/2026"
    later[2]["code"] = "161898005"
    world.deliver("gp_event", "2026-02-23", later, name="week.csv")
    world.conform("gp_event")
    return world


def test_a_profile_counts_and_is_made_once_a_file(world: World) -> None:
    contract = load_contracts()["gp_event"]
    with duckdb.connect() as con:
        first, second = profiles(con, contract, lake=world.lake)
        assert (first.rows, first.practices) == (60, {"C81001": 36, "C81002": 24})
        assert second.practices.keys() == {"C81001"}
        assert (first.last_event, second.last_event) == ("2026-01-02", "2026-02-20")
        assert (first.days_late, second.days_late) == (None, 3)
        kept = sorted((world.lake / "profile/gp_event").glob("*.json"))
        times = [p.stat().st_mtime_ns for p in kept]
        assert profiles(con, contract, lake=world.lake) == [first, second]
    assert [p.stat().st_mtime_ns for p in kept] == times


def test_a_silent_practice_is_told_with_the_people_who_are_ranked_on_stale_data(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(measuring, "feature_folder", lambda _: tmp_path / "feature")
    (tmp_path / f"feature/week={WEEK}").mkdir(parents=True)
    people = {"person_id": range(5), "practice_code": ["C81001", *["C81002"] * 4], "aged_65_flag": [True] * 4 + [False]}
    pl.DataFrame(people).write_parquet(tmp_path / f"feature/week={WEEK}/person.parquet")
    store = Store.at(world.home).prepare()
    listed = store.lake / f"list/week={WEEK}"
    listed.mkdir(parents=True)
    pl.DataFrame({"person_id": [0, 1, 2], "shown": [True, True, False]}).write_parquet(listed / "ledger.parquet")
    found = measuring.measure(store, WEEK)
    (silence,) = [s for s in found.silences if s.source == "gp_event"]
    assert silence.practices == (("C81002", dt.date(2026, 1, 5)),)
    assert silence.says == (
        "1 practice has sent no gp_event rows for 3 weeks: 3 people aged 65 and over are ranked on stale data, "
        "1 of them on this week's lists."
    )
    told = {f.check: f for f in found.findings}
    assert not told["practices_send"].passed
    assert set(told) == set(measuring.CHECKS)
    assert not any(f.blocking for f in found.findings)
    html = page(found)
    assert silence.says.replace("'", "&#39;") in html
    assert refused_in(html) == []
    assert not [n for n in range(10) if nhs_number(n) in html]


def test_the_sender_gets_row_numbers_rules_and_remedies_and_no_value_that_is_personal(world: World) -> None:
    store = Store.at(world.home)
    (path,) = write_reports(store, "gp_event")
    book = openpyxl.load_workbook(path)
    rows = list(book["Rows"].values)
    table = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    by_row = {(r["row"], r["rule"]): r for r in table}
    assert by_row[1, "N02"]["what became of the row"] == "set aside"
    assert by_row[1, "N02"]["value"] is None
    assert by_row[2, "C02"]["what to do"].startswith("send the date as YYYY-MM-DD")
    assert by_row[3, "C09"]["line"] == 4
    text = " ".join(str(v) for sheet in book for row in sheet.values for v in row if v is not None)
    assert "9000000000" not in text
    assert not [n for n in range(10) if nhs_number(n) in text]
    assert refused_in(text) == []
    assert [str(v) for row in book["Summary"].values for v in row if v == "week.csv"] == ["week.csv"]


def test_a_report_on_nothing_is_one_sentence(world: World) -> None:
    store = Store.at(world.home)
    assert write_reports(store, "gp_event", "2026-01-05") == []
    for source, says in (("nothing", "no source"), ("apc", "delivered nothing yet")):
        with pytest.raises(MistakeError, match=says):
            write_reports(store, source)


def asked(record: TinyRecord, rule: str) -> tuple[int, int]:
    return record.con.execute(sql.load(f"quality/{rule}"), {"index": WEEK}).fetchall()[0]


def test_rules_across_sources_find_what_contradicts_and_nothing_else() -> None:
    record = TinyRecord()
    record.con.execute("create or replace table care_home (household_id bigint, known_from date, known_until date)")
    record.con.execute("alter table ed_attendance add column discharge_destination_code bigint")
    for person, day in ((1, D(2026, 1, 1)), (2, D(2026, 1, 1)), (1, D(2024, 1, 1))):
        record.add("spell", person, admission_date=day)
    record.add("registration", 1, start_date=D(2000, 1, 1), known_from=D(2000, 1, 1))
    assert asked(record, "admission_without_registration") == (2, 1)
    record.add("death", 1, death_date=D(2026, 1, 10), known_from=D(2026, 1, 12))
    record.add("death", 2, death_date=D(2026, 1, 10), known_from=D(2026, 1, 12))
    record.add("ed_attendance", 2, event_date=D(2026, 2, 1))
    record.add("ed_attendance", 1, event_date=D(2026, 1, 12))
    assert asked(record, "activity_after_death") == (2, 1)
    for person in (1, 2, 3):
        record.add("ed_attendance", person, event_date=D(2025, 12, 1), discharge_destination_code=306706006)
    record.add("spell", 3, admission_date=D(2025, 12, 2)).add("spell", 2, admission_date=D(2025, 12, 4))
    assert asked(record, "admitted_without_admission") == (3, 2)
    record.con.execute("insert into care_home values (7, date '2020-01-01', null)")
    for person, household in ((1, 7), (2, 7), (3, 8)):
        record.add("person", person, household_id=household, known_from=D(2020, 1, 1))
    for person in (2, 3):
        record.add("care_service", person, event_date=D(2025, 1, 1), service_type="Long term support: Nursing care")
    assert asked(record, "care_home_disagreement") == (3, 2)


def test_every_rule_that_all_contracts_have_says_to_its_sender_what_to_do() -> None:
    assert set(TO_DO) == set(REMEDY)
    assert not set(TO_DO.values()) & set(REMEDY.values()), "what is wrong and what to do are two things"
