"""The rules that a contract implies, as SQL expressions over text columns.

For a column ``c`` three things are derived: ``t_c`` the tidied text (trimmed, sentinel values taken out), ``v_c`` the
typed value (null when it cannot be typed), and the checks that decide what is said about it. A bad value in a column
that the contract requires rejects the row; in any other it becomes missing and is a warning. A person's number that
is there and wrong always rejects the row: a correction with a wrong number must not take the place of a sound row.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

from data_contracts import site
from data_contracts.contract import REFERENCE, Column, Contract, ContractError, KnownDate

EARLIEST = "1880-01-01"
REMEDY = {
    "N00": "no NHS number: the row is kept and counted as unmatched",
    "N01": "an NHS number has ten digits",
    "N02": "the NHS number fails its check digit: correct it at the source",
    "N03": "the number passes the check but is never issued",
    "N04": "the number lies outside the ranges issued in England",
    "C01": "a value is required",
    "C02": "not a date: send YYYY-MM-DD",
    "C03": "the date lies after the day the file was received",
    "C04": "not a number of the expected kind",
    "C05": "outside the bounds that the contract allows",
    "C06": "the code is not in the national list: kept as sent",
    "C07": "does not have the expected form",
    "C08": "the code was damaged by a spreadsheet: send it as text",
    "C09": "the code fails its check digit",
    "C10": "the number of a description or relationship: send the concept's",
    "R01": "the record has too many or too few cells, or an open quote",
    "K01": "the same record occurs more than once in the file",
    "K02": "a later version of the same record is in the file",
}


NUMBERS = ("person", "other_number")
"""Roles of a column that holds a person's number."""


@dataclass(frozen=True)
class Check:
    """One rule on one column: ``fails`` is SQL over ``t_`` and ``v_`` columns, true when the rule is broken."""

    code: str
    column: str
    fails: str
    rejects: bool
    message: str
    shows_value: bool


def text_of(column: Column) -> str:
    """SQL of the tidied text of a delivered column."""
    trimmed = f"nullif(trim({quoted(column.name)}), '')"
    if not column.sentinels:
        return trimmed
    return f"case when {is_sentinel(column)} then null else {trimmed} end"


def is_sentinel(column: Column) -> str:
    """SQL that is true where the delivered text stands for "missing"."""
    text = f"trim({quoted(column.name)})"
    compared = f"substr({text}, 1, 10)" if column.type in ("date", "timestamp") else text
    return one_of(compared, column.sentinels)


def one_of(text: str, values: tuple[str, ...]) -> str:
    """SQL that is true where ``text`` is one of ``values``.

    As one pattern: DuckDB turns a longer list into a join, and a wide table has dozens, slow to plan and to run.
    """
    verbatim = (re.sub(r"([][.^$*+?(){}|\\])", r"\\\1", value) for value in values)
    pattern = "|".join(verbatim)
    return f"regexp_matches({text}, {literal(f'^(?:{pattern})$')})"


def value_of(column: Column) -> str:
    """SQL of the typed value, from the tidied text ``t_<name>``; looked-up columns are joined, not computed."""
    t = quoted(f"t_{column.name}")
    if is_looked_up(column):
        return f"{lookup_alias(column)}.value"
    if column.day_first:
        t = _year_first(t)
    return _TYPED[column.type](t)


def _date(t: str) -> str:
    shaped = f"substr({t}, 5, 1) = '-' and substr({t}, 8, 1) = '-' and substr({t}, 11, 1) in ('', ' ', 'T')"
    return f"case when {shaped} then try_cast(substr({t}, 1, 10) as date) end"


def _year_first(t: str) -> str:
    """DD/MM/YYYY, with a time of day or without, as YYYY-MM-DD; anything else is no date."""
    parts = f"substr({t}, 7, 4), '-', substr({t}, 4, 2), '-', substr({t}, 1, 2), substr({t}, 11)"
    return f"(case when substr({t}, 3, 1) = '/' and substr({t}, 6, 1) = '/' then concat({parts}) end)"


def _integer(t: str) -> str:
    plain = f"try_cast({t} as bigint)"
    whole = f"regexp_matches({t}, '^[+-]?[0-9]{{1,18}}([.]0*)?$')"
    return (
        f"case when length({t}) <= 18 and cast({plain} as varchar) = {t} then {plain} "  # most are: half the price
        f"when {whole} then try_cast(split_part({t}, '.', 1) as bigint) end"
    )


def _number(t: str) -> str:
    decimal = f"regexp_matches({t}, '^[+-]?([0-9]{{1,16}}[.]?[0-9]*|[.][0-9]+)$')"
    return f"case when {decimal} then try_cast({t} as decimal(19,3)) end"


