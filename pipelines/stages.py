"""The stages in their order, as plain functions over a home: no Dagster here, so a test or notebook can call them.

Each opens one private connection, asks the package that knows how, and returns paths and counts, never frames.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from data_contracts.conform import conform_source, record_stray_files
from data_contracts.contract import Contract, load_contracts
from data_contracts.identity import IdentityError, key_fingerprint, load_key
from data_contracts.ledger import AccountingError, DeliveryLedger
from pipelines.errors import ProblemError
from pipelines.publish import current_manifest
from pipelines.store import Store


def in_conform_order(contracts: Iterable[Contract]) -> list[Contract]:
    """GP coded events first: they carry the type 1 objections that leave people out of the other GP files."""
    return sorted(
        contracts, key=lambda c: (not (c.gp_record and any(x.code_system == "snomed" for x in c.columns)), c.id)
    )


def open_key(store: Store) -> bytes:
    """The pseudonymisation key; made in a home that has none and holds nothing yet.

    Raises:
        ProblemError: there is no usable key, or it is not the key that the home was built with.
    """
    built = any(store.lake.glob("conform/*/*.parquet"))
    try:
        key = load_key(store.key_file, create=not built)
    except IdentityError as error:
        raise ProblemError(str(error)) from None
    manifest = current_manifest(store)
    if manifest and manifest["key_fingerprint"] != key_fingerprint(key):
        raise ProblemError(f"The key {store.key_file} is not the one this home was built with; nothing was read.")
    return key


def conform(store: Store, contracts: Iterable[Contract]) -> Iterator[tuple[Contract, list[DeliveryLedger], str]]:
    """Read the new files of each source.

    Yields:
        The contract, one ledger entry a file met, and a sentence when the accounting of a file did not balance.
    """
    key = open_key(store)
    for contract in in_conform_order(contracts):
        with store.compute() as con:
            try:
                entries = conform_source(con, contract, inbox=store.inbox, lake=store.lake, vault=store.vault, key=key)
            except AccountingError as error:
                yield contract, [], str(error)
                continue
        yield contract, entries, ""


def strays(store: Store) -> list[DeliveryLedger]:
    """Files in the inbox that belong to no source."""
    return record_stray_files(load_contracts(), inbox=store.inbox, lake=store.lake)


def conformed_files(store: Store, source: str) -> list[Path]:
    """The typed Parquet files of one source, in order of name."""
    return sorted((store.lake / "conform" / source).glob("*.parquet"))
