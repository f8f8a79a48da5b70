"""People whose record nobody may look at one by one: kept out of every view of the analyst file.

Today's strictest view, whatever the week asked about, because the file is read today: anyone who ever carried the
sensitive flag, and anyone whom the opt-out policy takes out of record-level use.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb
import polars as pl

import sql
from data_contracts.contract import REFERENCE
from data_contracts.ledger import read_entries

TABLE = "withheld_person"
PURPOSE = "record_level_use"
OPT_OUT_SOURCE = "national_opt_out"


def withhold(con: duckdb.DuckDBPyConnection) -> int:
    """Makes the table of people withheld and lets no view of the connection show a row of theirs.

    Args:
        con: connection on which the record and everything beside it are open as views.

    Returns:
        How many people are withheld.
    """
    con.register("policy_frame", pl.read_csv(REFERENCE / "opt_out_policy.csv", try_parse_dates=True).to_arrow())
    con.execute("create or replace temp view opt_out_policy as select * from policy_frame")
    (latest,) = con.sql("select coalesce(max(known_from), date '2000-01-01') from opt_out").fetchall()[0]
    con.execute(
        f"create or replace table {TABLE} as select person_id from ({sql.load('purpose/opted_out')}\n) "
        "union select person_id from person where coalesce(sensitive_flag, false) order by person_id",
        {"index": latest, "purpose": PURPOSE},
    )
    con.execute("drop view opt_out_policy")
    con.unregister("policy_frame")
    for name, select in _views_of_people(con):
        con.execute(
            f'create or replace view "{name}" as select * from ({select}\n) '
            f"where person_id is null or person_id not in (select person_id from {TABLE})"
        )
    return int(con.execute(f"select count(*) from {TABLE}").fetchall()[0][0])


def is_withheld(con: duckdb.DuckDBPyConnection, person_id: int) -> bool:
    """Whether the person's record may not be shown from this analyst file."""
    asked = con.execute(f"select count(*) from {TABLE} where person_id = ?", [person_id]).fetchall()
    return bool(asked[0][0])


def opt_outs_unseen(lake: Path, week: dt.date) -> str | None:
    """What a list must say when no national opt-out list was there on its Monday; None when one was."""
    known = [e for e in read_entries(lake, OPT_OUT_SOURCE) if e.fate == "accepted"]
    if any(dt.date.fromisoformat(e.received) <= week for e in known):
        return None
    return "No national opt-out list has been received: nobody could be left out because of one."


def _views_of_people(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    views = con.execute(
        "select view_name, sql from duckdb_views() where not internal and not temporary and view_name in "
        "(select table_name from duckdb_columns() where column_name = 'person_id') order by view_name"
    ).fetchall()
    return [(name, statement.split(" AS ", 1)[1].rstrip().rstrip(";")) for name, statement in views]
