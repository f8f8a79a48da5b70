"""What commissioners ask and take out: documented views, questions that work, files with their definitions."""

import json
from pathlib import Path

import duckdb
import openpyxl
import polars as pl
import pytest

from commissioning import build_marts
from pipelines.errors import MistakeError
from pipelines.export import export
from pipelines.publish import Table, _write_warehouse
from pipelines.query import query
from pipelines.store import Store
from tests.examples.commissioning import DATA_DATE, many, record

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "6-answer-a-commissioner.ipynb"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("warehouse")
    made = many(record(folder), 2500, years=3)
    report = build_marts(made.con, data_date=DATA_DATE, out=folder / "mart", months=36, policy=made.policy)
    store = Store(folder / "home")
    (store.published / "current").mkdir(parents=True)
    tables = [Table(t.name, (t.path,), t.description, t.columns) for t in report.tables]
    _write_warehouse(store.current / "warehouse.duckdb", tables)
    return store


def test_every_view_and_every_column_of_commissioners_has_a_comment(store: Store) -> None:
    with duckdb.connect(str(store.current / "warehouse.duckdb"), read_only=True) as con:
        views = con.sql("select view_name, comment from duckdb_views() where schema_name = 'commissioning'").fetchall()
        bare = con.sql(
            "select table_name, column_name from duckdb_columns() "
            "where schema_name = 'commissioning' and comment is null"
        ).fetchall()
    assert len(views) > 80
    assert [name for name, comment in views if not comment] == []
    assert bare == []


def test_no_view_of_commissioners_holds_a_person(store: Store) -> None:
    with duckdb.connect(str(store.current / "warehouse.duckdb"), read_only=True) as con:
        columns = {c for (c,) in con.sql("select distinct column_name from duckdb_columns()").fetchall()}
    assert not columns & {"person_id", "nhs_number", "household_id", "birth_month"}


def test_every_example_question_gets_an_answer(store: Store) -> None:
    questions = query(store, "select * from commissioning.example_query")
    assert questions.height >= 6
    for name, sql in questions.select("name", "sql").iter_rows():
        answer = query(store, sql)
        assert answer.width > 0
        if name in ("why_bed_days_changed", "places_compared", "no_source", "definition", "everything_of_one_month"):
            assert answer.height > 0, name


def test_all_figures_in_one_shape_are_those_of_the_tables(store: Store) -> None:
    whole = query(
        store,
        "select sum(value) from commissioning.figure where table_name = 'emergency_admissions_by_age_band'",
    ).item()
    assert whole == query(store, "select sum(value) from commissioning.emergency_admissions_by_age_band").item() > 0


def test_an_export_holds_the_tables_asked_for_and_their_definitions(store: Store, tmp_path: Path) -> None:
    written = export(store, tmp_path / "out", indicators=["emergency_bed_days"])
    names = {p.name for p in written}
    assert {"emergency_bed_days.csv", "emergency_bed_days.parquet", "commissioning.xlsx"} <= names
    assert not any(n.startswith("ed_attendances") for n in names)
    frame = pl.read_parquet(tmp_path / "out" / "emergency_bed_days_by_pcn.parquet")
    book = openpyxl.load_workbook(tmp_path / "out" / "commissioning.xlsx", read_only=True)
    assert book.sheetnames[:3] == ["Definitions", "Suppression", "Columns"]
    sheet = next(s for s in book.worksheets if next(s.iter_rows(values_only=True))[0] == "emergency_bed_days_by_pcn")
    rows = list(sheet.iter_rows(values_only=True))[1:]
    at = rows[0].index("value")
    written_values = ["*" if s == "suppressed" else v for v, s in frame.select("value", "status").iter_rows()]
    assert [r[at] for r in rows[1:]] == written_values
    assert "*" in written_values or frame.filter(status="suppressed").is_empty()


def test_an_unknown_indicator_or_format_is_said_in_a_sentence(store: Store, tmp_path: Path) -> None:
    with pytest.raises(MistakeError, match="There is no indicator beds; there are "):
        export(store, tmp_path, indicators=["beds"])
    with pytest.raises(MistakeError, match="There is no format pdf"):
        export(store, tmp_path, formats=["pdf"])


def test_the_notebook_of_worked_questions_runs_from_start_to_end(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTICIPATE_HOME", str(store.home))
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    room: dict[str, object] = {}
    ran = 0
    for cell in cells:
        assert not cell.get("outputs")
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), NOTEBOOK.name, "exec"), room)
            ran += 1
    assert ran >= 5
    assert isinstance(room["by_place"], pl.DataFrame)
    assert room["by_place"].height > 0
