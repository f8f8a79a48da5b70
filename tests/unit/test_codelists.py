"""Codelists: known hazards are found, official files replace ours by configuration, damage is refused by its row."""

from __future__ import annotations

import csv
import datetime as dt
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

import features
from commissioning.declaration import code_flags, frailty_codes
from data_contracts import codelist
from data_contracts.codelist import CodelistError, Entry, Listed, codelist_named, load_codelists
from data_contracts.codelist_lint import deficit_names, lint
from data_contracts.contract import REFERENCE
from features import FeatureError, load_features
from features.points import point_rows
from features.substances import substance_rows
from outreach.facts import UNLABELLED, fact_codes
from pipelines.codelists import difference
from pipelines.errors import MistakeError
from pipelines.moved import split, told
from tests.tiny_record import TinyRecord

HAZARDS = Path(__file__).parents[1] / "examples" / "codelist_hazards.csv"


def hazards() -> list[dict[str, str]]:
    with HAZARDS.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def with_row(lists: dict[str, Listed], names: list[str], code: str, label: str) -> dict[str, Listed]:
    """The lists with one more row in each of some of them."""
    row = Entry(999, code, label, "present")
    return {n: replace(x, entries=(*x.entries, row)) if n in names else x for n, x in lists.items()}


def rules(lists: dict[str, Listed], name: str, code: str) -> set[str]:
    return {f.rule for f in lint(lists, [name]) if f.code == code and f.line == 999}


def test_the_shipped_lists_have_no_error_and_no_warning_that_nobody_has_looked_at():
    assert [f for f in lint() if f.rule != "retired"] == []


def test_every_hazard_of_public_lists_is_found_as_an_error():
    shipped = load_codelists()
    assert len(hazards()) == 84
    for row in hazards():
        names = row["codelists"].split("|")
        changed = with_row(shipped, names, row["code"], row["term"])
        for name in names:
            found = [f for f in lint(changed, [name]) if f.code == row["code"] and f.line == 999]
            assert any(f.level == "error" for f in found), row


@pytest.mark.parametrize(
    ("name", "code", "label", "rule"),
    [
        ("diabetes", "1.60689E+08", "x", "damaged"),
        ("diabetes", "160689007.0", "x", "damaged"),
        ("diabetes", "1023491000000100", "Urine albumin:creatinine ratio", "damaged"),
        ("diabetes", "2803151000000114", "Lives in a nursing home", "damaged"),
        ("diabetes", "160689008", "x", "damaged"),
        ("diabetes", "44054006", "Type 2 diabetes", "twice"),
        ("housebound", "714887007", "Unable to transfer location (finding)", "two_deficits"),
        ("foot_problems", "289974004", "Able to perform nail care activities", "other_meaning"),
        ("diabetes", "160303001", "Family history of diabetes", "other_meaning"),
        ("housebound", "160689007", "No longer housebound", "other_meaning"),
        (
            "mobility_and_transfer_problems",
            "301562008",
            "Ability to mobilize outside (observable entity)",
            "needs_value",
        ),
        ("thyroid_disease", "65428006", "Thyrotrophin (substance)", "wrong_kind"),
        ("diabetes", "73211009", "Diabetes (old id)", "retired"),
        ("memory_and_cognitive_problems", "2776000", "Delirium", "known_hazard"),
    ],
)
def test_each_rule_finds_what_it_is_for(name, code, label, rule):
    names = [name, "mobility_and_transfer_problems"] if rule == "two_deficits" else [name]
    assert rule in rules(with_row(load_codelists(), names, code, label), name, code)


@pytest.mark.parametrize(
    "label", ["Unable to walk", "Not able to dress", "Insomnia, not physical", "Has no unpaid carer"]
)
def test_a_word_that_only_looks_like_another_meaning_is_left_alone(label):
    changed = with_row(load_codelists(), ["activity_limitation"], "160689007", label)
    assert "other_meaning" not in rules(changed, "activity_limitation", "160689007")


def test_the_lists_of_the_deficits_are_thirty_five():
    assert len(deficit_names()) == 35


@pytest.fixture
def site_folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("ANTICIPATE_SITE", str(tmp_path))
    (tmp_path / "codelists").mkdir()
    return tmp_path


def put(folder: Path, text: str, *, more: str = "", encoding: str = "utf-8") -> None:
    (folder / "codelists" / "dm.csv").write_bytes(text.encode(encoding))
    said = f"diabetes:\n  file: dm.csv\n  version: '2025-08-01'\n  origin: NHS England, TRUD\n{more}"
    (folder / "codelists.yaml").write_text(said, encoding="utf-8")


