"""Great Expectations over what is published: suites made from the declarations, and Data Docs for analysts.

Nothing is declared here: the columns and rows come from the manifest, what a feature may be from its declaration, what
identifies a person from the scan before publication. In a job of its own: the library takes longer than the weekly run
has to spare.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import features
from data_contracts.ledger import write_text_safely
from pipelines.errors import ProblemError
from pipelines.identity_scan import PERSON_COLUMNS
from pipelines.publish import current_manifest
from pipelines.query import reading
from pipelines.store import Store

if TYPE_CHECKING:
    import pandas as pd

NEVER_NEGATIVE = ("records", "accepted", "quarantined", "rejected", "numerator", "denominator", "people", "rows")
MOST_ROWS = 200_000
"""Of a record-level table so many rows of the newest week are looked at, by person; marts are looked at whole."""


@dataclass(frozen=True)
class SuiteResult:
    """One suite: the table, how many expectations there are, and sentences on those that do not hold."""

    table: str
    expectations: int
    unmet: tuple[str, ...]


def docs_folder(store: Store) -> Path:
    """Where Data Docs lie; `index.html` is the first page."""
    return store.home / "quality" / "expectations"


def run_suites(store: Store) -> list[SuiteResult]:
    """Validate every published table and write Data Docs.

    Raises:
        ProblemError: nothing is published.
    """
    manifest = current_manifest(store)
    if manifest is None:
        raise ProblemError("Nothing is published yet; `anticipate run` does that.")
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # nothing is told to anybody
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    site = docs_folder(store)
    with store.staging("expectations") as staging:
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        context.add_data_docs_site("published", _site(staging))
        source = context.data_sources.add_pandas("published")
        results = []
        for table, frame, expectations in _tables(store, manifest):
            batch = source.add_dataframe_asset(table).add_batch_definition_whole_dataframe("whole")
            suite = context.suites.add(gx.ExpectationSuite(name=table, expectations=expectations))
            definition = context.validation_definitions.add(
                gx.ValidationDefinition(name=table, data=batch, suite=suite)
            )
            checkpoint = context.checkpoints.add(
                gx.Checkpoint(name=table, validation_definitions=[definition], result_format="BASIC")
            )
            (found,) = checkpoint.run(batch_parameters={"dataframe": frame}).run_results.values()
            results.append(SuiteResult(table, len(expectations), tuple(_unmet(found))))
        context.build_data_docs(site_names=["published"])
        shutil.rmtree(site, ignore_errors=True)
        site.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(staging, site)
    told = [{"table": r.table, "expectations": r.expectations, "unmet": list(r.unmet)} for r in results]
    write_text_safely(docs_folder(store).parent / "expectations.json", json.dumps(told, indent=1))
    return results


def _site(folder: Path) -> Any:
    return {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)},
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
    }


def _unmet(found: Any) -> Iterator[str]:
    for result in found.results:
        if not result.success:
            config = result.expectation_config
            column = config.kwargs.get("column", config.kwargs.get("column_list", ""))
            yield f"{config.type.removeprefix('expect_')} {column}".replace("_", " ").strip()


def _tables(store: Store, manifest: dict[str, Any]) -> Iterator[tuple[str, pd.DataFrame, list[Any]]]:
    """Every table of the warehouse whole; feature, score and list of the newest week."""
    from models import load_outcomes

    with reading(store) as con:
        names = [n for (n,) in con.execute("select table_name from duckdb_tables() order by 1").fetchall()]
        for name in names:
            frame = con.sql(f'select * from "{name}"').pl().to_pandas()
            yield name, frame, _of_mart(frame, manifest["tables"].get(f"warehouse/{name}", {}).get("rows"))
    with reading(store, analyst=True) as con:
        there = {n for (n,) in con.execute("select view_name from duckdb_views() where not internal").fetchall()}
        for name in ("feature", "score", "weekly_list"):
            if name in there:
                newest = f"where week = date '{manifest['week']}' order by person_id limit {MOST_ROWS}"
                frame = con.sql(f'select * from "{name}" {newest}').pl().to_pandas()
                if name == "score":
                    counted = frame["outcome"].isin([o.name for o in load_outcomes().values() if o.counts])
                    if counted.any():
                        yield "score of days", frame[counted], _of_scores(most=366)
                    yield name, frame[~counted], _of_scores(most=1)
                    continue
                as_declared = manifest.get("features") == features.load_features().fingerprint[:12]
                yield name, frame, _of_people(name, frame, as_declared=as_declared)


def _of_mart(frame: pd.DataFrame, rows: int | None) -> list[Any]:
    import great_expectations.expectations as gxe
    from pandas.api.types import is_datetime64_any_dtype, is_numeric_dtype

    columns = list(map(str, frame.columns))
    expected: list[Any] = [gxe.ExpectTableColumnsToMatchSet(column_set=[c for c in columns if c not in PERSON_COLUMNS])]
    if rows is not None:
        expected.append(gxe.ExpectTableRowCountToEqual(value=rows))
    for column in columns:
        if is_numeric_dtype(frame[column]) and column in NEVER_NEGATIVE:
            expected.append(gxe.ExpectColumnValuesToBeBetween(column=column, min_value=0))
        elif not is_numeric_dtype(frame[column]) and not is_datetime64_any_dtype(frame[column]):
            expected.append(gxe.ExpectColumnValuesToNotMatchRegex(column=column, regex=r"^\d{3}[ -]?\d{3}[ -]?\d{4}$"))
    return expected


def _of_scores(*, most: int) -> list[Any]:
    """A risk is at most 1; a number of days at most a year's."""
    import great_expectations.expectations as gxe

    return [
        gxe.ExpectColumnValuesToNotBeNull(column="person_id"),
        gxe.ExpectCompoundColumnsToBeUnique(column_list=["person_id", "outcome"]),
        gxe.ExpectColumnValuesToBeBetween(column="score", min_value=0, max_value=most),
    ]


def _of_people(name: str, frame: pd.DataFrame, *, as_declared: bool) -> list[Any]:
    """Published with other declarations than those in force, only the features that both know are looked at."""
    import great_expectations.expectations as gxe

    expected: list[Any] = [gxe.ExpectColumnValuesToNotBeNull(column="person_id")]
    if name == "feature":
        expected.append(gxe.ExpectColumnValuesToBeUnique(column="person_id"))
        for feature in features.load_features().features:
            if not as_declared and feature.name not in frame.columns:
                continue
            expected.append(gxe.ExpectColumnValuesToBeBetween(column=feature.name, min_value=feature.minimum))
    if name == "weekly_list":
        expected.append(gxe.ExpectColumnValuesToNotBeNull(column="status"))
    return expected
