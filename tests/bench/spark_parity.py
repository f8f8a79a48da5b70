"""Every table of a home on both engines: whether they are equal, and what each took.

    python -m tests.bench.spark_parity --people 50000 --home /path/with/space [--master local[2]]

Makes the home's artificial people and conforms their files, once; then builds every canonical table, the matrix of the
newest Monday, what became of the people of the training panel, and every commissioning table, on DuckDB and on Spark.
Integers, dates and text must be equal, floats within 1e-6, row order aside. Prints one line of JSON a table with its
rows, seconds on each engine and the first difference, and last what was compared and the highest memory.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import resource
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import psutil

import features
from commissioning import build_marts
from models import load_outcomes, training_weeks
from models.outcome import follow_up
from pipelines import engines, stages
from pipelines.store import Store
from pipelines.training import data_date
from record import all_tables
from record.tables import STORED
from tests.e2e.engines import assert_same

Connection = Any


def main() -> int:
    """Compares and prints; 1 where a table differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=50_000)
    parser.add_argument("--home", type=Path, default=Path("home-parity"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--master", default="local[2]")
    parser.add_argument("--parts", default=",".join(PARTS), help="of " + ", ".join(PARTS))
    given = parser.parse_args()
    os.environ["ANTICIPATE_HOME"] = str(given.home.resolve())
    store = Store.at(given.home).prepare()
    _deliver(store, given.people, given.seed)
    week = _newest_monday(store)
    differ = compared = 0
    for part in given.parts.split(","):
        ours, theirs = (dict(_built(store, week, part, engine, given.master)) for engine in engines.NAMES)
        for name in ours:
            told = _told(ours[name], theirs[name])
            compared, differ = compared + 1, differ + (told["differs"] != "")
            print(json.dumps({"part": part, "table": name, **told}), flush=True)
    java = sum(p.memory_info().rss for p in psutil.Process().children(recursive=True))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    told = {"people": given.people, "tables": compared, "differ": differ, "GiB of Java at the end": java / 2**30}
    print(json.dumps({**told, "GiB at most without Java": peak, "load": os.getloadavg()[1]}))
    return int(differ > 0)


def _deliver(store: Store, people: int, seed: int) -> None:
    """Artificial people, delivered and conformed, unless an earlier call did so."""
    from data_contracts.contract import load_contracts
    from synthetic import generate

    if not any(store.lake.glob("history/*/*.parquet")):
        generate(store.inbox, people=people, seed=seed, weekly_deliveries=1)
        for _ in stages.conform(store, load_contracts().values()):
            pass


def _newest_monday(store: Store) -> dt.date:
    day = data_date(store, dt.date.max)
    return day - dt.timedelta(days=day.weekday())


def _built(
    store: Store, week: dt.date, part: str, engine: str, master: str
) -> Iterator[tuple[str, tuple[pl.DataFrame, float]]]:
    """Each table of a part, with the seconds since the one before."""
    engines.choose(engine, master if engine == "spark" else None)
    began = time.perf_counter()
    with stages.record_at_scale(store) as con, store.staging("parity") as folder:
        for name, frame in PARTS[part](store, con, week, folder):
            yield name, (frame, time.perf_counter() - began)
            began = time.perf_counter()


def _record(store: Store, con: Connection, week: dt.date, folder: Path) -> Iterator[tuple[str, pl.DataFrame]]:
    from record import build_table

    own = folder / "lake"
    shutil.copytree(store.lake / "withheld", own / "withheld") if (store.lake / "withheld").exists() else own.mkdir()
    for table in all_tables():
        if table in STORED:
            build_table(con, table, lake=own)
        yield table, con.sql(f'select * from "{table}"').pl()


def _features(store: Store, con: Connection, week: dt.date, folder: Path) -> Iterator[tuple[str, pl.DataFrame]]:
    allowed = stages.sources_allowed("direct_care_list", week)
    matrix = features.build_matrix(con, [week], out=folder, sources_allowed=allowed)[week]
    for name in ("matrix", "person"):
        yield name, pl.read_parquet(matrix.with_name(f"{name}.parquet"))


def _outcomes(store: Store, con: Connection, week: dt.date, folder: Path) -> Iterator[tuple[str, pl.DataFrame]]:
    date = data_date(store, week)
    weeks = training_weeks(con, data_date=date).all[::2]
    people = con.sql("select distinct person_id from registration order by person_id").pl()
    panel = people.join(pl.DataFrame({"week": list(weeks)}), how="cross")
    for outcome in load_outcomes().values():
        yield outcome.name, follow_up(con, outcome, panel, data_date=date)


def _marts(store: Store, con: Connection, week: dt.date, folder: Path) -> Iterator[tuple[str, pl.DataFrame]]:
    allowed = stages.sources_allowed("commissioning", week)
    report = build_marts(con, data_date=data_date(store, week), out=folder, sources_allowed=allowed)
    for table in report.tables:
        yield table.name, pl.read_parquet(folder / f"{table.name}.parquet")


def _told(ours: tuple[pl.DataFrame, float], theirs: tuple[pl.DataFrame, float]) -> dict[str, object]:
    try:
        assert_same(ours[0], theirs[0])
        differs = ""
    except AssertionError as problem:
        differs = " ".join(str(problem).split())[:300]
    seconds = {"duckdb s": round(ours[1], 1), "spark s": round(theirs[1], 1)}
    return {"rows": ours[0].height, **seconds, "differs": differs}


PARTS: dict[str, Callable[..., Iterator[tuple[str, pl.DataFrame]]]] = {
    "record": _record,
    "features": _features,
    "outcomes": _outcomes,
    "marts": _marts,
}

if __name__ == "__main__":
    sys.exit(main())
