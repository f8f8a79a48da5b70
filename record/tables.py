"""The canonical tables: built from the histories by the statements in ``sql/record``.

A table that only renames its source stays a view; one that joins or groups is stored. A stored table's file is named
by its content, so a rebuild that changes nothing writes nothing new.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

import sql
from data_contracts import withheld
from data_contracts.contract import REFERENCE
from data_contracts.ledger import write_text_safely
from data_contracts.rules import literal, quoted

# Tables that the product ships and a statement of sql/record reads.
REFERENCE_TABLES = ("lsoa",)
# Stored tables with their order, in the order of building; every other statement of sql/record is a view.
STORED: dict[str, str] = {
    "person": "person_id, known_from",
    "community_referral": "person_id, provider_code, referral_id, team_type, known_from",
    "community_contact": "person_id, provider_code, contact_id, known_from",
    "community_activity": "person_id, provider_code, activity_id, known_from",
    "spell": "person_id, spell_id, known_from",
    "inpatient_spell": "person_id, cips_id, known_from",
}
_AFTER = ("hospital_episode", *STORED)
TABLES: tuple[str, ...] = tuple(
    sorted(
        (s.removeprefix("record/") for s in sql.statements() if s.startswith("record/")),
        key=lambda t: (t != "person_link", _AFTER.index(t) if t in _AFTER else -1, t),
    )
)


@dataclass(frozen=True)
class BuiltTable:
    """One canonical table: where it lies (None for a view) and how many rows it has."""

    name: str
    path: Path | None
    rows: int


def build_table(con: duckdb.DuckDBPyConnection, table: str, *, lake: Path) -> BuiltTable:
    """Builds one table and opens it as a view on the connection.

    Args:
        con: connection with the histories and the tables before this one open.
        table: a name of ``TABLES``.
        lake: writes ``record/<table>/<content>.parquet`` and ``record/<table>/current``.
    """
    _open_inputs(con, lake)
    if table not in STORED:
        _open_view(con, table, _statement(table))
        return BuiltTable(table, None, _count(con, table))
    folder = lake / "record" / table
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / ".building.partial"
    con.execute("set preserve_insertion_order = true")
    con.execute(
        f"copy (select * from ({sql.load(f'record/{table}')}\n) order by {STORED[table]}) "
        f"to {literal(str(partial))} (format parquet, compression zstd)"
    )
    with partial.open("rb") as stream:
        content = hashlib.file_digest(stream, "sha256").hexdigest()[:16]
    target = folder / f"{content}.parquet"
    partial.replace(target)
    write_text_safely(folder / "current", target.name)
    _open_view(con, table, f"select * from read_parquet({literal(str(target.resolve()))})")
    return BuiltTable(table, target, _count(con, table))


def open_record(con: duckdb.DuckDBPyConnection, *, lake: Path, tables: Sequence[str] | None = None) -> None:
    """Opens every table of the record as a view, on a connection on which the histories are open."""
    from record.plain import all_tables

    _open_inputs(con, lake)
    for table in all_tables() if tables is None else tables:
        _open_view(con, table, table_sql(table, lake))


def table_sql(table: str, lake: Path) -> str:
    """The select behind a canonical table: its stored file where it is stored, else its statement."""
    pointer = lake / "record" / table / "current"
    if table in STORED and pointer.exists():
        path = (pointer.parent / pointer.read_text(encoding="utf-8")).resolve()
        return f"select * from read_parquet({literal(str(path))})"
    return _statement(table)


def _statement(table: str) -> str:
    from record.plain import statement  # which needs the names of the canonical tables

    return statement(table)


def objections_sql(lake: Path) -> str:
    """The select behind ``type1_objection`` (person_id, start_date, known_from)."""
    files = sorted(str(p.resolve()) for p in (lake / "withheld").glob("*.parquet"))
    if files:
        listed = ", ".join(literal(f) for f in files)
        first = "select person_id, min(start_date) as start_date, min(known_from) as known_from"
        return f"{first} from read_parquet([{listed}]) group by person_id"
    typed = {"person_id": "bigint", "start_date": "date", "known_from": "date"}
    return f"select {', '.join(f'cast(null as {t}) as {n}' for n, t in typed.items())} where false"


def _open_inputs(con: duckdb.DuckDBPyConnection, lake: Path) -> None:
    _open_view(con, withheld.VIEW, objections_sql(lake))
    for name in REFERENCE_TABLES:
        _open_view(con, name, f"select * from read_csv({literal(str(REFERENCE / f'{name}.csv'))}, header = true)")


def _open_view(con: duckdb.DuckDBPyConnection, name: str, select: str) -> None:
    con.execute(f"create or replace view {quoted(name)} as {select}")


def _count(con: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(con.execute(f"select count(*) from {quoted(table)}").fetchall()[0][0])