OPEN = "code,term\n44054006,Type 2 diabetes mellitus\n46635009,Type 1 diabetes mellitus\n"
TRUD = (
    "Cluster_ID\tCluster_Desc\tSNOMED_code\tSNOMED_code_description\n"
    "DM_COD\tDiabetes\t44054006\tType 2 diabetes mellitus\nCHD_COD\tHeart\t53741008\tCoronary\n"
    "DM_COD\tDiabetes\t46635009\tType 1 diabetes mellitus\n"
)


@pytest.mark.parametrize(
    ("text", "more", "encoding"),
    [
        (OPEN, "", "utf-8"),
        (OPEN, "", "utf-8-sig"),
        (OPEN.replace("code,term", "ConceptId,Preferred term"), "", "cp1252"),
        (OPEN.replace("code,term", "Kode,term"), "  code_column: Kode\n", "utf-8"),
        (TRUD, "  only: {Cluster_ID: DM_COD}\n", "utf-8"),
    ],
)
def test_the_columns_of_an_official_list_may_have_any_of_the_usual_names(text, more, encoding, site_folder):
    put(site_folder, text, more=more, encoding=encoding)
    listed = codelist_named("diabetes")
    assert [(e.code, e.label) for e in listed.entries] == [
        ("44054006", "Type 2 diabetes mellitus"),
        ("46635009", "Type 1 diabetes mellitus"),
    ]
    assert (listed.version, listed.own, codelist_named("falls").own) == ("2025-08-01", True, False)


def test_an_official_list_replaces_ours_in_every_feature_and_its_version_is_named(site_folder):
    shipped = load_features()
    before = shipped.fingerprint, shipped.codes("falls")
    assert len(shipped.codes("diabetes").codes) > 2
    put(site_folder, OPEN)
    own = load_features()
    assert own.codes("diabetes").codes == (44054006, 46635009)
    assert own.codes("falls") == before[1]
    assert own.codelist_versions["diabetes"] == "2025-08-01"
    assert own.fingerprint != before[0]
    assert "starter-1, 2025-08-01" in own.by_name["frailty_index_band"].description


def test_every_medicine_of_the_starter_list_has_a_substance_that_its_name_holds():
    told = dict(pl.read_csv(REFERENCE / "medicine_substance.csv", infer_schema=False).rows_by_key("product_code"))
    for entry in codelist_named("medicine").entries:
        [(substance, _)] = told[entry.code]
        assert all(part in entry.label.lower() for part in substance.split(" / ")), entry.label


def test_a_table_of_substances_that_a_site_brings_replaces_ours_and_damage_is_said(site_folder):
    before = load_features().fingerprint
    (site_folder / "codelists" / "medicine_substance.csv").write_text("product_code,substance\n11,a\n12,a\n13,b\n")
    assert substance_rows().rows() == [(11, 11), (12, 11), (13, 13)]
    assert load_features().fingerprint != before
    (site_folder / "codelists" / "medicine_substance.csv").write_text("product_code,substance\n3.9E+16,a\n")
    with pytest.raises(FeatureError, match="no spreadsheet has changed"):
        substance_rows()


def test_points_of_medicines_are_unknown_until_a_site_brings_a_table_and_each_substance_counts_once(
    site_folder, tmp_path
):
    monday = dt.date(2024, 3, 4)
    record = TinyRecord().person(1).alive_sources(monday)
    table = site_folder / "codelists" / "anticholinergic_points.csv"
    (site_folder / "codelists" / "medicine_substance.csv").write_text("product_code,substance\n11,a\n12,a\n13,b\n")
    for product, days in ((11, 20), (12, 365), (13, 366), (14, 30), (15, 1)):
        record.add("medication", 1, event_date=monday - dt.timedelta(days=days), product_code=product)

    def points() -> float | None:
        path = features.build_matrix(record.con, [monday], out=tmp_path)[monday]
        return pl.read_parquet(path)["anticholinergic_points_365"][0]

    assert points() is None
    before = load_features().fingerprint
    table.write_text("product_code,points\n11,3\n12,3\n13,2\n14,1\n")
    assert points() == 3 + 1
    assert load_features().fingerprint != before
    for rows in ("3.9E+16,1\n", "11,0\n", "11,3\n12,\n", ""):
        table.write_text(f"product_code,points\n{rows}")
        with pytest.raises(FeatureError, match="anticholinergic_points: it needs"):
            point_rows()


