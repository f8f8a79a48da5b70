"""Features of many weeks in one pass over the record, and each of some weeks alone: seconds, memory, same content.

    python -m tests.bench.features --home demo --weeks 52
    python -m tests.bench.features --home home-scale --people 250000 --weeks 52 --alone 1

Needs a home whose record is built (`anticipate demo`, or `make bench-scale`). With fewer people than the home has, the
first of them in the order of their pseudonyms are taken, and their rows are written beside once, which is not timed:
the record exists before the features do. A week computed alone must have the bytes that it has in the pass; the bench
ends with an error when it has not.
"""

from __future__ import annotations

import argparse
import datetime as dt
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

import features
from features import gather
from pipelines import stages
from pipelines.store import Store
from pipelines.weeks import latest_week

PEOPLE_TABLES = ("person", "registration", "death", "opt_out")


def main() -> None:
    """Times the pass and the weeks alone, and prints one line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--people", type=int, help="how many of the home's people; default all")
    parser.add_argument("--weeks", type=int, default=52, help="Mondays in the pass, up to the newest of the home")
    parser.add_argument("--alone", type=int, default=3, help="how many of them are computed alone as well")
    given = parser.parse_args()
    store = Store.at(given.home)
    newest = latest_week(store)
    if newest is None:
        raise SystemExit(f"nothing was delivered to {given.home}")
    weeks = [newest - dt.timedelta(weeks=n) for n in reversed(range(given.weeks))]
    with tempfile.TemporaryDirectory(dir=given.home) as scratch, record_of(store, given.people, Path(scratch)) as con:
        ((people,),) = con.execute("select count(distinct person_id) from registration").fetchall()
        together = timed(con, weeks, Path(scratch) / "together", f"{people:,} people, {len(weeks)} weeks in one pass")
        step = max(1, (len(weeks) - 1) // max(1, given.alone - 1)) if given.alone > 1 else len(weeks)
        for week in list(reversed(weeks))[::step][: given.alone]:
            alone = timed(con, [week], Path(scratch) / "alone", f"week {week} alone")[week]
            if alone.read_bytes() != together[week].read_bytes():
                raise SystemExit(f"{week}: computed alone it differs from the same week in the pass")
            print(f"week {week}: alone the same as in the pass")


@contextmanager
def record_of(store: Store, people: int | None, scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The home's record; or one of the first people alone, as Parquet files that are written here."""
    with stages.record_opened(store) as con:
        if people is None:
            yield con
            return
        con.execute(
            f"create temp table sampled as select distinct person_id from registration order by 1 limit {people}"
        )
        declared = features.load_features()
        wanted = [*PEOPLE_TABLES, *gather.present_tables(con, declared, None)]
        for table in dict.fromkeys(wanted):
            con.execute(
                f"copy (select t.* from {table} as t semi join sampled as s on s.person_id = t.person_id) "
                f"to '{scratch / table}.parquet' (format parquet, compression zstd)"
            )
    with store.compute() as con:
        for path in sorted(scratch.glob("*.parquet")):
            con.execute(f"create view {path.stem} as select * from read_parquet('{path}')")
        yield con


def timed(con: duckdb.DuckDBPyConnection, weeks: list[dt.date], out: Path, said: str) -> dict[dt.date, Path]:
    """Builds the weeks and prints wall time, processor time and the peak memory of the process so far."""
    wall, busy = time.perf_counter(), time.process_time()
    built = features.build_matrix(con, weeks, out=out)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    wall, busy = time.perf_counter() - wall, time.process_time() - busy
    print(f"{said}: {wall:.1f} s, processor {busy:.1f} s, peak so far {peak:.2f} GiB", flush=True)
    return built


if __name__ == "__main__":
    main()