def _time(t: str) -> str:
    clock = f"regexp_matches({t}, '^([0-9]:|([01][0-9]|2[0-3]):?)[0-5][0-9](:?[0-5][0-9])?([.]0*)?$')"
    padded = f"case when substr({t}, 2, 1) = ':' then concat('0', {t}) else {t} end"
    digits = f"rpad(substr(replace({padded}, ':', ''), 1, 6), 6, '0')"
    parts = ", ':', ".join(f"substr({digits}, {i}, 2)" for i in (1, 3, 5))
    return f"case when {clock} then concat({parts}) end"


def _boolean(t: str) -> str:
    yes, no = "('true', 't', '1', 'y', 'yes')", "('false', 'f', '0', 'n', 'no')"
    return f"case when lower({t}) in {yes} then true when lower({t}) in {no} then false end"


_TYPED: dict[str, Callable[[str], str]] = {
    "string": lambda t: t,
    "date": _date,
    "integer": _integer,
    "number": _number,
    "time": _time,
    "timestamp": lambda t: f"try_cast({t} as timestamp)",
    "boolean": _boolean,
}


def known_value(known: KnownDate) -> str:
    """SQL of a declared known date over lake columns: the latest of its columns, nulls ignored, plus the lag.

    Null where it has no columns: nothing in the row tells, so it is the day the row came.
    """
    if not known.columns:
        return "cast(null as date)"
    dates = ", ".join(f"cast({quoted(c)} as date)" for c in known.columns)
    latest = f"greatest({dates})" if len(known.columns) > 1 else dates
    if known.period:
        months = {"month": 1, "quarter": 3}[known.period]
        latest = f"(cast(date_trunc('{known.period}', {latest}) + interval {months} month as date) - 1)"
    return f"({latest} + {known.lag_days})"


def checks_of(contract: Contract, present: set[str]) -> list[Check]:
    """All checks on the columns that a file has, the person first, the contract's own rules last."""
    checks: list[Check] = []
    for column in sorted(contract.columns, key=lambda c: c.role != "person"):
        if column.name in present:
            checks += _column_checks(column)
    checks = [_spared_when_withdrawn(check, contract, present) for check in checks]
    for rule in contract.rules:
        message, rejects = rule.message, rule.level == "reject row"
        header = contract.column(rule.column).header
        checks.append(
            Check(rule.code, header, f"not coalesce({rule.holds}, true)", rejects, message, shows_value=False)
        )
    return checks


def _spared_when_withdrawn(check: Check, contract: Contract, present: set[str]) -> Check:
    """A withdrawal may come with nothing but its key: what else is missing does not reject it."""
    withdrawn = contract.delivery.withdrawn_column
    keyed = {contract.column(k).header for k in contract.key}
    if not check.rejects or withdrawn not in present or check.column in keyed:
        return check
    return replace(check, fails=f"({check.fails}) and not coalesce({quoted(f'v_{withdrawn}')}, false)")


def _column_checks(column: Column) -> list[Check]:
    t, v = quoted(f"t_{column.name}"), quoted(f"v_{column.name}")
    shows = not column.personal and column.role is None

    def check(code: str, fails: str, *, rejects: bool = column.required) -> Check:
        return Check(code, column.header, fails, rejects, REMEDY[code], shows)

    checks = []
    if column.required:
        checks.append(check("C01", f"{t} is null"))
    elif column.role in NUMBERS:
        checks.append(check("N00", f"{t} is null", rejects=False))
    if column.role in NUMBERS:
        fault = f"{lookup_alias(column)}.fault"
        return checks + [check(c, f"coalesce({fault}, '') = '{c}'", rejects=True) for c in ("N01", "N02", "N03", "N04")]
    if column.code_system:
        fault = f"{lookup_alias(column)}.fault"
        return checks + [check(c, f"coalesce({fault}, '') = '{c}'") for c in ("C04", "C08", "C09", "C10")]
    if column.role == "local_id":
        return checks
    if column.type == "string":
        if column.pattern:
            checks.append(check("C07", f"not regexp_matches({t}, {literal(f'^(?:{column.pattern})$')})"))
        if column.code_set:
            checks.append(check("C06", f"not {one_of(t, code_set(column.code_set))}", rejects=False))
        return checks
    checks.append(check("C02" if column.type in ("date", "timestamp") else "C04", f"{t} is not null and {v} is null"))
    if column.type in ("date", "timestamp"):
        checks.append(check("C05", f"{v} < date '{EARLIEST}'"))
        if not column.future:
            checks.append(check("C03", f"cast({v} as date) > cast($received as date)"))
    else:
        bounds = [f"{v} < {column.minimum}"] if column.minimum is not None else []
        bounds += [f"{v} > {column.maximum}"] if column.maximum is not None else []
        if bounds:
            checks.append(check("C05", " or ".join(bounds)))
    return checks


