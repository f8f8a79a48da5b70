"""Rows that nobody may hold: left out at conform, before typing or quarantine, and counted.

GP rows of a person who objects (type 1 opt-out): the objection is itself a GP code (codelist ``type1_optout``). A
withdrawal has no verified code, so an objection once recorded is never lifted here: an opt-out is not undone by a code
that nobody has checked.

Rows with a legally restricted code (fertility treatment, gender recognition) or one that the site holds too sensitive:
``restricted_codes.csv`` in the site's folder. The product ships none, because none could be verified; coded rows of
people who are not artificial are not read without it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path

import duckdb
import polars as pl

from data_contracts import site
from data_contracts.codelist import codelist_named
from data_contracts.contract import Contract
from data_contracts.readable import FileRejectedError
from data_contracts.rules import literal, lookup_alias, quoted, text_of

CODELIST = "type1_optout"
VIEW = "type1_objection"
NUMBER_CHANGES = "nhs_number_change"
NO_RESTRICTED_CODES = "F16"
RESTRICTED = "restricted_codes.csv"


def leave_out(con: duckdb.DuckDBPyConnection, contract: Contract, raw_path: Path, received: dt.date, lake: Path) -> int:
    """Makes the temp table ``left_out`` (row_index) of one file; adds objections that the file itself holds.

    Args:
        con: connection with the file's lookup tables made.
        contract: the source.
        raw_path: the file's text as Parquet.
        received: when an objection in the file was known.
        lake: where ``withheld/*.parquet`` (person_id, start_date, known_from) is kept.

    Returns:
        How many rows are left out.

    Raises:
        FileRejectedError: F16, coded rows of people who are not artificial, and no list of restricted codes.
    """
    raw = (
        f"(select file_row_number as row_index, * from read_parquet({literal(str(raw_path))}, file_row_number = true))"
    )
    asked = []
    if contract.gp_record and contract.person is not None:
        _note_objections(con, contract, raw, received, lake)
        person = f"{lookup_alias(contract.person)} p on {text_of(contract.person)} = p.raw"
        asked.append(f"select row_index from {raw} r join {person} where p.value in (select person_id from objecting)")
    coded = [c for c in contract.columns if c.code_system]
    restricted = _restricted_codes()
    if coded and restricted is None:
        _only_artificial(con, contract)
    if coded and restricted:
        hit = " or ".join(f"trim({quoted(c.name)}) in ({', '.join(map(literal, restricted))})" for c in coded)
        asked.append(f"select row_index from {raw} r where {hit}")
    none = "select cast(null as bigint) as row_index where false"
    con.execute(f"create or replace temp table left_out as {' union '.join(asked) or none}")
    return int(con.execute("select count(*) from left_out").fetchall()[0][0])


def _note_objections(
    con: duckdb.DuckDBPyConnection, contract: Contract, raw: str, received: dt.date, lake: Path
) -> None:
    """Adds objections found in a file of GP events and makes the temp table ``objecting`` (person_id)."""
    code = next((c for c in contract.columns if c.code_system == "snomed"), None)
    if code is not None and contract.person is not None and contract.event_date is not None:
        event = contract.column(contract.event_date)
        found = con.sql(
            f"select p.value as person_id, min(try_cast(substr({text_of(event)}, 1, 10) as date)) as start_date "
            f"from {raw} r join {lookup_alias(contract.person)} p on {text_of(contract.person)} = p.raw "
            f"where trim(r.{quoted(code.name)}) in ({_codes()}) and p.value is not null group by 1 order by 1"
        ).pl()
        if len(found):
            _add(found.with_columns(known_from=pl.lit(received)), lake)
    people = _under_every_number(objections(lake).select("person_id").unique(), lake)
    con.register("objecting_frame", people.to_arrow())
    con.execute("create or replace temp table objecting as select person_id from objecting_frame")
    con.unregister("objecting_frame")


def _restricted_codes() -> list[str] | None:
    """Codes of the site's list; None when it has none."""
    place = site.folder()
    path = place / RESTRICTED if place else None
    return pl.read_csv(path, infer_schema=False)["code"].to_list() if path and path.exists() else None


def _only_artificial(con: duckdb.DuckDBPyConnection, contract: Contract) -> None:
    """Raises F16 where a valid NHS number of the file lies outside 900 to 999."""
    if contract.person is None or contract.domain != "nhs_number":
        return
    lookup = lookup_alias(contract.person)
    real = f"select count(*) from {lookup} where fault is null and substr(trim(raw), 1, 1) <> '9'"
    if con.execute(real).fetchall()[0][0]:
        raise FileRejectedError(
            NO_RESTRICTED_CODES,
            f"The file holds coded entries of people who are not artificial, and the site has no {RESTRICTED}: put the "
            "legally restricted codes there (docs/operations.md), then run again.",
        )


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
    """Codes of an objection: of the list in use, the site's own where it has one, as SQL text."""
    return ", ".join(literal(entry.code) for entry in codelist_named(CODELIST).entries)


def _add(found: pl.DataFrame, lake: Path) -> None:
    folder = lake / "withheld"
    folder.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(found.write_csv().encode()).hexdigest()[:16]
    partial = folder / f".{name}.partial"
    found.write_parquet(partial)
    partial.replace(folder / f"{name}.parquet")
