"""The published tables: cuts, gaps, provisional months, rates, and what their folder says about them."""

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from commissioning import PLAIN_TABLES, MartReport, build_marts, load_indicators, read_catalogue
from commissioning.control_chart import recording_changes
from commissioning.declaration import Indicator, frailty_codes
from commissioning.disclosure import ALL, PUBLISHED, SUPPRESSED
from data_contracts.words import check_words
from tests.examples.commissioning import DATA_DATE, FEW, Record, many, record


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Record, MartReport]:
    folder = tmp_path_factory.mktemp("marts")
    made = many(record(folder), 3000, years=2)
    return made, build_marts(made.con, data_date=DATA_DATE, out=folder / "mart", months=30, policy=made.policy)


def read(report: MartReport, name: str) -> pl.DataFrame:
    return pl.read_parquet(report.folder / f"{name}.parquet")


def test_every_declared_cut_is_a_table_with_its_columns_explained(built: tuple[Record, MartReport]) -> None:
    _, report = built
    declared = [i.table(cut) for i in load_indicators() for cut in i.cuts]
    assert [t.name for t in report.tables] == [*declared, *PLAIN_TABLES]
    for table in report.tables:
        assert list(table.columns) == pl.read_parquet_schema(table.path).names()
        assert table.description


def test_no_table_holds_a_person_or_an_unrounded_count(built: tuple[Record, MartReport]) -> None:
    _, report = built
    for table in (t for t in report.tables if t.indicator):
        frame = read(report, table.name)
        assert "person_id" not in frame.columns
        assert frame.filter(pl.col("value") % 5 != 0).height == 0
        assert frame.filter(pl.col("value").is_null() & (pl.col("status") == PUBLISHED)).height == 0


def test_the_total_agrees_with_the_record(built: tuple[Record, MartReport]) -> None:
    made, report = built
    november = dt.date(2025, 11, 1)
    row = read(report, "emergency_admissions_by_age_band").filter(start=november, age_band=ALL)
    (true,) = made.con.sql(
        "select count(*) from inpatient_spell join person using (person_id) where emergency_flag "
        "and date_trunc('month', admission_date) = date '2025-11-01' "
        "and date_diff('month', birth_month, admission_date) - "
        "case when day(admission_date) < 15 then 1 else 0 end >= 65 * 12"
    ).fetchall()[0]
    assert abs(row["value"].item() - true) <= 2


def test_months_that_still_fill_up_are_provisional(built: tuple[Record, MartReport]) -> None:
    _, report = built
    flags = dict(
        read(report, "emergency_bed_days_by_age_band").filter(age_band=ALL).select("start", "provisional").iter_rows()
    )
    assert flags[dt.date(2025, 11, 1)] is False
    assert flags[dt.date(2025, 12, 1)] is True
    assert flags[dt.date(2026, 1, 1)] is True


def test_a_month_that_nobody_delivered_is_a_gap_and_no_nought(tmp_path: Path) -> None:
    made = many(record(tmp_path), 2000, years=2)
    made.con.execute("delete from ed_attendance where event_date between date '2025-08-01' and date '2025-08-31'")
    report = build_marts(
        made.con, data_date=DATA_DATE, out=tmp_path / "mart", months=12, policy=made.policy, indicators=FEW
    )
    august = read(report, "ed_attendances_by_age_band").filter(start=dt.date(2025, 8, 1))
    assert set(august["status"]) == {"no data"}
    assert august["value"].null_count() == august.height


def test_a_source_without_a_record_gives_an_empty_table_with_its_columns(tmp_path: Path) -> None:
    made = many(record(tmp_path), 300, years=1)
    made.con.execute("delete from response_clock")
    report = build_marts(
        made.con, data_date=DATA_DATE, out=tmp_path / "mart", months=6, policy=made.policy, indicators=FEW
    )
    frame = read(report, "urgent_response_by_response")
    assert (frame.height, "share_percent" in frame.columns) == (0, True)


