"""Publish: one new folder with everything that people read, seen only when it is complete."""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from pipelines.assets.commissioning import _SPECS as MART_SPECS
from pipelines.assets.features import KEY as FEATURE
from pipelines.assets.lists import KEY as LIST
from pipelines.assets.models import MODEL, SCORE
from pipelines.assets.population import KEY as POPULATION
from pipelines.findings import Finding, keep
from pipelines.identity_scan import identities_in
from pipelines.partitions import week_of_run
from pipelines.presentation import markdown
from pipelines.publication import DASHBOARD, MODEL_CARD, POPULATION_PAGE, contents_of, publish_contents
from pipelines.publish import ANALYST, WAREHOUSE
from pipelines.resources import Writer
from pipelines.webserver import ROUTE, link_to

KEY = dg.AssetKey("publication")


@dg.asset(
    key=KEY,
    deps=[LIST, SCORE, FEATURE, MODEL, POPULATION, *(s.key for s in MART_SPECS)],
    group_name="publish",
    owners=["team:data-management"],
    kinds={"duckdb", "html", "excel"},
    description="`published/current`: the warehouse (commissioning tables, nothing about one person), the analyst file "
    "(pseudonymous record, features, scores, lists), the lists, the pages and the model card. The folder is built out "
    "of sight and swapped in by renaming one link, so readers never wait and never see half of it. The last eight are "
    "kept.",
    check_specs=[
        dg.AssetCheckSpec(
            "no_identity_published",
            asset=KEY,
            blocking=True,
            description="No NHS number, and no person in the warehouse, is in what would be published. When there is, "
            "nothing is published.",
        )
    ],
)
def publication(context: dg.AssetExecutionContext, writer: Writer) -> Iterator[dg.MaterializeResult]:
    """Look for identities, then build and swap."""
    store = writer.store
    week = week_of_run(context, store)
    contents = contents_of(store, week)
    found = identities_in(contents)
    says = "No identity was found." if not found else "Nothing was published: " + "; ".join(found)
    finding = Finding(("publication",), "no_identity_published", not found, says, blocking=True)
    keep(store, [finding], run_id=context.run_id, step="publication", week=week)
    if found:
        yield dg.MaterializeResult(metadata={"published": False}, check_results=[finding.result()])
        return
    manifest = publish_contents(store, contents, run_id=context.run_id)
    folder = store.published / context.run_id
    tables = pl.DataFrame([{"table": name, **about} for name, about in manifest["tables"].items()])
    yield dg.MaterializeResult(
        metadata={
            "published": True,
            "sequence": manifest["sequence"],
            "week": manifest["week"],
            "content": manifest["content"],
            "tables": dg.MetadataValue.md(markdown(tables, rows=200)),
            "everything to open or download": dg.MetadataValue.url(ROUTE),
            **{
                f"open {name}": dg.MetadataValue.url(link_to(name))
                for name in (DASHBOARD, POPULATION_PAGE, MODEL_CARD)
                if (folder / name).exists()
            },
            "folder": dg.MetadataValue.path(str(folder)),
            **{
                name: dg.MetadataValue.path(str(folder / name))
                for name in (WAREHOUSE, ANALYST)
                if (folder / name).exists()
            },
        },
        check_results=[finding.result()],
    )
