"""Pandera schemas of the frames that pass between stages, made from the same declarations as everything else.

A stage never waits for this: it runs in the job of expectations, on the newest frames of each stage.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

import features
from data_contracts.contract import Column, Contract, load_contracts
from data_contracts.ledger import read_entries
from pipelines.stages import feature_folder, score_folder
from pipelines.store import Store

if TYPE_CHECKING:
    import pandera.polars as pa

MOST_ROWS = 100_000
_TYPES: dict[str, pl.DataType | type[pl.DataType]] = {
    "varchar": pl.String,
    "bigint": pl.Int64,
    "decimal(19,3)": pl.Decimal(19, 3),
    "date": pl.Date,
    "timestamp": pl.Datetime("us"),
    "boolean": pl.Boolean,
}


def conformed_schema(contract: Contract) -> pa.DataFrameSchema:
    """Typed rows of one file: types, needed values, bounds, and dates that do not lie after the day received."""
    import pandera.polars as pa

    columns = {c.lake_name: _column(contract, c) for c in contract.stored}
    columns |= {
        "row_index": pa.Column(pl.Int64, pa.Check.ge(0), unique=True),
        "warning_flag": pa.Column(pl.Boolean),
        "known_from": pa.Column(pl.Date),
        "delivery_id": pa.Column(pl.Int64),
    }
    return pa.DataFrameSchema(columns, strict=True)


def _column(contract: Contract, column: Column) -> pa.Column:
    import pandera.polars as pa

    checks = []
    if column.type in ("integer", "number") and column.role is None:
        checks += [pa.Check.ge(column.minimum)] if column.minimum is not None else []
        checks += [pa.Check.le(column.maximum)] if column.maximum is not None else []
    spared = contract.delivery.withdrawn_column is not None and column.lake_name not in contract.key
    return pa.Column(_TYPES[column.lake_type], checks, nullable=not column.required or spared)


def score_schema() -> pa.DataFrameSchema:
    """One row a person and outcome: a probability, or up to a year's days where the outcome is counted."""
    import pandera.polars as pa

    from models import load_outcomes

    counted = [o.name for o in load_outcomes().values() if o.counts]

    def a_risk_unless_counted(data: pa.PolarsData) -> pl.LazyFrame:
        """At most 1, except for outcomes that are counted."""
        return data.lazyframe.select((pl.col("score") <= 1) | pl.col("outcome").is_in(counted))

    return pa.DataFrameSchema(
        {
            "person_id": pa.Column(pl.Int64),
            "outcome": pa.Column(pl.String),
            "score": pa.Column(pl.Float64, [pa.Check.ge(0), pa.Check.le(366)], nullable=True),
        },
        checks=pa.Check(a_risk_unless_counted),
        unique=["person_id", "outcome"],
    )


def frames(store: Store, week: dt.date) -> dict[str, tuple[Path, pa.DataFrameSchema]]:
    """The newest frame of each stage, by name: where it lies and what it must be."""
    found: dict[str, tuple[Path, pa.DataFrameSchema]] = {}
    for contract in load_contracts().values():
        read = [e for e in read_entries(store.lake, contract.id) if e.fate == "accepted" and e.accepted]
        current = [e for e in read if e.contract_version == contract.version]
        if current:
            path = store.lake / "conform" / contract.id / f"{current[-1].sha256[:16]}.parquet"
            found[f"conform/{contract.id}"] = path, conformed_schema(contract)
    found["feature"] = feature_folder(store) / f"week={week}" / "matrix.parquet", features.matrix_schema()
    found["score"] = score_folder(store) / f"week={week}" / "score.parquet", score_schema()
    return {name: frame for name, frame in found.items() if frame[0].exists()}


def check_frames(store: Store, week: dt.date) -> tuple[int, list[str]]:
    """How many frames were looked at, and sentences on those that are not what they must be; no value is quoted."""
    import pandera.errors

    looked, found = 0, []
    for name, (path, schema) in frames(store, week).items():
        looked += 1
        frame = pl.scan_parquet(path).head(MOST_ROWS).collect()
        try:
            schema.validate(frame, lazy=True)
        except pandera.errors.SchemaErrors as problem:
            cases = problem.failure_cases.select("column", "check").unique().sort("column", "check").rows()
            found.append(f"{name}: " + "; ".join(" ".join(filter(None, case)) for case in cases[:5]))
    return looked, found
