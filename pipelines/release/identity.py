"""Asks the vault who a few people are: number, date of birth, sex. Called by the release and by nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from data_contracts.contract import Contract, load_contracts
from data_contracts.intake import match_header, read_header
from data_contracts.ledger import read_entries
from data_contracts.readable import FileRejectedError, make_readable
from data_contracts.rules import literal
from pipelines.store import Store

REGISTRATION = "gp_registration"
FILES_LOOKED_AT = 3
"""Newest registration files in which a date of birth is looked for."""


@dataclass(frozen=True)
class Identity:
    """Who a person is. ``birth`` and ``sex`` as delivered; None where no recent registration file says it."""

    number: str
    birth: str | None
    sex: str | None


def all_artificial(store: Store) -> bool:
    """Whether every delivered source is declared artificial and every number of the vault lies in 900 to 999."""
    return not sources_not_artificial(store) and not numbers_outside_artificial(store)


def sources_not_artificial(store: Store) -> list[str]:
    """Delivered sources that do not declare themselves artificial."""
    delivered = {e.source for e in read_entries(store.lake) if e.fate == "accepted"}
    contracts = load_contracts()
    return sorted(s for s in delivered if s not in contracts or not is_artificial(contracts[s]))


def is_artificial(contract: Contract) -> bool:
    """Whether the agreement behind every purpose is the declaration of artificial data."""
    return all(p.agreement == "artificial data declaration" for p in contract.purposes)


def numbers_outside_artificial(store: Store) -> int:
    """How many numbers of the vault lie outside the range of test numbers."""
    files = _vault_files(store)
    if not files:
        return 0
    with duckdb.connect() as con:
        counted = con.execute("select count(*) from read_parquet($files) where number not like '9%'", {"files": files})
        return int(counted.fetchall()[0][0])


def identities(store: Store, people: Sequence[int]) -> dict[int, Identity]:
    """The identity of these people; someone known only under a foreign pseudonym is absent."""
    files = _vault_files(store)
    if not files or not people:
        return {}
    with duckdb.connect() as con:
        con.register("asked", pl.DataFrame({"person_id": list(people)}, schema={"person_id": pl.Int64}).to_arrow())
        rows = con.execute(
            "select person_id, number from read_parquet($files) join asked using (person_id)", {"files": files}
        ).fetchall()
        numbers = {str(number): int(person) for person, number in rows}
        details = _details(store, con, list(numbers))
    return {p: Identity(n, *details.get(n, (None, None))) for n, p in numbers.items()}


def _vault_files(store: Store) -> list[str]:
    return [str(p) for p in sorted((store.vault / "person").glob("*.parquet"))]


def _details(
    store: Store, con: duckdb.DuckDBPyConnection, numbers: list[str]
) -> dict[str, tuple[str | None, str | None]]:
    """Date of birth and sex by number, from the newest registration files in the vault."""
    contract = load_contracts()[REGISTRATION]
    entries = [e for e in read_entries(store.lake, REGISTRATION) if e.fate == "accepted"]
    found: dict[str, tuple[str | None, str | None]] = {}
    with store.staging("identity") as scratch:
        for entry in sorted(entries, key=lambda e: e.received, reverse=True)[:FILES_LOOKED_AT]:
            path = store.vault / "received" / entry.sha256
            wanted = [n for n in numbers if n not in found]
            if wanted and path.exists():
                found |= _read_details(con, contract, path, wanted, scratch)
    return found


def _read_details(
    con: duckdb.DuckDBPyConnection, contract: Contract, path: Path, numbers: list[str], scratch: Path
) -> dict[str, tuple[str | None, str | None]]:
    try:
        readable = make_readable(path, contract, scratch)
        if readable.encoding == "parquet":
            return {}
        header, above = read_header(readable, contract)
        position, _ = match_header(header, contract)
    except FileRejectedError:
        return {}
    columns = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(len(header)))
    con.register("wanted", pl.DataFrame({"number": numbers}).to_arrow())
    number = f"regexp_replace(c{position['nhs_number']}, '[^0-9]', '', 'g')"
    rows = con.sql(
        f"select number, c{position['birth_month']}, c{position['sex_code']} "
        f"from read_csv({literal(str(readable.path))}, columns = {{{columns}}}, auto_detect = false, "
        f"skip = {above}, header = true, "
        f"delim = {literal(contract.delimiter)}, quote = '\"', escape = '\"', ignore_errors = true) "
        f"join wanted on number = {number}"
    ).fetchall()
    con.unregister("wanted")
    return {str(n): (_text(birth), _text(sex)) for n, birth, sex in rows}


def _text(value: object) -> str | None:
    return str(value).strip() or None if value is not None else None
