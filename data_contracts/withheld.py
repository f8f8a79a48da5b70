"""Type 1 opt-outs: GP rows of a person who objects are left out at conform, before typing or quarantine.

The objection is itself a GP code (codelist ``type1_optout``). A withdrawal has no verified code, so an objection once
recorded is never lifted here: an opt-out is not undone by a code that nobody has checked.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path

import duckdb
import polars as pl

from data_contracts.contract import CODELISTS, Contract
from data_contracts.rules import literal, lookup_alias, quoted, text_of

CODELIST = "type1_optout"
VIEW = "type1_objection"
NUMBER_CHANGES = "nhs_number_change"


def note_objections(
    con: duckdb.DuckDBPyConnection, contract: Contract, raw_path: Path, received: dt.date, lake: Path
) -> bool:
    """Adds objections found in a file of GP events and makes the temp table ``objecting`` (person_id).

    Args:
        con: connection with the file's lookup tables made.
        contract: the source; only sources of the GP record are concerned.
        raw_path: the file's text as Parquet.
        received: when the objection was known.
        lake: where ``withheld/*.parquet`` (person_id, start_date, known_from) is kept.

    Returns:
        Whether anyone's rows must be left out of this file.
    """
    if not contract.gp_record:
        return False
    code = next((c for c in contract.columns if c.code_system == "snomed"), None)
    if code is not None and contract.person is not None and contract.event_date is not None:
        event = contract.column(contract.event_date)
        found = con.sql(
            f"select p.value as person_id, min(try_cast(substr({text_of(event)}, 1, 10) as date)) as start_date "
            f"from read_parquet({literal(str(raw_path))}) r "
            f"join {lookup_alias(contract.person)} p on {text_of(contract.person)} = p.raw "
            f"where trim(r.{quoted(code.name)}) in ({_codes()}) and p.value is not null group by 1 order by 1"
        ).pl()
        if len(found):
            _add(found.with_columns(known_from=pl.lit(received)), lake)
    people = _under_every_number(objections(lake).select("person_id").unique(), lake)
    con.register("objecting_frame", people.to_arrow())
    con.execute("create or replace temp table objecting as select person_id from objecting_frame")
    con.unregister("objecting_frame")
    return len(people) > 0


def objections(lake: Path) -> pl.DataFrame:
    """All objections: person_id, start_date, known_from; one row a person and file."""
    schema = {"person_id": pl.Int64, "start_date": pl.Date, "known_from": pl.Date}
    files = sorted((lake / "withheld").glob("*.parquet"))
    return pl.concat([pl.read_parquet(f) for f in files]) if files else pl.DataFrame(schema=schema)


def _under_every_number(people: pl.DataFrame, lake: Path) -> pl.DataFrame:
    """The people, and whoever was ever linked with one of them by a change of number: an objection goes with them."""
    files = sorted((lake / "conform" / NUMBER_CHANGES).glob("*.parquet"))
    if not files:
        return people
    told = pl.concat([pl.read_parquet(f, columns=["person_id", "current_person_id"]) for f in files])
    pairs = pl.concat([told, told.select(person_id="current_person_id", current_person_id="person_id")])
    while True:
        known = people.height
        linked = pairs.join(people, on="person_id").select(person_id="current_person_id")
        people = pl.concat([people, linked]).unique().sort("person_id")
        if people.height == known:
            return people


def _codes() -> str:
    table = pl.read_csv(CODELISTS / f"{CODELIST}.csv", infer_schema=False)
    return ", ".join(literal(code) for code in table["code"])


def _add(found: pl.DataFrame, lake: Path) -> None:
    folder = lake / "withheld"
    folder.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(found.write_csv().encode()).hexdigest()[:16]
    partial = folder / f".{name}.partial"
    found.write_parquet(partial)
    partial.replace(folder / f"{name}.parquet")
