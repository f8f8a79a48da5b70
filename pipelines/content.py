"""The content hash of a table: equal when the values are equal, whatever the order of rows, files or threads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb


def read(files: Sequence[Path]) -> str:
    """A ``read_parquet(...)`` expression over exactly these files; a ``week=`` folder becomes a date column."""
    listed = ", ".join("'" + str(f).replace("'", "''") + "'" for f in files)
    hive = any("=" in part for f in files for part in f.parts[:-1])
    options = ", union_by_name = true" + (", hive_partitioning = true, hive_types = {'week': date}" if hive else "")
    return f"read_parquet([{listed}]{options})"


def content_hash(con: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> tuple[int, str]:
    """Rows and content hash of the table held by Parquet ``files``.

    Every row is hashed over its column names and values; rows are combined by an exclusive-or and an exact sum, which
    do not depend on order. DuckDB's row hash belongs to its release, so hashes of different releases are not compared
    (the manifest names the release).

    Returns:
        The number of rows and 64 hexadecimal digits.
    """
    described = con.sql(f"describe select * from {read(files)}").fetchall()
    columns = sorted((str(name), str(kind)) for name, kind, *_ in described)
    listed = ", ".join('"' + name.replace('"', '""') + '"' for name, _ in columns)
    ((rows, mixed, total),) = con.sql(
        f"select count(*), coalesce(bit_xor(h), 0)::varchar, coalesce(sum(h::hugeint), 0)::varchar "
        f"from (select hash({listed}) as h from {read(files)})"
    ).fetchall()
    return int(rows), digest({"columns": columns, "rows": rows, "mixed": mixed, "total": total})


def digest(value: Mapping[str, object]) -> str:
    """SHA-256 of a JSON value with sorted keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def settle(con: duckdb.DuckDBPyConnection, staged: Path, final: Path) -> str:
    """Move a finished folder to its place, unless that place holds a past result already.

    What a past week held is never changed: an equal result leaves it as it is, a different one is left out and told.

    Returns:
        ``new``, ``same`` or ``different``.
    """
    if not final.exists():
        final.parent.mkdir(parents=True, exist_ok=True)
        staged.rename(final)
        return "new"
    names = {p.name for folder in (staged, final) for p in folder.glob("*.parquet")}
    for name in sorted(names):
        pair = (staged / name, final / name)
        if not all(p.exists() for p in pair) or content_hash(con, pair[:1]) != content_hash(con, pair[1:]):
            return "different"
    return "same"
