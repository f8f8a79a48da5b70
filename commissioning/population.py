"""The people of 65 and over on one Monday, in distributions: frailty, housebound, care homes, and how sources agree.

Counted from the week's features, and let out by disclosure control alone: all figures of the week together with those
of the weeks before. A figure of which too much would be hidden is shown by a larger area, or not at all, and says so.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import duckdb
import polars as pl

import sql
from commissioning.declaration import OLDER_AGES
from commissioning.disclosure import ALL, RULES, SUPPRESSED, Past, Published, Rules, Table, control, is_small
from commissioning.facts import PURPOSE, read_policy
from commissioning.marts import POLICY
from features import FeatureSet, care_home_sources, load_features, people
from features.cohort import OLDER, week_file

NOT_KNOWN: Final = "Not known"
NOBODY_SAYS: Final = "No source"
FRAILTY: Final = {"index": "frailty_index_band", "recorded": "frailty_level", "rockwood": "rockwood_band"}
LEVELS: Final = {**FRAILTY, "housebound": "housebound_class", "care_home": "care_home_class"}
"""Dimension: the feature whose levels are its values."""
AREAS: Final = ("pcn", "place")
EVERY_WEEK: Final = dt.date(1900, 1, 1)
"""Stands for the Monday in a cell's name: a number that has not changed is the same unknown in two weeks."""


@dataclass(frozen=True)
class Figure:
    """One figure: people by one or two dimensions.

    Attributes:
        name: of the table, for disclosure control and as an anchor of the page.
        by: dimensions; the first makes rows, the second columns.
        coarser: the figure that is shown in its place where too much of it would be hidden.
        agreement: rows and columns are the same levels as two sources say them.
    """

    name: str
    title: str
    by: tuple[str, ...]
    says: str
    coarser: Figure | None = None
    agreement: bool = False


_COMPUTED = "The computed index counts recorded deficits with the codelists named above; it is no diagnosis."
FIGURES: Final = (
    Figure("index_by_age", "Computed frailty index by age", ("age_band", "index"), _COMPUTED),
    Figure(
        "recorded_by_age",
        "Frailty recorded by a clinician, by age",
        ("age_band", "recorded"),
        "The newest frailty code of the GP record. Most people without one have never been assessed.",
    ),
    Figure(
        "housebound_by_pcn",
        "Housebound, by neighbourhood",
        ("pcn", "housebound"),
        "By the rules in the definitions. Not indicated is no finding that people go out.",
        coarser=Figure(
            "housebound_by_place",
            "Housebound, by Place",
            ("place", "housebound"),
            "Shown by Place: by neighbourhood too many numbers would be too small.",
        ),
    ),
    Figure(
        "housebound_by_care_home",
        "Housebound, in and outside care homes",
        ("care_home", "housebound"),
        "Whether any of four sources says that somebody lives in a care home.",
    ),
    Figure(
        "recorded_and_index",
        "Recorded frailty and computed index",
        ("recorded", "index"),
        "Where people stand by both. " + _COMPUTED,
        agreement=True,
    ),
    Figure(
        "recorded_and_rockwood",
        "Recorded frailty and clinical frailty scale",
        ("recorded", "rockwood"),
        "The scale as recorded by practice, community team or emergency department: 1 to 4 not frail, 5 mild, 6 "
        "moderate, 7 and more severe.",
        agreement=True,
    ),
    Figure(
        "rockwood_and_index",
        "Clinical frailty scale and computed index",
        ("rockwood", "index"),
        _COMPUTED,
        agreement=True,
    ),
    Figure(
        "care_home_sources",
        "Which sources say that somebody lives in a care home",
        ("sources",),
        "Each person once: the sources that say so together.",
    ),
)


@dataclass(frozen=True)
class Shown:
    """One figure as it may be seen.

    Attributes:
        cells: the dimensions (``All`` is the margin), ``published`` (rounded; null: not shown), ``status``.
        orders: by dimension its values in the order in which they are read, without the margin.
    """

    figure: Figure
    cells: pl.DataFrame
    orders: Mapping[str, tuple[str, ...]]

    def value(self, *parts: str) -> int | None:
        """One cell as published; None when it is not shown."""
        return self._published[parts]

    def as_table(self) -> pl.DataFrame:
        """Rows by the first dimension, columns by the second; what is not shown is a star."""
        first, *second = self.figure.by
        cells = self.cells.select(*self.figure.by, people=pl.col("published").cast(pl.String).fill_null("*"))
        return cells.pivot(second[0], index=first, values="people") if second else cells

    @cached_property
    def _published(self) -> dict[tuple[str, ...], int | None]:
        return {tuple(row[:-1]): row[-1] for row in self.cells.select(*self.figure.by, "published").iter_rows()}


