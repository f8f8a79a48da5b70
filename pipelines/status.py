"""What was delivered and what became of it, how the last runs went, what is published."""

from __future__ import annotations

import datetime as dt
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import polars as pl

from data_contracts.contract import load_contracts
from data_contracts.ledger import FATES, read_ledger
from pipelines.publish import current_manifest
from pipelines.store import Store
from pipelines.weeks import WEEK_TAG

COUNTS = ("records", *FATES, "warned", "unmatched")


@dataclass(frozen=True)
class Status:
    """One look at a home.

    Attributes:
        sources: one row a source: newest received date, files, and the fates of their records.
        files: one row a delivered file: its fates, and why it was rejected.
        faults: one row a source and rule: rows.
        checks: findings of the newest run that do not hold.
        runs: the newest runs of Dagster, newest first.
        published: the manifest of the current publication, or None.
        waiting: files in the inbox.
    """

    sources: pl.DataFrame
    files: pl.DataFrame
    faults: pl.DataFrame
    checks: pl.DataFrame
    runs: pl.DataFrame
    published: dict[str, Any] | None
    waiting: int


def read_status(store: Store) -> Status:
    """Look at a home; writes nothing and waits for nobody."""
    ledger = read_ledger(store.lake)
    return Status(
        sources=_by_source(ledger),
        files=ledger.select("source", "file", "received", "fate", *COUNTS, "faults", "code", "message").sort(
            "received", "source", "file", descending=[True, False, False]
        ),
        faults=_by_rule(ledger),
        checks=_newest_findings(store),
        runs=_runs(store),
        published=current_manifest(store),
        waiting=sum(1 for p in store.inbox.glob("*/*/*") if p.is_file() and p.name != "delivery.yaml"),
    )


def _by_source(ledger: pl.DataFrame) -> pl.DataFrame:
    known = pl.DataFrame({"source": list(load_contracts())}, schema={"source": pl.String})
    counted = ledger.group_by("source").agg(
        pl.col("received").filter(pl.col("fate") == "accepted").max().alias("newest"),
        pl.len().alias("files"),
        (pl.col("fate") == "rejected").sum().alias("files_rejected"),
        (pl.col("fate") == "resent").sum().alias("files_resent"),
        *(pl.col(c).sum() for c in COUNTS),
    )
    return known.join(counted, on="source", how="full", coalesce=True).sort("source")


def _by_rule(ledger: pl.DataFrame) -> pl.DataFrame:
    return (
        ledger.filter(pl.col("faults") != "")
        .select("source", pl.col("faults").str.split(", "))
        .explode("faults")
        .with_columns(
            rule=pl.col("faults").str.extract(r"^(.*) \d+$"),
            rows=pl.col("faults").str.extract(r"(\d+)$").cast(pl.Int64),
        )
        .group_by("source", "rule")
        .agg(pl.col("rows").sum())
        .sort("source", "rule")
    )


def _newest_findings(store: Store) -> pl.DataFrame:
    runs = [p for p in store.checks.glob("*") if p.is_dir()]
    if not runs:
        return pl.DataFrame()
    newest = max(runs, key=lambda p: p.stat().st_mtime)
    found = pl.concat([pl.read_parquet(p) for p in sorted(newest.glob("*.parquet"))] or [pl.DataFrame()])
    return found.filter(~pl.col("passed")).select("asset", "check", "blocking", "says") if len(found) else found


def _runs(store: Store, limit: int = 8) -> pl.DataFrame:
    """The newest runs, read from Dagster's own file: importing Dagster takes longer than everything else here."""
    path = store.dagster_home / "history" / "runs.db"
    schema = {
        "run": pl.String,
        "job": pl.String,
        "week": pl.String,
        "status": pl.String,
        "began": pl.String,
        "seconds": pl.Int64,
    }
    if not path.exists():
        return pl.DataFrame(schema=schema)
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as con:
        rows = con.execute(
            "select substr(r.run_id, 1, 8), r.pipeline_name, t.value, lower(r.status), r.start_time, "
            "cast(round(r.end_time - r.start_time) as integer) from runs r "
            "left join run_tags t on t.run_id = r.run_id and t.key = ? order by r.id desc limit ?",
            (WEEK_TAG, limit),
        ).fetchall()
    return pl.DataFrame([(*r[:4], _clock(r[4]), r[5]) for r in rows], schema=schema, orient="row")


def _clock(seconds: float | None) -> str:
    return dt.datetime.fromtimestamp(seconds, tz=dt.UTC).astimezone().strftime("%Y-%m-%d %H:%M") if seconds else ""
