"""Brings what a week has read to the phenotypes, and reads back the evidence that a week kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from features.declaration import FeatureSet
from features.judge import NEVER, Judged, Seen, Shown, judge
from features.packed import STATUS_EPOCH, STATUS_VALUES, place
from features.phenotype import WINDOWS_OF_DAYS, Fact
from features.statements import group_numbers

if TYPE_CHECKING:
    from features.dense import WeekRows

Slices = dict[str, dict[int, tuple[np.ndarray, pl.DataFrame]]]


def judge_week(declared: FeatureSet, read: WeekRows, slices: Slices) -> dict[str, Judged]:
    """Every phenotype by name, for the registered people of one Monday in their order."""
    if not declared.phenotypes:
        return {}
    persons = read.population["person_id"].to_numpy()
    numbers = group_numbers(declared)
    wanted = sorted({g for p in declared.phenotypes.values() for g in p.groups})
    seen = {g: _seen(persons, slices, declared.groups[g].kind, numbers[g], read.days) for g in wanted}
    columns = {f.column for p in declared.phenotypes.values() for f in p.facts.values() if f.column}
    seen |= {c: _filled(read.population[c]) for c in sorted(columns)}
    week = (read.week - STATUS_EPOCH).days

    def known(fact: Fact) -> np.ndarray:
        if fact.column:
            return np.ones(len(persons), dtype=bool)
        tables = fact.needs or tuple({m.table: None for m in declared.groups[fact.group].members})
        combine = np.logical_and if fact.needs else np.logical_or
        return combine.reduce([read.heard[t] for t in tables])

    shown = Shown(week, seen, known)
    judged: dict[str, Judged] = {}
    for name, phenotype in sorted(declared.phenotypes.items()):
        run = read.run.filter(pl.col("group_id") == numbers[phenotype.ends]) if phenotype.ends else read.run.clear()
        days = (_dates(persons, run, "end_date"), _dates(persons, run, "since_date"))
        judged[name] = judge(phenotype, shown, days, judged)
    return judged


def _seen(persons: np.ndarray, slices: Slices, kind: str, number: int, days: pl.DataFrame) -> Seen:
    people = len(persons)
    day, status = np.full(people, NEVER, dtype=np.int32), np.full(people, -1, dtype=np.int32)
    is_open = np.zeros(people, dtype=bool)
    rows, frame = slices[kind].get(number, (np.zeros(0, dtype=np.int64), None))
    if frame is not None and kind == "interval":
        is_open[rows] = frame["open_count"].to_numpy() > 0
    elif frame is not None:
        packed = frame["latest_status"].to_numpy()
        day[rows], status[rows] = packed // STATUS_VALUES, packed % STATUS_VALUES
    counted = days.filter(pl.col("group_id") == number)
    return Seen(
        day=day,
        status=status,
        days={n: _whole(persons, counted, f"days_{n}") for n in WINDOWS_OF_DAYS},
        first={n: _dates(persons, counted, f"first_{n}") for n in WINDOWS_OF_DAYS},
        open=is_open,
    )


def _filled(column: pl.Series) -> Seen:
    never = np.full(len(column), NEVER, dtype=np.int32)
    nothing: dict[int, np.ndarray] = {}
    return Seen(day=never, status=never, days=nothing, first=nothing, open=column.is_not_null().to_numpy())


def _whole(persons: np.ndarray, frame: pl.DataFrame, column: str) -> np.ndarray:
    dense = np.zeros(len(persons), dtype=np.int32)
    row, there = place(persons, frame["person_id"].to_numpy())
    dense[row[there]] = frame[column].to_numpy()[there]
    return dense


def _dates(persons: np.ndarray, frame: pl.DataFrame, column: str) -> np.ndarray:
    """Days since 1900-01-01, ``NEVER`` without a date."""
    dense = np.full(len(persons), NEVER, dtype=np.int32)
    row, there = place(persons, frame["person_id"].to_numpy())
    days = (frame[column] - STATUS_EPOCH).dt.total_days()
    dense[row[there]] = days.fill_null(int(NEVER)).cast(pl.Int32).to_numpy()[there]
    return dense
