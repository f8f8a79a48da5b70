"""One person's record and features in words: codes by their labels, values with their units, no ids."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import polars as pl

from data_contracts import site
from data_contracts.codelist import load_codelists
from data_contracts.contract import REFERENCE, load_contracts

if TYPE_CHECKING:
    from features.declaration import Feature

UNSAID = {"person_id", "known_from", "known_until", "delivery_id", "row_index", "household_id", "sensitive_flag"}
JOINS = ("_id", "practice_code", "spell_number", "entered_date")
"""Endings of columns that only join tables, or say what stands above the table already."""
PLAIN_CODE = ("code", "product_code")
YEAR = 365
SPANS = {YEAR: "last 12 months", 2 * YEAR: "last two years"}


def code_words() -> dict[str, dict[str, str]]:
    """Words of the codes of each column of the record; a code that two sources mean differently has none."""
    return _code_words(site.stamp(*site.all_files()))


@cache
def _code_words(_: site.Stamp) -> dict[str, dict[str, str]]:
    labels = pl.read_csv(REFERENCE / "code_value.csv", infer_schema=False)
    of_set = {name: dict(part.select("code", "label").rows()) for (name,), part in labels.group_by("set")}
    found: dict[str, dict[str, str]] = {}
    for column in (c for contract in load_contracts().values() for c in contract.stored if c.code_set):
        told, new = found.setdefault(column.lake_name, {}), of_set.get(column.code_set or "", {})
        found[column.lake_name] = {k: v for k, v in (told | new).items() if told.get(k, v) == new.get(k, v) == v}
    return found


def code_labels() -> dict[str, str]:
    """Words for the codes that are in the codelists in use; other codes stay as they are."""
    return _code_labels(site.stamp(*site.all_files()))


@cache
def _code_labels(_: site.Stamp) -> dict[str, str]:
    return {e.code: e.label for listed in load_codelists().values() for e in listed.entries}


def labelled(code: str) -> pl.Expr:
    """The label of a clinical code or product, or the code where no list has it."""
    text = pl.col(code).cast(pl.String)
    return text.replace_strict(code_labels(), default=None, return_dtype=pl.String).fill_null(text)


def row_in_words(rows: pl.DataFrame, dated: str) -> pl.Expr:
    """What each row of a record table says, but for its date."""
    parts: list[pl.Expr] = [labelled(c) for c in PLAIN_CODE if c in rows.columns]
    for column in rows.columns:
        if column in UNSAID or column == dated or column in PLAIN_CODE or column.endswith(JOINS):
            continue
        parts.append(pl.when(pl.col(column).is_not_null()).then(_named(column, rows.schema[column])))
    return pl.concat_str(parts, separator=", ", ignore_nulls=True) if parts else pl.lit("")


def _named(column: str, kind: pl.DataType) -> pl.Expr:
    """A value with what it is: a code by its words, a flag by its name, a number without noughts behind the point."""
    name = column.removesuffix("_code").removesuffix("_flag").replace("_", " ")
    text = pl.col(column).cast(pl.String)
    if words := code_words().get(column):
        text = text.replace_strict(words, default=None, return_dtype=pl.String).fill_null(text)
    elif kind == pl.Boolean:
        return pl.when(pl.col(column)).then(pl.lit(name))
    elif kind.is_decimal():
        text = text.str.replace(r"\.?0+$", "")
    return pl.lit(f"{name} ") + text


def about_in_words(about: pl.DataFrame) -> pl.DataFrame:
    """Birth month, sex, ethnicity, small area: codes by their words."""
    said = [pl.col("birth_month").dt.strftime("%B %Y").alias("born")] if "birth_month" in about.columns else []
    for column in (c for c in about.columns if c != "birth_month"):
        words = code_words().get(column, {})
        text = pl.col(column).cast(pl.String)
        told = text.replace_strict(words, default=None, return_dtype=pl.String).fill_null(text) if words else text
        said.append(told.alias(column.removesuffix("_code")))
    return about.select(said)


def value_in_words(feature: Feature, value: float | None) -> str:
    """A value as it is read: a level by its words, a flag as yes or no, a number with its unit; empty for unknown.

    A number of days that stands for never, or for longer than is looked back, says so.
    """
    if value is None:
        return ""
    if feature.levels:
        return dict(feature.levels).get(int(value), f"{value:g}")
    if feature.unit == "flag":
        return "yes" if value else "no"
    if feature.measure == "days_since" and value == feature.window:
        return f"never, or {feature.window:,} days ago and longer"
    return f"{value:,.4g} {feature.unit}"


def window_in_words(feature: Feature) -> str:
    """Over which time a feature looks: empty for what is so now, or ever was."""
    if feature.window is None or feature.measure == "days_since":
        return ""
    return SPANS.get(feature.window, f"last {feature.window} days")


def medicines_in_words(issues: pl.DataFrame) -> pl.DataFrame:
    """One row a product: medicine, times issued, first and latest day; the newest first.

    Args:
        issues: product_code and event_date of the issues to tell of.
    """
    told = issues.group_by(medicine=labelled("product_code"))
    return told.agg(times=pl.len(), first=pl.col("event_date").min(), latest=pl.col("event_date").max()).sort(
        "latest", "medicine", descending=[True, False]
    )
