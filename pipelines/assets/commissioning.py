"""Marts: what commissioners see, one asset an indicator with all its tables, safe to publish."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import dagster as dg
import polars as pl

from commissioning import PLAIN_TABLES, Indicator, load_indicators, sources
from pipelines.assets.conform import INBOX
from pipelines.assets.lists import KEY as LIST
from pipelines.assets.record import table_key
from pipelines.assets.register import KEY as REGISTER
from pipelines.marts import DELIVERY, build_week_marts
from pipelines.partitions import week_of_run
from pipelines.presentation import code_reference, markdown
from pipelines.resources import Writer

GROUP = "marts"
OWNERS = ["team:commissioning"]
PREVIEW_ROWS = 24
INDICATORS = Path(__file__).parents[2] / "commissioning" / "indicators"


def mart_key(name: str) -> dg.AssetKey:
    """``mart/<indicator or table>``."""
    return dg.AssetKey(["mart", name])


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


def _record(indicator: Indicator) -> list[dg.AssetKey]:
    """The record tables that an indicator reads, as its statements say."""
    dimensions = {d for cut in indicator.cuts for d in cut.by}
    tables = {*sources.BASE, "opt_out", *sources.tables_read(f"marts/{indicator.fact}")}
    tables |= {t for d in dimensions for t in sources.DIMENSION_TABLES.get(d, ())}
    return [table_key(t) for t in sorted(tables)]


_OF_LISTS = {"list_reach": (LIST,), "register_person": (REGISTER,)}
"""What outreach made that a fact counts."""


def _indicator_spec(indicator: Indicator) -> dg.AssetSpec:
    cuts = "\n".join(f"- `{indicator.table(cut)}`: {cut.words}" for cut in indicator.cuts)
    return _spec(
        indicator.id,
        f"**{indicator.name}**. {indicator.definition}\n\nSmall numbers are suppressed, the rest rounded to 5. "
        f"Tables:\n\n{cuts}",
        [*_record(indicator), *_OF_LISTS.get(indicator.fact, ())],
        INDICATORS / f"{indicator.id}.yaml",
    )


_ALL_RECORD = sorted({key for indicator in load_indicators() for key in _record(indicator)})
_SPECS = [
    *(_indicator_spec(indicator) for indicator in load_indicators()),
    *(_spec(name, description, _ALL_RECORD) for name, description in PLAIN_TABLES.items()),
    _spec(DELIVERY, "One row a delivered file: what became of each of its records.", [INBOX]),
]


@dg.multi_asset(name="marts", specs=_SPECS)
def marts(context: dg.AssetExecutionContext, writer: Writer) -> Iterator[dg.MaterializeResult]:
    """Build every commissioning table as known on the data date of the run's week."""
    built = build_week_marts(writer.store, week_of_run(context, writer.store))
    notes = {str(n["table"]): n for n in built.notes}
    of_indicator = {i.table(cut): i.id for i in load_indicators() for cut in i.cuts}
    for name, members in groupby(built.tables, key=lambda t: str(of_indicator.get(t.name, t.name))):
        tables = list(members)
        first = tables[0]
        frame = pl.read_parquet(first.files[0])
        yield dg.MaterializeResult(
            asset_key=mart_key(name),
            metadata={
                "dagster/row_count": sum(built.rows[t.name] for t in tables),
                "dagster/column_schema": dg.TableSchema(
                    [dg.TableColumn(n, str(k).lower(), first.columns.get(n)) for n, k in frame.schema.items()]
                ),
                "data date": str(built.data_date),
                "built in this run": built.built,
                "suppressed cells": sum(int(str(notes.get(t.name, {}).get("suppressed", 0))) for t in tables),
                "published by": ", ".join(
                    f"{t.name}: {notes[t.name]['period'] or 'not published'}" for t in tables if t.name in of_indicator
                ),
                "last rows": dg.MetadataValue.md(markdown(frame.tail(PREVIEW_ROWS))),
                "file": dg.MetadataValue.path(str(first.files[0])),
            },
        )
