"""The commissioners' page in a real browser: filters answer without a server, and show what SQL says is published."""

import html
import json
import re
import shutil
import subprocess
from typing import Any

import duckdb
import pytest

from commissioning import MartReport, build_marts, write_dashboard
from tests.examples.commissioning import DATA_DATE, many, record

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium here: the page was not driven in a browser"),
]
DRIVER = """
<script>
const errors = [];
addEventListener("error", e => errors.push(e.message));
addEventListener("load", () => setTimeout(() => {
  const found = {opened: performance.now()};
  const rows = id => [...document.querySelectorAll(`#table-${id} tbody tr`)];
  const read = id => rows(id).map(tr => [...tr.cells].map(c => c.textContent));
  const choose = (id, value) => {
    $(id).value = value;
    $(id).dispatchEvent(new Event("change"));
    return $(id).value === value;
  };
  const shown = id => $("shown-" + id).textContent;
  const began = performance.now();
  found.chose = choose("area", "pcn|Network 1 (U10001)");
  found.took = performance.now() - began;
  found.pcn = read("emergency_admissions"); found.pcn_shown = shown("emergency_admissions");
  render(DATA.find(i => i.id === "emergency_admissions"), true);
  found.pcn_drawn = $("chart-emergency_admissions").data[0].y.filter(y => y !== null);
  found.label = $("chart-emergency_admissions").getAttribute("aria-label");
  choose("band", "Severe");
  found.nearest = shown("emergency_admissions");
  choose("area", "place|Place 1");
  found.place_band = read("registered_people"); found.place_band_shown = shown("registered_people");
  $("reset").click();
  choose("split-registered_people", "age_band");
  found.split_heads = [...$("table-registered_people").tHead.rows[0].cells].map(c => c.textContent);
  found.split = read("registered_people");
  DATA.forEach(i => render(i, true));
  found.errors = errors;
  document.title = "done";
  const out = document.createElement("pre");
  out.id = "found"; out.textContent = JSON.stringify(found);
  document.body.append(out);
}, 300));
</script>
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> MartReport:
    folder = tmp_path_factory.mktemp("browser")
    made = many(record(folder), 4000, years=2)
    return build_marts(made.con, data_date=DATA_DATE, out=folder / "mart", months=24, policy=made.policy)


@pytest.fixture(scope="module")
def found(report: MartReport) -> dict[str, Any]:
    page = write_dashboard(report, report.folder / "page.html")
    driven = report.folder / "driven.html"
    driven.write_text(page.read_text(encoding="utf-8").replace("</body>", DRIVER + "</body>"), encoding="utf-8")
    command = [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    command += [f"--user-data-dir={report.folder / 'profile'}", "--virtual-time-budget=20000", "--dump-dom"]
    done = subprocess.run([*command, driven.as_uri()], capture_output=True, text=True, timeout=180, check=False)
    text = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, flags=re.DOTALL)
    assert text, done.stderr[-2000:]
    result: dict[str, Any] = json.loads(html.unescape(text.group(1)))
    return result


def asked(report: MartReport, table: str, where: str) -> list[str]:
    """Published figures of one line by SQL, newest first, as the page writes them."""
    rows = duckdb.sql(
        f"select value, status from read_parquet('{report.table(table).path}') where {where} order by start desc"
    ).fetchall()
    return ["no data" if s == "no data" else "*" if v is None else f"{v:,}" for v, s in rows]


def test_no_script_of_the_page_fails(found: dict[str, Any]) -> None:
    assert found["errors"] == []
    assert found["chose"]


def test_the_network_filter_shows_the_figures_of_that_network(report: MartReport, found: dict[str, Any]) -> None:
    by_sql = asked(report, "emergency_admissions_by_pcn", "pcn = 'Network 1 (U10001)'")
    assert [row[1] for row in found["pcn"]] == by_sql
    assert found["pcn_drawn"] == [int(v.replace(",", "")) for v in reversed(by_sql) if v[0].isdigit()]
    assert found["pcn_shown"].startswith("Network 1 (U10001)")
    assert found["label"].startswith("Emergency admissions. From ")


def test_place_and_band_together_show_the_table_that_has_both(report: MartReport, found: dict[str, Any]) -> None:
    by_sql = asked(
        report, "registered_people_by_place_and_frailty_band", "place = 'Place 1' and frailty_band = 'Severe'"
    )
    assert [row[1] for row in found["place_band"]] == by_sql
    assert "Place 1, Severe" in found["place_band_shown"]


def test_what_is_not_published_together_is_said_and_not_made_up(found: dict[str, Any]) -> None:
    assert "Not published as the filters ask" in found["nearest"]


def test_a_split_shows_each_part_and_the_whole(report: MartReport, found: dict[str, Any]) -> None:
    assert found["split_heads"] == ["Period", "65 to 74", "75 to 84", "85 and over", "All"]
    for column, part in enumerate(["65 to 74", "75 to 84", "85 and over", "All"], start=1):
        by_sql = asked(report, "registered_people_by_age_band", f"age_band = '{part}'")
        assert [row[column] for row in found["split"]] == by_sql


def test_the_page_opens_and_filters_answer_within_two_seconds(found: dict[str, Any]) -> None:
    assert found["took"] < 2000
