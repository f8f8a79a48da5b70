"""What must hold before a list leaves: fresh deaths, registrations and opt-outs, nothing unread, exclusions anew."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import polars as pl

import sql
from data_contracts.contract import load_contracts
from data_contracts.ledger import read_entries
from outreach.build import POLICY
from outreach.eligibility import PURPOSE, read_policy
from outreach.teams import TeamsFile
from pipelines.release.roles import NotAllowedError
from pipelines.store import Store

FRESH_DAYS = 7
"""Deaths and registrations older than this block a release."""

MUST_BE_FRESH = {"gp_registration": "Deaths and registrations", "national_opt_out": "Opt-outs"}


@dataclass(frozen=True)
class Standing:
    """Who may be shown now.

    Attributes:
        registered: person → practice, for the living who are registered with a practice of the team.
        opted_out: people whom the policy takes out of lists.
    """

    registered: Mapping[int, str]
    opted_out: frozenset[int]

    def may_show(self, person: int) -> bool:
        """Alive, registered with the team's practices, not opted out, as known now."""
        return person in self.registered and person not in self.opted_out


def newest_received(store: Store, until: dt.date = dt.date.max) -> dict[str, dt.date]:
    """The newest day, at most `until`, on which an accepted file of each source was received."""
    newest: dict[str, dt.date] = {}
    for entry in read_entries(store.lake):
        day = dt.date.fromisoformat(entry.received)
        if entry.fate in ("accepted", "resent") and day <= until:
            newest[entry.source] = max(day, newest.get(entry.source, day))
    return newest


def check_fresh(store: Store, on: dt.date) -> None:
    """Deaths, registrations and opt-outs are fresh, and no file of theirs lies unread.

    Raises:
        NotAllowedError: they are not.
    """
    newest = newest_received(store)
    contracts = load_contracts()
    for source, words in MUST_BE_FRESH.items():
        waiting = [p for p in (store.inbox / source).glob("*/*") if p.is_file() and p.name != "delivery.yaml"]
        if waiting:
            raise NotAllowedError(f"{words}: a file waits unread in the inbox. `anticipate run` reads it.")
        limit = FRESH_DAYS if source == "gp_registration" else contracts[source].staleness_days or FRESH_DAYS
        if source not in newest:
            raise NotAllowedError(f"{words} were never delivered.")
        if (age := (on - newest[source]).days) > limit:
            raise NotAllowedError(f"{words} are {age} days old; at most {limit} days are allowed.")


def standing(con: duckdb.DuckDBPyConnection, on: dt.date, team: str, teams: TeamsFile) -> Standing:
    """Who of the team's practices may be shown, as known on the day of release.

    Args:
        con: a connection with the record open.
        on: the day; everything received by then counts, not only what the list's Monday knew.
        team: the team's code.
        teams: the teams file.
    """
    practices = _select(con, "outreach/practice", index=on)
    own = teams.practice_teams(practices).filter(pl.col("team") == team)["practice_code"]
    registered = _select(con, "outreach/registered_now", index=on).filter(pl.col("practice_code").is_in(own.implode()))
    names = dict(practices.select("practice_code", pl.coalesce("practice_name", "practice_code")).rows())
    con.register("opt_out_policy", read_policy(POLICY).to_arrow())
    opted_out = _select(con, "purpose/opted_out", index=on, purpose=PURPOSE)["person_id"]
    con.unregister("opt_out_policy")
    return Standing(
        {p: str(names.get(code, code)) for p, code in registered.rows()}, frozenset(int(p) for p in opted_out)
    )


def _select(con: duckdb.DuckDBPyConnection, statement: str, **parameters: Any) -> pl.DataFrame:
    return con.sql(sql.load(statement), params=parameters).pl()
