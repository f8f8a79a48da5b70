"""The commissioners' page holds what the tables hold, explains it, and needs nothing from elsewhere."""

import datetime as dt
import json
import re
from pathlib import Path

import polars as pl
import pytest

from commissioning import MartReport, PageHeading, build_marts, load_indicators, write_dashboard
from commissioning.charts import in_words, period_name, stacked
from commissioning.dashboard import TEMPLATES, number
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
    assert html.count("Plotly.newPlot(") >= 6


def test_without_approval_the_page_says_demonstration_and_with_it_no_more(report: MartReport, html: str) -> None:
    assert html.count("Demonstration: not for clinical use") >= 2
    approved = write_dashboard(report, report.folder / "approved.html", heading=PageHeading(approved=True))
    assert "Demonstration" not in approved.read_text(encoding="utf-8")


def test_each_chart_has_a_table_a_sentence_and_a_definition_beside_it(html: str) -> None:
    own = without_plotly(html)
    for indicator in load_indicators():
        if indicator.id != "list_reach":
            assert f'id="{indicator.id}"' in own
            assert re.search(f'role="img" aria-label="{indicator.name}. (From|No figure)', own)
            assert f'aria-label="Table: {indicator.name}"' in own
    assert own.count("<caption>") == own.count("<table")
    assert "one midnight" in own


def figure_of(html: str, indicator: str) -> dict[str, list[dict[str, object]]]:
    before = html[: html.index(f'Plotly.newPlot("chart-{indicator}"')]
    text = before[before.rindex("const figure = ") + len("const figure = ") :].strip().removesuffix(";")
    figure: dict[str, list[dict[str, object]]] = json.loads(text)
    return figure


def test_the_chart_and_the_table_show_the_published_figures(report: MartReport, html: str) -> None:
    frame = pl.read_parquet(report.table("emergency_admissions_by_frailty_band").path)
    last = frame.filter(~pl.col("provisional"), frailty_band="All").row(-1, named=True)
    whole = next(t for t in figure_of(html, "emergency_admissions")["data"] if t["name"] == "All")
    drawn = dict(zip(whole["x"], whole["y"], strict=True))
    assert drawn[last["start"].isoformat()] == last["value"] > 0
    name = period_name(last["period"], last["start"])
    assert f'<th scope="row">{name}</th><td>{last["value"]:,}</td>' in html


def test_a_month_without_data_is_said_and_drawn_as_a_gap(report: MartReport, html: str) -> None:
    assert "No data for Aug 2025." in html
    assert '<th scope="row">Aug 2025</th><td>no data</td>' in html
    indicator = next(i for i in load_indicators() if i.id == "ed_attendances")
    frame = pl.read_parquet(report.table("ed_attendances_by_frailty_band").path)
    whole = next(t for t in stacked(frame, "frailty_band", indicator).data if t.name == "All")
    assert whole.y[list(whole.x).index("2025-08-01")] is None
    assert whole.connectgaps is False


def test_a_period_that_still_fills_up_is_marked(html: str) -> None:
    assert re.search(r'<th scope="row">[^<]+ \(prov\.\)</th>', html)


def test_the_national_standard_is_drawn_only_where_one_is_declared(html: str) -> None:
    assert html.count("Standard 70 %") == 1


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
    assert 'id="emergency_bed_days"' not in page


def test_a_run_of_missing_months_is_one_shaded_gap(report: MartReport) -> None:
    indicator = next(i for i in load_indicators() if i.id == "ed_attendances")
    frame = pl.read_parquet(report.table("ed_attendances_by_frailty_band").path)
    shapes = stacked(frame, "frailty_band", indicator).layout.shapes
    assert [(s.x0, s.x1) for s in shapes] == [("2025-08-01", "2025-09-01")]
