"""What an attacker can work out about a suppressed cell from everything else that is published.

The attacker sees all tables with their margins, knows the rules of rounding and suppression, and solves exactly. Cells
are unknown whole numbers; a published cell lies within two of its rounded value; margins are sums of their parts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import linprog
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
REACH = 60
"""How far above its true value a suppressed cell without an upper bound is looked at; far more than needed."""


@dataclass(frozen=True)
class Cells:
    """Cells that are tied together by sums, those of earlier releases among them.

    Attributes:
        value: true value of each cell.
        small: the cell itself must not be shown.
        most: the largest value that the cell can have while it is not shown.
        level: how many dimensions are summed over; the interior is 0.
        lines: one row a sum, +1 for its parts and -1 for the whole; each row times the values is 0.
        told: the cell was shown, with the same value, in an earlier release.
        hidden: the cell was not shown in an earlier release, with the same value: it stays so.
        past: the cell stands in an earlier release with another value, or is published no more; what is shown of it
            can no longer be changed.
        smallest: the smallest value that is shown (other than 0).
        rounding: published values are multiples of it.
    """

    value: Integers
    small: Flags
    most: Integers
    level: Integers
    lines: csr_array
    told: Flags
    hidden: Flags
    past: Flags
    smallest: int
    rounding: int

    def part(self, cells: Integers) -> Cells:
        """Only these cells and the sums among them; no sum may reach outside."""
        lines = self.lines[:, cells]
        kept = np.flatnonzero(np.diff(lines.indptr))
        return replace(
            self,
            value=self.value[cells],
            small=self.small[cells],
            most=self.most[cells],
            level=self.level[cells],
            lines=csr_array(lines[kept]),
            told=self.told[cells],
            hidden=self.hidden[cells],
            past=self.past[cells],
        )

    def groups(self) -> Integers:
        """A number for each cell: cells of different numbers have no sum in common."""
        touching = abs(self.lines)
        _, group = connected_components(touching.T @ touching, directed=False)
        return np.asarray(group, dtype=np.int64)


def rounded(value: Integers, rounding: int) -> Integers:
    """The nearest multiple."""
    result: Integers = (value + rounding // 2) // rounding * rounding
    return result


def bounds(cells: Cells, suppressed: Flags) -> tuple[Integers, Integers]:
    """Lowest and highest value of each cell by what is printed in the cell alone, now or in an earlier release."""
    half = cells.rounding // 2
    shown = rounded(cells.value, cells.rounding)
    low = np.where(cells.value == 0, 0, np.maximum(shown - half, cells.smallest))
    high = np.where(cells.value == 0, 0, shown + half)
    free = suppressed & ~cells.told
    low = np.where(free, 1, low)
    return low, np.where(free, cells.most, high)


def feasible_values(cells: Cells, suppressed: Flags, enough: int) -> Integers:
    """How many values each suppressed cell can have, counted no further than needed.

    The truth is one solution; every further solution that the solver finds widens what is known to be possible, so that
    few cells need a search of their own. Groups of cells without a sum in common are searched side by side.

    Args:
        cells: the cells.
        suppressed: which are not shown.
        enough: a cell with this many values is not looked at further.

    Returns:
        One number a cell: at least `enough`, or exactly how many; `enough` for cells that are shown.
    """
    low, high = cells.value.astype(float), cells.value.astype(float)
    limits = np.stack(bounds(cells, suppressed), axis=1)
    group = cells.groups()

    def look(direction: npt.NDArray[np.float64]) -> None:
        # HiGHS returns a vertex; the sums of tables with margins have whole vertices in at most two dimensions.
        found = linprog(-direction, A_eq=cells.lines, b_eq=np.zeros(cells.lines.shape[0]), bounds=limits)
        if not found.success:
            raise RuntimeError(f"the published table contradicts itself: {found.message}")
        np.minimum(low, found.x, out=low)
        np.maximum(high, found.x, out=high)

    def count() -> Integers:
        whole: Integers = (np.floor(high + 1e-6) - np.ceil(low - 1e-6) + 1).astype(np.int64)
        return whole

    everything = suppressed.astype(float)
    for direction in (everything, -everything):
        look(direction)
    asked = np.zeros((2, len(cells.value)), dtype=bool)
    while True:
        open_cells = suppressed & (count() < enough)
        direction = np.zeros(len(cells.value))
        for side, sign in enumerate((1.0, -1.0)):
            left = np.flatnonzero(open_cells & ~asked[side])
            left = left[~np.isin(group[left], group[direction != 0])]
            _, first = np.unique(group[left], return_index=True)
            direction[left[first]] = sign
            asked[side, left[first]] = True
        if not direction.any():
            return np.where(suppressed, np.minimum(count(), enough), enough)
        look(direction)
