"""NHS number to ``person_id``, and how a ``person_id`` is written for people.

A ``person_id`` is the first 63 bits of HMAC-SHA256(key, ``domain|number``). It is computed here, in Python, once for
each distinct number; the key never enters SQL and nothing after conform holds the number. Only numbers of the domain
``nhs_number`` are kept in the vault; other pseudonyms and local identifiers are hashed and forgotten.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from functools import cache
from pathlib import Path

import duckdb
import polars as pl

from data_contracts.contract import REFERENCE

NHS_NUMBER = "nhs_number"
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_REFERENCE_LENGTH = 13


class IdentityError(RuntimeError):
    """The key or the vault cannot be used; the message says what to do."""


def load_key(path: Path, *, create: bool = False) -> bytes:
    """The pseudonymisation key.

    Args:
        path: a file of 32 bytes or more, readable by its owner only.
        create: make a new random key where there is none.

    Raises:
        IdentityError: no key, too short a key, or a key that others can read.
    """
    if not path.exists():
        if not create:
            raise IdentityError(f"There is no key at {path}: set ANTICIPATE_KEY_FILE or restore it from its safe.")
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(os.urandom(32))
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise IdentityError(f"The key {path} can be read by others: run `chmod 600` on it.")
    key = path.read_bytes()
    if len(key) < 32:
        raise IdentityError(f"The key {path} is shorter than 32 bytes.")
    return key


def key_fingerprint(key: bytes) -> str:
    """Twelve characters that tell two keys apart and reveal neither."""
    return hmac.new(key, b"anticipate|fingerprint", hashlib.sha256).hexdigest()[:12]


def use_key(key: bytes, vault: Path) -> None:
    """Binds a vault to its key: the first key leaves its fingerprint, any other is refused.

    Raises:
        IdentityError: the vault was filled under another key, so that one person would become two.
    """
    mark = vault / "key_fingerprint"
    if not mark.exists():
        vault.mkdir(parents=True, exist_ok=True, mode=0o700)
        mark.write_text(key_fingerprint(key), encoding="utf-8")
    elif mark.read_text(encoding="utf-8") != key_fingerprint(key):
        raise IdentityError(
            f"The key is not the one that {vault} was filled with: restore that key, or start a new home."
        )


def pseudonyms(key: bytes, domain: str, numbers: pl.Series) -> pl.Series:
    """Pseudonyms of distinct identifiers, in the same order."""
    start = hmac.new(key, f"{domain}|".encode(), hashlib.sha256)

    def one(number: str) -> int:
        mac = start.copy()
        mac.update(number.encode())
        return int.from_bytes(mac.digest()[:8], "big") >> 1

    return pl.Series("person_id", [one(n) for n in numbers.to_list()], dtype=pl.Int64)


def person_ref(person_id: int) -> str:
    """``person_id`` as 13 characters of Crockford base32: survives Excel, can be read aloud.

    >>> person_ref(1234567890123456789)
    '128GGYHYYK08N'
    """
    digits = []
    for _ in range(_REFERENCE_LENGTH):
        person_id, low = divmod(person_id, 32)
        digits.append(_CROCKFORD[low])
    return "".join(reversed(digits))


def parse_person_ref(text: str) -> int:
    """The ``person_id`` behind a reference; forgives lower case, spaces, hyphens and I, L, O.

    Raises:
        ValueError: the text is no reference.
    """
    tidy = text.upper().replace("-", "").replace(" ", "").translate(str.maketrans("ILO", "110"))
    if len(tidy) != _REFERENCE_LENGTH or any(c not in _CROCKFORD for c in tidy):
        raise ValueError(f"{text!r} is not a person reference: 13 letters and digits are expected.")
    number = 0
    for c in tidy:
        number = number * 32 + _CROCKFORD.index(c)
    return number


@cache
def _ranges() -> list[tuple[int, int]]:
    table = pl.read_csv(REFERENCE / "nhs_number_range.csv")
    allowed = table.filter(pl.col("accepted") == "yes")
    return list(zip(allowed["low"].to_list(), allowed["high"].to_list(), strict=True))


def check_nhs_numbers(raw: pl.Series) -> pl.DataFrame:
    """Tidies and checks NHS numbers as delivered.

    Spaces and hyphens are taken out; modulus 11 (NHS Data Dictionary, NHS NUMBER), the numbers that pass it but are
    never issued, and the ranges of ``reference/nhs_number_range.csv`` are applied.

    Returns:
        One row a value in the same order: ``number`` (ten digits, null when faulty), ``fault`` (rule code or null):
        N01 not ten digits, N02 check digit, N03 never issued, N04 outside the accepted ranges.
    """
    tidy = raw.cast(pl.String).str.replace_all(r"[\s-]", "").alias("tidy")
    ten = tidy.str.contains(r"^[0-9]{10}$").fill_null(False)
    digits = [pl.when(pl.col("ten")).then(pl.col("tidy").str.slice(i, 1)).cast(pl.Int32) for i in range(10)]
    check = 11 - pl.sum_horizontal(d * (10 - i) for i, d in enumerate(digits[:9])) % 11
    prefix = pl.when(pl.col("ten")).then(pl.col("tidy").str.slice(0, 3)).cast(pl.Int32)
    accepted = pl.any_horizontal([prefix.is_between(low, high) for low, high in _ranges()])
    # All ten digits alike, and d00000000d, pass modulus 11 but are never issued.
    alike = pl.all_horizontal([d == digits[0] for d in digits[1:]])
    hollow = (pl.col("tidy").str.slice(1, 8) == "00000000") & (digits[0] == digits[9])
    frame = pl.DataFrame({"tidy": tidy, "ten": ten}).with_columns(
        fault=pl.when(~pl.col("ten"))
        .then(pl.lit("N01"))
        .when((check == 10) | (pl.when(check == 11).then(0).otherwise(check) != digits[9]))
        .then(pl.lit("N02"))
        .when(alike | hollow)
        .then(pl.lit("N03"))
        .when(~accepted)
        .then(pl.lit("N04"))
    )
    return frame.select(number=pl.when(pl.col("fault").is_null()).then(pl.col("tidy")), fault=pl.col("fault"))


def identify(con: duckdb.DuckDBPyConnection, raw: pl.Series, *, domain: str, key: bytes, vault: Path) -> pl.DataFrame:
    """Pseudonyms of the distinct values of a person column.

    New NHS numbers are added to the vault before anything that names their pseudonym is written.

    Args:
        con: a connection, used to read the vault.
        raw: distinct values as delivered, no nulls.
        domain: the contract's identifier domain.
        key: the pseudonymisation key.
        vault: the vault's folder.

    Returns:
        One row a value: ``raw``, ``person_id`` (null when faulty), ``fault`` (null when sound).

    Raises:
        IdentityError: two numbers share a pseudonym.
    """
    if domain == NHS_NUMBER:
        checked = check_nhs_numbers(raw)
    else:
        checked = pl.DataFrame({"number": raw, "fault": pl.Series([None] * len(raw), dtype=pl.String)})
    frame = pl.DataFrame({"raw": raw}).hstack(checked)
    numbers = frame["number"].drop_nulls().unique().sort()
    known = _vault_numbers(con, vault) if domain == NHS_NUMBER else pl.DataFrame(schema=_VAULT_SCHEMA)
    fresh = numbers.to_frame("number").join(known, on="number", how="anti")
    fresh = fresh.with_columns(person_id=pseudonyms(key, domain, fresh["number"]))
    everyone = pl.concat([known, fresh])
    if everyone["person_id"].n_unique() != len(everyone):
        raise IdentityError("Two numbers share a pseudonym: stop, and change the key.")
    if domain == NHS_NUMBER and len(fresh):
        _add_to_vault(fresh, vault)
    return frame.join(everyone, on="number", how="left", maintain_order="left").select("raw", "person_id", "fault")


_VAULT_SCHEMA = {"number": pl.String, "person_id": pl.Int64}


def _vault_numbers(con: duckdb.DuckDBPyConnection, vault: Path) -> pl.DataFrame:
    files = sorted((vault / "person").glob("*.parquet"))
    if not files:
        return pl.DataFrame(schema=_VAULT_SCHEMA)
    return con.sql("select number, person_id from read_parquet($files)", params={"files": [str(f) for f in files]}).pl()


def _add_to_vault(fresh: pl.DataFrame, vault: Path) -> None:
    folder = vault / "person"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    content = hashlib.sha256("".join(fresh["number"].sort().to_list()).encode()).hexdigest()[:16]
    target = folder / f"{content}.parquet"
    partial = target.with_suffix(".partial")
    fresh.sort("person_id").write_parquet(partial)
    partial.chmod(0o600)
    partial.replace(target)
