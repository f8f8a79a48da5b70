"""Disclosure control: the only way by which a number about people leaves for commissioners.

Counts of 1 to 7 people are not shown; sums need at least eight people and none of them with half of it; everything
else is rounded to 5; further cells are suppressed until nobody can work a suppressed one out more closely than to four
values, seeing all tables of the indicator with all their margins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from commissioning.attack import Cells, Flags, feasible_values, rounded

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


def control(tables: list[Table], measure: str, rules: Rules = RULES) -> dict[str, pl.DataFrame]:
    """The tables of one indicator as they may be published.

    A cell that stands in several tables is shown in all of them or in none.

    Args:
        tables: all tables of the indicator that will be published, together.
        measure: `people`, `events` or `sum`.
        rules: the rules.

    Returns:
        By table name its cells with `published` (rounded; null when suppressed) and `status`; without `value`,
        `people` and `largest`.
    """
    keys, cells = _tie(tables, measure, rules)
    suppressed = suppress(cells, rules, never_alone=measure == "sum")
    shown = rounded(cells.value, rules.rounding)
    published = {}
    for table in tables:
        at = [keys[k] for k in _keys(table, snapshot=measure == "people")]
        hidden = pl.Series(suppressed[at])
        published[table.name] = table.cells.drop("value", "people", "largest").with_columns(
            published=pl.select(pl.when(~hidden).then(pl.Series(shown[at]))).to_series(),
            status=pl.select(pl.when(hidden).then(pl.lit(SUPPRESSED)).otherwise(pl.lit(PUBLISHED))).to_series(),
        )
    return published


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
    suppressed = cells.small.copy()
    touching = abs(cells.lines)
    _, group = connected_components(touching.T @ touching, directed=False)
    for number in np.unique(group[suppressed]):
        members = np.flatnonzero(group == number)
        suppressed[members] = _protect(cells.part(members), rules, never_alone=never_alone)
    return suppressed


def _protect(cells: Cells, rules: Rules, *, never_alone: bool) -> Flags:
    suppressed = cells.small.copy()
    while True:
        exposed = _exposed(cells, suppressed, rules, never_alone=never_alone)
        if exposed is None:
            return suppressed
        cell, line = exposed
        partner = _partner(cells, suppressed, cell, line)
        if partner is None:
            return suppressed
        suppressed[partner] = True


def _exposed(cells: Cells, suppressed: Flags, rules: Rules, *, never_alone: bool) -> tuple[int, int | None] | None:
    """A suppressed cell that is not protected, with the sum that gives it away where there is one."""
    if never_alone:
        hidden = abs(cells.lines) @ suppressed.astype(np.int64)
        for line in np.flatnonzero(hidden == 1):
            row = cells.lines.indices[cells.lines.indptr[line] : cells.lines.indptr[line + 1]]
            return int(row[suppressed[row]][0]), int(line)
    feasible = feasible_values(cells, suppressed, rules.feasible)
    worst = int(np.argmin(feasible))
    return None if feasible[worst] >= rules.feasible else (worst, None)


def _partner(cells: Cells, suppressed: Flags, cell: int, line: int | None) -> int | None:
    """The cell to suppress beside: in the same sum, of the finest level, the smallest; None when nothing is left."""
    free = ~suppressed & (cells.value > 0)
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


def _keys(table: Table, *, snapshot: bool) -> list[Key]:
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


def _tie(tables: list[Table], measure: str, rules: Rules) -> tuple[dict[Key, int], Cells]:
    """All distinct cells of the tables, and the sums among them, across dimensions and across periods."""
    keys: dict[Key, int] = {}
    value: list[int] = []
    small: list[bool] = []
    for table in tables:
        flags = is_small(table.cells, measure, rules).to_list()
        for key, v, s in zip(
            _keys(table, snapshot=measure == "people"), table.cells["value"].to_list(), flags, strict=True
        ):
            if key not in keys:
                keys[key] = len(keys)
                value.append(v)
                small.append(s)
    sums: dict[tuple[Key, str], list[Key]] = {}
    for table in tables:
        _add_sums_over_dimensions(table, keys, sums, snapshot=measure == "people")
    if measure != "people":
        _add_sums_over_time(keys, sums)
    level = [_level(key, max(len(t.dimensions) for t in tables)) for key in keys]
    return keys, Cells(
        value=np.array(value, dtype=np.int64),
        small=np.array(small, dtype=bool),
        level=np.array(level, dtype=np.int64),
        lines=_matrix(keys, sums),
        small_at_most=rules.smallest - 1 if measure == "people" else None,
        smallest=rules.smallest,
        rounding=rules.rounding,
    )


def _level(key: Key, most: int) -> int:
    span = {"day": 0, "month": 0, "quarter": 1, "year": 2}[key[0]]
    return span * (most + 1) + most - (len(key) - 2)


def _add_sums_over_dimensions(
    table: Table, keys: dict[Key, int], sums: dict[tuple[Key, str], list[Key]], *, snapshot: bool
) -> None:
    for key in dict.fromkeys(_keys(table, snapshot=snapshot)):
        for dimension, _ in key[2:]:
            whole = (key[0], key[1], *(part for part in key[2:] if part[0] != dimension))
            if whole in keys:
                parts = sums.setdefault((whole, f"over {dimension} in {table.name}"), [])
                parts.append(key)


def _add_sums_over_time(keys: dict[Key, int], sums: dict[tuple[Key, str], list[Key]]) -> None:
    """A quarter is the sum of its three months, a year of its quarters or months, where all of them are published."""
    for coarse, months, fines in (("quarter", 3, ("month",)), ("year", 12, ("quarter", "month"))):
        for key in [k for k in keys if k[0] == coarse]:
            for fine in fines:
                step = {"month": 1, "quarter": 3}[fine]
                parts = [(fine, _later(key[1], m), *key[2:]) for m in range(0, months, step)]
                if all(part in keys for part in parts):
                    sums[key, f"over {fine}"] = parts


def _later(start: Any, months: int) -> Any:
    total = start.year * 12 + start.month - 1 + months
    return start.replace(year=total // 12, month=total % 12 + 1)


def _matrix(keys: dict[Key, int], sums: dict[tuple[Key, str], list[Key]]) -> csr_array:
    rows: list[int] = []
    columns: list[int] = []
    data: list[float] = []
    for row, ((whole, _), parts) in enumerate(sums.items()):
        rows += [row] * (len(parts) + 1)
        columns += [keys[part] for part in parts] + [keys[whole]]
        data += [1.0] * len(parts) + [-1.0]
    return csr_array((data, (rows, columns)), shape=(len(sums), len(keys)))
