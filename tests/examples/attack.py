"""An attacker of everything that is published, written apart from the product's own: whole numbers, solved exactly."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

MONTHS = {"month": 1, "quarter": 3, "year": 12}
MOST = 100_000
Cell = tuple[str, str, dt.date, frozenset[tuple[str, str]]]
"""Indicator, period (`day` for counts on a day), first day, and the values that it is narrowed to."""


@dataclass
class Attack:
    """What is printed, as bounds of unknown whole numbers, and the sums that everybody knows.

    A cell of two releases that has not changed is one unknown: the attacker knows which those are.
    """

    bounds: list[tuple[int, int]] = field(default_factory=list)
    truth: list[int] = field(default_factory=list)
    at: dict[tuple[Cell, int], int] = field(default_factory=dict)
    releases: list[dict[Cell, int]] = field(default_factory=list)
    hidden: list[int] = field(default_factory=list)
    sums: list[tuple[list[int], list[int]]] = field(default_factory=list)

    def see(self, tables: Sequence[tuple[str, pl.DataFrame, tuple[str, ...], bool, bool]]) -> None:
        """One release: indicator, cells (`published`, `value`, `people`), dimensions, snapshot, counts of people."""
        seen: dict[Cell, int] = {}
        for indicator, frame, dimensions, snapshot, of_people in tables:
            for row in frame.iter_rows(named=True):
                named = frozenset((d, row[d]) for d in dimensions if row[d] != "All")
                cell = (indicator, "day" if snapshot else row["period"], row["start"], named)
                seen[cell] = self._unknown(cell, row["value"])
                self._narrow(seen[cell], row, of_people=of_people)
        self.releases.append(seen)
        for indicator, _, dimensions, snapshot, _ in tables:
            for dimension in dimensions:
                self._add_margins(seen, indicator, dimension, set(dimensions), snapshot=snapshot)
        self._add_periods(seen)

    def know(self, whole: str, parts: Sequence[str], shared: set[str]) -> None:
        """In every release, what the whole counts besides the parts is no less than nought."""
        for seen in self.releases:
            for cell in [c for c in seen if c[0] == parts[0] and {d for d, _ in c[3]} <= shared]:
                others = [(name, *cell[1:]) for name in (whole, *parts[1:])]
                if all(o in seen for o in others):
                    rest = len(self.truth)
                    used = [seen[cell], *(seen[o] for o in others[1:])]
                    number = self.truth[seen[others[0]]] - sum(self.truth[p] for p in used)
                    self.truth.append(number)
                    self.bounds.append((0, MOST))
                    self.sums.append(([*used, rest], [seen[others[0]]]))

    def fewest(self, most_cells: int = 10_000) -> int:
        """The fewest values that any cell hidden in the newest release can have; at most so many are looked at."""
        count = len(self.truth)
        rows, columns, data = [], [], []
        for row, (parts, whole) in enumerate(self.sums):
            rows += [row] * (len(parts) + len(whole))
            columns += [*parts, *whole]
            data += [1.0] * len(parts) + [-1.0] * len(whole)
        matrix = csr_array((data, (rows, columns)), shape=(len(self.sums), count))
        assert not (matrix @ np.array(self.truth)).any(), "the attacker believes something that is not so"
        low, high = np.array(self.bounds, dtype=float).T
        newest = set(self.releases[-1].values())
        asked = [c for c in dict.fromkeys(self.hidden) if c in newest]
        asked = [asked[i] for i in np.random.default_rng(1).permutation(len(asked))[:most_cells]]
        fewest = MOST
        for cell in asked:
            ends = []
            for sign in (1.0, -1.0):
                aim = np.zeros(count)
                aim[cell] = sign
                found = milp(aim, constraints=LinearConstraint(matrix, 0, 0), integrality=1, bounds=Bounds(low, high))
                assert found.status == 0, found.message
                ends.append(round(sign * found.fun))
            fewest = min(fewest, ends[1] - ends[0] + 1)
        return fewest

    def _unknown(self, cell: Cell, value: int) -> int:
        if (cell, value) not in self.at:
            self.at[cell, value] = len(self.truth)
            self.truth.append(value)
            self.bounds.append((0, MOST))
        return self.at[cell, value]

    def _narrow(self, at: int, row: Mapping[str, Any], *, of_people: bool) -> None:
        low, high = self.bounds[at]
        if row["published"] is None:
            self.hidden.append(at)
            mine = (1, 7 if of_people and row["people"] < 8 else MOST)
        elif row["published"] == 0:
            mine = (0, 0)
        else:
            mine = (max(row["published"] - 2, 8), row["published"] + 2)
        self.bounds[at] = (max(low, mine[0]), min(high, mine[1]))

    def _add_margins(
        self, seen: dict[Cell, int], indicator: str, dimension: str, of_table: set[str], *, snapshot: bool
    ) -> None:
        parts: dict[Cell, list[int]] = {}
        for cell, at in seen.items():
            names = {d for d, _ in cell[3]}
            if cell[0] == indicator and dimension in names and names <= of_table and (cell[1] == "day") == snapshot:
                rest = frozenset(p for p in cell[3] if p[0] != dimension)
                parts.setdefault((*cell[:3], rest), []).append(at)
        for whole, found in parts.items():
            if whole in seen:
                self.sums.append((found, [seen[whole]]))

    def _add_periods(self, seen: dict[Cell, int]) -> None:
        for cell, at in seen.items():
            for fine, months in MONTHS.items():
                if cell[1] in MONTHS and months < MONTHS[cell[1]]:
                    starts = [_later(cell[2], m) for m in range(0, MONTHS[cell[1]], months)]
                    finer = [(cell[0], fine, start, cell[3]) for start in starts]
                    if all(f in seen for f in finer):
                        self.sums.append(([seen[f] for f in finer], [at]))


def _later(day: dt.date, months: int) -> dt.date:
    total = day.year * 12 + day.month - 1 + months
    return dt.date(total // 12, total % 12 + 1, 1)
