"""Builds every published table: facts, cuts, disclosure control, rates; then writes them with their definitions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import duckdb
import polars as pl

from commissioning import facts, sources
from commissioning.board_tables import Known, board_tables
from commissioning.control_chart import Charted, chart, charts_by_place
from commissioning.declaration import Cut, Indicator, Period, load_indicators, load_links, table_name
from commissioning.disclosure import (
    ALL,
    RULES,
    SUPPRESSED,
    Group,
    Key,
    Link,
    Past,
    Rules,
    Table,
    control_together,
    is_small,
    round_count,
    round_sum,
)
from commissioning.releases import RELEASE, read_releases, restated, write_release
from commissioning.tables import (
    NO_DATA,
    SMALLEST_WHOLE,
    MartReport,
    MartTable,
    with_rates,
    write_catalogue,
    write_charts,
    write_definitions,
    write_example_queries,
    write_notes,
    write_plain,
    write_restated,
    write_table,
)
from data_contracts.contract import REFERENCE

POLICY = REFERENCE / "opt_out_policy.csv"
MONTHS = 60
LEDGER_SCHEMA = {"week": pl.Date, "person_id": pl.Int64, "shown": pl.Boolean}
REGISTER_SCHEMA = {"week": pl.Date, "person_id": pl.Int64} | dict.fromkeys(
    ("register_level", "seen", "review"), pl.String
)


def build_marts(
    con: duckdb.DuckDBPyConnection,
    *,
    data_date: dt.date,
    out: Path,
    ledgers: Path | None = None,
    registers: Path | None = None,
    months: int = MONTHS,
    policy: Path = POLICY,
    indicators: tuple[Indicator, ...] | None = None,
    rules: Rules = RULES,
    sources_allowed: Collection[str] | None = None,
    earlier: Sequence[Path] = (),
) -> MartReport:
    """Writes `<table>.parquet` for every declared cut, `indicator.parquet`, `table_note.parquet` and a catalogue.

    Args:
        con: a connection where the record tables are visible under their names.
        data_date: the newest received date; nothing known later is read, nothing after it is counted.
        out: folder of the tables; files there are replaced.
        ledgers: folder of `week=*/ledger.parquet`; None: no list was made.
        registers: folder of `week=*/profile.parquet`; None: no register was made.
        months: how many months, with that of the data date.
        policy: the opt-out policy table.
        indicators: default all that are declared.
        rules: of disclosure control.
        sources_allowed: sources whose contract allows the purpose; nothing else is read. None: all.
        earlier: `release.parquet` of earlier releases, newest first; the first three are attacked with this one.
    """
    indicators = indicators or load_indicators()
    calendar = facts.months_to(data_date, months)
    con.register("list_ledger", _weeks(ledgers, "ledger.parquet", LEDGER_SCHEMA).to_arrow())
    con.register("register_profile", _weeks(registers, "profile.parquet", REGISTER_SCHEMA).to_arrow())
    past = read_releases(earlier)
    removed = facts.prepare(con, data_date, calendar, facts.read_policy(policy))
    hidden = [] if sources_allowed is None else sources.shadow(con, sources_allowed)
    made = _Made()
    try:
        found = facts.gather(con, indicators, data_date)
        usable = {i.id: tuple(c for c in i.cuts if not not_allowed(i, c, sources_allowed)) for i in indicators}
        scopes = {
            i.id: Scope(con, i, usable[i.id], calendar, data_date, past.get(i.id, []))
            for i in indicators
            if not i.part_of
        }
        for names in _families(tuple(scopes), load_links()):
            made.add([scopes[name] for name in names], rules)
        for indicator in (i for i in indicators if i.part_of):
            made.take(indicator, usable[indicator.id])
        known = Known(data_date, found["covered_to"], [i.id for i in indicators], made.frames, rules)
        made.extra = board_tables(con, known)
    finally:
        sources.unshadow(con, hidden)
        facts.release(con)
    out.mkdir(parents=True, exist_ok=True)
    report = MartReport(
        data_date=data_date,
        tables=tuple(_written(out, indicators, made, sources_allowed, with_earlier=bool(earlier))),
        removed=round_count(removed, rules),
        covered_to=found["covered_to"],
        open_nights=round_sum(found["open_nights"], found["open_people"], rules),
        folder=out,
    )
    write_catalogue(out, report)
    return report


@dataclass
class _Made:
    """What may be published of all indicators so far, and what the next release must remember of them."""

    frames: dict[str, pl.DataFrame] = field(default_factory=dict)
    periods: dict[str, Period | None] = field(default_factory=dict)
    charts: list[Charted] = field(default_factory=list)
    memory: dict[str, list[Past]] = field(default_factory=dict)
    restated: list[tuple[str, str, Key, int, int]] = field(default_factory=list)
    extra: dict[str, tuple[pl.DataFrame, Mapping[str, str]]] = field(default_factory=dict)

    def add(self, scopes: list[Scope], rules: Rules) -> None:
        """Indicators that are tied to each other."""
        own = _controlled(scopes, rules)
        self.frames |= own.frames
        self.periods |= own.periods
        for scope in scopes:
            indicator, memory = scope.indicator, own.memory[scope.indicator.id]
            self.memory[indicator.id] = memory
            self.restated += [(indicator.id, *r) for r in restated(scope.earlier, memory, rules.rounding)]
            self.charts += _charted(indicator, own)

    def take(self, indicator: Indicator, cuts: Collection[Cut]) -> None:
        """The published cells of the indicator that this one is a part of; they tell nothing new."""
        for cut in cuts:
            whole = indicator.whole(str(indicator.part_of), cut.by)
            if whole in self.frames:
                self.frames[indicator.table(cut)] = indicator.cells_among(self.frames[whole])
                self.periods[indicator.table(cut)] = self.periods[whole]


def _written(
    out: Path,
    indicators: tuple[Indicator, ...],
    made: _Made,
    sources_allowed: Collection[str] | None,
    *,
    with_earlier: bool,
) -> list[MartTable]:
    """Every table into its file, the notes after those they are about."""
    tables = [
        write_table(
            out,
            indicator,
            cut,
            with_rates(indicator, cut, made.frames),
            period=made.periods.get(indicator.table(cut)),
            not_allowed=not_allowed(indicator, cut, sources_allowed),
        )
        for indicator in indicators
        for cut in indicator.cuts
    ]
    notes = [write_definitions(out, indicators), write_notes(out, tables), *write_charts(out, made.charts)]
    notes += [write_plain(out, name, frame, columns) for name, (frame, columns) in made.extra.items()]
    notes += [write_example_queries(out), write_restated(out, made.restated, with_earlier=with_earlier)]
    write_release(out / RELEASE, made.memory)
    return [*tables, *notes]


def not_allowed(indicator: Indicator, cut: Cut, sources_allowed: Collection[str] | None) -> tuple[str, ...]:
    """Sources behind a table that may not be used for commissioning."""
    if sources_allowed is None:
        return ()
    return tuple(sorted(sources.sources_behind(indicator.fact, {*cut.by, *indicator.among}) - set(sources_allowed)))


def _weeks(folder: Path | None, name: str, schema: dict[str, type[pl.DataType]]) -> pl.DataFrame:
    """What each week's folder holds under one name."""
    files = sorted(folder.glob(f"week=*/{name}")) if folder and folder.exists() else []
    if not files:
        return pl.DataFrame(schema=schema)
    return pl.concat([pl.read_parquet(f, columns=list(schema), hive_partitioning=False) for f in files])