def test_a_table_that_would_be_mostly_suppressed_is_published_coarser_and_says_so(tmp_path: Path) -> None:
    made = many(record(tmp_path), 700, years=2)
    report = build_marts(
        made.con, data_date=DATA_DATE, out=tmp_path / "mart", months=24, policy=made.policy, indicators=FEW
    )
    note = read(report, "table_note")
    by = dict(note.select("table_name", "period").iter_rows())
    assert by["registered_people_by_age_band"] == "month"
    assert by["ed_attendances_by_pcn"] == "quarter"
    frame = read(report, "ed_attendances_by_pcn")
    assert set(frame["start"].dt.month()) <= {1, 4, 7, 10}
    assert frame.filter(status=PUBLISHED, pcn=ALL).height == frame["start"].n_unique()
    for table in (t for t in report.tables if t.indicator):
        assert table.suppressed <= 0.4 * max(table.cells, 1)


def test_rates_and_shares_come_from_published_figures_only(built: tuple[Record, MartReport]) -> None:
    _, report = built
    beds = read(report, "emergency_bed_days_by_age_band").filter(pl.col("rate").is_not_null())
    assert (beds["rate"] - beds["value"] * 1000 / beds["population"]).abs().max() <= 0.05
    urgent = read(report, "urgent_response_by_response")
    assert urgent["share_percent"].max() <= 100
    assert (
        urgent.filter(pl.col("status") == SUPPRESSED)["share_percent"].null_count()
        == urgent.filter(pl.col("status") == SUPPRESSED).height
    )


def test_a_share_of_few_is_not_said_and_makes_the_table_coarser(tmp_path: Path) -> None:
    made = many(record(tmp_path), 2500, years=2)
    report = build_marts(
        made.con, data_date=DATA_DATE, out=tmp_path / "mart", months=24, policy=made.policy, indicators=FEW
    )
    assert report.table("urgent_response_by_response").period == "quarter"
    frame = read(report, "urgent_response_by_response")
    whole = frame.filter(response=ALL).select("start", whole="value")
    few = frame.join(whole, on="start").filter(pl.col("whole") < 50)
    assert few["share_percent"].null_count() == few.height
    assert frame["share_percent"].drop_nulls().len() > 0


def test_the_same_record_gives_the_same_bytes_whatever_the_threads(
    built: tuple[Record, MartReport], tmp_path: Path
) -> None:
    made, report = built
    made.con.execute("set threads = 1")
    again = build_marts(made.con, data_date=DATA_DATE, out=tmp_path, months=30, policy=made.policy)
    for table in report.tables:
        assert (tmp_path / table.path.name).read_bytes() == table.path.read_bytes()
    assert again.removed == report.removed


def test_the_number_taken_out_is_said_and_a_small_one_is_not(tmp_path: Path) -> None:
    made = many(record(tmp_path), 200, years=1)
    for person in range(1, 4):
        made.add("opt_out", person_id=person, opt_out_type="national", start_date=dt.date(2024, 1, 1))
    few = build_marts(made.con, data_date=DATA_DATE, out=tmp_path / "few", months=3, policy=made.policy, indicators=FEW)
    assert few.removed is None
    for person in range(4, 13):
        made.add("opt_out", person_id=person, opt_out_type="type1", start_date=dt.date(2024, 1, 1))
    assert (
        build_marts(
            made.con, data_date=DATA_DATE, out=tmp_path / "more", months=3, policy=made.policy, indicators=FEW
        ).removed
        == 10
    )


def test_the_reach_of_the_lists_is_counted_from_the_ledgers(tmp_path: Path) -> None:
    made = many(record(tmp_path), 300, years=1)
    folder = tmp_path / "list" / "week=2025-12-01"
    folder.mkdir(parents=True)
    ids = list(range(1, 41))
    pl.DataFrame(
        {"week": [dt.date(2025, 12, 1)] * 40, "person_id": ids, "shown": [i <= 20 for i in ids]}
    ).write_parquet(folder / "ledger.parquet")
    report = build_marts(
        made.con, data_date=DATA_DATE, out=tmp_path / "mart", ledgers=tmp_path / "list", months=6, policy=made.policy
    )
    shown = read(report, "list_reach").filter(start=dt.date(2025, 12, 1))
    assert shown["value"].to_list() == [20]


