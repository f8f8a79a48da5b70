"""Features: one row a person and one column a feature, for each Monday asked for."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg

import features
from data_contracts.codelist_lint import lint
from features.declaration import DECLARED
from pipelines import stages
from pipelines.assets.record import table_key
from pipelines.findings import Finding, keep
from pipelines.partitions import WEEKLY, weeks_of
from pipelines.presentation import code_reference
from pipelines.resources import Writer

KEY = dg.AssetKey("feature")
_TABLES = sorted(features.load_features().tables)


def _schema() -> dg.TableSchema:
    columns = [dg.TableColumn("person_id", "bigint", "pseudonymous person")]
    columns += [dg.TableColumn(f.name, "float", f.description) for f in features.load_features().features]
    return dg.TableSchema(columns)


def _codelists_hold() -> Finding:
    errors = [f for f in lint() if f.level == "error"]
    said = "; ".join(f"{f.codelist}, line {f.line}: {f.says}" for f in errors[:3])
    return Finding(
        ("feature",),
        "codelists_hold",
        not errors,
        f"{len(errors)} errors: {said}." if errors else "No codelist in use has an error.",
        counts={"errors": len(errors)},
    )


@dg.asset(
    key=KEY,
    deps=[table_key(t) for t in sorted({*_TABLES, "person", "registration", "death"})],
    group_name="features",
    owners=["team:analytics"],
    kinds={"parquet", "duckdb", "numpy"},
    partitions_def=WEEKLY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    description="What is known about each registered person on a Monday: one row a person, one column a declared "
    "feature. A missing value is unknown, never zero. Many weeks are computed in one pass; a past week is never "
    "changed by later data.",
    metadata={
        "dagster/column_schema": _schema(),
        "dagster/code_references": code_reference(*sorted(Path(DECLARED).glob("*.yaml"))),
    },
    check_specs=[
        dg.AssetCheckSpec(
            "one_row_a_person",
            asset=KEY,
            blocking=True,
            description="Nobody is in a week twice. Stops the run.",
        ),
        dg.AssetCheckSpec(
            "codelists_hold",
            asset=KEY,
            description="No codelist in use is damaged, or holds a code of two deficits, of another meaning, or "
            "without the value that it needs (`anticipate codelist lint`). Tells, does not stop.",
        ),
        dg.AssetCheckSpec(
            "past_week_reproduced",
            asset=KEY,
            description="A week computed again has the same content. Where it has not, what was there stays. Tells, "
            "does not stop.",
        ),
    ],
)
def feature(context: dg.AssetExecutionContext, writer: Writer) -> Iterator[dg.MaterializeResult]:
    """Compute the matrices of the weeks asked for."""
    weeks = weeks_of(context)
    built = stages.build_features(writer.store, weeks)
    twice = {str(b.week): b.rows - b.people for b in built if b.rows != b.people}
    changed = [str(b.week) for b in built if b.settled == "different"]
    findings = [
        Finding(
            ("feature",),
            "one_row_a_person",
            not twice,
            "Nobody is in a week twice." if not twice else f"Surplus rows: {twice}.",
            blocking=True,
            counts={"rows": sum(b.rows for b in built), "weeks": len(built)},
        ),
        _codelists_hold(),
        Finding(
            ("feature",),
            "past_week_reproduced",
            not changed,
            "As before." if not changed else f"Would differ now, and stay as they were: {', '.join(changed)}.",
        ),
    ]
    keep(writer.store, findings, run_id=context.run_id, step="feature", week=weeks[-1])
    yield dg.MaterializeResult(
        metadata={
            "dagster/row_count": built[-1].rows,
            "people": built[-1].people,
            "features": len(features.load_features().features),
            "weeks": len(built),
            "settled": ", ".join(sorted({b.settled for b in built})),
            "folder": dg.MetadataValue.path(str(built[-1].folder)),
        },
        check_results=[f.result() for f in findings],
    )
