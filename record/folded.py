"""What has been folded of each source, and the statement that reads it as one history."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

import sql
from data_contracts.contract import Contract
from data_contracts.ledger import write_text_safely
from data_contracts.rules import literal, quoted
from data_contracts.withheld import NUMBER_CHANGES


@dataclass
class State:
    """What has been folded: group keys in order, files to read, fates moved by delivery."""

    groups: list[str] = field(default_factory=list)
    version_files: list[str] = field(default_factory=list)
    closed_files: list[str] = field(default_factory=list)
    moved: dict[str, dict[str, int]] = field(default_factory=dict)


def open_histories(con: duckdb.DuckDBPyConnection, contracts: Iterable[Contract], *, lake: Path) -> None:
    """Makes a view ``<source>_history`` of every source; a source without deliveries has an empty one.

    One row is one version of one delivered record: the contract's stored columns, ``known_from``, ``known_until``
    (null = still so), ``delivery_id``, ``row_index``. Where changes of NHS numbers were delivered, a version ends and
    another begins on the day a change of its person's number was known.
    """
    links = False
    for contract in sorted(contracts, key=lambda c: c.id != NUMBER_CHANGES):
        state = read_state(lake, contract)
        select = history_sql(contract, state, lake)
        if contract.id == NUMBER_CHANGES:
            links = bool(state.version_files)
        elif links and contract.person is not None:
            select = _under_linked_numbers(contract, select)
        con.execute(f"create or replace view {quoted(f'{contract.id}_history')} as {select}")


def _under_linked_numbers(contract: Contract, history: str) -> str:
    """The versions of a source, each under the person that its number stood for while it was known.

    A number that was superseded is a version boundary: up to the day the change was known the row belongs to the old
    number, from that day on to the new one.
    """
    listed = ", ".join(
        "coalesce(l.linked_person_id, v.person_id) as person_id"
        if c.lake_name == "person_id"
        else f"v.{quoted(c.lake_name)}"
        for c in contract.stored
    )
    return (
        f"select {listed}, greatest(v.known_from, coalesce(l.known_from, v.known_from)) as known_from, "
        "least(coalesce(v.known_until, l.known_until), coalesce(l.known_until, v.known_until)) as known_until, "
        f"v.delivery_id, v.row_index from ({history}) v left join ({sql.load('record/person_link')}\n) l "
        "on l.person_id = v.person_id and (l.known_until is null or l.known_until > v.known_from) "
        "and (v.known_until is null or v.known_until > l.known_from)"
    )


def files_in_use(lake: Path) -> set[Path]:
    """Every Parquet file that the histories are made of now."""
    used: set[Path] = set()
    for path in (lake / "history").glob("*/state.json"):
        state = State(**json.loads(path.read_text(encoding="utf-8")))
        used |= {(path.parent / name).resolve() for name in (*state.version_files, *state.closed_files)}
    return used


def is_materialised(contract: Contract) -> bool:
    """Whether versions are written anew, or the conformed files serve as they are."""
    return contract.delivery.kind != "delta" or any(c.known for c in contract.columns)


def history_sql(contract: Contract, state: State, lake: Path, *, with_part: bool = False) -> str:
    """The select that reads one source: its stored columns, ``known_from``, ``known_until``, delivery and row."""
    part = ", part" if with_part else ""
    stored = ", ".join(quoted(c.lake_name) for c in contract.stored)
    if not state.version_files:
        typed = ", ".join(f"cast(null as {c.lake_type}) as {quoted(c.lake_name)}" for c in contract.stored)
        empty_part = ", cast(null as integer) as part" if with_part else ""
        return (
            f"select {typed}, cast(null as date) as known_from, cast(null as date) as known_until, "
            f"cast(null as bigint) as delivery_id, cast(null as bigint) as row_index{empty_part} where false"
        )
    folder = lake / "history" / contract.id
    versions = parquet([str((folder / f).resolve()) for f in state.version_files])
    own = "" if is_materialised(contract) else ", cast(null as date) as known_until, 0 as part"
    source = f"(select *{own} from {versions}{_not_withdrawn(contract)})"
    if not state.closed_files:
        return f"select {stored}, known_from, known_until, delivery_id, row_index{part} from {source}"
    closed = parquet([str((folder / f).resolve()) for f in state.closed_files])
    listed = ", ".join(f"v.{quoted(c.lake_name)}" for c in contract.stored)
    return (
        f"select {listed}, v.known_from, coalesce(v.known_until, c.known_until) as known_until, "
        f"v.delivery_id, v.row_index{', v.part' if with_part else ''} from {source} v left join {closed} c "
        "on c.delivery_id = v.delivery_id and c.row_index = v.row_index and c.part = v.part "
        "where c.known_until is null or c.known_until > v.known_from"
    )


def _not_withdrawn(contract: Contract) -> str:
    column = contract.delivery.withdrawn_column
    return f" where not coalesce({quoted(column)}, false)" if column else ""


def parquet(files: list[str]) -> str:
    """Files as a table expression."""
    return f"read_parquet([{', '.join(literal(f) for f in files)}])"


def _state_path(lake: Path, contract: Contract) -> Path:
    return lake / "history" / contract.id / "state.json"


def read_state(lake: Path, contract: Contract) -> State:
    """What has been folded of a source; of one never delivered, nothing."""
    path = _state_path(lake, contract)
    return State(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else State()


def write_state(lake: Path, contract: Contract, state: State) -> None:
    """Writes what has been folded; the fates go to a file of their own, which the ledger reads."""
    path = _state_path(lake, contract)
    write_text_safely(path.with_name("fate.json"), json.dumps(state.moved, sort_keys=True))
    write_text_safely(path, json.dumps(state.__dict__, indent=1, sort_keys=True))