@dataclass(frozen=True)
class Distributions:
    """What may be seen of one Monday.

    Attributes:
        shown: the figures, in their order.
        left_out: title of a figure and why it is not there.
        codelists: versions of the lists behind the computed index.
        memory: the figures with the truth behind them, for the attack on the weeks that follow; never published.
    """

    week: dt.date
    shown: tuple[Shown, ...]
    left_out: tuple[tuple[str, str], ...]
    codelists: str
    memory: tuple[Past, ...]


def distributions(
    con: duckdb.DuckDBPyConnection,
    week: dt.date,
    *,
    features: Path,
    barred: Collection[str] = (),
    policy: Path = POLICY,
    rules: Rules = RULES,
    earlier: Sequence[Sequence[Past]] = (),
) -> Distributions:
    """The figures of one Monday after disclosure control.

    Args:
        con: a connection with organisation, place, person and opt_out of the record.
        week: a Monday whose features are there.
        features: the folder of weeks of the features.
        barred: sources that the features read and that commissioners may not be told of; their figures are left out.
        policy: the opt-out policy table.
        rules: of disclosure control.
        earlier: the `memory` of the weeks before whose pages somebody may have kept, newest first.

    Raises:
        FeatureError: the week has not been computed.
    """
    declared = load_features()
    usable = [f for f in FIGURES if not (_sources_of(f, declared) & set(barred))]
    refused = [(f.title, "its sources may not be used for commissioning.") for f in FIGURES if f not in usable]
    told = _told(con, week, features, declared, policy)
    orders = _orders(declared, told)
    shown, small, memory = _controlled(usable, told, orders, rules, earlier)
    hidden = [(f.title, "too many of its numbers would be too small to be shown.") for f in small]
    return Distributions(week, tuple(shown), (*refused, *hidden), declared.index_codelists, tuple(memory))


def _sources_of(figure: Figure, declared: FeatureSet) -> set[str]:
    """Sources behind the levels of a figure; the registration's own are always allowed."""
    levels = [LEVELS["care_home"] if d == "sources" else LEVELS[d] for d in figure.by if d in LEVELS or d == "sources"]
    return {
        s for name in levels for t in declared.tables_of(declared.by_name[name]) for s in declared.tables[t].sources
    }


def _told(
    con: duckdb.DuckDBPyConnection, week: dt.date, features: Path, declared: FeatureSet, policy: Path
) -> pl.DataFrame:
    """One row a person of 65 and over who may be counted: every dimension in words."""
    levels = pl.read_parquet(
        week_file(features, week, "matrix.parquet"), columns=["person_id", "age", *LEVELS.values()]
    )
    older = levels.filter(pl.col("age") >= OLDER)
    home = people(features, week).select("person_id", "practice_code", "lsoa_code")
    older = older.join(home, on="person_id").join(removed_people(con, week, policy), on="person_id", how="anti")
    con.register("area_asked", older.select("person_id", "practice_code", "lsoa_code").to_arrow())
    try:
        areas = con.sql(sql.load("marts/area"), params={"data_date": week}).pl()
    finally:
        con.unregister("area_asked")
    said = care_home_sources(features, week)
    return (
        older.join(areas, on="person_id", how="left", maintain_order="left")
        .join(said, on="person_id", how="left", maintain_order="left")
        .select(
            _age_band(),
            *AREAS,
            *(_level(declared, name).alias(dimension) for dimension, name in LEVELS.items()),
            sources=pl.when(pl.col("sources").is_not_null())
            .then("sources")
            .when(pl.col(LEVELS["care_home"]).is_not_null())
            .then(pl.lit(NOBODY_SAYS))
            .otherwise(pl.lit(NOT_KNOWN)),
        )
    )


def removed_people(con: duckdb.DuckDBPyConnection, week: dt.date, policy: Path = POLICY) -> pl.DataFrame:
    """One row a person (`person_id`) who may be counted nowhere on the Monday: opted out, or with a sensitive flag."""
    con.register("opt_out_policy", read_policy(policy).to_arrow())
    try:
        out = con.sql(sql.load("purpose/opted_out"), params={"index": week, "purpose": PURPOSE}).pl()
        con.register("opted_out", out.to_arrow())
        return con.sql(sql.load("marts/removed"), params={"data_date": week}).pl()
    finally:
        con.unregister("opt_out_policy")
        con.unregister("opted_out")


