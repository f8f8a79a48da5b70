"""Registers: every adult who is or may be housebound or lives in a care home, by neighbourhood, once a month."""

import datetime as dt

import dagster as dg
import polars as pl

from outreach.register import PROFILE
from outreach.teams import TEAMS
from pipelines.assets.features import KEY as FEATURE
from pipelines.assets.lists import KEY as LIST
from pipelines.assets.record import table_key
from pipelines.moved import protected
from pipelines.partitions import week_of_run
from pipelines.presentation import code_reference, markdown
from pipelines.register import build_week_register, register_of_month
from pipelines.resources import Writer
from pipelines.stages import feature_folder, register_folder

KEY = dg.AssetKey(["list", "register"])
_RECORD = ("registration", "death", "organisation", "opt_out", "community_contact", "gp_appointment", "care_service")


@dg.asset(
    key=KEY,
    deps=[FEATURE, LIST, *(table_key(t) for t in _RECORD)],
    group_name="lists",
    owners=["team:outreach"],
    kinds={"excel", "html"},
    description="One workbook and one page a neighbourhood, uncapped and unranked: who is or may be housebound or "
    "lives in a care home, why we think so, who sees them. Made in the first weekly run of a month; the job "
    "`register` makes one for any week. Pseudonymous until released.",
    metadata={"dagster/code_references": code_reference(TEAMS)},
)
def register(context: dg.AssetExecutionContext, writer: Writer) -> dg.MaterializeResult:
    """Make the registers of the month, where none was made yet."""
    week = week_of_run(context, writer.store)
    there = register_of_month(writer.store, week)
    if there is None and (feature_folder(writer.store) / f"week={week}").is_dir():
        build_week_register(writer.store, week)
        there = week
    return dg.MaterializeResult(metadata=_told(writer, there))


def _told(writer: Writer, made: dt.date | None) -> dict[str, dg.MetadataValue | int | str]:
    if made is None:
        return {"dagster/row_count": 0, "made": "not yet: there are no features of this week"}
    folder = register_folder(writer.store) / f"week={made}"
    people = pl.read_parquet(folder / PROFILE)
    levels = people.group_by("register_level", "seen").len("people").sort("register_level", "seen")
    return {
        "dagster/row_count": len(people),
        "made": str(made),
        "people by level": dg.MetadataValue.md(markdown(protected(levels))),
        "folder": dg.MetadataValue.path(str(folder)),
    }
