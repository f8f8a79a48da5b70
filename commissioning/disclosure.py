"""Disclosure control: the only way by which a number about people leaves for commissioners.

Counts of 1 to 7 people are not shown; sums need at least eight people and none of them with half of it; everything
else is rounded to 5; further cells are suppressed until nobody can work a suppressed one out more closely than to four
values, seeing all tables of the indicator with all their margins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from commissioning.attack import Cells, Flags, Integers, feasible_values, rounded

ALL = "All"
PUBLISHED, SUPPRESSED = "published", "suppressed"
Key = tuple[Any, ...]


@dataclass(frozen=True)
class Rules:
    """The rules of publication.

    Attributes:
        smallest: people that a cell needs to be shown.
        rounding: published values are multiples of it.
        feasible: values that every suppressed cell must still be able to have.
        dominance: largest part of a sum that one person may have.
        most_suppressed: part of a table's cells beyond which a coarser table is published instead.
    """

    smallest: int = 8
    rounding: int = 5
    feasible: int = 4
    dominance: float = 0.5
    most_suppressed: float = 0.4


RULES = Rules()


@dataclass(frozen=True)
class Table:
    """One table before control.

    Attributes:
        name: of the published table.
        dimensions: at most two columns of `cells`; their value `All` is the margin.
        cells: one row a cell with all margins and noughts: `period`, `start`, the dimensions, `value`, `people`
            (distinct people behind it), `largest` (the most of any one person).
    """

    name: str
    dimensions: tuple[str, ...]
    cells: pl.DataFrame


@dataclass(frozen=True)
class Past:
    """One table of one indicator as an earlier release published it, with the truth behind it.

    Attributes:
        name: of the table.
        keys: what each cell is, as `Table` says it.
        value: its true value then.
        small: it was not to be shown for its own sake.
        suppressed: it was not shown.
    """

    name: str
    keys: tuple[Key, ...]
    value: tuple[int, ...]
    small: tuple[bool, ...]
    suppressed: tuple[bool, ...]


@dataclass(frozen=True)
class Published:
    """The tables of one indicator after control.

    Attributes:
        frames: by table name its cells with `published` (rounded; null when suppressed) and `status`; without `value`,
            `people` and `largest`.
        memory: the same cells with the truth behind them, for the attack on the next release; never published.
    """

    frames: dict[str, pl.DataFrame]
    memory: list[Past]


def control(
    tables: list[Table],
    measure: str,
    rules: Rules = RULES,
    *,
    snapshot: bool | None = None,
    earlier: Sequence[Sequence[Past]] = (),
) -> Published:
    """The tables of one indicator as they may be published.

    A cell that stands in several tables is shown in all of them or in none; one that was hidden in an earlier release
    and has not changed stays hidden.

    Args:
        tables: all tables of the indicator that will be published, together.
        measure: `people`, `events` or `sum`.
        rules: the rules.
        snapshot: counts of a day, which do not add up over time; default where people are counted.
        earlier: the tables of the same indicator in each earlier release that an attacker may have kept.

    Returns:
        The tables as they may be seen, and what the next release must remember of them.
    """
    snapshot = measure == "people" if snapshot is None else snapshot
    keys, cells = _tie(tables, measure, rules, snapshot=snapshot, earlier=earlier)
    suppressed = suppress(cells, rules, never_alone=measure == "sum")
    shown = rounded(cells.value, rules.rounding)
    published = {}
    memory = []
    for table in tables:
        at = [keys[k] for k in cell_keys(table, snapshot=snapshot)]
        hidden = pl.Series(suppressed[at])
        published[table.name] = table.cells.drop("value", "people", "largest").with_columns(
            published=pl.select(pl.when(~hidden).then(pl.Series(shown[at]))).to_series(),
            status=pl.select(pl.when(hidden).then(pl.lit(SUPPRESSED)).otherwise(pl.lit(PUBLISHED))).to_series(),
        )
        memory.append(
            Past(
                table.name,
                tuple(cell_keys(table, snapshot=snapshot)),
                tuple(cells.value[at].tolist()),
                tuple(cells.small[at].tolist()),
                tuple(suppressed[at].tolist()),
            )
        )
    return Published(published, memory)


def is_small(cells: pl.DataFrame, measure: str, rules: Rules = RULES) -> pl.Series:
    """Which cells must not be shown for their own sake."""
    few = pl.col("people").is_between(1, rules.smallest - 1)
    dominated = (pl.col("value") > 0) & (pl.col("largest") > rules.dominance * pl.col("value"))
    return cells.select(few | dominated if measure == "sum" else few).to_series()


def round_count(people: int, rules: Rules = RULES) -> int | None:
    """A single count as it may be said: rounded, or None when it is small."""
    return round_sum(people, people, rules)


def round_sum(value: int, people: int, rules: Rules = RULES) -> int | None:
    """A single sum as it may be said: rounded, or None when 1 to 7 people are behind it."""
    if 0 < people < rules.smallest:
        return None
    return int(rounded(np.array([value]), rules.rounding)[0])


def suppress(cells: Cells, rules: Rules, *, never_alone: bool) -> Flags:
    """Which cells are not shown: the small ones, and as many others as protect them.

    Args:
        cells: all cells of the tables that are published together.
        rules: the rules.
        never_alone: no sum may have just one part that is not shown: for sums of a quantity, whose total would
            otherwise tell it to within rounding.
    """
    suppressed = np.where(cells.past, cells.hidden, cells.small | cells.hidden)
    group = cells.groups()
    open_groups = np.unique(group[suppressed])
    while len(open_groups):
        members = np.flatnonzero(np.isin(group, open_groups))
        part = cells.part(members)
        exposed = _exposed(part, suppressed[members], rules, group[members], never_alone=never_alone)
        found = {}
        for number, (cell, line) in exposed.items():
            partner = _partner(part, suppressed[members], cell, line, group[members] == number)
            if partner is not None:
                found[number] = partner
        suppressed[members[list(found.values())]] = True
        open_groups = np.array(sorted(found), dtype=np.int64)
    return suppressed


def _exposed(
    cells: Cells, suppressed: Flags, rules: Rules, group: Integers, *, never_alone: bool
) -> dict[int, tuple[int, int | None]]:
    """By group, a suppressed cell that is not protected, with the sum that gives it away where there is one."""
    found: dict[int, tuple[int, int | None]] = {}
    if never_alone:
        secret = suppressed & ~cells.told
        hidden = abs(cells.lines) @ secret.astype(np.int64)
        for line in np.flatnonzero(hidden == 1):
            row = cells.lines.indices[cells.lines.indptr[line] : cells.lines.indptr[line + 1]]
            cell = int(row[secret[row]][0])
            found.setdefault(int(group[cell]), (cell, int(line)))
    rest = np.flatnonzero(~np.isin(group, list(found)))
    if len(rest):
        feasible = feasible_values(cells.part(rest), suppressed[rest], rules.feasible)
        for at in np.argsort(feasible, kind="stable"):
            if feasible[at] < rules.feasible:
                found.setdefault(int(group[rest[at]]), (int(rest[at]), None))
    return found


def _partner(cells: Cells, suppressed: Flags, cell: int, line: int | None, within: Flags) -> int | None:
    """The cell to suppress beside: in the same sum, of the finest level, the smallest; None when nothing is left."""
    free = within & ~suppressed & (cells.value > 0) & ~cells.told & ~cells.past
    lines = [line] if line is not None else _lines_of(cells.lines, cell)
    near = np.zeros(len(free), dtype=bool)
    for one in lines:
        near[cells.lines.indices[cells.lines.indptr[one] : cells.lines.indptr[one + 1]]] = True
    for candidates in (np.flatnonzero(free & near), np.flatnonzero(free)):
        if len(candidates):
            order = np.lexsort((candidates, cells.value[candidates], cells.level[candidates]))
            return int(candidates[order[0]])
    return None


def _lines_of(lines: csr_array, cell: int) -> list[int]:
    return [int(r) for r in np.flatnonzero(lines[:, [cell]].toarray().ravel())]


def cell_keys(table: Table, *, snapshot: bool) -> list[Key]:
    """What a cell is, whatever table it stands in; a count on a day is the same in a month and in a quarter."""
    columns = [table.cells[d].to_list() for d in table.dimensions]
    periods, starts = table.cells["period"].to_list(), table.cells["start"].to_list()
    named = zip(*columns, strict=True) if columns else [()] * len(periods)
    return [
        (
            "day" if snapshot else period,
            start,
            *sorted((d, v) for d, v in zip(table.dimensions, values, strict=True) if v != ALL),
        )
        for period, start, values in zip(periods, starts, named, strict=True)
    ]


@dataclass
class _Tied:
    """The distinct cells of several tables, and the sums among them.

    Attributes:
        value: of each cell.
        small: it must not be shown for its own sake.
        current: position of each cell of this release, by its key.
        told: cells that an earlier release showed.
        hidden: cells that an earlier release did not show.
        past: cells of an earlier release whose value has changed since.
        sums: rows of the system of equations, without repeats.
    """

    value: list[int] = field(default_factory=list)
    small: list[bool] = field(default_factory=list)
    current: dict[Key, int] = field(default_factory=dict)
    told: set[int] = field(default_factory=set)
    hidden: set[int] = field(default_factory=set)
    past: set[int] = field(default_factory=set)
    sums: dict[tuple[int, ...], None] = field(default_factory=dict)

    def add(self, number: int, few: bool) -> int:
        """Position of a new cell."""
        self.value.append(number)
        self.small.append(few)
        return len(self.value) - 1

    def add_release(self, tables: Sequence[Past], *, snapshot: bool) -> None:
        """Cells of an earlier release: those that stand unchanged in this one are the same cell."""
        at: dict[Key, int] = {}
        for table in tables:
            for key, number, few, was_hidden in zip(
                table.keys, table.value, table.small, table.suppressed, strict=True
            ):
                if key in at:
                    continue
                same = key in self.current and self.value[self.current[key]] == number
                at[key] = self.current[key] if same else self.add(number, few)
                (self.hidden if was_hidden else self.told).add(at[key])
                if not same:
                    self.past.add(at[key])
        if self.past or any(i not in self.told and i not in self.hidden for i in at.values()):
            _add_sums(tables, at, self.sums, snapshot=snapshot)

    def cells(self, measure: str, rules: Rules) -> Cells:
        """As arrays and a matrix of sums."""
        count = len(self.value)
        depth = max((len(key) - 2 for key in self.current), default=0)
        level = np.zeros(count, dtype=np.int64)
        for key, position in self.current.items():
            level[position] = _level(key, depth)
        return Cells(
            value=np.array(self.value, dtype=np.int64),
            small=np.array(self.small, dtype=bool),
            level=level,
            lines=_matrix(list(self.sums), count),
            told=_flags(self.told - self.past, count),
            hidden=_flags(self.hidden - (self.told - self.past), count),
            past=_flags(self.past, count),
            small_at_most=rules.smallest - 1 if measure == "people" else None,
            smallest=rules.smallest,
            rounding=rules.rounding,
        )


def _tie(
    tables: list[Table], measure: str, rules: Rules, *, snapshot: bool, earlier: Sequence[Sequence[Past]]
) -> tuple[dict[Key, int], Cells]:
    """All distinct cells of the tables, and the sums among them, across dimensions, periods and releases."""
    tied = _Tied()
    now = [
        Past(
            table.name,
            tuple(cell_keys(table, snapshot=snapshot)),
            tuple(table.cells["value"].to_list()),
            tuple(is_small(table.cells, measure, rules).to_list()),
            (),
        )
        for table in tables
    ]
    for table in now:
        for key, number, few in zip(table.keys, table.value, table.small, strict=True):
            if key not in tied.current:
                tied.current[key] = tied.add(number, few)
    _add_sums(now, tied.current, tied.sums, snapshot=snapshot)
    for release in earlier:
        tied.add_release(release, snapshot=snapshot)
    return tied.current, tied.cells(measure, rules)


def _flags(at: set[int], count: int) -> Flags:
    flags = np.zeros(count, dtype=bool)
    flags[list(at)] = True
    return flags


def _level(key: Key, most: int) -> int:
    span = {"day": 0, "month": 0, "quarter": 1, "year": 2}[key[0]]
    return span * (most + 1) + most - (len(key) - 2)


def _add_sums(tables: Sequence[Past], at: dict[Key, int], sums: dict[tuple[int, ...], None], *, snapshot: bool) -> None:
    """Adds each sum once, as the positions of its parts in order, then of the whole."""
    found: dict[tuple[Key, str], list[Key]] = {}
    for table in tables:
        for key in dict.fromkeys(table.keys):
            for dimension, _ in key[2:]:
                whole = (key[0], key[1], *(part for part in key[2:] if part[0] != dimension))
                if whole in at:
                    found.setdefault((whole, f"over {dimension} in {table.name}"), []).append(key)
    if not snapshot:
        _add_sums_over_time(at, found)
    for (whole, _), parts in found.items():
        sums[(*sorted(at[p] for p in parts), at[whole])] = None


def _add_sums_over_time(at: dict[Key, int], found: dict[tuple[Key, str], list[Key]]) -> None:
    """A quarter is the sum of its three months, a year of its quarters or months, where all of them are published."""
    for coarse, months, fines in (("quarter", 3, ("month",)), ("year", 12, ("quarter", "month"))):
        for key in [k for k in at if k[0] == coarse]:
            for fine in fines:
                step = {"month": 1, "quarter": 3}[fine]
                parts = [(fine, _later(key[1], m), *key[2:]) for m in range(0, months, step)]
                if all(part in at for part in parts):
                    found[key, f"over {fine}"] = parts


def _later(start: Any, months: int) -> Any:
    total = start.year * 12 + start.month - 1 + months
    return start.replace(year=total // 12, month=total % 12 + 1)


def _matrix(sums: list[tuple[int, ...]], count: int) -> csr_array:
    rows: list[int] = []
    columns: list[int] = []
    data: list[float] = []
    for row, members in enumerate(sums):
        rows += [row] * len(members)
        columns += members
        data += [1.0] * (len(members) - 1) + [-1.0]
    return csr_array((data, (rows, columns)), shape=(len(sums), count))