@dataclass(frozen=True)
class Scope:
    """One indicator, those of its cuts that may be used, its facts, its calendar, what earlier releases showed."""

    con: duckdb.DuckDBPyConnection
    indicator: Indicator
    cuts: tuple[Cut, ...]
    calendar: pl.DataFrame
    data_date: dt.date
    earlier: list[list[Past]]
    made: dict[Period, pl.DataFrame] = field(default_factory=dict)

    @cached_property
    def covered(self) -> set[dt.date]:
        """Months in which anything at all was recorded."""
        return facts.months_with_data(self.con, self.indicator)


@dataclass(frozen=True)
class Controlled:
    """What may be published of indicators that are tied to each other, by table; what is remembered, by indicator."""

    periods: dict[str, Period | None]
    frames: dict[str, pl.DataFrame]
    cells: dict[str, pl.DataFrame]
    memory: dict[str, list[Past]]


def _charted(indicator: Indicator, own: Controlled) -> list[Charted]:
    """The control charts of the whole board's series, or of the declared share, then of the Places."""
    share = (indicator.share_of,) if indicator.share_of else ()
    board = table_name(indicator.id, share)
    found = []
    if own.periods.get(board) not in (None, "year"):
        found += [chart(indicator, own.cells[board], own.frames[board])]
    for cut in indicator.cuts:
        name = indicator.table(cut)
        if "place" in cut.by and own.periods.get(name) in ("month", "quarter"):
            summed = [pl.col(d) == ALL for d in cut.by if d not in ("place", *share)]
            found += charts_by_place(indicator, own.cells[name].filter(*summed), own.frames[name].filter(*summed))
            break
    return [charted for charted in found if charted]


