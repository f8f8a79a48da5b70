"""What was delivered and what became of it, how the last runs went, what is published."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from data_contracts.contract import load_contracts
from data_contracts.ledger import FATES, read_ledger
from pipelines.publish import current_manifest
from pipelines.store import Store

if TYPE_CHECKING:
    from dagster import DagsterInstance

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


def read_status(store: Store, instance: DagsterInstance | None = None) -> Status:
    """Look at a home; writes nothing and waits for nobody."""
    ledger = read_ledger(store.lake)
    return Status(
        sources=_by_source(ledger),
        files=ledger.select("source", "file", "received", "fate", *COUNTS, "faults", "code", "message").sort(
            "received", "source", "file", descending=[True, False, False]
        ),
        faults=_by_rule(ledger),
        checks=_newest_findings(store),
        runs=_runs(instance) if instance else pl.DataFrame(),
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


def _runs(instance: DagsterInstance, limit: int = 8) -> pl.DataFrame:
    records = instance.get_run_records(limit=limit)
    return pl.DataFrame(
        [
            {
                "run": r.dagster_run.run_id[:8],
                "job": r.dagster_run.job_name,
                "week": r.dagster_run.tags.get("dagster/partition", ""),
                "status": r.dagster_run.status.value.lower(),
                "began": _clock(r.start_time),
                "seconds": round(r.end_time - r.start_time, 1) if r.start_time and r.end_time else None,
            }
            for r in records
        ]
    )


def _clock(seconds: float | None) -> str:
    return dt.datetime.fromtimestamp(seconds, tz=dt.UTC).astimezone().strftime("%Y-%m-%d %H:%M") if seconds else ""
