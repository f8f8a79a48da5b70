"""The content hash of a table: equal when the values are equal, whatever the order of rows, files or threads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb


def read(files: Sequence[Path], *, week: bool = True) -> str:
    """A ``read_parquet(...)`` expression over exactly these files; ``week=`` folders become a date column if asked."""
    listed = ", ".join("'" + str(f).replace("'", "''") + "'" for f in files)
    hive = week and any(f.parent.name.startswith("week=") for f in files)
    dated = "true, hive_types = {'week': date}" if hive else "false"
    options = f", union_by_name = true, hive_partitioning = {dated}"
    return f"read_parquet([{listed}]{options})"


def content_hash(con: duckdb.DuckDBPyConnection, files: Sequence[Path], *, week: bool = True) -> tuple[int, str]:
    """Rows and content hash of the table held by Parquet ``files``.

    Every row is hashed over its column names and values; rows are combined by an exclusive-or and an exact sum, which
    do not depend on order. DuckDB's row hash belongs to its release, so hashes of different releases are not compared
    (the manifest names the release).

    Returns:
        The number of rows and 64 hexadecimal digits.
    """
    described = con.sql(f"describe select * from {read(files, week=week)}").fetchall()
    columns = sorted((str(name), str(kind)) for name, kind, *_ in described)
    listed = ", ".join('"' + name.replace('"', '""') + '"' for name, _ in columns)
    ((rows, mixed, total),) = con.sql(
        f"select count(*), coalesce(bit_xor(h), 0)::varchar, coalesce(sum(h::hugeint), 0)::varchar "
        f"from (select hash({listed}) as h from {read(files, week=week)})"
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
        if not all(p.exists() for p in pair) or _hash(con, pair[0]) != _hash(con, pair[1]):
            return "different"
    return "same"


def _hash(con: duckdb.DuckDBPyConnection, file: Path) -> tuple[int, str]:
    return content_hash(con, [file], week=False)


def is_whole(path: Path) -> bool:
    """Whether a Parquet file is there and ends as one does; a copy that was cut short does not."""
    try:
        with path.open("rb") as stream:
            head = stream.read(4)
            stream.seek(-4, 2)
            return head == stream.read(4) == b"PAR1"
    except OSError:
        return False
