"""A past Monday as it was known then, beside the same Monday as it is known now, and what arrived in between.

Everything is computed in a scratch folder that is gone afterwards: no list, score or publication reads it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

import features
from data_contracts.contract import load_contracts
from features.declaration import FeatureSet
from pipelines.content import content_hash
from pipelines.errors import MistakeError, ProblemError
from pipelines.moved import FEWEST, Changed, changes, counted, parts_told, people_of, told
from pipelines.relisted import Relisted, relist
from pipelines.stages import feature_folder, open_views, sources_allowed
from pipelines.store import Store
from pipelines.weeks import monday_on_or_before, parse_week, received_dates
from record import late_sql, open_in_hindsight

if TYPE_CHECKING:
    import duckdb

REGISTRATION = "gp_registration"
COUNTED = ("late", "changed", "gone")
SHOWN = (*COUNTED, "held_up")


@dataclass(frozen=True)
class Hindsight:
    """One Monday twice. Small numbers of people, and the rows they have, are not told in the tables.

    Attributes:
        week: the Monday.
        now: the newest day on which something was received: what is known now was known then.
        as_stored: whether the week computed again as known then equals what is stored; None: nothing is stored of the
            features as they are declared now.
        people: one row: people in the week as known then; of these, people who had died or left as known now; people
            there as known now only; people in both with a changed feature.
        sources: one row a source of which something became known since: people with rows that came late, were
            changed, are gone; ``held up``, late rows beyond the declared delay and one delivery; ``days``, their
            median from the Monday until a late row was known; ``features moved of``, people with a change in a
            feature that reads the source (it may read others too).
        features: one row a feature that changes for somebody, with the sources it reads.
        relisted: risks and lists given out, beside what they would be as known now.
    """

    week: dt.date
    now: dt.date
    as_stored: bool | None
    people: pl.DataFrame
    sources: pl.DataFrame
    features: pl.DataFrame
    relisted: Relisted

    @property
    def reproduced(self) -> str:
        """What ``as_stored`` means, in a sentence."""
        if self.as_stored is None:
            return "Nothing is stored of that week with the features as they are declared now."
        if self.as_stored:
            return "Computed again as known then, it equals what is stored."
        return "Computed again as known then, it differs from what is stored: people or files were removed since."


def look_back(store: Store, week: str | None = None) -> Hindsight:
    """Compute one past Monday as known then and as known now, and explain the difference.

    Args:
        store: the home; who may write to it meanwhile would sweep the scratch folder away.
        week: a Monday, YYYY-MM-DD; None: the one before the newest delivery's.

    Raises:
        MistakeError: it is no Monday, or nothing was received after it.
        ProblemError: nobody is registered on it, as far as is known.
    """
    received = received_dates(store)
    if not received:
        raise MistakeError(f"Nothing has been delivered to {store.inbox}.")
    monday = parse_week(week) if week else monday_on_or_before(received[-1]) - dt.timedelta(days=7)
    if received[-1] <= monday:
        raise MistakeError(f"Nothing was received after {monday}: it is known now as it was known then.")
    allowed = sources_allowed("direct_care_list", monday)
    declared = features.load_features()
    with store.staging("hindsight") as staging:
        try:
            with store.compute() as con:
                open_views(store, con)
                then = features.build_matrix(con, [monday], out=staging / "then", sources_allowed=allowed)[monday]
                as_stored = _as_stored(con, store, then)
            with store.compute() as con:
                open_in_hindsight(con, load_contracts().values(), lake=store.lake, week=monday)
                now = features.build_matrix(con, [monday], out=staging / "now", sources_allowed=allowed)[monday]
                arrived = _arrived(con, monday)
                again = relist(store, con, monday, features=staging / "now", scratch=staging)
        except features.FeatureError as error:
            raise ProblemError(str(error)) from error
        tally = _Tally(declared)
        by_feature = counted(tally.over(changes(then, now)))
        people = _people(then, now, tally.anybody)
    sources, moved = _sources(arrived, tally), _features(by_feature, declared)
    return Hindsight(monday, received[-1], as_stored, people, sources, moved, again)


def _as_stored(con: duckdb.DuckDBPyConnection, store: Store, then: Path) -> bool | None:
    stored = feature_folder(store) / then.parent.name / then.name
    if not stored.exists():
        return None
    return content_hash(con, [then], week=False) == content_hash(con, [stored], week=False)


def _arrived(con: duckdb.DuckDBPyConnection, week: dt.date) -> pl.DataFrame:
    """What came since, one row a source about people."""
    tables = [
        con.sql(late_sql(contract, week)).pl().with_columns(source=pl.lit(contract.id))
        for contract in load_contracts().values()
        if contract.person is not None and contract.key
    ]
    found = pl.concat(tables)
    return found.filter(pl.sum_horizontal(COUNTED) > 0).sort("source")


class _Tally:
    """Who has a changed feature, by the sources that the feature reads."""

    def __init__(self, declared: FeatureSet) -> None:
        self.declared = declared
        self.by_source: dict[str, np.ndarray] = {}
        self.anybody = 0

    def over(self, changed: Iterator[Changed]) -> Iterator[Changed]:
        """The changes as they are, counted in passing."""
        somebody: np.ndarray | None = None
        for one in changed:
            name, mask, *_ = one
            somebody = mask if somebody is None else somebody | mask
            for source in _sources_of(self.declared, name):
                self.by_source[source] = self.by_source[source] | mask if source in self.by_source else mask
            yield one
        self.anybody = 0 if somebody is None else int(somebody.sum())

    def people(self, source: str) -> int:
        """People with a change in a feature that reads the source."""
        return int(self.by_source[source].sum()) if source in self.by_source else 0


def _sources_of(declared: FeatureSet, feature: str) -> tuple[str, ...]:
    """Sources that a feature reads; a fact of the registration reads the registration."""
    tables = declared.tables_of(declared.by_name[feature])
    return tuple(sorted({s for t in tables for s in declared.tables[t].sources})) or (REGISTRATION,)


def _people(then: Path, now: Path, changed: int) -> pl.DataFrame:
    before, after = people_of(then), people_of(now)
    counts = {
        "as known then": len(before),
        "of these not there, as known now": len(np.setdiff1d(before, after, assume_unique=True)),
        "there as known now, not known then": len(np.setdiff1d(after, before, assume_unique=True)),
        "in both, with a changed feature": changed,
    }
    return pl.DataFrame({name: [told(count)] for name, count in counts.items()})


def _sources(arrived: pl.DataFrame, tally: _Tally) -> pl.DataFrame:
    rows = [_source(found, tally.people(found["source"])) for found in arrived.iter_rows(named=True)]
    return pl.DataFrame(rows, infer_schema_length=None)


def _source(found: dict[str, int | None], moved: int) -> dict[str, object]:
    """A source as it may be shown: of fewer people than may be told neither rows nor days are shown."""
    shown: dict[str, object] = {"source": found["source"]}
    for state in SHOWN:
        people, rows = found[f"{state}_people"] or 0, found[state] or 0
        shown[state.replace("_", " ")] = told(people) if people < FEWEST else f"{told(people)} in {rows:,} rows"
    late = (found["late_people"] or 0) >= FEWEST
    return shown | {
        "days, median": found["days_median"] if late else None,
        "features moved of": told(moved),
    }


def _features(by_feature: pl.DataFrame, declared: FeatureSet) -> pl.DataFrame:
    rows = [
        (name, *parts_told(people, tuple(parts)), ", ".join(_sources_of(declared, name)))
        for name, people, *parts in by_feature.iter_rows()
    ]
    return pl.DataFrame(rows, schema=[*by_feature.columns, "reads"], orient="row")
