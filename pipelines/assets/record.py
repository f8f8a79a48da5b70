"""Record: what each source said and from when until when (``history``), and the canonical tables made from it."""

import re
from collections.abc import Iterator

import dagster as dg
import polars as pl

import sql
from data_contracts.contract import Contract, load_contracts
from data_contracts.ledger import FATES, read_ledger
from pipelines import stages
from pipelines.assets.conform import key_of as conform_key
from pipelines.findings import Finding, keep
from pipelines.partitions import week_of_run
from pipelines.presentation import code_reference, contract_schema, markdown
from pipelines.resources import Writer
from record import TABLES

GROUP = "record"
OWNERS = ["team:data-management"]
_CONTRACTS = load_contracts()
_READS = re.compile(r"\b(?:from|join)\s+([a-z_0-9]+)")


def history_key(contract: Contract) -> dg.AssetKey:
    """``history/<source>``."""
    return dg.AssetKey(["history", contract.id])


def table_key(table: str) -> dg.AssetKey:
    """``record/<table>``."""
    return dg.AssetKey(["record", table])


def _header(statement: str) -> str:
    """The comment that opens a statement: grain, inputs, meaning."""
    lines = []
    for line in statement.lstrip().splitlines():
        if not line.startswith("--"):
            break
        lines.append(line.removeprefix("--").strip())
    return " ".join(lines)


def _reads(table: str) -> list[dg.AssetKey]:
    """What the statement of a table reads: histories and other canonical tables."""
    names = set(_READS.findall(sql.load(f"record/{table}").lower()))
    histories = [history_key(c) for c in _CONTRACTS.values() if f"{c.id}_history" in names]
    return histories + [table_key(t) for t in TABLES if t in names and t != table]


def _history_spec(contract: Contract) -> dg.AssetSpec:
    return dg.AssetSpec(
        history_key(contract),
        deps=[conform_key(contract)],
        group_name=GROUP,
        owners=OWNERS,
        kinds={"parquet", "duckdb"},
        description=f"Versions of **{contract.name}**: {contract.grain}, with the days from which and until which it "
        "was known. Corrections and resubmissions close a version and open the next; nothing is overwritten.",
        metadata={
            "dagster/column_schema": contract_schema(contract, history=True),
            "dagster/code_references": code_reference(contract.path),
        },
    )


def _table_spec(table: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        table_key(table),
        deps=_reads(table),
        group_name=GROUP,
        owners=OWNERS,
        kinds={"sql", "duckdb"},
        description=_header(sql.load(f"record/{table}")),
        metadata={"dagster/code_references": code_reference(sql.FOLDER / "record" / f"{table}.sql")},
    )


@dg.multi_asset(
    name="record",
    specs=[*(_history_spec(c) for c in _CONTRACTS.values()), *(_table_spec(t) for t in TABLES)],
    check_specs=[
        dg.AssetCheckSpec(
            "every_record_accounted_for",
            asset=history_key(c),
            blocking=True,
            description="Each delivered record has exactly one fate, later versions included. Stops the run.",
        )
        for c in _CONTRACTS.values()
    ],
    can_subset=True,
)
def record(context: dg.AssetExecutionContext, writer: Writer) -> Iterator[dg.MaterializeResult]:
    """Fold new deliveries into versions, then build the selected canonical tables."""
    store = writer.store
    selected = set(context.selected_asset_keys)
    found: list[Finding] = []
    wanted = [c for c in _CONTRACTS.values() if history_key(c) in selected]
    for contract, report in stages.fold(store, wanted):
        ledger = read_ledger(store.lake, contract.id)
        finding = _accounting(contract, ledger)
        found.append(finding)
        yield dg.MaterializeResult(
            asset_key=history_key(contract),
            metadata={
                "deliveries folded": report.deliveries,
                "versions added": report.rows,
                "versions closed": report.closed,
                "said again": report.duplicate,
                "folded anew": report.rebuilt,
                "notes": "; ".join(report.notes) or "none",
            },
            check_results=[finding.result()],
        )
    for table, columns in stages.build_record(store, [t for t in TABLES if table_key(t) in selected]):
        yield dg.MaterializeResult(
            asset_key=table_key(table.name),
            metadata={
                "dagster/row_count": table.rows,
                "dagster/column_schema": dg.TableSchema([dg.TableColumn(n, k.lower()) for n, k in columns]),
                "stored as": dg.MetadataValue.path(str(table.path)) if table.path else "a view over the histories",
            },
        )
    keep(store, found, run_id=context.run_id, step="record", week=week_of_run(context, store))


def _accounting(contract: Contract, ledger: pl.DataFrame) -> Finding:
    read = ledger.filter(pl.col("fate") != "resent")
    uneven = read.filter(pl.sum_horizontal(FATES) != pl.col("records"))
    says = "Every record has one fate." if uneven.is_empty() else f"Fates do not add up:\n{markdown(uneven)}"
    counts = {fate: int(read[fate].sum()) for fate in ("records", *FATES)}
    return Finding(
        ("history", contract.id), "every_record_accounted_for", uneven.is_empty(), says, blocking=True, counts=counts
    )
