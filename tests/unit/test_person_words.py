"""What `anticipate person` prints is read by a clinician: words and units, no ids and no bare codes."""

import datetime as dt
from decimal import Decimal

import polars as pl
import pytest

from features import load_features
from pipelines.person_words import about_in_words, medicines_in_words, row_in_words, value_in_words, window_in_words

DAY = dt.date(2026, 1, 5)


def said(**row: object) -> str:
    frame = pl.DataFrame([{"person_id": 1, "event_date": DAY, "known_from": DAY, **row}])
    return str(frame.select(row_in_words(frame, "event_date")).item())


def test_a_contact_is_told_by_the_words_of_its_codes_and_without_ids():
    told = said(contact_id=77, referral_id=78, attendance_code="5", location_code="A01", duration_minutes=12)
    assert told == "attendance Seen, location The person's home, duration minutes 12"


def test_a_code_of_no_list_stays_as_it_is_and_a_flag_is_said_only_where_it_holds():
    assert said(code=12345, value=Decimal("114.000"), unit="g/L") == "12345, value 114, unit g/L"
    assert said(code=12345, home_visit_flag=True) == "12345, home visit"
    assert said(code=12345, home_visit_flag=False) == "12345"


def test_medicines_are_one_line_a_product_with_its_name():
    issues = pl.DataFrame({"product_code": [317291008] * 2, "event_date": [DAY, DAY - dt.timedelta(days=28)]})
    [row] = medicines_in_words(issues).rows()
    assert row == ("Omeprazole 20mg gastro-resistant capsules", 2, dt.date(2025, 12, 8), DAY)


@pytest.mark.parametrize(
    ("feature", "value", "words", "over"),
    [
        ("housebound_class", 2, "probably housebound", ""),
        ("dementia", 1, "yes", ""),
        ("emergency_bed_nights_365", 15, "15 nights", "last 12 months"),
        ("community_contacts_730", 3, "3 contacts", "last two years"),
        ("dementia_days_since", 3653, "never, or 3,653 days ago and longer", ""),
        ("deficit_count", None, "", ""),
    ],
)
def test_a_value_is_read_with_its_level_or_unit(feature, value, words, over):
    declared = load_features().by_name[feature]
    assert (value_in_words(declared, value), window_in_words(declared)) == (words, over)


def test_the_person_is_told_in_words():
    about = pl.DataFrame({"birth_month": [dt.date(1945, 4, 15)], "sex_code": ["2"], "lsoa_code": ["E01019719"]})
    assert about_in_words(about).rows(named=True) == [{"born": "April 1945", "sex": "Female", "lsoa": "E01019719"}]


def test_no_description_of_a_feature_names_a_file():
    assert [f.name for f in load_features().features if "/" in f.description.replace("g/L", "")] == []


def test_labels_are_those_of_the_site_that_is_named_now(tmp_path, monkeypatch):
    assert said(code=160685001) == "Bed-bound"
    (tmp_path / "codelists").mkdir()
    (tmp_path / "codelists" / "own.csv").write_text("code,term\n160685001,In bed all day\n")
    (tmp_path / "codelists.yaml").write_text("bedbound: {file: own.csv, version: '1', origin: ours}\n")
    monkeypatch.setenv("ANTICIPATE_SITE", str(tmp_path))
    assert said(code=160685001) == "In bed all day"
    monkeypatch.delenv("ANTICIPATE_SITE")
    assert said(code=160685001) == "Bed-bound"