def test_the_registers_are_counted_from_the_first_of_each_month_and_small_levels_are_not_shown(tmp_path: Path) -> None:
    made = many(record(tmp_path), 300, years=1)
    for day, people in ((1, 40), (15, 80)):
        week = dt.date(2025, 12, day)
        folder = tmp_path / "register" / f"week={week}"
        folder.mkdir(parents=True)
        rows = [(week, i, "Probably housebound" if i <= 3 else "Recorded as housebound", "Not known", "Due")
                for i in range(1, people + 1)]  # fmt: skip
        columns = ["week", "person_id", "register_level", "seen", "review"]
        pl.DataFrame(rows, schema=columns, orient="row").write_parquet(folder / "profile.parquet")
    only = tuple(i for i in load_indicators() if i.id == "register_people")
    report = build_marts(
        made.con,
        data_date=DATA_DATE,
        out=tmp_path / "mart",
        registers=tmp_path / "register",
        months=6,
        policy=made.policy,
        indicators=only,
    )
    december = dt.date(2025, 12, 1)
    assert read(report, "register_people").filter(start=december)["value"].to_list() == [40]
    levels = dict(
        read(report, "register_people_by_register_level")
        .filter(start=december)
        .select("register_level", "value")
        .rows()
    )
    assert levels["Probably housebound"] is None
    assert levels["Recorded as housebound"] == 35


def test_a_folder_of_tables_explains_itself(built: tuple[Record, MartReport]) -> None:
    _, report = built
    assert read_catalogue(report.folder) == report


def test_every_indicator_says_what_where_from_and_what_to_keep_in_mind() -> None:
    check_words([text for i in load_indicators() for text in texts(i)])
    assert {i.id for i in load_indicators()} >= {"emergency_bed_days", "emergency_admissions", "urgent_response"}
    assert all(len(i.definition) > 60 and i.caveat and i.source for i in load_indicators())


def texts(indicator: Indicator) -> list[str]:
    return [v for v in indicator.model_dump().values() if isinstance(v, str)]


def test_each_frailty_code_stands_for_one_band() -> None:
    bands = dict(frailty_codes())
    assert bands[925861000000102] == "Severe"
    assert set(bands.values()) == {"None recorded", "Mild", "Moderate", "Severe"}


def test_limits_are_of_the_counts_before_rounding_and_only_where_every_period_is_published(
    built: tuple[Record, MartReport],
) -> None:
    _, report = built
    points = read(report, "control_chart").filter(indicator="emergency_admissions", place=ALL)
    published = read(report, "emergency_admissions")
    assert points.height == published.filter(~pl.col("provisional")).height
    signal = read(report, "signal").filter(indicator="emergency_admissions", place=ALL).row(0, named=True)
    assert (signal["variation"], signal["why_no_icon"]) == ("nothing beyond chance", "")
    hidden = {t.indicator for t in report.tables if t.name == t.indicator and t.suppressed}
    assert not hidden & set(read(report, "signal").filter(place=ALL)["indicator"])


def test_a_dated_change_of_recording_starts_the_baseline_anew_with_its_reason(tmp_path: Path) -> None:
    changes = tmp_path / "changes.yaml"
    changes.write_text("- {day: 2024-05-01, what: Moved, indicators: [x], source: told}\n", encoding="utf-8")
    assert recording_changes(changes)[0].day == dt.date(2024, 5, 1)
    assert all(set(c.indicators) <= {i.id for i in load_indicators()} for c in recording_changes())


def test_the_board_has_at_most_twelve_indicators() -> None:
    assert 0 < sum(i.board for i in load_indicators()) <= 12


def test_places_have_a_chart_only_where_every_figure_of_theirs_is_published(
    built: tuple[Record, MartReport],
) -> None:
    _, report = built
    points = read(report, "control_chart").filter(indicator="ed_attendances")
    assert set(points["place"]) == {ALL}
    by = next(d for d in ("frailty_band", "residence") if report.table(f"emergency_admissions_by_place_and_{d}").period
              in ("month", "quarter"))  # fmt: skip
    admitted = read(report, f"emergency_admissions_by_place_and_{by}").filter(pl.col(by) == ALL)
    whole = {p for (p,), own in admitted.group_by("place") if SUPPRESSED not in own["status"]} - {ALL}
    charted = read(report, "control_chart").filter(indicator="emergency_admissions")
    assert set(charted["place"]) == whole | {ALL}
    assert read(report, "signal").filter(indicator="emergency_admissions").height == len(whole | {ALL})
