"""Faults on purpose: bad records among good ones, each with the rule that should catch it.

A fault that rejects a row is planted as an extra record right after the good one it was made from, so the good
neighbour must survive; a fault that only warns, or leaves one value missing, is planted in the record itself. Of two
records of one key the later in the file counts, so a repeat or an older version is planted before the good one.
Which records are chosen depends on the person and the record alone.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from data_contracts.contract import Column, Contract
from synthetic import rng
from synthetic.rng import I64, U64

IN_PLACE, AFTER, BEFORE = "in place", "after", "before"
Cells = dict[str, str]


@dataclass(frozen=True)
class Fault:
    """One way to spoil a record.

    Attributes:
        kind: what happened, in words.
        code: the rule that should name it.
        column: lake name of the column (empty for the whole record).
        where: the spoiled copy goes after or before the good record, or replaces it.
        level: ``reject``, ``warn``, ``duplicate`` or ``superseded``: the expected fate.
        spoil: makes the spoiled cells from good ones; None when this record cannot carry the fault.
    """

    kind: str
    code: str
    column: str
    where: str
    level: str
    spoil: Callable[[Cells, dt.date], Cells | None]


@dataclass(frozen=True)
class Planted:
    """A fault as it lies in a file: ``row`` is the record number after the header, from 1; the rest as in ``Fault``."""

    row: int
    fault: str
    rule: str
    column: str
    level: str


def kinds(contract: Contract) -> tuple[Fault, ...]:
    """Every fault that this contract's rules should catch, in a fixed order."""
    found = [
        Fault("a cell too many", "R01", "", AFTER, "reject", lambda c, _: {**c, "+": "extra"}),
        Fault("a cell too few", "R01", "", AFTER, "reject", lambda c, _: {**c, "-": ""}),
        Fault("the same record twice", "K01", "", BEFORE, "duplicate", lambda c, _: dict(c)),
    ]
    for column in contract.columns:
        found += _column_faults(column)
    if contract.version_column:
        version = contract.version_column
        found.append(
            Fault("an older version in the same file", "K02", version, BEFORE, "superseded", _earlier(version))
        )
    for rule in contract.rules:
        if fits := re.fullmatch(r"(\w+) (>=|<=) (\w+)", rule.holds):
            left, sign, right = fits.groups()
            level, where = ("reject", AFTER) if rule.level == "reject row" else ("warn", IN_PLACE)
            found.append(Fault(rule.message, rule.code, rule.column, where, level, _contradict(left, sign, right)))
    return tuple(found)


def plant(
    frame: pl.DataFrame, contract: Contract, keys: U64, ordinal: I64, *, rate: float, turn: int, historic: bool
) -> list[tuple[int, Fault]]:
    """Chooses records and a fault for each: pairs of row position in ``frame`` and fault, in order of position.

    Args:
        frame: the good rows.
        contract: names the columns present.
        keys: the person's stream of each row.
        ordinal: number of each row among its person's.
        rate: share of rows to spoil.
        turn: number of the delivery, so that each draws anew.
        historic: all versions count in a history, so none is planted as superseded there.
    """
    chosen = np.flatnonzero(rng.uniform(keys, "fault " + contract.id, ordinal * 64 + turn) < rate)
    if not len(chosen):
        return []
    known = [f for f in kinds(contract) if not f.column or f.column in frame.columns]
    known = [f for f in known if not (historic and f.code == "K02")]
    which = np.floor(len(known) * rng.uniform(keys[chosen], "which fault", ordinal[chosen] * 64 + turn)).astype(int)
    return [(int(at), known[k]) for at, k in zip(chosen, which, strict=True)]


def spoil_lines(
    lines: list[str], chosen: list[tuple[int, Fault]], names: list[str], delimiter: str, received: dt.date
) -> list[tuple[int, Fault, str]]:
    """The spoiled lines: position of the good row, fault, text. A fault that a record cannot carry is dropped."""
    out = []
    for line, (at, fault) in zip(lines, chosen, strict=True):
        cells = dict(zip(names, next(csv.reader([line], delimiter=delimiter)), strict=True))
        bad = fault.spoil(cells, received)
        if bad is not None:
            out.append((at, fault, _text(bad, names, delimiter)))
    return out


