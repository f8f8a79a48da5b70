"""What the checks find: shown by Dagster beside the asset, and kept in the lake.

Only a few findings stop a run (a blocking check that fails skips everything downstream): a source past its staleness
limit, an accounting that does not balance, a person twice in a week, a list longer than its capacity, an identity
where none may be. Everything else is told and does not stop anything.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
import polars as pl

from pipelines.store import Store


@dataclass(frozen=True)
class Finding:
    """One check of one asset: what was looked at, whether it holds, and the counts behind it."""

    asset: tuple[str, ...]
    check: str
    passed: bool
    says: str
    blocking: bool = False
    counts: Mapping[str, Any] = field(default_factory=dict)

    def result(self) -> dg.AssetCheckResult:
        """As Dagster wants it: a finding that does not block is a warning."""
        severity = dg.AssetCheckSeverity.ERROR if self.blocking else dg.AssetCheckSeverity.WARN
        return dg.AssetCheckResult(
            passed=self.passed,
            asset_key=dg.AssetKey(list(self.asset)),
            check_name=self.check,
            severity=severity,
            description=self.says,
            metadata=dict(self.counts),
        )


def keep(store: Store, findings: Iterable[Finding], *, run_id: str, step: str, week: dt.date) -> None:
    """Write the findings of one step to ``lake/check/<run id>/<step>.parquet``."""
    rows = [
        {
            "run_id": run_id,
            "week": week,
            "asset": "/".join(f.asset),
            "check": f.check,
            "passed": f.passed,
            "blocking": f.blocking,
            "says": f.says,
            "counts": json.dumps(dict(f.counts), default=str, sort_keys=True),
        }
        for f in findings
    ]
    if not rows:
        return
    folder = store.checks / run_id
    folder.mkdir(parents=True, exist_ok=True)
    waiting = folder / f".{step}.partial"
    pl.DataFrame(rows).sort("asset", "check").write_parquet(waiting)
    waiting.replace(folder / f"{step}.parquet")
