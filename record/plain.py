"""Tables of the record that a contract implies: the source's rows as they are, with the day they happened.

A source joins the canonical tables by a statement in ``sql/record``. One that stands for itself (ambulance incidents, a
falls service) needs none: its contract names a table (``recordTable``), and the statement follows from the contract.
"""

from __future__ import annotations

import sql
from data_contracts.contract import Contract, ContractError, load_contracts
from data_contracts.rules import quoted
from record.tables import TABLES


def plain_tables() -> dict[str, Contract]:
    """Contracts whose rows are a table of the record under a name of their own, by that name.

    Raises:
        ContractError: two sources want one name, or the name of a canonical table.
    """
    found: dict[str, Contract] = {}
    for contract in load_contracts().values():
        if contract.record_table is None:
            continue
        name = contract.record_table.name
        if name in TABLES or name in found or name.endswith("_history"):
            raise ContractError(f"{contract.id}: the record has a table {name!r} already; name another in recordTable")
        found[name] = contract
    return found


def all_tables() -> tuple[str, ...]:
    """Names of the canonical tables, in the order of building, then of those that contracts imply."""
    return (*TABLES, *plain_tables())


def statement(table: str) -> str:
    """The select behind a table: of ``sql/record``, or as its contract implies."""
    contract = None if table in TABLES else plain_tables().get(table)
    return sql.load(f"record/{table}") if contract is None else plain_statement(contract)


def plain_statement(contract: Contract) -> str:
    """One row a version of one delivered record of a person, with ``event_date`` and the source's own columns."""
    assert contract.record_table is not None
    assert contract.event_date is not None
    own = [c.lake_name for c in contract.stored if c.lake_name not in ("person_id", "event_date")]
    listed = ",\n    ".join(quoted(name) for name in own)
    return (
        f"-- Grain: one row per version: {contract.grain}.\n"
        f"-- Inputs: {contract.id}_history. Made from the contract {contract.id}; nothing is left out.\n"
        f"select\n    person_id,\n    cast({quoted(contract.event_date)} as date) as event_date,\n    {listed},\n"
        f"    known_from,\n    known_until\nfrom {contract.id}_history\nwhere person_id is not null"
    )
