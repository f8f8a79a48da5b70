"""Which published cells are one and the same unknown, and which sums tie them together.

Sums run over the values of a dimension, over months and quarters, from one indicator to another that counts more than
it, and through earlier releases. What is tied is attacked together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from commissioning.attack import REACH, Cells, Flags

ALL: Final = "All"
COARSER: Final = {"age_group": ("age_band", {"65 and over": ("65 to 74", "75 to 84", "85 and over")})}
"""Dimensions whose values are those of a finer one, or sums of them."""
Key = tuple[Any, ...]
"""What a cell is: period, its first day, then the dimensions that it is cut by, each with its value."""
At = dict[Key, int]
"""Position of each cell of one indicator in one release."""


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
class Group:
    """The tables of one indicator.

    Attributes:
        name: id of the indicator.
        tables: all that will be published of it.
        measure: `people`, `events` or `sum`.
        snapshot: counts of a day, which do not add up over time.
        earlier: the tables of each earlier release that an attacker may have kept; one without the indicator is empty.
    """

    name: str
    tables: Sequence[Table]
    measure: str
    snapshot: bool
    earlier: Sequence[Sequence[Past]] = ()


@dataclass(frozen=True)
class Link:
    """Whatever the parts count, the whole counts too, in the same period; the parts have nothing in common.

    Attributes:
        whole: id of an indicator.
        parts: ids of others.
        shared: dimensions that mean the same in all of them.
    """

    whole: str
    parts: tuple[str, ...]
    shared: frozenset[str]


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
class Tied:
    """The distinct cells of several indicators, and the sums among them.

    Attributes:
        value: of each cell.
        small: it must not be shown for its own sake.
        most: the largest value that it can have while it is hidden.
        current: by indicator, position of each cell of this release.
        told: cells that an earlier release showed.
        hidden: cells that an earlier release did not show, and those that stand in no table.
        past: cells of an earlier release whose value has changed since.
        sums: rows of the system of equations, without repeats: parts, and what they add up to.
    """

    value: list[int] = field(default_factory=list)
    small: list[bool] = field(default_factory=list)
    most: list[int] = field(default_factory=list)
    current: dict[str, At] = field(default_factory=dict)
    told: set[int] = field(default_factory=set)
    hidden: set[int] = field(default_factory=set)
    past: set[int] = field(default_factory=set)
    sums: dict[tuple[tuple[int, ...], tuple[int, ...]], None] = field(default_factory=dict)
    _rest: dict[tuple[Link, Key, int], int] = field(default_factory=dict)

    def add(self, number: int, few: bool, most: int) -> int:
        """Position of a new cell."""
        self.value.append(number)
        self.small.append(few)
        self.most.append(most)
        return len(self.value) - 1

    def add_current(self, group: Group, tables: Sequence[Past], smallest: int) -> None:
        """The cells of this release of one indicator."""
        at = self.current[group.name] = {}
        for table in tables:
            for key, number, few in zip(table.keys, table.value, table.small, strict=True):
                if key not in at:
                    at[key] = self.add(number, few, _most(group, number, few, smallest))
        _add_sums(tables, at, self.sums, snapshot=group.snapshot)

    def add_release(self, group: Group, tables: Sequence[Past], smallest: int) -> At:
        """Cells of an earlier release of one indicator: those that stand unchanged in this one are the same cell."""
        at: At = {}
        current = self.current[group.name]
        for table in tables:
            for key, number, few, was_hidden in zip(
                table.keys, table.value, table.small, table.suppressed, strict=True
            ):
                if key in at:
                    continue
                same = key in current and self.value[current[key]] == number
                at[key] = current[key] if same else self.add(number, few, _most(group, number, few, smallest))
                (self.hidden if was_hidden else self.told).add(at[key])
                if not same:
                    self.past.add(at[key])
        if any(i in self.past or (i not in self.told and i not in self.hidden) for i in at.values()):
            _add_sums(tables, at, self.sums, snapshot=group.snapshot)
        return at

    def add_links(self, links: Iterable[Link], at: Mapping[str, At], *, past: bool) -> None:
        """Ties cells of one release: what the whole counts besides its parts is a cell that stands in no table.

        Where the figures contradict a link there is no tie: an attacker could not use it either.
        """
        for link in links:
            if link.whole not in at or not all(part in at for part in link.parts):
                continue
            for key in at[link.parts[0]]:
                if not {d for d, _ in key[2:]} <= link.shared:
                    continue
                whole = _expanded(at[link.whole], key)
                parts = [_expanded(at[part], key) for part in link.parts]
                if whole and all(parts):
                    self._add_rest(link, key, whole, [p for part in parts for p in part], past=past)

    def _add_rest(self, link: Link, key: Key, whole: list[int], parts: list[int], *, past: bool) -> None:
        number = sum(self.value[p] for p in whole) - sum(self.value[p] for p in parts)
        if number < 0:
            return
        same = (link, key, number)
        if same not in self._rest:
            self._rest[same] = position = self.add(number, few=False, most=number + REACH)
            if number:
                self.hidden.add(position)
            if past:
                self.past.add(position)
        self.sums[tuple(sorted([*parts, self._rest[same]])), tuple(whole)] = None

    def cells(self, smallest: int, rounding: int) -> Cells:
        """As arrays and a matrix of sums."""
        count = len(self.value)
        keys = [(key, position) for at in self.current.values() for key, position in at.items()]
        depth = max((len(key) - 2 for key, _ in keys), default=0)
        level = np.zeros(count, dtype=np.int64)
        for key, position in keys:
            level[position] = _level(key, depth)
        return Cells(
            value=np.array(self.value, dtype=np.int64),
            small=np.array(self.small, dtype=bool),
            most=np.array(self.most, dtype=np.int64),
            level=level,
            lines=_matrix(list(self.sums), count),
            told=_flags(self.told - self.past, count),
            hidden=_flags(self.hidden - (self.told - self.past), count),
            past=_flags(self.past, count),
            smallest=smallest,
            rounding=rounding,
        )


def _most(group: Group, number: int, few: bool, smallest: int) -> int:
    """A few people are a small number; a few people's events need not be."""
    return smallest - 1 if few and group.measure == "people" else number + REACH


