"""Value rules of the deficits: which results count, in which unit, and when they say that something is not normal.

Three tables declare them: ``reference/efi_deficit.csv`` (threshold and its source), ``reference/measurement_unit.csv``
(how a unit as written becomes the unit of the list) and the measurement's own codelist (what is plausible). A result in
another unit, or outside what is plausible, is left out. Of one measurement the newest day counts, so that a newer
normal result takes the deficit back; of two results on one day the one that is not normal counts.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from data_contracts.contract import CODELISTS, REFERENCE
from features.errors import FeatureError

if TYPE_CHECKING:
    from features.declaration import FeatureSet

COMPARISONS = ("<", "<=", ">", ">=")
LARGEST = Decimal("999999999")
VALUE = pl.Decimal(19, 3)
FACTOR = pl.Decimal(9, 5)


@dataclass(frozen=True)
class ValueRule:
    """One threshold. ``sex_code`` is empty where it holds for everybody."""

    deficit: str
    measure: str
    sex_code: str
    comparison: str
    threshold: Decimal
    unit: str
    what: str


@cache
def value_rules() -> tuple[ValueRule, ...]:
    """The rules that are applied, in the order of the table; the place of a rule is its bit."""
    found = tuple(
        ValueRule(
            row["deficit"],
            row["codelist"],
            row["sex_code"],
            row["comparison"],
            Decimal(row["threshold"]),
            row["unit"],
            row["measure"],
        )
        for row in _rows("efi_deficit")
        if row["rule"] == "value" and row["applied_flag"] == "true"
    )
    for rule in found:
        if rule.comparison not in COMPARISONS:
            raise FeatureError(f"efi_deficit.csv: {rule.deficit!r}: {rule.comparison!r} is no comparison")
    return found


def measures() -> tuple[str, ...]:
    """Codelists of the measurements that the rules read, in order of name."""
    return tuple(sorted({rule.measure for rule in value_rules()}))


@cache
def plausible(measure: str) -> tuple[Decimal, Decimal]:
    """Smallest and largest result that is believed, in the unit of the shipped list; another list has the same."""
    with (CODELISTS / f"{measure}.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    smallest, largest = ([Decimal(row[b]) for row in rows if row[b]] for b in ("minimum", "maximum"))
    return min(smallest), max(largest)


@cache
def fingerprint() -> tuple[object, ...]:
    """Everything that decides what a result says."""
    return value_rules(), tuple(plausible(m) for m in measures()), tuple(map(tuple, unit_rows().rows()))


def code_rows(declared: FeatureSet) -> pl.DataFrame:
    """Columns code, measure (number), minimum, maximum: one row a code of a measurement."""
    rows = [
        (code, number, *plausible(measure))
        for number, measure in enumerate(measures())
        for code in declared.codes(measure).measured
    ]
    return pl.DataFrame(
        rows, schema={"code": pl.Int64, "measure": pl.Int32, "minimum": VALUE, "maximum": VALUE}, orient="row"
    )


def unit_rows() -> pl.DataFrame:
    """Columns measure, unit (small letters, no blanks; empty for none), factor, lowest, highest (of the raw value)."""
    number = {measure: n for n, measure in enumerate(measures())}
    rows = [
        (
            number[row["codelist"]],
            row["unit"],
            Decimal(row["factor"]),
            Decimal(row["lowest"] or -LARGEST),
            Decimal(row["highest"] or LARGEST),
        )
        for row in _rows("measurement_unit")
        if row["codelist"] in number
    ]
    schema: dict[str, Any] = {
        "measure": pl.Int32,
        "unit": pl.String,
        "factor": FACTOR,
        "lowest": VALUE,
        "highest": VALUE,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def rule_rows() -> pl.DataFrame:
    """Columns measure, rule_bit, comparison, threshold: one row a rule."""
    number = {measure: n for n, measure in enumerate(measures())}
    rows = [(number[r.measure], 1 << bit, r.comparison, r.threshold) for bit, r in enumerate(value_rules())]
    schema: dict[str, Any] = {"measure": pl.Int32, "rule_bit": pl.Int64, "comparison": pl.String, "threshold": VALUE}
    return pl.DataFrame(rows, schema=schema, orient="row")


def deficits_by_value(mask: np.ndarray, sex_code: np.ndarray) -> dict[str, np.ndarray]:
    """For each deficit with value rules, who has it by a value.

    Args:
        mask: bits of the rules whose newest result is not normal.
        sex_code: national code, ``1`` male, ``2`` female. Where a rule differs by sex and the sex is unknown, all of
            its thresholds must agree.
    """
    found: dict[str, np.ndarray] = {}
    by_measure: dict[tuple[str, str], list[tuple[int, ValueRule]]] = {}
    for bit, rule in enumerate(value_rules()):
        by_measure.setdefault((rule.deficit, rule.measure if rule.sex_code else f"{bit}"), []).append((bit, rule))
    for (deficit, _), rules in by_measure.items():
        says = np.stack([((mask >> bit) & 1).astype(bool) for bit, _ in rules])
        said = says[0]
        if rules[0][1].sex_code:
            own = np.stack([sex_code == rule.sex_code for _, rule in rules])
            said = np.where(own.any(axis=0), (says & own).any(axis=0), says.all(axis=0))
        found[deficit] = found.get(deficit, np.zeros(len(mask), dtype=bool)) | said
    return found


def _rows(name: str) -> list[dict[str, str]]:
    with (REFERENCE / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))
