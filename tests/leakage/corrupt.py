"""Corrupts the future in delivered files: everything that a given Monday could not have known.

The known date is worked out here from the contract's words, in polars, apart from the product's SQL.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path

import polars as pl

from data_contracts.contract import Contract, KnownDate, load_contracts
from data_contracts.readable import make_readable

TYPE_1_OBJECTION = "827241000000103"  # withholds GP rows whenever it comes: by design not a matter of weeks


def corrupt_inbox(inbox: Path, index: dt.date, *, seed: int = 1) -> int:
    """Corrupts every file of an inbox in place; returns how many rows it changed, took away or added."""
    touched = 0
    for contract in load_contracts().values():
        for folder in sorted((inbox / contract.id).glob("????-??-??")):
            historic = (folder / "delivery.yaml").exists()
            for path in sorted(p for p in folder.iterdir() if p.suffix != ".yaml"):
                touched += _corrupt_file(contract, path, dt.date.fromisoformat(folder.name), historic, index, seed)
    return touched


def _corrupt_file(contract: Contract, path: Path, received: dt.date, historic: bool, index: dt.date, seed: int) -> int:
    frame = _as_text(contract, path)
    header = {c.lake_name: c.header for c in contract.columns if c.header in frame.columns}
    declared = _known(contract.known_date, header, received)
    known = pl.min_horizontal(declared, pl.lit(received)) if historic else pl.max_horizontal(declared, pl.lit(received))
    event = _date(header[contract.event_date]) if contract.event_date in header else pl.lit(None, dtype=pl.Date)
    future = (known > index) | (event >= index).fill_null(value=False)
    code = next((c.header for c in contract.columns if c.code_system == "snomed"), None)
    if code in frame.columns:
        future = future & (pl.col(code) != TYPE_1_OBJECTION)
    frame = frame.with_columns(future=future, known=known).with_row_index("at")
    # What makes a row future stays: shuffled apart, two future rows can lend each other a past event and a past entry.
    dates = {contract.event_date, *(contract.known_date.columns if contract.known_date else ())}
    fixed = {header[name] for name in dates if name in header}
    told_later = 0
    for column in contract.columns:
        if column.known is None or column.header not in frame.columns:
            continue
        told = pl.max_horizontal("known", pl.min_horizontal(_known(column.known, header, received), pl.lit(received)))
        hide = (~pl.col("future")) & (pl.col(column.header) != "") & (told > index) & pl.lit(historic)
        told_later += frame.select(hide.sum()).item()
        frame = frame.with_columns(pl.when(hide).then(pl.lit("")).otherwise(pl.col(column.header)).alias(column.header))
    past, ahead = frame.filter(~pl.col("future")), frame.filter("future")
    if ahead.is_empty() and not told_later:
        return 0
    kept = ahead.filter(pl.col("at").hash(seed) % 3 != 0)
    shuffled = [
        pl.Series(name, kept[name].shuffle(seed=seed + i))
        for i, name in enumerate(kept.columns)
        if name in header.values() and name not in fixed
    ]
    kept = kept.with_columns(shuffled)
    added = _with_new_keys(contract, header, ahead.filter(pl.col("at").hash(seed + 1) % 4 == 0), seed)
    out = pl.concat([past, kept, added]).sort("at").drop("at", "future", "known")
    if path.read_bytes()[:4] == b"PAR1":
        out.write_parquet(path)
    else:
        path.write_text(out.write_csv(separator=contract.delimiter), encoding="utf-8")
    return len(ahead) + told_later + len(added)


def _as_text(contract: Contract, path: Path) -> pl.DataFrame:
    with tempfile.TemporaryDirectory() as scratch:
        readable = make_readable(path, contract, Path(scratch))
        if readable.encoding == "parquet":
            frame = pl.read_parquet(readable.path).cast(pl.String)
        else:
            frame = pl.read_csv(readable.path, separator=contract.delimiter, infer_schema=False)
    return frame.fill_null("")


def _with_new_keys(contract: Contract, header: dict[str, str], rows: pl.DataFrame, seed: int) -> pl.DataFrame:
    key = [c for k in contract.key if (c := contract.column(k)).role is None and c.type in ("integer", "string")]
    for column in key[-1:]:
        fresh = pl.col(column.header) + str(seed) if column.type == "string" else "9" + pl.col(column.header)
        if column.pattern is None and column.code_system is None:
            rows = rows.with_columns(fresh.alias(column.header))
    return rows


def _known(known: KnownDate | None, header: dict[str, str], received: dt.date) -> pl.Expr:
    if known is None or not known.columns:
        return pl.lit(received)
    latest = pl.max_horizontal([_date(header[c]) for c in known.columns if c in header])
    if known.period:
        latest = latest.dt.truncate({"month": "1mo", "quarter": "1q"}[known.period])
        latest = latest.dt.offset_by({"month": "1mo", "quarter": "3mo"}[known.period]).dt.offset_by("-1d")
    return (latest + dt.timedelta(days=known.lag_days)).fill_null(received)


def _date(column: str) -> pl.Expr:
    return pl.col(column).str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
