"""Which deficits of the frailty index one person has on a Monday, since when, and by which code or result.

For one person at a time, from the rows that the Monday can read; the matrix is made by SQL for everybody at once, and a
test holds the two together.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl

from features import measurements, statements
from features.declaration import FeatureSet

VALUE = pl.Decimal(19, 3)
SCHEMA: dict[str, Any] = {
    "deficit": pl.String,
    "by": pl.String,
    "since_date": pl.Date,
    "latest_date": pl.Date,
    "code": pl.Int64,
    "value": VALUE,
    "unit": pl.String,
}


def deficit_evidence(
    declared: FeatureSet, events: pl.DataFrame, week: dt.date, *, sex_code: str | None, products: int | None
) -> pl.DataFrame:
    """One row a deficit and kind of evidence, in order of the declarations.

    Args:
        declared: the declarations, whose codelists are used.
        events: event_date, code, value and unit of the GP events of the person that the week can read.
        week: the Monday.
        sex_code: as known that week.
        products: different medicines issued in the last 12 months; None when unknown.

    Returns:
        Columns deficit (name of its codelist, or polypharmacy); by (code, result, medicines); since_date, the first day
        (of a result, the day of the newest); latest_date; code of the first day; value and unit of a result, in the
        unit of its list.
    """
    found = [_by_code(declared, events, week), _by_result(declared, events, sex_code)]
    if products is not None and products >= declared.polypharmacy[1]:
        found.append(pl.DataFrame([{"deficit": "polypharmacy", "by": "medicines", "value": products}], schema=SCHEMA))
    order = pl.Enum([*declared.deficits, "polypharmacy"])
    return pl.concat(found).sort(pl.col("deficit").cast(order), "by")


def _by_code(declared: FeatureSet, events: pl.DataFrame, week: dt.date) -> pl.DataFrame:
    rows = statements.deficit_rows(declared)
    codes = pl.DataFrame(rows, schema={"code": pl.Int64, "bit": pl.Int64, "lookback": pl.Int32}, orient="row")
    days_ago = (pl.lit(week) - pl.col("event_date")).dt.total_days()
    name = {1 << bit: deficit for bit, deficit in enumerate(declared.deficits)}
    return (
        events.select("event_date", "code")
        .join(codes, on="code")
        .filter(pl.col("lookback").is_null() | (days_ago <= pl.col("lookback")))
        .sort("event_date", "code")
        .group_by("bit")
        .agg(
            since_date=pl.col("event_date").first(),
            latest_date=pl.col("event_date").last(),
            code=pl.col("code").first(),
        )
        .select(
            deficit=pl.col("bit").replace_strict(name, return_dtype=pl.String),
            by=pl.lit("code"),
            since_date="since_date",
            latest_date="latest_date",
            code="code",
            value=pl.lit(None, dtype=VALUE),
            unit=pl.lit(None, dtype=pl.String),
        )
    )


def _by_result(declared: FeatureSet, events: pl.DataFrame, sex_code: str | None) -> pl.DataFrame:
    """The newest believed result of each measurement that is not normal, with the deficit that it sets."""
    unit = pl.col("unit").fill_null("").str.replace_all(" ", "").str.to_lowercase()
    believed = (
        events.filter(pl.col("value").is_not_null())
        .with_columns(unit=unit)
        .join(measurements.code_rows(declared), on="code")
        .join(measurements.unit_rows(), on=["measure", "unit"])
        .filter(pl.col("value").is_between("lowest", "highest"))
        .with_columns(value=(pl.col("value") * pl.col("factor")).round(3).cast(VALUE))
        .filter(pl.col("value").is_between("minimum", "maximum"))
        .filter(pl.col("event_date") == pl.col("event_date").max().over("measure"))
    )
    rows = []
    for rule in measurements.value_rules():
        if rule.sex_code and sex_code and rule.sex_code != sex_code:
            continue
        same = [r for r in measurements.value_rules() if (r.deficit, r.measure) == (rule.deficit, rule.measure)]
        must = same if rule.sex_code and not sex_code else [rule]
        results = believed.filter(pl.col("measure") == measurements.measures().index(rule.measure))
        beyond = results.filter(_beyond(rule)).sort("value", "code")
        if len(beyond) and all(len(results.filter(_beyond(r))) for r in must):
            worst = beyond.row(-1 if rule.comparison.startswith(">") else 0, named=True)
            day = worst["event_date"]
            rows.append((rule.deficit, "result", day, day, worst["code"], worst["value"], rule.unit))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row").unique(maintain_order=True)


def _beyond(rule: measurements.ValueRule) -> pl.Expr:
    value, threshold = pl.col("value"), pl.lit(rule.threshold, dtype=VALUE)
    return {"<": value < threshold, "<=": value <= threshold, ">": value > threshold, ">=": value >= threshold}[
        rule.comparison
    ]
