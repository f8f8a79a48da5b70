"""Quality: what was received, measured and written for people; in a job of its own, so the list waits for nothing."""

from collections.abc import Iterator

import dagster as dg

from data_contracts.contract import load_contracts
from pipelines.assets.conform import key_of as conform_key
from pipelines.assets.features import KEY as FEATURE
from pipelines.assets.lists import KEY as LIST
from pipelines.assets.record import table_key
from pipelines.findings import Finding, keep
from pipelines.partitions import week_of_run
from pipelines.presentation import markdown
from pipelines.quality.frames import check_frames
from pipelines.quality.measure import ASSET, CHECKS, CROSS_SOURCE, measure
from pipelines.quality.page import write_page
from pipelines.resources import Writer
from pipelines.store import Store

KEY = dg.AssetKey(list(ASSET))
GROUP = "quality"
_TABLES = (
    "spell",
    "registration",
    "death",
    "person",
    "care_home",
    "care_service",
    "ed_attendance",
    "community_contact",
)


def page_path(store: Store, week: object) -> str:
    """Where the page of a week lies."""
    return str(store.home / "quality" / f"quality-{week}.html")


@dg.asset(
    key=KEY,
    deps=[*(conform_key(c) for c in load_contracts().values()), *(table_key(t) for t in _TABLES), FEATURE, LIST],
    group_name=GROUP,
    owners=["team:data-management"],
    kinds={"html", "duckdb"},
    description="The weekly data-quality page: completeness, timeliness, validity, uniqueness, consistency by source "
    "and practice with their trend, rules across sources "
    f"({', '.join(CROSS_SOURCE).replace('_', ' ')}), and what gaps do to the list.",
    check_specs=[
        dg.AssetCheckSpec(name, asset=KEY, description=f"{means} Tells, does not stop.")
        for name, means in CHECKS.items()
    ],
)
def quality(context: dg.AssetExecutionContext, writer: Writer) -> Iterator[dg.MaterializeResult]:
    """Measure and write the page."""
    from pathlib import Path

    store = writer.store
    week = week_of_run(context, store)
    found = measure(store, week)
    path = Path(page_path(store, week))
    write_page(found, path)
    keep(store, found.findings, run_id=context.run_id, step="quality", week=week)
    yield dg.MaterializeResult(
        metadata={
            "page": dg.MetadataValue.path(str(path)),
            "effect on the list": " ".join(s.says for s in found.silences) or "none",
            "sources": dg.MetadataValue.md(markdown(found.sources)),
            "rules across sources": dg.MetadataValue.md(markdown(found.agreement)),
        },
        check_results=[f.result() for f in found.findings],
    )


@dg.asset(
    key=dg.AssetKey("expectations"),
    deps=[dg.AssetKey("publication")],
    group_name=GROUP,
    owners=["team:data-management"],
    kinds={"html", "great_expectations"},
    description="Great Expectations over what is published, with Data Docs; suites made from the declarations.",
    check_specs=[
        dg.AssetCheckSpec(
            "expectations_met",
            asset=dg.AssetKey("expectations"),
            description="Every expectation on every published table holds. Tells, does not stop.",
        ),
        dg.AssetCheckSpec(
            "frames_as_declared",
            asset=dg.AssetKey("expectations"),
            description="The newest frame of each stage is what contract, feature or outcome declares (pandera). "
            "Tells, does not stop.",
        ),
    ],
)
def expectations(context: dg.AssetExecutionContext, writer: Writer) -> Iterator[dg.MaterializeResult]:
    """Validate what is published and write Data Docs."""
    from pipelines.quality.published import docs_folder, run_suites

    store, week = writer.store, week_of_run(context, writer.store)
    looked, amiss = check_frames(store, week)
    frames = Finding(
        ("expectations",), "frames_as_declared", not amiss, "; ".join(amiss) or f"{looked} frames are as declared."
    )
    results = run_suites(store)
    unmet = [f"{r.table}: {', '.join(r.unmet)}" for r in results if r.unmet]
    says = f"{sum(r.expectations for r in results)} expectations on {len(results)} tables hold."
    finding = Finding(("expectations",), "expectations_met", not unmet, "; ".join(unmet) or says)
    keep(store, [finding, frames], run_id=context.run_id, step="expectations", week=week)
    yield dg.MaterializeResult(
        metadata={
            "Data Docs": dg.MetadataValue.path(str(docs_folder(store) / "index.html")),
            "tables": len(results),
            "expectations": sum(r.expectations for r in results),
        },
        check_results=[finding.result(), frames.result()],
    )
