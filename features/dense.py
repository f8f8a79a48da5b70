"""Long results of one week placed into dense columns: one value a registered person for every feature."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from features import diagnoses, measurements
from features.change import CHANGES, change_values, household_values
from features.checks import result_column
from features.declaration import Feature, FeatureSet
from features.derived import derived_values, old_enough
from features.judge import Judged
from features.packed import STATUS_EPOCH, STATUS_VALUES, place
from features.phenotypes import judge_week
from features.points import point_rows
from features.statements import group_numbers

UNKNOWN = np.float32(np.nan)
NOTHING_KNOWN = ("hospital_frailty", "charlson", "fall")  # without a row there is nothing to go by


@dataclass(frozen=True)
class WeekRows:
    """What was read of one Monday.

    Attributes:
        population: registered people, sorted by ``person_id``.
        long: by kind of group, one row a person and group.
        deficits: person_id and deficit_mask of people with a recorded deficit.
        results: person_id and value_mask of people with a result that a value rule reads.
        gained: person_id and three masks of people with a deficit by code that was not there a year before.
        run, days: rows of ``sql/features/status_run.sql`` and ``days_long.sql``, for the phenotypes.
        heard: by record table, for each person whether its sources have told anything new not too long ago.
    """

    week: dt.date
    population: pl.DataFrame
    long: dict[str, pl.DataFrame]
    deficits: pl.DataFrame
    heard: dict[str, np.ndarray]
    run: pl.DataFrame = field(default_factory=pl.DataFrame)
    days: pl.DataFrame = field(default_factory=pl.DataFrame)
    results: pl.DataFrame = field(default_factory=pl.DataFrame)
    gained: pl.DataFrame = field(default_factory=pl.DataFrame)


def week_values(declared: FeatureSet, read: WeekRows) -> tuple[dict[str, np.ndarray], dict[str, Judged]]:
    """Dense float32 columns by feature name, in the order of the declarations, NaN is unknown; and the phenotypes."""
    persons = read.population["person_id"].to_numpy()
    slices = {kind: _by_group(persons, frame) for kind, frame in read.long.items()}
    judged = judge_week(declared, read, slices)
    shown = _Shown(declared, read, persons, slices, judged, _deficit_mask(declared, read, persons))
    columns: dict[str, np.ndarray] = {}
    for feature in (f for f in declared.features if not f.of):
        known = _known(declared, feature, read.heard, len(persons))
        if feature.measure == "deficit_count":
            known &= ~np.isnan(columns[declared.polypharmacy[0]])
        columns[feature.name] = np.where(known, _own_values(shown, feature, columns), UNKNOWN).astype(np.float32)
    for feature in declared.features:
        if feature.of and feature.measure == "household":
            values = household_values(feature, columns, read.population["household_id"])
        else:
            values = derived_values(feature, columns) if feature.of else columns[feature.name]
        columns[feature.name] = old_enough(feature, values, columns).astype(np.float32)
    return {name: columns[name] for name in declared.names}, judged


@dataclass(frozen=True)
class _Shown:
    """What the columns of one Monday are made from."""

    declared: FeatureSet
    read: WeekRows
    persons: np.ndarray
    slices: dict[str, dict[int, tuple[np.ndarray, pl.DataFrame]]]
    judged: dict[str, Judged]
    deficits: np.ndarray


def _own_values(shown: _Shown, feature: Feature, columns: dict[str, np.ndarray]) -> np.ndarray:
    """Values of a feature that is made of no other, but for the number of medicines in the count of deficits."""
    declared, population = shown.declared, shown.read.population
    values: np.ndarray
    match feature.measure:
        case "phenotype":
            values = shown.judged[feature.phenotype or ""].column(feature.column or "")
        case "household":
            values = household_values(feature, columns, population["household_id"])
        case "demographic":
            values = population[feature.column or ""].cast(pl.Float32).to_numpy()
        case "deficit":
            values = (shown.deficits >> (feature.bit or 0)) & 1
        case "deficit_count":
            feature_of, least = declared.polypharmacy
            values = np.bitwise_count(shown.deficits).astype(np.float32) + (columns[feature_of] >= least)
        case "deficit_change":
            values = np.bitwise_count(_dense(shown.persons, shown.read.gained, f"{feature.column}_mask"))
        case _:
            values = _group_values(declared, feature, shown.read.week, shown.slices, len(shown.persons))
    return values


def _known(declared: FeatureSet, feature: Feature, heard: dict[str, np.ndarray], people: int) -> np.ndarray:
    """Whether any of the feature's tables can be relied on for the person; facts of the registration always can."""
    if feature.phenotype:
        return np.ones(people, dtype=bool)  # its own values say what is unknown
    if feature.measure == "points" and point_rows().is_empty():
        return np.zeros(people, dtype=bool)  # nobody has brought the points
    tables = declared.tables_of(feature)[:1] if feature.measure == "deficit_count" else declared.tables_of(feature)
    return np.logical_or.reduce([heard[t] for t in tables]) if tables else np.ones(people, dtype=bool)


