"""Numbers become pseudonyms, under one key, and references that a person can read aloud."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts.identity import (
    IdentityError,
    Vault,
    check_nhs_numbers,
    load_key,
    parse_person_ref,
    person_ref,
)
from tests.deliveries import KEY, nhs_number


@given(st.integers(min_value=0, max_value=2**63 - 1))
def test_a_reference_reads_back_as_the_person(person_id):
    reference = person_ref(person_id)
    assert len(reference) == 13
    assert parse_person_ref(reference.lower().replace("0", "o").replace("1", "l")) == person_id


def test_text_that_is_no_reference_is_refused():
    with pytest.raises(ValueError, match="13 letters and digits"):
        parse_person_ref("9000000009")


@given(st.integers(min_value=0, max_value=999), st.integers(min_value=0, max_value=9))
def test_exactly_one_last_digit_of_a_number_is_right_or_none(n, digit):
    stem = nhs_number(n)[:9]
    faults = check_nhs_numbers(pl.Series([f"{stem}{d}" for d in range(10)]))["fault"].to_list()
    assert faults.count(None) == 1
    assert faults[digit] in (None, "N02")


def test_one_number_in_any_spelling_is_one_person_and_stays_so(tmp_path):
    number = nhs_number(7)
    spelt = pl.Series([number, f"{number[:3]} {number[3:6]} {number[6:]}", f"{number[:3]}-{number[3:]}"])
    first = Vault(tmp_path, KEY).identify(spelt, "nhs_number")["person_id"]
    second = Vault(tmp_path, KEY).identify(spelt[:1], "nhs_number")["person_id"]
    foreign = Vault(tmp_path, KEY).identify(spelt[:1], "pseudo_hesid")["person_id"]
    assert first.n_unique() == 1
    assert second[0] == first[0]
    assert foreign[0] != first[0]
    assert pl.read_parquet(tmp_path / "person" / "*.parquet")["number"].to_list() == [number]


def test_a_vault_accepts_only_the_key_that_filled_it(tmp_path):
    Vault(tmp_path, KEY)
    Vault(tmp_path, KEY)
    with pytest.raises(IdentityError, match="restore that key"):
        Vault(tmp_path, KEY[::-1])


def test_a_key_that_others_can_read_is_refused(tmp_path):
    path = tmp_path / "person.key"
    assert len(load_key(path, create=True)) == 32
    path.chmod(0o644)
    with pytest.raises(IdentityError, match="chmod 600"):
        load_key(path)
