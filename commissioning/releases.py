"""What earlier releases showed, with the truth behind it: kept in the lake, never published.

An attacker keeps old tables. Each release therefore remembers its cells, and the next ones are controlled as if all of
them lay side by side: a cell that has not changed is the same unknown in every release.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import polars as pl

from commissioning.ties import Key, Past

REMEMBERED: Final = 3
"""Earlier releases that are attacked together with the new one."""
RELEASE: Final = "release.parquet"
_SCHEMA: Final = {
    "indicator": pl.String,
    "table_name": pl.String,
    "key": pl.String,
    "value": pl.Int64,
    "small": pl.Boolean,
    "suppressed": pl.Boolean,
}


def write_release(path: Path, published: dict[str, list[Past]]) -> None:
    """Writes every cell of a release by indicator; the file holds true counts and belongs in the lake alone."""
    rows = [
        (indicator, table.name, _text(key), value, small, hidden)
        for indicator, tables in published.items()
        for table in tables
        for key, value, small, hidden in zip(table.keys, table.value, table.small, table.suppressed, strict=True)
    ]
    pl.DataFrame(rows, schema=_SCHEMA, orient="row").write_parquet(path, compression="zstd")


def read_releases(paths: Sequence[Path], remembered: int = REMEMBERED) -> dict[str, list[list[Past]]]:
    """By indicator its tables in each release, newest release first, empty where it was not; at most `remembered`."""
    found: dict[str, list[list[Past]]] = {}
    kept = list(paths)[:remembered]
    for back, path in enumerate(kept):
        frame = pl.read_parquet(path)
        for (indicator,), own in frame.group_by("indicator", maintain_order=True):
            tables = [
                Past(
                    str(name),
                    tuple(_key(text) for text in rows["key"]),
                    tuple(rows["value"]),
                    tuple(rows["small"]),
                    tuple(rows["suppressed"]),
                )
                for (name,), rows in own.group_by("table_name", maintain_order=True)
            ]
            found.setdefault(str(indicator), [[] for _ in kept])[back] = tables
    return found


def restated(earlier: list[list[Past]], now: list[Past], rounding: int) -> list[tuple[str, Key, int, int]]:
    """Cells that the newest earlier release showed and this one shows with another figure.

    Returns:
        Table, cell, figure before and figure now, both as published.
    """
    if not earlier:
        return []
    before = {
        (t.name, k): v
        for t in earlier[0]
        for k, v, hidden in zip(t.keys, t.value, t.suppressed, strict=True)
        if not hidden
    }
    found = []
    for table in now:
        for key, value, hidden in zip(table.keys, table.value, table.suppressed, strict=True):
            old = before.get((table.name, key))
            if old is not None and not hidden and _rounded(old, rounding) != _rounded(value, rounding):
                found.append((table.name, key, _rounded(old, rounding), _rounded(value, rounding)))
    return found


def _rounded(value: int, rounding: int) -> int:
    return (value + rounding // 2) // rounding * rounding


def _text(key: Key) -> str:
    return json.dumps([key[0], key[1].isoformat(), *key[2:]], separators=(",", ":"), ensure_ascii=False)


def _key(text: str) -> Key:
    period, start, *parts = json.loads(text)
    named: list[Any] = [(dimension, value) for dimension, value in parts]
    return (period, dt.date.fromisoformat(start), *named)