def _by_group(persons: np.ndarray, frame: pl.DataFrame) -> dict[int, tuple[np.ndarray, pl.DataFrame]]:
    """For each group: rows of the matrix, and the long values of those rows. People not registered fall away."""
    if frame.is_empty():
        return {}
    row, there = place(persons, frame["person_id"].to_numpy())
    placed = frame.with_columns(pl.Series("matrix_row", row)).filter(pl.Series(there))
    return {
        int(key[0]): (part["matrix_row"].to_numpy(), part)
        for key, part in placed.partition_by("group_id", as_dict=True).items()
    }


def _deficit_mask(declared: FeatureSet, read: WeekRows, persons: np.ndarray) -> np.ndarray:
    """Bits of the deficits that each person has, by a code or by the newest result."""
    mask = _dense(persons, read.deficits, "deficit_mask")
    results = _dense(persons, read.results, "value_mask")
    sex = read.population["sex_code"].fill_null("").to_numpy()
    for deficit, has in measurements.deficits_by_value(results, sex).items():
        if deficit in declared.deficits:
            mask |= has.astype(np.int64) << declared.deficits.index(deficit)
    return mask


def _dense(persons: np.ndarray, found: pl.DataFrame, column: str) -> np.ndarray:
    dense = np.zeros(len(persons), dtype=np.int64)
    if not found.is_empty():
        row, there = place(persons, found["person_id"].to_numpy())
        dense[row[there]] = found[column].to_numpy()[there]
    return dense


def _group_values(
    declared: FeatureSet,
    feature: Feature,
    week: dt.date,
    slices: dict[str, dict[int, tuple[np.ndarray, pl.DataFrame]]],
    people: int,
) -> np.ndarray:
    """One dense column; people without a row get what "none" means for the measure."""
    none = {"days_since": feature.window, "hospital_frailty": UNKNOWN, "charlson": UNKNOWN, "fall": UNKNOWN}.get(
        feature.measure, 0
    )
    values = np.full(people, none, dtype=np.float32)
    group = declared.groups[feature.group or ""]
    part = slices[group.kind].get(group_numbers(declared)[group.name])
    if part is None:
        return values
    rows, frame = part
    if feature.measure == "hospital_frailty":
        low, high = (frame[f"frailty_{half}_{feature.window}"].to_numpy() for half in ("low", "high"))
        values[rows] = diagnoses.hospital_frailty(low, high)
        return values
    if feature.measure == "charlson":
        values[rows] = diagnoses.charlson(frame[result_column(feature)].to_numpy(), feature.weights)
        return values
    if feature.measure in CHANGES:
        values[rows] = change_values(feature, frame, week)
        return values
    raw = frame[result_column(feature)].to_numpy()
    values[rows] = _status_values(feature, week, raw) if result_column(feature) == "latest_status" else raw
    return values


def _status_values(feature: Feature, week: dt.date, packed: np.ndarray) -> np.ndarray:
    """Day and status of the newest event, unpacked as the measure asks."""
    days = (week - STATUS_EPOCH).days - packed // STATUS_VALUES
    status = packed % STATUS_VALUES
    if feature.measure == "days_since":
        return np.minimum(days, feature.window or 0)
    if feature.measure == "ever":
        return np.ones(len(packed))
    for value, limit in feature.expires:
        status = np.where((status == value) & (days > limit), 0, status)
    return status
