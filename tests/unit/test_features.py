"""Properties of the matrix and of the declarations."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

import features
from features.declaration import DECLARED, FeatureSet, load_features
from tests.tiny_record import TinyRecord, tiny_codelists

WEEKS = [dt.date(2024, 1, 1) + dt.timedelta(weeks=n) for n in range(6)]


@pytest.fixture(scope="session")
def declared(tmp_path_factory: pytest.TempPathFactory) -> FeatureSet:
    return tiny_codelists(tmp_path_factory.mktemp("codelists"))


def busy_record(declared: FeatureSet, people: int = 60, seed: int = 3) -> TinyRecord:
    """People with random events in every source around the weeks, known late and sometimes withdrawn."""
    rng = np.random.default_rng(seed)
    record = TinyRecord().alive_sources(*WEEKS)
    codes = range(1001, 1001 + len(declared.used_codelists))

    def dates(first: str, days: int) -> dict[str, dt.date | None]:
        happened = dt.date.fromisoformat(first) + dt.timedelta(days=int(rng.integers(days)))
        known = happened + dt.timedelta(days=int(rng.integers(60)))
        until = known + dt.timedelta(days=int(rng.integers(1, 90))) if rng.random() < 0.2 else None
        return {"happened": happened, "known_from": known, "known_until": until}

    for person in range(1, people + 1):
        record.person(person, f"{1925 + person % 80}-06-15", str(1 + person % 2))
        for _ in range(12):
            d = dates("2021-06-01", 1000)
            happened, known = d.pop("happened"), d
            code = int(rng.choice(codes))
            record.add("gp_event", person, event_date=happened, code=code, **known)
            record.add("medication", person, event_date=happened, product_code=int(rng.integers(9)), **known)
            record.add("ed_attendance", person, event_date=happened, department_type="01", **known)
            record.add(
                "inpatient_spell",
                person,
                admission_date=happened,
                discharge_date=happened + dt.timedelta(days=int(rng.integers(30))) if rng.random() < 0.9 else None,
                emergency_flag=bool(rng.random() < 0.6),
                **known,
            )
            record.add("community_contact", person, event_date=happened, attendance_code="5", team_type="12", **known)
    return record


@pytest.fixture(scope="session")
def busy(declared: FeatureSet) -> TinyRecord:
    """A busy record that no test changes."""
    return busy_record(declared)


def matrices(
    record: TinyRecord, declared: FeatureSet, folder: Path, weeks: list[dt.date]
) -> dict[dt.date, pl.DataFrame]:
    paths = features.build_matrix(record.con, weeks, out=folder, declared=declared)
    return {week: pl.read_parquet(path) for week, path in paths.items()}


def test_a_week_computed_alone_equals_the_same_week_in_a_backfill(declared, busy, tmp_path):
    record = busy
    together = matrices(record, declared, tmp_path / "all", WEEKS)
    for week in WEEKS:
        alone = matrices(record, declared, tmp_path / "one", [week])[week]
        assert alone.equals(together[week])
        assert alone["emergency_admissions_365"].sum() > 0


def test_weeks_computed_in_small_batches_equal_weeks_computed_together(declared, busy, tmp_path, monkeypatch):
    record = busy
    together = matrices(record, declared, tmp_path / "all", WEEKS)
    monkeypatch.setattr("features.matrix.ROWS_AT_ONCE", 100)
    apart = matrices(record, declared, tmp_path / "batches", WEEKS)
    assert all(apart[week].equals(together[week]) for week in WEEKS)


def test_rows_known_or_happening_later_do_not_change_a_week(declared, tmp_path):
    record, week = busy_record(declared), WEEKS[2]
    before = matrices(record, declared, tmp_path / "before", [week])[week]
    for table, date in [
        ("gp_event", "event_date"),
        ("inpatient_spell", "admission_date"),
        ("ed_attendance", "event_date"),
    ]:
        record.con.execute(f"delete from {table} where known_from > $week or {date} >= $week", {"week": week})
    later = week + dt.timedelta(days=1)
    record.add("death", 1, death_date=week - dt.timedelta(days=30), known_from=later)
    record.add("death", 2, death_date=week, known_from=week)
    record.add("registration", 3, practice_code="C81009", start_date=dt.date(2023, 12, 1), known_from=later)
    record.add("inpatient_spell", 4, admission_date=week, emergency_flag=True, known_from=week - dt.timedelta(days=9))
    record.add("gp_event", 5, event_date=dt.date(2023, 1, 1), code=1010, known_from=later)
    after = matrices(record, declared, tmp_path / "after", [week])[week]
    assert after.equals(before)


def test_the_number_of_threads_does_not_change_a_value(declared, busy, tmp_path):
    record = busy
    record.con.execute("set threads = 1")
    one = matrices(record, declared, tmp_path / "one", WEEKS[:2])
    record.con.execute("set threads = 4")
    four = matrices(record, declared, tmp_path / "four", WEEKS[:2])
    assert all(one[week].equals(four[week]) for week in WEEKS[:2])


def test_the_matrix_is_sorted_and_fits_its_schema(declared, busy, tmp_path):
    matrix = matrices(busy, declared, tmp_path, WEEKS[:1])[WEEKS[0]]
    features.matrix_schema(declared).validate(matrix)
    assert matrix["person_id"].is_sorted()
    assert features.people(tmp_path, WEEKS[0])["person_id"].to_list() == matrix["person_id"].to_list()


def test_for_training_only_the_cohort_is_written(declared, busy, tmp_path):
    record = busy
    features.build_matrix(record.con, WEEKS[:1], out=tmp_path, declared=declared, cohort_only=True)
    people = features.people(tmp_path, WEEKS[0])
    assert people["cohort_flag"].all()
    assert 0 < people.height < 60


def test_nothing_is_left_behind_in_the_connection(declared, tmp_path):
    record = busy_record(declared, people=3)
    matrices(record, declared, tmp_path, WEEKS[:1])
    left = record.con.execute("select table_name from information_schema.tables where table_name like 'feature%'")
    assert left.fetchall() == []


def test_a_week_must_be_a_monday(declared, tmp_path):
    with pytest.raises(features.FeatureError, match="2024-03-05 is not a Monday"):
        features.build_matrix(TinyRecord().con, [dt.date(2024, 3, 5)], out=tmp_path, declared=declared)


def test_nobody_registered_is_said_in_a_sentence(declared, tmp_path):
    with pytest.raises(features.FeatureError, match="nobody is registered as known on 2024-01-01"):
        features.build_matrix(TinyRecord().con, WEEKS[:1], out=tmp_path, declared=declared)


def test_a_week_that_was_not_computed_is_said_in_a_sentence(tmp_path):
    with pytest.raises(features.FeatureError, match="compute that week first"):
        features.people(tmp_path, WEEKS[0])


def changed(tmp_path: Path, file: str, edit) -> FeatureSet:
    """The declarations with one file changed."""
    folder = tmp_path / "declared"
    folder.mkdir()
    for path in DECLARED.glob("*.yaml"):
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        if path.name == file:
            edit(document)
        (folder / path.name).write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return load_features(folder)


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (lambda d: d["features"][0].update(windows=[17]), "returns no 'count_17'"),
        (lambda d: d["features"][0].update(group="nowhere"), "which is not declared"),
        (lambda d: d["features"][0].update(measure="nights"), "needs a group of kind 'interval'"),
        (lambda d: d["groups"].update(idle={"from": [{"table": "ed_attendance"}]}), "is used by no feature"),
        (lambda d: d["groups"]["ed_attendance"].update({"from": [{"table": "a_e"}]}), "does not declare"),
        (lambda d: d["groups"]["ed_attendance"]["from"][0].update(where="colour = 1"), "has no column 'colour'"),
        (lambda d: d["groups"]["ed_attendance"]["from"][0].update(where="department_type = 'A'"), "'A' is no code of"),
        (lambda d: d["groups"]["ed_attendance"]["from"][0].update(codelist="falls"), "has no codes"),
        (lambda d: d["features"].append(dict(d["features"][0])), "declared twice"),
        (lambda d: d["features"][0].update(name="practice_admissions"), "model_use: false"),
        (lambda d: d["features"][0].update(description="a burden on the ward"), "burden"),
        (lambda d: d["features"][1].update(group="ed_attendance"), "needs a days_since feature"),
        (lambda d: d["features"][0]["reason"].pop("one"), "needs the form for one"),
    ],
)
def test_a_declaration_that_cannot_be_computed_is_refused(edit, sentence, tmp_path):
    with pytest.raises(features.FeatureError, match=sentence):
        changed(tmp_path, "hospital.yaml", edit)


def test_a_new_count_over_a_codelist_is_one_declaration_and_no_sql(tmp_path):
    def edit(document):
        document["groups"]["ulcer"] = {"from": [{"table": "gp_event", "codelist": "skin_ulcer"}]}
        document["features"].append(
            {
                "name": "ulcers",
                "group": "ulcer",
                "measure": "count",
                "windows": [365],
                "description": "x",
                "unit": "entries",
            }
        )

    assert "ulcers_365" in changed(tmp_path, "primary_care.yaml", edit).names


def test_no_model_may_see_what_only_audits(declared):
    seen = " ".join(declared.model_names)
    assert not any(word in seen for word in ("ethnic", "lsoa", "practice_code", "imd", "language", "hiv"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("code,label\n1.60689E+08,Housebound\n", "line 2: '1.60689E\\+08' is not a code"),
        ("code,label\n", "has no code that can be counted"),
        ("code,label,polarity\n160689007,No,absent\n", "has no code that can be counted"),
    ],
)
def test_a_damaged_codelist_is_refused_with_its_line(text, sentence, tmp_path):
    (tmp_path / "housebound.csv").write_text(text, encoding="utf-8")
    with pytest.raises(features.FeatureError, match=sentence):
        load_features(DECLARED, tmp_path).codes("housebound")


def test_the_dictionary_names_every_feature(declared):
    page = features.dictionary_page(declared)
    assert all(f"`{name}`" in page for name in declared.names)
