"""Weekly partitions: one Monday each, the index week of features, scores and lists."""

from __future__ import annotations

import datetime as dt
import os

import dagster as dg

from pipelines.publish import current_manifest
from pipelines.store import Store
from pipelines.weeks import FIRST_WEEK, WEEK_TAG, as_date, choose_week


def _weeks_ahead() -> int:
    """Weeks after today's that must be offered because they were delivered for: artificial data, or a clock behind."""
    store = Store.at()
    named = [os.environ.get("ANTICIPATE_LAST_WEEK", ""), *(p.name for p in store.inbox.glob("*/*"))]
    named.append(str((current_manifest(store) or {}).get("week", "")))
    newest = max((day for text in named if (day := as_date(text))), default=FIRST_WEEK)
    return max(0, -(-(newest - dt.datetime.now(tz=dt.UTC).date()).days // 7))


WEEKLY = dg.WeeklyPartitionsDefinition(
    start_date=FIRST_WEEK.isoformat(), day_offset=1, timezone="Europe/London", end_offset=1 + _weeks_ahead()
)
"""One more than Dagster would offer: a Monday can be run on its own morning, not only when its week is over."""

_PARTITION = "dagster/partition"
_RANGE_END = "dagster/asset_partition_range_end"


def weeks_of(context: dg.AssetExecutionContext) -> list[dt.date]:
    """The weeks that a weekly step was asked for, in order; a backfill of many weeks is one step."""
    return sorted(dt.date.fromisoformat(key) for key in context.partition_keys)


def week_of_run(context: dg.AssetExecutionContext, store: Store) -> dt.date:
    """The week that the run as a whole is for: its (last) partition, else the latest possible Monday."""
    tags = context.run.tags
    asked = tags.get(_PARTITION) or tags.get(_RANGE_END) or tags.get(WEEK_TAG)
    return choose_week(store, asked)
