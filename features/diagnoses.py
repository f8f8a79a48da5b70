"""Hospital Frailty Risk Score and Charlson index: which ICD-10 codes count, and what the conditions found weigh.

SQL gathers the conditions of a person's stays in whole-number masks (``sql/features/diagnosis_long.sql``); each
condition is one bit, so that a code written ten times counts once. The codes and weights are reference tables:
``hospital_frailty.csv`` (Gilbert 2018, tenths of a point), ``charlson.csv`` and ``charlson_prefix.csv`` (Quan 2005,
SHMI). A condition whose ``counted_flag`` is false has no bit: HIV is never counted.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl

from data_contracts.contract import REFERENCE

MASKS = ("frailty_low", "frailty_high", "charlson")
LOW_CODES = 60  # a mask holds 63 bits; the frailty score has 109 codes
FOURTH = ("", *"0123456789", "X", "-")  # what may follow a three-character code
MAPPING = {"charlson_1987": "quan_2005", "quan_2011": "quan_2005", "shmi_2020": "shmi"}
SHIFT = {"quan_2005": 0, "shmi": 20}


@dataclass(frozen=True)
class Condition:
    """One condition of the Charlson index, with its weight in each set; ``dropped_when`` names its severe form."""

    name: str
    weights: dict[str, int]
    dropped_when: str


@cache
def frailty_weights() -> tuple[tuple[str, int], ...]:
    """Three-character code and weight in tenths, in order of code; the place of a code is its bit."""
    return tuple((row["icd10_code"], int(row["weight_tenths"])) for row in _rows("hospital_frailty"))


@cache
def charlson_conditions() -> tuple[Condition, ...]:
    """The counted conditions, in the order of the table; the place of a condition is its bit."""
    return tuple(
        Condition(row["condition"], {s: int(row[f"weight_{s}"]) for s in MAPPING}, row["dropped_when"])
        for row in _rows("charlson")
        if row["counted_flag"] == "true"
    )


def code_rows() -> pl.DataFrame:
    """Columns code, frailty_low, frailty_high, charlson: one row a code of up to four characters that counts."""
    bit = {c.name: place for place, c in enumerate(charlson_conditions())}
    masks = [
        pl.DataFrame(
            [
                (code + fourth, *((1 << place, 0) if place < LOW_CODES else (0, 1 << (place - LOW_CODES))), 0)
                for place, (code, _) in enumerate(frailty_weights())
                for fourth in FOURTH
            ],
            schema=["code", *MASKS],
            orient="row",
        ),
        pl.DataFrame(
            [
                (row["icd10_prefix"] + fourth, 0, 0, 1 << (bit[row["condition"]] + SHIFT[row["mapping"]]))
                for row in _rows("charlson_prefix")
                if row["condition"] in bit
                for fourth in (FOURTH if len(row["icd10_prefix"]) == 3 else ("",))
            ],
            schema=["code", *MASKS],
            orient="row",
        ),
    ]
    # Bits of one code never repeat within a mask, so that adding them up is the same as joining them.
    return pl.concat(masks).unique().group_by("code").agg(pl.col(m).sum() for m in MASKS).sort("code")


def named_codes() -> list[str]:
    """Codes of up to four characters that the tables of both scores name, counted or not, in order."""
    named = {code for code, _ in frailty_weights()} | {row["icd10_prefix"] for row in _rows("charlson_prefix")}
    return sorted(code + fourth for code in named for fourth in (FOURTH if len(code) == 3 else ("",)))


def weights() -> list[object]:
    """All weights, for what must change when one of them does."""
    return [frailty_weights(), [(c.name, sorted(c.weights.items()), c.dropped_when) for c in charlson_conditions()]]


def hospital_frailty(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Score in tenths of a point for each pair of masks."""
    score = np.zeros(len(low), dtype=np.int64)
    for place, (_, tenths) in enumerate(frailty_weights()):
        mask, bit = (low, place) if place < LOW_CODES else (high, place - LOW_CODES)
        score += ((mask >> bit) & 1) * tenths
    return score


def charlson(mask: np.ndarray, weights: str) -> np.ndarray:
    """Index for each mask with one set of weights, by its own mapping; the severe form replaces the mild.

    SHMI weighs diabetes with complications below zero, so that its sum may be -1.
    """
    conditions, shift = charlson_conditions(), SHIFT[MAPPING[weights]]
    found = {c.name: ((mask >> (place + shift)) & 1).astype(bool) for place, c in enumerate(conditions)}
    score = np.zeros(len(mask), dtype=np.int64)
    for c in conditions:
        counts = found[c.name] & ~found[c.dropped_when] if c.dropped_when else found[c.name]
        score += counts * c.weights[weights]
    return score


def _rows(name: str) -> list[dict[str, str]]:
    with (REFERENCE / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))