def _text(cells: Cells, names: list[str], delimiter: str) -> str:
    row = [cells[n] for n in names]
    if "+" in cells:
        row.append(cells["+"])
    if "-" in cells:
        row = row[:-1]
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter, lineterminator="\n").writerow(row)
    return buffer.getvalue()


def _column_faults(column: Column) -> list[Fault]:
    name = column.name
    hard = ("reject", AFTER) if column.required else ("warn", IN_PLACE)

    def fault(kind: str, code: str, spoil: Callable[[str], str], level: tuple[str, str] = hard) -> Fault:
        def change(cells: Cells, _: dt.date) -> Cells | None:
            new = spoil(cells[name]) if cells[name] else cells[name]
            return None if new == cells[name] else {**cells, name: new}

        return Fault(kind, code, name, level[1], level[0], change)

    found = []
    if column.required:
        found.append(fault("a required value is missing", "C01", lambda _: ""))
    if column.role == "person":
        return found + _person_faults(column, fault)
    if column.role == "local_id":
        return found
    if column.code_system:
        found.append(fault("a code in scientific notation", "C08", lambda v: f"{float(v):.5E}"))
        found.append(fault("a code cut to fifteen digits", "C08", _cut))
        found.append(fault("a code with a wrong check digit", "C09", lambda v: v[:-1] + str(int(v[-1]) % 9 + 1)))
        found.append(fault("text in a code", "C04", lambda _: "see notes"))
        return found
    if column.code_set:
        found.append(fault("a code that is not in the set", "C06", lambda _: "ZQ9", ("warn", IN_PLACE)))
    elif column.pattern:
        found.append(fault("the wrong form", "C07", lambda _: "not-a-code"))
    if column.type == "date":
        found.append(fault("a date in another format", "C02", lambda v: f"{v[8:10]}/{v[5:7]}/{v[:4]}"))
        found.append(fault("a date long before anyone lived", "C05", lambda v: "1752" + v[4:]))
        if not column.future:
            found.append(Fault("a date after the delivery", "C03", name, hard[1], hard[0], _in_future(name)))
    elif column.type in ("integer", "number"):
        found.append(fault("text in a number", "C04", lambda _: "unknown"))
        for word, bound, step in (("above", column.maximum, 1), ("below", column.minimum, -1)):
            if bound is not None:
                text = str(int(bound) + step)
                found.append(fault(f"a number {word} its bound", "C05", lambda _, text=text: text))  # type: ignore[misc]
    elif column.type in ("time", "boolean"):
        found.append(fault("a value that cannot be read", "C04", lambda _: "27:61"))
    return found


def _person_faults(column: Column, fault: Callable[..., Fault]) -> list[Fault]:
    reject = ("reject", AFTER)
    found = [
        fault("nine digits", "N01", lambda v: v[:9], reject),
        fault("a wrong check digit", "N02", lambda v: v[:9] + str((int(v[9]) + 1) % 10), reject),
        fault("a number that is never issued", "N03", lambda _: "9999999999", reject),
    ]
    if not column.required:
        found.append(fault("no NHS number", "N00", lambda _: "", ("warn", IN_PLACE)))
    return found


def _cut(code: str) -> str:
    """What a spreadsheet leaves of a long code: fifteen digits and zeros."""
    return code[:15] + "0" * (len(code) - 15) if len(code) > 15 else code


def _in_future(name: str) -> Callable[[Cells, dt.date], Cells | None]:
    def change(cells: Cells, received: dt.date) -> Cells | None:
        return {**cells, name: (received + dt.timedelta(days=200)).isoformat()} if cells[name] else None

    return change


def _earlier(version: str) -> Callable[[Cells, dt.date], Cells | None]:
    def change(cells: Cells, _: dt.date) -> Cells | None:
        if not cells[version]:
            return None
        return {**cells, version: (dt.date.fromisoformat(cells[version]) - dt.timedelta(days=31)).isoformat()}

    return change


def _contradict(left: str, sign: str, right: str) -> Callable[[Cells, dt.date], Cells | None]:
    """Moves the left date to the wrong side of the right one (both must be there)."""
    step = dt.timedelta(days=-9 if sign == ">=" else 9)

    def change(cells: Cells, received: dt.date) -> Cells | None:
        if not cells.get(left) or not cells.get(right):
            return None
        moved = dt.date.fromisoformat(cells[right]) + step
        return {**cells, left: moved.isoformat()} if moved <= received else None

    return change
