"""The commissioners' page holds what the tables hold, explains it, and needs nothing from elsewhere."""

import datetime as dt
import json
import re
from html import escape as html_escape
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from commissioning import MartReport, PageHeading, build_marts, load_indicators, write_dashboard
from commissioning.dashboard import TEMPLATES, number
from commissioning.declaration import table_name
from commissioning.wording import in_words, period_name
from data_contracts.words import WordError, check_words
from tests.examples.commissioning import DATA_DATE, many, record


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> MartReport:
    folder = tmp_path_factory.mktemp("page")
    made = many(record(folder), 6000, years=2)
    made.con.execute("delete from ed_attendance where event_date between date '2025-08-01' and date '2025-08-31'")
    return build_marts(made.con, data_date=DATA_DATE, out=folder / "mart", months=30, policy=made.policy)


@pytest.fixture(scope="module")
def html(report: MartReport) -> str:
    return write_dashboard(report, report.folder / "page.html").read_text(encoding="utf-8")


def without_plotly(html: str) -> str:
    return re.sub(r"<script>.*?</script>", "", html, count=1, flags=re.DOTALL)


def test_the_page_is_one_file_under_ten_megabytes_that_asks_for_nothing(html: str) -> None:
    assert len(html.encode()) < 10_000_000
    own = without_plotly(html)
    assert not re.search(r"(src|href)=\"(?!#)", own)
    assert "@import" not in own
    assert html.count('class="chart"') >= 6


def test_without_approval_the_page_says_demonstration_and_with_it_no_more(report: MartReport, html: str) -> None:
    assert html.count("Demonstration: not for clinical use") >= 2
    approved = write_dashboard(report, report.folder / "approved.html", heading=PageHeading(approved=True))
    assert "Demonstration" not in approved.read_text(encoding="utf-8")


def test_the_codelists_behind_the_figures_are_named_with_their_version(html: str) -> None:
    (lists,) = re.findall(r"Codelists of version starter-1: ([^<]*)", html)
    assert all(name in lists for name in ("frailty severe", "rockwood 6", "housebound", "dementia"))
    assert "not comparable with published ones" in lists


def test_each_chart_has_a_table_a_sentence_and_a_definition_beside_it(html: str) -> None:
    own = without_plotly(html)
    for indicator in load_indicators():
        assert f'id="{indicator.id}"' in own
        if f'id="chart-{indicator.id}"' in own:
            name = html_escape(indicator.name)
            assert re.search(f'role="img" aria-label="{re.escape(name)}. (From|No figure)', own)
            assert f'aria-label="Table: {name}"' in own
    assert own.count("<caption>") == own.count("<table")
    assert "one midnight" in own


def test_an_indicator_without_a_source_says_so_and_what_to_ask_for(html: str) -> None:
    assert "No source: nothing that it counts has been delivered." in html
    assert "Ask the councils for" in html or "Ask the councils to send" in html


def data_of(html: str) -> list[dict[str, Any]]:
    before, after = "const DATA = ", ';\n"use strict";'
    text = html[html.index(before) + len(before) :]
    data: list[dict[str, Any]] = json.loads(text[: text.index(after)])
    return data


def test_the_table_and_the_data_of_the_charts_are_the_published_figures(report: MartReport, html: str) -> None:
    frame = pl.read_parquet(report.table("emergency_admissions_by_frailty_band").path)
    last = frame.filter(~pl.col("provisional"), frailty_band="All").row(-1, named=True)
    entry = next(e for e in data_of(html) if e["id"] == "emergency_admissions")
    table = next(t for t in entry["tables"] if t["by"] == ["frailty_band"])
    rows = zip(table["start"], table["parts"][0], table["value"], strict=True)
    drawn = {start: value for start, part, value in rows if table["names"][0][part] == "All"}
    assert drawn[last["start"].isoformat()] == last["value"] > 0
    name = period_name(last["period"], last["start"])
    assert f'<th scope="row">{name}</th><td>{last["value"]:,}</td>' in html


def test_the_page_carries_published_figures_and_nothing_else(report: MartReport, html: str) -> None:
    for entry in data_of(html):
        for table in entry["tables"]:
            name = table_name(entry["id"], tuple(table["by"]))
            assert table["value"] == pl.read_parquet(report.table(name).path)["value"].to_list()


def test_a_month_without_data_is_said_as_a_gap(html: str) -> None:
    assert "No data for Aug 2025." in html
    assert '<th scope="row">Aug 2025</th><td>no data</td>' in html
    entry = next(e for e in data_of(html) if e["id"] == "ed_attendances")
    table = next(t for t in entry["tables"] if t["by"] == [])
    at = table["start"].index("2025-08-01")
    assert (table["value"][at], table["status"][at]) == (None, 2)


def test_a_period_that_still_fills_up_is_marked(html: str) -> None:
    assert re.search(r'<th scope="row">[^<]+ \(prov\.\)</th>', html)


def test_the_national_standard_is_drawn_only_where_one_is_declared(html: str) -> None:
    assert [e["id"] for e in data_of(html) if e["standard"] is not None] == ["urgent_response"]


def test_suppressed_unknown_missing_and_large_figures_are_told_apart() -> None:
    said = [number(None, "suppressed"), number(None, "no data"), number(None, "published"), number(1234.5, "published")]
    assert said == ["*", "no data", "–", "1,234.5"]


def test_the_sentence_leaves_provisional_months_out() -> None:
    rows = pl.DataFrame(
        {
            "period": "month",
            "start": [dt.date(2025, m, 1) for m in (9, 10, 11)],
            "value": [100, 200, 5],
            "status": "published",
            "provisional": [False, False, True],
        }
    )
    assert in_words(rows, "value", "admissions") == (
        "From 100 admissions in Sep 2025 to 200 admissions in Oct 2025; "
        "highest 200 admissions in Oct 2025, lowest 100 admissions in Sep 2025."
    )


def test_a_financial_year_is_said_as_such() -> None:
    assert period_name("year", dt.date(2029, 4, 1)) == "2029/30"


def test_no_text_of_the_page_holds_a_refused_word(report: MartReport, html: str) -> None:
    check_words([without_plotly(html), *(p.read_text() for p in TEMPLATES.glob("*.j2"))])
    with pytest.raises(WordError):
        write_dashboard(report, report.folder / "bad.html", heading=PageHeading(notes=("A burden on wards",)))


def test_a_record_without_activity_still_gives_a_page(tmp_path: Path) -> None:
    made = record(tmp_path)
    for person in range(1, 40):
        made.person(person)
    built = build_marts(made.con, data_date=DATA_DATE, out=tmp_path / "mart", months=6, policy=made.policy)
    page = write_dashboard(built, tmp_path / "page.html").read_text(encoding="utf-8")
    assert 'id="registered_people"' in page
    assert 'id="chart-emergency_bed_days"' not in page
    assert "nothing that it counts has been delivered" in page