def _age_band() -> pl.Expr:
    band: pl.Expr = pl.lit(None, pl.String)
    for words, (low, high) in OLDER_AGES.items():
        band = pl.when(pl.col("age").is_between(low, high, closed="left")).then(pl.lit(words)).otherwise(band)
    return band.alias("age_band")


def _level(declared: FeatureSet, name: str) -> pl.Expr:
    words = dict(declared.by_name[name].levels)
    level = pl.col(name).cast(pl.Int32).replace_strict(words, default=NOT_KNOWN, return_dtype=pl.String)
    return level.fill_null(NOT_KNOWN)


def _orders(declared: FeatureSet, told: pl.DataFrame) -> dict[str, tuple[str, ...]]:
    """Values of every dimension in order: levels as declared, combinations of sources and areas by name."""
    orders = {d: (*(w for _, w in sorted(declared.by_name[n].levels)), NOT_KNOWN) for d, n in LEVELS.items()}
    orders["age_band"] = tuple(OLDER_AGES)
    for dimension in (*AREAS, "sources"):
        last = (NOBODY_SAYS, NOT_KNOWN)
        named = sorted(set(told[dimension].unique()) - set(last))
        orders[dimension] = (*named, *(v for v in last if dimension == "sources" or v == NOT_KNOWN))
    return orders


def _controlled(
    figures: list[Figure],
    told: pl.DataFrame,
    orders: dict[str, tuple[str, ...]],
    rules: Rules,
    earlier: Sequence[Sequence[Past]],
) -> tuple[list[Shown], list[Figure], list[Past]]:
    """All figures controlled together, each as fine as may be; those of which nothing is worth showing; the memory."""
    chosen: dict[str, Figure] = {f.name: f for f in figures}
    small: list[Figure] = []
    published = Published({}, [])
    mostly = list(chosen)
    while chosen and mostly:
        tables = {key: _table(f, told, orders) for key, f in chosen.items()}
        mostly = [
            key for key, t in tables.items() if _mostly(is_small(t.cells, "people", rules), t.cells["value"], rules)
        ]
        if not mostly:
            published = control(list(tables.values()), "people", rules, snapshot=True, earlier=earlier)
            hidden = {key: published.frames[f.name] for key, f in chosen.items()}
            mostly = [key for key, f in hidden.items() if _mostly(f["status"] == SUPPRESSED, f["published"], rules)]
        for key in mostly:
            figure = chosen.pop(key)
            if figure.coarser:
                chosen[key] = figure.coarser
            else:
                small.append(figure)
    kept = [chosen[f.name] for f in figures if f.name in chosen]
    shown = [Shown(f, published.frames[f.name], {d: orders[d] for d in f.by}) for f in kept]
    return shown, small, published.memory if kept else []


def _mostly(hidden: pl.Series, values: pl.Series, rules: Rules) -> bool:
    """Whether too many are hidden of the cells with anyone in them."""
    return int(hidden.sum()) > rules.most_suppressed * int((values != 0).fill_null(value=True).sum())


def _table(figure: Figure, told: pl.DataFrame, orders: Mapping[str, tuple[str, ...]]) -> Table:
    """Every cell of a figure with its margins and noughts; each is the same cell in every week."""
    cells = pl.DataFrame({"period": ["month"], "start": [EVERY_WEEK]})
    for dimension in figure.by:
        cells = cells.join(pl.DataFrame({dimension: [*orders[dimension], ALL]}), how="cross")
    counted = [
        told.with_columns(pl.lit(ALL).alias(d) for d in summed).group_by(figure.by).agg(value=pl.len().cast(pl.Int64))
        for summed in _subsets(figure.by)
    ]
    filled = cells.join(pl.concat(counted), on=figure.by, how="left", maintain_order="left")
    people_ = pl.col("value").fill_null(0)
    return Table(
        figure.name, figure.by, filled.with_columns(value=people_, people=people_, largest=pl.lit(1, pl.Int64))
    )


def _subsets(dimensions: tuple[str, ...]) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = [()]
    for dimension in dimensions:
        found += [(*some, dimension) for some in found]
    return found