def _families(names: Sequence[str], links: Sequence[Link]) -> list[list[str]]:
    """The indicators in their order, those that any chain of links ties in one list.

    >>> _families(["a", "b", "c"], [Link("c", ("a",), frozenset())])
    [['a', 'c'], ['b']]
    """
    family = {name: {name} for name in names}
    for link in links:
        tied = set().union(*(family[n] for n in (link.whole, *link.parts) if n in family))
        family |= dict.fromkeys(tied, tied)
    return [[n for n in names if n in family[first]] for first in names if first == min(family[first], key=names.index)]


def _controlled(scopes: list[Scope], rules: Rules) -> Controlled:
    """Each cut at the finest period of which at most the declared part is suppressed; all cuts controlled together."""
    scope_of = {scope.indicator.table(cut): scope for scope in scopes for cut in scope.cuts}
    cuts = {scope.indicator.table(cut): cut for scope in scopes for cut in scope.cuts}
    left = {name: list(cut.periods) for name, cut in cuts.items()}
    ready: dict[tuple[str, Period], tuple[Table, pl.DataFrame]] = {}

    def table(name: str, period: Period) -> Table:
        if (name, period) not in ready:
            ready[name, period] = _cells(scope_of[name], cuts[name], period)
        return ready[name, period][0]

    for name, scope in scope_of.items():
        while left[name] and _mostly_small(table(name, left[name][0]), scope.indicator, rules):
            left[name].pop(0)
    while True:
        groups = [
            _group(s, [table(n, left[n][0]) for n, scope in scope_of.items() if scope is s and left[n]]) for s in scopes
        ]
        published = control_together(groups, load_links(), rules)
        shown = {n: f for p in published.values() for n, f in p.frames.items()}
        coarser = [n for n, f in shown.items() if _mostly(f["status"] == SUPPRESSED, f["published"] != 0, rules)]
        if not coarser:
            break
        for name in coarser:
            left[name].pop(0)
    frames = {
        name: pl.concat([frame, ready[name, left[name][0]][1]], how="diagonal").sort("start", *cuts[name].by)
        for name, frame in shown.items()
    }
    cells = {name: ready[name, left[name][0]][0].cells for name in shown}
    periods = {name: p[0] if p else None for name, p in left.items()}
    return Controlled(periods, frames, cells, {name: p.memory for name, p in published.items()})


def _group(scope: Scope, tables: list[Table]) -> Group:
    indicator = scope.indicator
    return Group(indicator.id, tables, indicator.measure, indicator.snapshot, scope.earlier)


