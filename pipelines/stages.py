"""The stages in their order, as plain functions over a home: no Dagster here, so a test or notebook can call them.

Each opens one private connection, asks the package that knows how, and returns paths and counts, never frames.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from data_contracts.conform import conform_source, record_stray_files
from data_contracts.contract import Contract, load_contracts
from data_contracts.identity import IdentityError, key_fingerprint, load_key
from data_contracts.ledger import AccountingError, DeliveryLedger
from pipelines.errors import ProblemError
from pipelines.publish import current_manifest
from pipelines.store import Store
from record import TABLES, BuiltTable, HistoryReport, build_table, open_histories, open_record, update_history

if TYPE_CHECKING:
    import duckdb


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


def conform(store: Store, contracts: Iterable[Contract]) -> Iterator[tuple[Contract, list[DeliveryLedger]]]:
    """Read the new files of each source.

    Yields:
        The contract, and one ledger entry a file met.

    Raises:
        ProblemError: the accounting of a file does not balance, or the key cannot be used.
    """
    key = open_key(store)
    for contract in in_conform_order(contracts):
        with store.compute() as con:
            try:
                yield (
                    contract,
                    conform_source(con, contract, inbox=store.inbox, lake=store.lake, vault=store.vault, key=key),
                )
            except (AccountingError, IdentityError) as error:
                raise ProblemError(str(error)) from error


def strays(store: Store) -> list[DeliveryLedger]:
    """Files in the inbox that belong to no source."""
    return record_stray_files(load_contracts(), inbox=store.inbox, lake=store.lake)


def fold(store: Store, contracts: Iterable[Contract]) -> Iterator[tuple[Contract, HistoryReport]]:
    """Fold the new deliveries of each source into versions."""
    for contract in contracts:
        with store.compute() as con:
            yield contract, update_history(con, contract, lake=store.lake)


def build_record(store: Store, tables: Sequence[str]) -> Iterator[tuple[BuiltTable, list[tuple[str, str]]]]:
    """Build the canonical tables named, in their order.

    Yields:
        The table, and the names and types of its columns.
    """
    with store.compute() as con:
        open_histories(con, load_contracts().values(), lake=store.lake)
        open_record(con, lake=store.lake)
        for table in (t for t in TABLES if t in tables):
            built = build_table(con, table, lake=store.lake)
            rows = con.execute(f'describe "{table}"').fetchall()
            yield built, [(str(name), str(kind)) for name, kind, *_ in rows]


@contextmanager
def record_opened(store: Store) -> Iterator[duckdb.DuckDBPyConnection]:
    """A private connection with every history and every canonical table open under its name."""
    with store.compute() as con:
        open_views(store, con)
        yield con


def open_views(store: Store, con: duckdb.DuckDBPyConnection) -> None:
    """Open every history and every canonical table on a connection, as views over exact lake files."""
    open_histories(con, load_contracts().values(), lake=store.lake)
    open_record(con, lake=store.lake)
