"""Reconciliation, standardised rates, projection, scenarios and services: what the board reads besides."""

import datetime as dt
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commissioning import MartReport, build_marts, load_indicators, write_dashboard
from commissioning.disclosure import RULES
from commissioning.projection import WITH_PROJECTION, WITHOUT
from commissioning.published import Span
from commissioning.reconciliation import STEPS, _rows
from commissioning.services import services
from commissioning.standardised import direct_rate
from commissioning.what_if import chance_of_breaking_even, declared, outcomes
from data_contracts.words import check_words
from tests.examples.commissioning import DATA_DATE, FEW, Record, many, record

YEAR = Span(dt.date(2025, 1, 1), dt.date(2026, 1, 1))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Record, MartReport]:
    folder = tmp_path_factory.mktemp("board")
    made = many(record(folder), 3000, years=3)
    made.con.execute(
        "insert into spell by name select person_id, row_number() over () as spell_id, admission_date, discharge_date, "
        "emergency_flag, '1' as patient_class, known_from, known_until from inpatient_spell"
    )
    for age, growth in ((65, 1.0), (70, 1.0), (75, 1.0), (80, 1.5), (85, 1.5), (90, 1.5)):
        for year in (2026, 2030):
            band = f"{age}-{age + 4}" if age < 90 else "90+"
            people = round(100 * (growth if year == 2030 else 1))
            made.add(
                "population_projection",
                area_code="E07000001",
                year=year,
                sex_code="1",
                age_band=band,
                population=people,
            )
    return made, build_marts(made.con, data_date=DATA_DATE, out=folder / "mart", months=36, policy=made.policy)


def read(report: MartReport, name: str) -> pl.DataFrame:
    return pl.read_parquet(report.table(name).path)


def test_the_reconciliation_ends_at_our_emergency_bed_days(built: tuple[Record, MartReport]) -> None:
    frame = read(built[1], "reconciliation")
    assert frame["step"].to_list() == list(STEPS)
    last = frame.row(-1, named=True)
    year = read(built[1], "emergency_bed_days").filter(
        pl.col("start").is_between(last["start"], last["end"], closed="left")
    )
    assert year["value"].sum() == last["nights"]
    shown = frame.filter(pl.col("nights").is_not_null())
    assert shown["change"].sum() == shown["nights"][-1] - shown["nights"][0]


def test_a_step_that_few_people_made_is_not_shown_and_the_next_one_holds_it() -> None:
    per_person = pl.DataFrame({"person_id": range(40), **dict.fromkeys(STEPS, 10)})
    few = pl.when(pl.col("person_id") < 3).then(0).otherwise(10)
    many_fewer = pl.when(pl.col("person_id") < 20).then(0).otherwise(10)
    later = list(STEPS)[5:]
    frame = per_person.with_columns(few.alias("emergency"), *(many_fewer.alias(s) for s in later))
    rows = {row[3]: (row[5], row[6]) for row in _rows(frame, YEAR, 200, RULES)}
    assert rows["emergency"] == (None, None)
    assert rows["registered"] == (200, -200)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 5000)), min_size=1, max_size=6))
def test_a_standardised_rate_lies_in_its_interval_and_between_the_rates_of_the_ages(
    cells: list[tuple[int, int]],
) -> None:
    events = np.array([float(e) for e, _ in cells])
    years = np.array([float(y) for _, y in cells])
    rate, low, high = direct_rate(events, years, np.arange(1.0, len(cells) + 1))
    assert 0 <= low <= rate + 1e-12
    assert rate <= high
    assert (events / years).min() - 1e-12 <= rate <= (events / years).max() + 1e-12


def test_places_with_other_ages_and_the_same_rates_have_the_same_standardised_rate() -> None:
    weight = np.array([5.0, 1.0])
    young, old = np.array([1000.0, 100.0]), np.array([100.0, 1000.0])
    each = np.array([0.1, 0.4])
    assert direct_rate(young * each, young, weight)[0] == pytest.approx(direct_rate(old * each, old, weight)[0])


def test_a_projection_grows_with_the_people_of_each_age(built: tuple[Record, MartReport]) -> None:
    made, report = built
    frame = read(report, "projection").filter(pl.col("measure") == "Emergency admissions in a year")
    assert frame["note"].unique().to_list() == [WITH_PROJECTION]
    value = dict(frame.select("year", "value").iter_rows())
    assert value[2026] < value[2030] < 1.5 * value[2026]
    assert (frame["lower"] < frame["value"]).all()
    assert (frame["value"] < frame["upper"]).all()
    assert made.con.sql("select count(*) from population_projection").fetchall()[0][0] == 12


def test_without_a_projection_the_numbers_stay_and_it_is_said(tmp_path: Path) -> None:
    made = many(record(tmp_path), 1500, years=2)
    report = build_marts(
        made.con, data_date=DATA_DATE, out=tmp_path / "mart", months=24, policy=made.policy, indicators=FEW
    )
    frame = read(report, "projection").filter(pl.col("value").is_not_null())
    assert frame["note"].unique().to_list() == [WITHOUT]
    assert frame["year"].null_count() == frame.height


def test_every_scenario_has_a_source_and_the_first_assumes_nothing() -> None:
    scenarios = declared()["scenarios"]
    assert scenarios[0]["effect"] == 0
    assert all(len(s["source"]) > 20 for s in scenarios)
    none, prism = outcomes(0.5, 8.0)
    assert (none.admissions, none.midnights, none.care_cost) == (0, 0, None)
    assert prism.admissions == pytest.approx(0.01 * 0.5 * prism.people)
    assert prism.care_cost == 76 * prism.people
    assert prism.contact_cost == 47 * prism.contacts > 0
    assert prism.break_even_effect is None


def test_the_chance_of_breaking_even_falls_with_what_is_needed() -> None:
    assert chance_of_breaking_even(-0.05, 0.03, -0.05) == pytest.approx(0.5)
    assert chance_of_breaking_even(0.01, 0.02, -0.10) < 0.001


def test_all_twelve_services_have_a_row_and_name_indicators_that_exist(built: tuple[Record, MartReport]) -> None:
    ids = {i.id for i in load_indicators()}
    assert len(services()) == 12
    assert all(s.indicators and set(s.indicators) <= ids for s in services())
    check_words([text for s in services() for text in (s.name, s.missing, *(f.note for f in s.published))])
    page = write_dashboard(built[1], built[1].folder / "page.html").read_text(encoding="utf-8")
    for service in services():
        assert f"<strong>{service.name}</strong>" in page
    assert "treat 0.3 % as an error in the source" in page


def test_no_extra_table_holds_a_person(built: tuple[Record, MartReport]) -> None:
    for name in ("reconciliation", "standardised_rate", "projection", "bed_day_change"):
        columns = [c for c, *_ in duckdb.sql(f"describe from '{built[1].table(name).path}'").fetchall()]
        assert "person_id" not in columns
        assert columns == list(built[1].table(name).columns)
