"""The code location that Dagster loads: every asset, check, job, schedule and sensor. Opens no connection."""

from __future__ import annotations

import dagster as dg

from pipelines.analyst_jobs import compare_job, person, query_job, status, why_job
from pipelines.assets.commissioning import marts
from pipelines.assets.conform import conform
from pipelines.assets.features import feature
from pipelines.assets.lists import weekly_list
from pipelines.assets.models import MODEL, model, score
from pipelines.assets.population import population
from pipelines.assets.publication import publication
from pipelines.assets.quality import GROUP as QUALITY
from pipelines.assets.quality import expectations, quality
from pipelines.assets.record import record
from pipelines.assets.register import register
from pipelines.automation import after_weekly_sensor, failure_sensor, inbox_sensor, monday_schedule
from pipelines.list_jobs import evaluate_job, feedback_job, register_job
from pipelines.operation_jobs import codelist_job, hindsight_job, promote_job
from pipelines.progress import listening_logger
from pipelines.resources import Home, Writer

weekly = dg.define_asset_job(
    "weekly",
    selection=dg.AssetSelection.all() - dg.AssetSelection.groups(QUALITY),
    description="The Monday run for one week: read what was delivered, bring the record up to date, compute features, "
    "score, make the lists and the commissioning tables, publish.",
)

train = dg.define_asset_job(
    "train",
    selection=dg.AssetSelection.assets(MODEL),
    config={"ops": {"model": {"config": {"retrain": True, "thorough": True}}}},
    description="Train now, whether or not a training is due, and let the gate decide what may be shown.",
)

quality_job = dg.define_asset_job(
    "quality_report",
    selection=dg.AssetSelection.assets(quality),
    description="The weekly data-quality page. Reads what the weekly run left; changes nothing of it.",
)

expectations_job = dg.define_asset_job(
    "check_published",
    selection=dg.AssetSelection.assets(expectations),
    description="Great Expectations over everything published, with Data Docs.",
)

defs = dg.Definitions(
    assets=[
        *(conform, record, feature, model, score, weekly_list, register),
        *(marts, population, publication, quality, expectations),
    ],
    jobs=[
        *(weekly, train, quality_job, expectations_job),
        *(status, query_job, person, why_job, compare_job),
        *(register_job, evaluate_job, feedback_job),
        *(hindsight_job, codelist_job, promote_job),
    ],
    schedules=[monday_schedule(weekly)],
    sensors=[inbox_sensor(weekly), after_weekly_sensor(weekly, quality_job), failure_sensor()],
    resources={"home": Home(), "writer": Writer()},
    loggers={
        "console": dg.LoggerDefinition(lambda _: listening_logger(), description="Tells the terminal how it goes.")
    },
    executor=dg.in_process_executor,
)