def _flags(at: set[int], count: int) -> Flags:
    flags = np.zeros(count, dtype=bool)
    flags[list(at)] = True
    return flags


def _level(key: Key, most: int) -> int:
    span = {"day": 0, "month": 0, "quarter": 1, "year": 2}[key[0]]
    return span * (most + 1) + most - (len(key) - 2)


def _add_sums(
    tables: Sequence[Past], at: At, sums: dict[tuple[tuple[int, ...], tuple[int, ...]], None], *, snapshot: bool
) -> None:
    """Adds each sum of one indicator once, as the positions of its parts in order, and of the whole."""
    found: dict[tuple[Key, str], list[Key]] = {}
    for table in tables:
        for key in dict.fromkeys(table.keys):
            for dimension, _ in key[2:]:
                whole = (key[0], key[1], *(part for part in key[2:] if part[0] != dimension))
                if whole in at:
                    found.setdefault((whole, f"over {dimension} in {table.name}"), []).append(key)
    _add_sums_of_values(at, found)
    if not snapshot:
        _add_sums_over_time(at, found)
    for (whole, _), parts in found.items():
        sums[tuple(sorted(at[p] for p in parts)), (at[whole],)] = None


def _add_sums_of_values(at: At, found: dict[tuple[Key, str], list[Key]]) -> None:
    """A value of a coarse dimension is the sum of the finer ones that stand for it, where those are published."""
    for key in at:
        for dimension, value in key[2:]:
            if dimension in COARSER:
                finer, stands_for = COARSER[dimension]
                rest = [part for part in key[2:] if part[0] != dimension]
                named = [(*key[:2], *sorted([*rest, (finer, v)])) for v in stands_for.get(value, (value,))]
                if parts := [part for part in named if part in at]:
                    found[key, f"over {finer}"] = parts


def _add_sums_over_time(at: At, found: dict[tuple[Key, str], list[Key]]) -> None:
    """A quarter is the sum of its three months, a year of its quarters or months, where all of them are published."""
    for key in at:
        for fine, parts in _finer(key):
            if all(part in at for part in parts):
                found[key, f"over {fine}"] = parts


def _finer(key: Key) -> list[tuple[str, list[Key]]]:
    """The months, and the quarters, that a quarter or year is made of."""
    found = []
    for coarse, months, fine, step in (
        ("quarter", 3, "month", 1),
        ("year", 12, "quarter", 3),
        ("year", 12, "month", 1),
    ):
        if key[0] == coarse:
            found.append((fine, [(fine, _later(key[1], m), *key[2:]) for m in range(0, months, step)]))
    return found


def _expanded(at: At, key: Key) -> list[int]:
    """The cell itself, or else the finer ones that it is the sum of; empty where neither is published."""
    if key in at:
        return [at[key]]
    return next(([at[p] for p in parts] for _, parts in _finer(key) if all(p in at for p in parts)), [])


def _later(start: Any, months: int) -> Any:
    total = start.year * 12 + start.month - 1 + months
    return start.replace(year=total // 12, month=total % 12 + 1)


def _matrix(sums: list[tuple[tuple[int, ...], tuple[int, ...]]], count: int) -> csr_array:
    rows: list[int] = []
    columns: list[int] = []
    data: list[float] = []
    for row, (parts, whole) in enumerate(sums):
        rows += [row] * (len(parts) + len(whole))
        columns += [*parts, *whole]
        data += [1.0] * len(parts) + [-1.0] * len(whole)
    return csr_array((data, (rows, columns)), shape=(len(sums), count))
