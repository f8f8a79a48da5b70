"""NHS number to ``person_id``, and how a ``person_id`` is written for people.

A ``person_id`` is the first 63 bits of HMAC-SHA256(key, ``domain|number``). It is computed here, in Python, once for
each distinct number; the key never enters SQL and nothing after conform holds the number. Only numbers of the domain
``nhs_number`` are kept in the vault; other pseudonyms and local identifiers are hashed and forgotten.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import threading
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
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
    frame = pl.DataFrame({"tidy": tidy, "value": tidy.set(~ten, None).cast(pl.Int64)})
    value = pl.col("value")
    digits = [value // 10 ** (9 - i) % 10 for i in range(10)]
    # A remainder of 1 would need the check digit 10: no number is issued with it.
    check = (11 - pl.sum_horizontal(d * (10 - i) for i, d in enumerate(digits[:9])) % 11) % 11
    accepted = pl.any_horizontal([(value // 10**7).is_between(low, high) for low, high in _ranges()])
    # All ten digits alike, and d00000000d, pass modulus 11 but are never issued.
    alike = value % 1_111_111_111 == 0
    hollow = (value // 10 % 10**8 == 0) & (digits[0] == digits[9])
    fault = (
        pl.when(value.is_null())
        .then(pl.lit("N01"))
        .when(check != digits[9])
        .then(pl.lit("N02"))
        .when(alike | hollow)
        .then(pl.lit("N03"))
        .when(~accepted)
        .then(pl.lit("N04"))
    )
    return frame.with_columns(fault=fault).select(
        number=pl.when(pl.col("fault").is_null()).then(pl.col("tidy")), fault=pl.col("fault")
    )


class Vault:
    """The vault opened with its key: whose number stands behind which pseudonym.

    The numbers are read once and kept while it is open; two files may be read at the same time.
    """

    def __init__(self, folder: Path, key: bytes) -> None:
        """Opens a vault; the first key that does leaves its fingerprint, any other is refused.

        Raises:
            IdentityError: the vault was filled under another key, so that one person would become two.
        """
        self.folder, self.key = folder, key
        self._one_at_a_time = threading.Lock()
        mark = folder / "key_fingerprint"
        if not mark.exists():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            mark.write_text(key_fingerprint(key), encoding="utf-8")
        elif mark.read_text(encoding="utf-8") != key_fingerprint(key):
            raise IdentityError(
                f"The key is not the one that {folder} was filled with: restore that key, or start a new home."
            )

    def identify(self, raw: pl.Series, domain: str) -> pl.DataFrame:
        """Pseudonyms of the distinct values of a person column.

        New NHS numbers are added to the vault before anything that names their pseudonym is written.

        Args:
            raw: distinct values as delivered, no nulls.
            domain: the contract's identifier domain; only NHS numbers are kept.

        Returns:
            One row a value in the same order: ``raw``, ``person_id`` (null when faulty), ``fault`` (null when sound).

        Raises:
            IdentityError: two numbers share a pseudonym.
        """
        if domain != NHS_NUMBER:
            person_id = pseudonyms(self.key, domain, raw)
            _must_differ(person_id.to_numpy())
            return pl.DataFrame(
                {"raw": raw, "person_id": person_id, "fault": pl.Series([None] * len(raw), dtype=pl.String)}
            )
        checked = check_nhs_numbers(raw)
        number = checked["number"].cast(pl.Int64)
        sound = number.drop_nulls().to_numpy()
        with self._one_at_a_time:
            known = self._with_fresh(np.unique(sound))
        found_id = np.zeros(len(raw), dtype=np.int64)
        found_id[number.is_not_null().to_numpy()] = known.person_id[np.searchsorted(known.number, sound)]
        found = pl.DataFrame({"raw": raw, "person_id": found_id, "fault": checked["fault"]})
        return found.with_columns(person_id=pl.when(pl.col("fault").is_null()).then("person_id"))

    @cached_property
    def _kept(self) -> _Known:
        files = sorted((self.folder / "person").glob("*.parquet"))
        if not files:
            return _Known(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
        frame = pl.concat([pl.read_parquet(file, columns=["number", "person_id"]) for file in files])
        frame = frame.cast({"number": pl.Int64}).sort("number")
        return _Known(frame["number"].to_numpy(), frame["person_id"].to_numpy())

    def _with_fresh(self, numbers: np.ndarray) -> _Known:
        """All known numbers, those of a file (distinct, ascending) among them; what is new is stored first."""
        known = self._kept
        place = np.searchsorted(known.number, numbers)
        fresh = numbers[np.append(known.number, -1)[place] != numbers]
        if not len(fresh):
            return known
        written = pl.Series("number", fresh).cast(pl.String).str.zfill(10)
        frame = pl.DataFrame({"number": written, "person_id": pseudonyms(self.key, NHS_NUMBER, written)})
        both = _Known(
            np.concatenate([known.number, fresh]), np.concatenate([known.person_id, frame["person_id"].to_numpy()])
        )
        _must_differ(both.person_id)
        self._store(frame)
        order = np.argsort(both.number, kind="stable")
        self._kept = _Known(both.number[order], both.person_id[order])
        return self._kept

    def _store(self, fresh: pl.DataFrame) -> None:
        folder = self.folder / "person"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        content = hashlib.sha256("".join(fresh["number"].to_list()).encode()).hexdigest()[:16]
        target = folder / f"{content}.parquet"
        partial = target.with_suffix(".partial")
        fresh.sort("person_id").write_parquet(partial)
        partial.chmod(0o600)
        partial.replace(target)


@dataclass(frozen=True)
class _Known:
    """NHS numbers, ascending, and their pseudonyms."""

    number: np.ndarray
    person_id: np.ndarray


def _must_differ(person_id: np.ndarray) -> None:
    if len(np.unique(person_id)) != len(person_id):
        raise IdentityError("Two numbers share a pseudonym: stop, and change the key.")