def _since(scope: Scope) -> pl.Expr:
    first, begins = min(scope.covered), scope.calendar["month_start"][0]
    whole = first == begins or not scope.indicator.gap_when_empty or scope.indicator.snapshot
    return pl.col("month_start") >= first if whole else pl.col("month_start") > first


def _mostly_small(table: Table, indicator: Indicator, rules: Rules) -> bool:
    if indicator.share_of:
        whole = table.cells.filter(pl.col(indicator.share_of) == ALL, pl.col("value") > 0)["value"]
        if _mostly(whole < SMALLEST_WHOLE, whole > 0, rules):
            return True
    return _mostly(is_small(table.cells, indicator.measure, rules), table.cells["value"] > 0, rules)


def _mostly(hidden: pl.Series, peopled: pl.Series, rules: Rules) -> bool:
    """Whether too many are hidden of the cells with anyone in them: noughts do not make a table worth reading."""
    return int(hidden.sum()) > rules.most_suppressed * int(peopled.fill_null(value=True).sum())


def _cells(scope: Scope, cut: Cut, period: Period) -> tuple[Table, pl.DataFrame]:
    """All cells of a cut with their noughts, and apart from them the cells of periods for which data are missing."""
    some = facts.sum_by(scope.con, scope.indicator, cut, period)
    if period not in scope.made:
        scope.made[period] = _periods(scope, period)
    every = scope.made[period]
    for dimension in cut.by:
        values = {ALL, *some[dimension].unique()}
        every = every.join(pl.DataFrame({dimension: sorted(values)}, schema={dimension: pl.String}), how="cross")
    every = every.join(some, on=["start", *cut.by], how="left").with_columns(
        pl.col("value", "people", "largest").fill_null(0), period=pl.lit(period)
    )
    whole = every.filter("whole").drop("whole")
    gaps = (
        every.filter(~pl.col("whole"))
        .drop("whole", "value", "people", "largest")
        .with_columns(published=pl.lit(None, pl.Int64), status=pl.lit(NO_DATA))
    )
    return Table(scope.indicator.table(cut), cut.by, whole), gaps


def _to_be_shown(indicator: Indicator, size: int, data_date: dt.date) -> pl.Expr:
    """A count on a day is there when the day is; anything else when all months of the period are, and are over."""
    if indicator.snapshot:
        return pl.col("seen") > 0
    return (pl.col("months") == size) & ((pl.col("end") <= data_date) | pl.lit(size == 1))


def _periods(scope: Scope, period: Period) -> pl.DataFrame:
    """The periods from the first with data: `start`, `whole` (no month of it is missing), `provisional`.

    The first month of a source is left out, as it is rarely whole, unless the calendar begins later.
    A month that is not over is shown as far as it goes, provisional; a quarter or year only when it is over.
    """
    indicator, covered, data_date = scope.indicator, scope.covered, scope.data_date
    if not covered:
        return pl.DataFrame(schema={"start": pl.Date, "whole": pl.Boolean, "provisional": pl.Boolean})
    size = {"month": 1, "quarter": 3, "year": 12}[period]
    settled = data_date - dt.timedelta(days=indicator.provisional_days)
    delivered = pl.col("month_start").is_in(list(covered)) | (not indicator.gap_when_empty)
    needed = (pl.col("month_start") == pl.col("start")) | (not indicator.snapshot)
    return (
        scope.calendar.filter(_since(scope))
        .with_columns(start=pl.col(facts.PERIOD_START[period]))
        .group_by("start")
        .agg(
            there=(delivered & needed).sum(),
            seen=needed.sum(),
            months=pl.len(),
            end=pl.col("next_month").max(),
        )
        .filter(_to_be_shown(indicator, size, data_date))
        .select(
            "start",
            whole=(pl.col("there") == pl.col("seen")) & (pl.col("seen") > 0),
            provisional=pl.col("end") > settled if not indicator.snapshot else pl.lit(value=False),
        )
        .sort("start")
    )