def test_an_official_list_reaches_the_marts_and_the_facts_on_a_sheet_too(site_folder):
    new = "44054006"
    (site_folder / "codelists" / "own.csv").write_text(f"code\n{new}\n", encoding="utf-8")
    said = "{file: own.csv, version: '2', origin: here}"
    names = ("carer_is", "frailty_severe", "lives_alone")
    (site_folder / "codelists.yaml").write_text("".join(f"{n}: {said}\n" for n in names), encoding="utf-8")
    assert [code for group, code, yes in code_flags() if (group, yes) == ("carer", 1)] == [int(new)]
    assert dict(frailty_codes())[int(new)] == "Severe"
    alone = fact_codes().filter(pl.col("fact") == "alone", "holds")
    assert alone.select("code", "label").rows() == [(int(new), UNLABELLED)]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("code,term\n44054006,a\n4.66E+07,b\n", r"dm.csv, line 3: '4.66E\+07' .* scientific notation"),
        ("code,term\n10692761000119100,a\n", "line 2: .* rounded away by a spreadsheet"),
        ("code,term\n44054007,a\n44054008,b\n", "line 2: .* check digit .* 1 more row"),
        ("code,term\n44054006.0,a\n", "line 2: .* decimal"),
        ("code,term\n2803151000000114,a\n", "line 2: .* description"),
        ("code,term\n", "no row is left"),
        ("term,place\na,b\n", "none of its columns"),
    ],
)
def test_a_damaged_file_is_refused_with_row_and_reason(text, sentence, site_folder):
    put(site_folder, text)
    with pytest.raises(CodelistError, match=sentence):
        codelist_named("diabetes")


def test_features_are_not_computed_with_a_damaged_list(site_folder):
    put(site_folder, "code,term\n44054006.0,a\n")
    with pytest.raises(FeatureError, match="line 2"):
        load_features()


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("dragons: {file: a.csv, version: '1', origin: x}", "no list of this name"),
        ("diabetes: {file: a.csv, origin: x}", "say version"),
        ("diabetes: {file: a.csv, version: '1', origin: x, colour: red}", "'colour' is not known"),
        ("diabetes: {file: a.csv, version: '1', origin: x}", "there is no file"),
        ("- diabetes", "under each name"),
    ],
)
def test_a_declaration_that_cannot_be_followed_is_said_in_a_sentence(said, sentence, site_folder):
    (site_folder / "codelists.yaml").write_text(said, encoding="utf-8")
    with pytest.raises(CodelistError, match=sentence):
        load_codelists()


def test_a_file_that_changes_is_read_again(site_folder):
    put(site_folder, OPEN)
    assert len(codelist_named("diabetes").entries) == 2
    put(site_folder, OPEN + "73211009,Diabetes mellitus\n")
    assert len(codelist_named("diabetes").entries) == 3


def test_what_is_wrong_with_a_code_is_said_in_words():
    assert codelist.damage_of("44054006") == ""
    assert "length" in codelist.damage_of("123")
    assert "empty" in codelist.damage_of("")


def test_a_difference_names_the_codes_that_come_and_go(tmp_path):
    file = tmp_path / "dm.txt"
    file.write_text(TRUD, encoding="utf-8")
    changed = difference("diabetes", file, only={"Cluster_ID": "DM_COD"})
    assert changed.added == ()
    assert {"73211009"} <= {e.code for e in changed.removed}
    assert {"44054006"}.isdisjoint(e.code for e in changed.removed)


def test_a_difference_with_a_damaged_or_absent_file_is_refused(tmp_path):
    (tmp_path / "dm.csv").write_text("code\n4.4E+07\n", encoding="utf-8")
    with pytest.raises(MistakeError, match=r"dm\.csv, line 2"):
        difference("diabetes", tmp_path / "dm.csv")
    with pytest.raises(MistakeError, match="There is no file"):
        difference("diabetes", tmp_path / "nothing.csv")
    with pytest.raises(MistakeError, match="There is no codelist 'dragons'"):
        difference("dragons", None)


def test_without_a_file_the_list_in_use_is_compared_with_the_shipped_one(site_folder):
    assert difference("diabetes", None).removed == ()
    put(site_folder, OPEN)
    changed = difference("diabetes", None)
    assert (changed.old.version, changed.new.version) == ("starter-1", "2025-08-01")
    assert len(changed.removed) > 2


def test_a_small_number_of_people_is_not_told_and_cannot_be_worked_out():
    assert [told(n) for n in (0, 1, 7, 8, 1234)] == ["nobody", "fewer than 8", "fewer than 8", "8", "1,234"]
    assert split(27, 5) == ""
    assert split(27, 0) == " (27 higher, nobody lower)"
