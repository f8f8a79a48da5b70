"""Hospital Frailty Risk Score and Charlson index (three sets of weights) on a million episodes: seconds per run.

python -m tests.bench.hospital_scores --episodes 1000000
"""

from __future__ import annotations

import argparse
import datetime as dt
import time

import duckdb
import numpy as np
import polars as pl

import sql
from data_contracts.contract import REFERENCE
from features import diagnoses, gather

WEEK = dt.date(2026, 1, 5)
SLOTS = 20


def main() -> None:
    """Makes episodes with nine diagnoses at most, five on average, and times scoring everybody on one Monday."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, default=1_000_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--times", type=int, default=5)
    given = parser.parse_args()
    with duckdb.connect() as con:
        con.execute(f"set threads = {given.threads}")
        told = episodes(con, given.episodes)
        started = time.process_time()
        taken = sorted(scored(con) for _ in range(given.times))
        busy = (time.process_time() - started) / given.times
        print(
            f"{given.episodes:,} episodes, {told:,} diagnoses:",
            f"best {taken[0]:.2f} s, median {taken[len(taken) // 2]:.2f} s; processor {busy:.2f} s",
        )


def episodes(con: duckdb.DuckDBPyConnection, count: int) -> int:
    """Makes ``feature_episode`` and what else the statements read; returns how many diagnoses it holds."""
    rng = np.random.default_rng(1)
    families = pl.read_csv(REFERENCE / "hospital_frailty.csv")["icd10_code"].to_list()
    others = pl.read_csv(REFERENCE / "charlson_prefix.csv", infer_schema=False)["icd10_prefix"].to_list()
    codes = pl.Series([c[:4].ljust(4, "9") for c in (*families, *others, *(f"{letter}99" for letter in "HJKLOPQ"))])
    admitted = np.datetime64(WEEK) - rng.integers(1, 1000, count)
    filled = rng.integers(1, 10, count)
    columns = {
        f"diagnosis_{n}": codes.gather(rng.integers(0, len(codes), count)).set(pl.Series(filled < n), None)
        for n in range(1, SLOTS + 1)
    }
    frame = pl.DataFrame(
        {
            "group_id": np.zeros(count, dtype=np.int32),
            "person_id": rng.integers(0, count // 2, count),
            "provider_code": np.full(count, "RTG"),
            "admission_date": admitted,
            "episode_start": admitted,
            "discharge_date": admitted + rng.integers(0, 20, count),
            "known_from": admitted + 60,
            "known_until": np.full(count, np.datetime64("NaT", "D")),
            **columns,
        }
    )
    for name, rows in (
        ("episode", frame),
        ("icd10", diagnoses.code_rows()),
        ("span", pl.DataFrame({"first_week": [WEEK], "last_week": [WEEK]})),
        ("week", pl.DataFrame({"week": [WEEK], "start_730": [WEEK - dt.timedelta(days=730)]})),
    ):
        con.register("incoming", rows.to_arrow())
        con.execute(f"create table feature_{name} as select * from incoming")
        con.unregister("incoming")
    return int(filled.sum())


def scored(con: duckdb.DuckDBPyConnection) -> float:
    """Seconds from the episodes to four scores of every person who can be assessed."""
    started = time.perf_counter()
    con.execute(f"create or replace temporary table feature_diagnosis as {sql.load('features/diagnosis_span')}")
    found = gather.rows(con, "diagnosis_long")
    diagnoses.hospital_frailty(found["frailty_low_730"].to_numpy(), found["frailty_high_730"].to_numpy())
    for weights in diagnoses.MAPPING:
        diagnoses.charlson(found["charlson_730"].to_numpy(), weights)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
