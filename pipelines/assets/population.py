"""Population: how frailty, housebound and care homes are spread on a Monday, as one page safe to publish."""

from collections.abc import Iterator

import dagster as dg

from pipelines.assets.features import KEY as FEATURE
from pipelines.assets.record import table_key
from pipelines.partitions import week_of_run
from pipelines.population import build_population_page
from pipelines.presentation import markdown
from pipelines.resources import Writer

KEY = dg.AssetKey("population")
_RECORD = ("organisation", "place", "person", "opt_out")


@dg.asset(
    key=KEY,
    deps=[FEATURE, *(table_key(t) for t in _RECORD)],
    group_name="marts",
    owners=["team:commissioning"],
    kinds={"html", "polars"},
    description="A page a week on people of 65 and over: frailty by age, housebound levels by neighbourhood, how coded "
    "frailty, clinical frailty scale and computed index agree, which sources know of care-home residents. Small "
    "numbers are suppressed, the rest rounded to 5, all figures of the page protected together.",
)
def population(context: dg.AssetExecutionContext, writer: Writer) -> Iterator[dg.MaterializeResult]:
    """Count the week and write its page."""
    found, path = build_population_page(writer.store, week_of_run(context, writer.store))
    tables = {s.figure.title: dg.MetadataValue.md(markdown(s.as_table())) for s in found.shown}
    yield dg.MaterializeResult(
        metadata={
            "page": dg.MetadataValue.path(str(path)),
            "figures": len(found.shown),
            "not shown": "; ".join(f"{title}: {why}" for title, why in found.left_out) or "none",
            **tables,
        }
    )
