"""Disclosure control: the only way by which a number about people leaves for commissioners.

Counts of 1 to 7 people are not shown; sums need at least eight people and none of them with half of it; everything
else is rounded to 5; further cells are suppressed until nobody can work a suppressed one out more closely than to four
values, seeing all tables of an indicator and of those that it is tied to, with all their margins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from commissioning.attack import Cells, Flags, Integers, feasible_values, rounded
from commissioning.ties import ALL, At, Group, Key, Link, Past, Table, Tied, cell_keys

__all__ = [
    "ALL",
    "PUBLISHED",
    "RULES",
    "SUPPRESSED",
    "Group",
    "Key",
    "Link",
    "Past",
    "Published",
    "Rules",
    "Table",
    "control",
    "control_together",
    "is_small",
    "round_count",
    "round_sum",
]
PUBLISHED, SUPPRESSED = "published", "suppressed"


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
    """The tables of one indicator as they may be published; see `control_together`.

    Args:
        tables: all tables of the indicator that will be published, together.
        measure: `people`, `events` or `sum`.
        rules: the rules.
        snapshot: counts of a day, which do not add up over time; default where people are counted.
        earlier: the tables of the same indicator in each earlier release that an attacker may have kept.
    """
    snapshot = measure == "people" if snapshot is None else snapshot
    return control_together([Group("", tables, measure, snapshot, earlier)], rules=rules)[""]


def control_together(groups: Sequence[Group], links: Sequence[Link] = (), rules: Rules = RULES) -> dict[str, Published]:
    """The tables of several indicators as they may be published, each by its name.

    A cell that stands in several tables is shown in all of them or in none; one that was hidden in an earlier release
    and has not changed stays hidden.

    Args:
        groups: indicators that are published side by side; only those that a link ties need to come together.
        links: which of them counts all that others count.
        rules: the rules.

    Returns:
        The tables as they may be seen, and what the next release must remember of them.
    """
    tied = Tied()
    now = {group.name: _as_past(group, rules) for group in groups}
    for group in groups:
        tied.add_current(group, now[group.name], rules.smallest)
    tied.add_links(links, tied.current, past=False)
    for back in range(max((len(group.earlier) for group in groups), default=0)):
        at = {
            group.name: tied.add_release(group, group.earlier[back], rules.smallest)
            for group in groups
            if back < len(group.earlier)
        }
        tied.add_links(links, at, past=True)
    cells = tied.cells(rules.smallest, rules.rounding)
    hidden = suppress(cells, rules, never_alone=any(group.measure == "sum" for group in groups))
    shown = rounded(cells.value, rules.rounding)
    return {g.name: _published(g, now[g.name], tied.current[g.name], shown, hidden) for g in groups}


def _as_past(group: Group, rules: Rules) -> list[Past]:
    """The tables with what each cell is, nothing of them hidden yet."""
    return [
        Past(
            table.name,
            tuple(cell_keys(table, snapshot=group.snapshot)),
            tuple(table.cells["value"].to_list()),
            tuple(is_small(table.cells, group.measure, rules).to_list()),
            (),
        )
        for table in group.tables
    ]


def _published(group: Group, now: Sequence[Past], position: At, shown: Integers, hidden: Flags) -> Published:
    frames, memory = {}, []
    for table, known in zip(group.tables, now, strict=True):
        at = [position[key] for key in known.keys]
        unseen = pl.Series(hidden[at])
        frames[table.name] = table.cells.drop("value", "people", "largest").with_columns(
            published=pl.select(pl.when(~unseen).then(pl.Series(shown[at]))).to_series(),
            status=pl.select(pl.when(unseen).then(pl.lit(SUPPRESSED)).otherwise(pl.lit(PUBLISHED))).to_series(),
        )
        memory.append(replace(known, suppressed=tuple(hidden[at].tolist())))
    return Published(frames, memory)


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
    # Where nothing is published anew, nothing can be mended either.
    open_groups = np.intersect1d(group[suppressed], group[~cells.past])
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
