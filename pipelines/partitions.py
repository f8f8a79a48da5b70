"""Weekly partitions: one Monday each, the index week of features, scores and lists."""

from __future__ import annotations

import datetime as dt

import dagster as dg

from pipelines.store import Store
from pipelines.weeks import FIRST_WEEK, choose_week

WEEKLY = dg.WeeklyPartitionsDefinition(
    start_date=FIRST_WEEK.isoformat(), day_offset=1, timezone="Europe/London", end_offset=1
)
"""``end_offset=1``: a Monday can be run on its own morning, not only when its week is over."""

_PARTITION = "dagster/partition"
_RANGE_END = "dagster/asset_partition_range_end"


def weeks_of(context: dg.AssetExecutionContext) -> list[dt.date]:
    """The weeks that a weekly step was asked for, in order; a backfill of many weeks is one step."""
    return sorted(dt.date.fromisoformat(key) for key in context.partition_keys)


def week_of_run(context: dg.AssetExecutionContext, store: Store) -> dt.date:
    """The week that the run as a whole is for: its (last) partition, else the latest possible Monday."""
    tags = context.run.tags
    asked = tags.get(_PARTITION) or tags.get(_RANGE_END)
    return choose_week(store, asked)
