"""The stages in their order, as plain functions over a home: no Dagster here, so a test or notebook can call them.

Each opens one private connection, asks the package that knows how, and returns paths and counts, never frames.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import features
from data_contracts.conform import conform_source, record_stray_files
from data_contracts.contract import Contract, load_contracts
from data_contracts.identity import IdentityError, Vault, key_fingerprint, load_key
from data_contracts.intake import unmarked_files
from data_contracts.ledger import AccountingError, DeliveryLedger, read_entries
from data_contracts.withheld import NUMBER_CHANGES
from outreach import Heading, ListDeclaration, ListError, ListReport, build_lists, load_list
from pipelines import engines
from pipelines.content import is_whole, read, settle
from pipelines.errors import ProblemError
from pipelines.publish import current_manifest
from pipelines.settings import read_settings
from pipelines.store import Store
from pipelines.told import told_reasons
from record import BuiltTable, HistoryReport, all_tables, build_table, open_histories, open_record, update_history

if TYPE_CHECKING:
    import duckdb


Conformed = tuple[Contract, list[DeliveryLedger], HistoryReport]
"""A source, one ledger entry a file met, and what was folded."""
SIDE_BY_SIDE = 2
"""How many sources are read at the same time: much of reading one file keeps a single core busy."""


def in_conform_order(contracts: Iterable[Contract]) -> list[Contract]:
    """Changes of number first, then GP coded events: type 1 objections leave people out of the other GP files."""
    return sorted(contracts, key=lambda c: (_turn(c), not _holds_objections(c), c.id))


def _turn(contract: Contract) -> int:
    """Sources of one turn may be read side by side; an objection reaches the numbers that were linked before it."""
    if contract.id == NUMBER_CHANGES:
        return 0
    return 2 if contract.gp_record and not _holds_objections(contract) else 1


def _holds_objections(contract: Contract) -> bool:
    return contract.gp_record and any(c.code_system == "snomed" for c in contract.columns)


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


def conform(store: Store, contracts: Iterable[Contract]) -> Iterator[Conformed]:
    """Read the new files of each source and fold them into versions.

    Yields:
        The contract, one ledger entry a file met, and what was folded.

    Raises:
        ProblemError: the accounting of a file does not balance, or the key cannot be used.
    """
    try:
        vault = Vault(store.vault, open_key(store))
    except IdentityError as error:
        raise ProblemError(str(error)) from error
    for _, together in groupby(in_conform_order(contracts), key=_turn):
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            try:
                yield from _as_they_end(pool, [pool.submit(_conform_one, store, c, vault) for c in together])
            finally:
                pool.shutdown(cancel_futures=True)


def _as_they_end(pool: ThreadPoolExecutor, sources: Sequence[Future[Conformed]]) -> Iterator[Conformed]:
    """Each source in its order; after a problem those under way are told too, no other is begun, and it is raised."""
    problem: BaseException | None = None
    for source in sources:
        if source.cancelled():
            continue
        if (found := source.exception()) is None:
            yield source.result()
        elif problem is None:
            problem = found
            pool.shutdown(wait=False, cancel_futures=True)
    if problem is not None:
        raise problem


def _conform_one(store: Store, contract: Contract, vault: Vault) -> Conformed:
    with store.compute() as con:
        try:
            entries = conform_source(
                con, contract, inbox=store.inbox, lake=store.lake, vault=vault, marker=marker_of(store)
            )
        except (AccountingError, IdentityError) as error:
            raise ProblemError(str(error)) from error
    with engines.of_histories(store) as con:
        return contract, entries, update_history(con, contract, lake=store.lake)


def strays(store: Store) -> list[DeliveryLedger]:
    """Files in the inbox that belong to no source."""
    return record_stray_files(load_contracts(), inbox=store.inbox, lake=store.lake, marker=marker_of(store))


def marker_of(store: Store) -> str | None:
    """How the marker of a complete file ends, where the settings ask for one."""
    return read_settings(store).inbox.marker


def unmarked(store: Store) -> list[Path]:
    """Files in the inbox that wait for their marker."""
    return unmarked_files(store.inbox, load_contracts(), marker_of(store))


def build_record(store: Store, tables: Sequence[str]) -> Iterator[tuple[BuiltTable, list[tuple[str, str]]]]:
    """Build the canonical tables named, in their order.

    Yields:
        The table, and the names and types of its columns.
    """
    _set_damaged_tables_aside(store)
    with engines.connection(store) as con:
        open_histories(con, load_contracts().values(), lake=store.lake)
        open_record(con, lake=store.lake)
        for table in (t for t in all_tables() if t in tables):
            built = build_table(con, table, lake=store.lake)
            rows = con.execute(f'describe "{table}"').fetchall()
            yield built, [(str(name), str(kind)) for name, kind, *_ in rows]


def _set_damaged_tables_aside(store: Store) -> None:
    """A stored table that is gone or cut short is no longer named: its statement is read until it is built again."""
    for pointer in store.lake.glob("record/*/current"):
        table = pointer.parent / pointer.read_text(encoding="utf-8").strip()
        if not is_whole(table):
            pointer.unlink()
            table.unlink(missing_ok=True)


@contextmanager
def record_opened(store: Store) -> Iterator[duckdb.DuckDBPyConnection]:
    """A private connection with every history and every canonical table open under its name."""
    with store.compute() as con:
        open_views(store, con)
        yield con


@contextmanager
def record_at_scale(store: Store) -> Iterator[duckdb.DuckDBPyConnection]:
    """The same on the engine chosen, for a step that reads the record of everybody."""
    with engines.connection(store) as con:
        open_views(store, con)
        yield con


def open_views(store: Store, con: duckdb.DuckDBPyConnection) -> None:
    """Open every history and every canonical table on a connection, as views over exact lake files."""
    open_histories(con, load_contracts().values(), lake=store.lake)
    open_record(con, lake=store.lake)


@dataclass(frozen=True)
class WeekBuilt:
    """One weekly result.

    Attributes:
        folder: where the week lies.
        rows: rows in it.
        people: distinct keys in it; fewer than rows means that someone is there twice.
        settled: ``new``; ``same`` as what was there; ``different``, in which case what was there stays.
    """

    week: dt.date
    folder: Path
    rows: int
    people: int
    settled: str


def feature_set_folder() -> str:
    """Name of the folder of the features as declared now: other declarations never overwrite it."""
    return f"set-{features.load_features().fingerprint[:12]}"


def feature_folder(store: Store) -> Path:
    """The folder of weeks of the features as declared now."""
    return store.lake / "feature" / feature_set_folder()


def sources_allowed(purpose: str, week: dt.date) -> list[str]:
    """Sources that may be used for a purpose in a week: declared for it, and the agreement not lapsed."""
    return [c.id for c in load_contracts().values() if c.allows(purpose, week)]


def build_features(store: Store, weeks: Sequence[dt.date]) -> list[WeekBuilt]:
    """Compute the feature matrices of the weeks in one pass over the record."""
    allowed = sources_allowed("direct_care_list", max(weeks))
    with store.staging("feature") as staging:
        with record_at_scale(store) as con:
            features.build_matrix(con, weeks, out=staging, sources_allowed=allowed)
        with store.compute() as con:
            return [
                _settled(con, staging, feature_folder(store), week, name="matrix.parquet", key="person_id")
                for week in weeks
            ]


def build_scores(store: Store, week: dt.date) -> WeekBuilt:
    """Score one week; ``people`` counts distinct pairs of person and outcome.

    Raises:
        ProblemError: there is no model for the week, or no features, or a model folder is damaged.
    """
    from models import ModelError

    with store.compute() as con, store.staging("score") as staging:
        try:
            engines.score_week(store, week, feature_folder=feature_folder(store), out=staging)
        except ModelError as error:
            raise ProblemError(str(error)) from error
        return _settled(con, staging, score_folder(store), week, name="score.parquet", key="person_id, outcome")


def _settled(
    con: duckdb.DuckDBPyConnection, staging: Path, folder: Path, week: dt.date, *, name: str, key: str
) -> WeekBuilt:
    final = folder / f"week={week}"
    settled = settle(con, staging / f"week={week}", final)
    ((rows, people),) = con.execute(f"select count(*), count(distinct ({key})) from {read([final / name])}").fetchall()
    return WeekBuilt(week, final, rows, people, settled)


def list_folder(store: Store) -> Path:
    """The folder of weeks that holds ledgers, workbooks and pages."""
    return store.lake / "list"


def register_folder(store: Store) -> Path:
    """The folder of weeks that holds registers."""
    return store.lake / "register"


def list_of_week(store: Store, week: dt.date) -> ListDeclaration:
    """The weekly list, ranked by its own outcome, or by its other one where only that was scored."""
    import polars as pl

    scores = score_folder(store) / f"week={week}" / "score.parquet"
    scored = pl.scan_parquet(scores).select(pl.col("outcome").unique()).collect()["outcome"].to_list()
    return load_list().for_outcomes(scored)


def build_week_lists(store: Store, week: dt.date, *, model_id: str, notes: Sequence[str] = ()) -> ListReport:
    """Make every team's list of one week.

    Raises:
        ProblemError: a later week has its list already, or the list of this week was made with other content.
    """
    weeks_folder = feature_folder(store)
    heading = Heading(model_id=model_id, known_to=known_to(store, week), notes=tuple(notes))
    declared = list_of_week(store, week)
    outcome = declared.objective.outcome
    with record_opened(store) as con:
        try:
            return build_lists(
                con,
                week,
                scores=score_folder(store) / f"week={week}",
                features=weeks_folder,
                out=list_folder(store) / f"week={week}",
                earlier=list_folder(store),
                registers=register_folder(store),
                reasons=lambda people: told_reasons(weeks_folder, store.models, week, people, outcome=outcome),
                heading=heading,
                tie_key=hmac.new(open_key(store), b"anticipate|tie", hashlib.sha256).digest(),
                declaration=declared,
            )
        except (ListError, features.FeatureError) as error:
            raise ProblemError(str(error)) from error


_KNOWN_TO = {
    "GP records": "gp_event",
    "Hospital stays": "apc",
    "Emergency attendances": "ecds",
    "Community contacts": "csds_care_contact",
    "Social care": "cld",
}


def known_to(store: Store, week: dt.date) -> dict[str, dt.date]:
    """Sources as said to people, each with its newest accepted delivery by the Monday."""
    found = {}
    for words, source in _KNOWN_TO.items():
        received = [dt.date.fromisoformat(e.received) for e in read_entries(store.lake, source) if e.fate == "accepted"]
        if dates := [day for day in received if day <= week]:
            found[words] = max(dates)
    return found


def score_folder(store: Store) -> Path:
    """The folder of weeks that holds scores."""
    return store.lake / "score"
