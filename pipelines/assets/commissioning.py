"""Marts: what commissioners see, one asset a published table, safe to publish."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import polars as pl

from commissioning import Indicator, load_indicators
from pipelines.assets.conform import INBOX
from pipelines.assets.lists import KEY as LIST
from pipelines.assets.record import table_key
from pipelines.marts import DELIVERY, build_week_marts
from pipelines.partitions import week_of_run
from pipelines.presentation import code_reference, markdown
from pipelines.resources import Writer

GROUP = "marts"
OWNERS = ["team:commissioning"]
PREVIEW_ROWS = 24
INDICATORS = Path(__file__).parents[2] / "commissioning" / "indicators"
_RECORD = [
    table_key(t)
    for t in (
        "registration",
        "person",
        "death",
        "opt_out",
        "organisation",
        "place",
        "gp_event",
        "spell",
        "inpatient_spell",
        "ed_attendance",
        "response_clock",
        "community_referral",
        "community_contact",
    )
]


def mart_key(table: str) -> dg.AssetKey:
    """``mart/<table>``."""
    return dg.AssetKey(["mart", table])


def _spec(name: str, description: str, deps: list[dg.AssetKey], declared: Path | None = None) -> dg.AssetSpec:
    return dg.AssetSpec(
        mart_key(name),
        deps=deps,
        group_name=GROUP,
        owners=OWNERS,
        kinds={"parquet", "duckdb"},
        description=description,
        metadata={"dagster/code_references": code_reference(declared)} if declared else {},
    )


def _indicator_specs(indicator: Indicator) -> list[dg.AssetSpec]:
    return [
        _spec(
            indicator.table(cut),
            f"**{indicator.name}** {cut.words}. {indicator.definition}\n\n"
            "Small numbers are suppressed, the rest rounded to 5.",
            [*_RECORD, LIST] if indicator.id == "list_reach" else _RECORD,
            INDICATORS / f"{indicator.id}.yaml",
        )
        for cut in indicator.cuts
    ]


_SPECS = [
    *(spec for indicator in load_indicators() for spec in _indicator_specs(indicator)),
    _spec("indicator", "One row an indicator: its definition in full.", _RECORD),
    _spec("table_note", "One row a published table: its period, and how much of it is suppressed.", _RECORD),
    _spec("control_chart", "One row a period and charted indicator: centre, limits and special-cause rules.", _RECORD),
    _spec("signal", "One row a charted indicator: whether it changed by more than chance, in words.", _RECORD),
    _spec(DELIVERY, "One row a delivered file: what became of each of its records.", [INBOX]),
]


@dg.multi_asset(name="marts", specs=_SPECS)
def marts(context: dg.AssetExecutionContext, writer: Writer) -> Iterator[dg.MaterializeResult]:
    """Build every commissioning table as known on the data date of the run's week."""
    built = build_week_marts(writer.store, week_of_run(context, writer.store))
    notes = {str(n["table"]): n for n in built.notes}
    for table in built.tables:
        note = notes.get(table.name, {})
        frame = pl.read_parquet(table.files[0])
        yield dg.MaterializeResult(
            asset_key=mart_key(table.name),
            metadata={
                "dagster/row_count": built.rows[table.name],
                "dagster/column_schema": dg.TableSchema(
                    [dg.TableColumn(n, str(k).lower(), table.columns.get(n)) for n, k in frame.schema.items()]
                ),
                "data date": str(built.data_date),
                "built in this run": built.built,
                "suppressed cells": int(str(note.get("suppressed", 0))),
                "published by": str(note.get("period", "")),
                "last rows": dg.MetadataValue.md(markdown(frame.tail(PREVIEW_ROWS))),
                "file": dg.MetadataValue.path(str(table.files[0])),
            },
        )