def spoils_value(check: Check) -> bool:
    """Whether an optional value that breaks this rule becomes missing (an unknown code is kept as sent)."""
    return check.code not in ("C01", "C06", "N00") and not check.code.startswith("X")


def code_set(name: str) -> tuple[str, ...]:
    """The codes of one set, from ``reference/code_value.csv`` or the site's ``code_value.csv``.

    Raises:
        ContractError: there is no such set.
    """
    own = site.code_file()
    paths = (REFERENCE / "code_value.csv", *([own] if own else []))
    return _code_set(name, paths, site.stamp(*paths))


@cache
def _code_set(name: str, paths: tuple[Path, ...], _: site.Stamp) -> tuple[str, ...]:
    tables = [pl.read_csv(path, columns=["set", "code"], infer_schema=False) for path in paths]
    codes = tuple(pl.concat(tables).filter(pl.col("set") == name)["code"].to_list())
    if not codes:
        raise ContractError(f"No code set is called {name!r} in reference/code_value.csv.")
    return codes


def is_looked_up(column: Column) -> bool:
    """Whether distinct values are judged in Python once, and joined."""
    return column.role in (*NUMBERS, "local_id") or column.code_system is not None


def lookup_alias(column: Column) -> str:
    """Name of the table of judged distinct values of a looked-up column."""
    return quoted(f"lookup_{column.name}")


def judge_codes(raw: pl.Series) -> pl.DataFrame:
    """SNOMED CT and dm+d identifiers judged: 6 to 18 digits, Verhoeff check digit, no spreadsheet damage.

    The two digits before the check digit say what is numbered: 00 and 10 a concept, others a description or a
    relationship (SNOMED CT technical implementation guide, partition identifier).

    Returns:
        One row a value: ``raw``, ``value`` (integer, null when faulty), ``fault`` (C04, C08, C09, C10 or null).
    """
    frame = pl.DataFrame({"raw": raw})
    digits_only = pl.col("raw").str.contains(r"^[1-9][0-9]{5,17}$")
    damaged = pl.col("raw").str.contains(r"^[0-9]+([.,][0-9]+)?[eE][+]?[0-9]+$|^[0-9]{6,18}[.]0+$")
    frame = frame.with_columns(shaped=digits_only, damaged=damaged)
    sound = frame["shaped"].to_numpy() & verhoeff_holds(frame["raw"].to_list(), frame["shaped"].to_list())
    # A spreadsheet keeps 15 digits and writes zeros for the rest.
    zeros = pl.col("raw").str.contains(r"^[1-9][0-9]{14}0{1,3}$")
    concept = pl.col("raw").str.contains(r"[01]0[0-9]$")
    fault = (
        pl.when(pl.col("sound"))
        .then(pl.when(~concept).then(pl.lit("C10")))
        .when(pl.col("damaged") | (pl.col("shaped") & zeros))
        .then(pl.lit("C08"))
        .when(pl.col("shaped"))
        .then(pl.lit("C09"))
        .otherwise(pl.lit("C04"))
    )
    value = pl.when(pl.col("sound") & concept).then(pl.col("raw").cast(pl.Int64, strict=False))
    return frame.with_columns(sound=pl.Series(sound)).select("raw", value=value, fault=fault)


def _dihedral() -> np.ndarray:
    """Multiplication table of the dihedral group D5 (J. Verhoeff 1969; SNOMED CT technical implementation guide)."""
    i, j = np.indices((10, 10))
    rotated = np.where(i < 5, i + j, i - j) % 5
    reflected = (i < 5) != (j < 5)
    return rotated + 5 * reflected


def _permutations() -> list[np.ndarray]:
    powers = [np.arange(10), np.array([1, 5, 7, 6, 2, 8, 3, 0, 9, 4])]
    while len(powers) < 8:
        powers.append(powers[1][powers[-1]])
    return powers


_D, _P = _dihedral(), _permutations()


def verhoeff_holds(codes: list[str], shaped: list[bool]) -> np.ndarray:
    """Whether the last digit of each code is its Verhoeff check digit; false where ``shaped`` is false."""
    width = 18
    text = np.array(
        [c.zfill(width) if ok else "0" * width for c, ok in zip(codes, shaped, strict=True)], dtype=f"U{width}"
    )
    if not len(text):
        return np.zeros(0, dtype=bool)
    digits = text.view("U1").reshape(len(text), width).astype(np.int8)
    length = np.array([len(c) if ok else 0 for c, ok in zip(codes, shaped, strict=True)])
    state = np.zeros(len(text), dtype=np.int64)
    for i in range(width):
        step = _D[state, _P[i % 8][digits[:, width - 1 - i]]]
        state = np.where(i < length, step, state)
    return (state == 0) & (length > 0)


def quoted(name: str) -> str:
    """A SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("'", "''") + "'"
