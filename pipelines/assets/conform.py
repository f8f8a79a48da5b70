"""Conform: one asset a source. Reads what is new in the inbox, types it, keeps every version with when it was known.

An analyst can run a single source again.
"""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from data_contracts.contract import Contract, load_contracts
from data_contracts.ledger import FATES, DeliveryLedger, newest_received, read_ledger
from pipelines import stages
from pipelines.errors import ProblemError
from pipelines.findings import Finding, keep
from pipelines.partitions import week_of_run
from pipelines.presentation import code_reference, contract_schema, markdown
from pipelines.resources import Writer
from pipelines.sources import remember_contracts
from pipelines.weeks import LATEST_TAG, monday_on_or_before
from record import HistoryReport

GROUP = "conform"
OWNERS = ["team:data-management"]
INBOX = dg.AssetKey("inbox")
WARNED_SHARE = 0.01
"""A check warns when more than one row in a hundred was set aside or carries a warning."""


def key_of(contract: Contract) -> dg.AssetKey:
    """``conform/<source>``."""
    return dg.AssetKey(["conform", contract.id])


def _spec(contract: Contract) -> dg.AssetSpec:
    return dg.AssetSpec(
        key_of(contract),
        deps=[INBOX],
        group_name=GROUP,
        owners=OWNERS,
        kinds={"parquet", "duckdb"},
        freshness_policy=_freshness(contract),
        description=f"{contract.name}, {contract.grain}. {contract.description}\n\n"
        f"From {contract.controller or 'a reference publication'}; delivered as {contract.delivery.kind}. "
        "New files are read once, by content; rows that break a rule go to quarantine, typed rows become versions with "
        "the days from which and until which they were known, and every row is accounted for.",
        metadata={
            "dagster/column_schema": contract_schema(contract),
            "dagster/code_references": code_reference(contract.path),
            "contract version": contract.version,
            "staleness limit (days)": contract.staleness_days if contract.staleness_days is not None else "none",
        },
    )


def _freshness(contract: Contract) -> dg.FreshnessPolicy | None:
    """Looked at no longer ago than the source's staleness limit; the age of what came is told by the checks."""
    if contract.staleness_days is None:
        return None
    return dg.FreshnessPolicy.time_window(fail_window=dt.timedelta(days=contract.staleness_days))


def _checks(contract: Contract) -> list[dg.AssetCheckSpec]:
    key = key_of(contract)
    specs = [
        dg.AssetCheckSpec(
            "every_record_accounted_for",
            asset=key,
            blocking=True,
            description="Each delivered record has exactly one fate, later versions included. Stops the run.",
        ),
        dg.AssetCheckSpec(
            "files_and_rows_accepted",
            asset=key,
            description="No file of the newest delivery was rejected and at most 1 % of its rows were set aside or "
            "carry a warning. Tells, does not stop.",
        ),
    ]
    if contract.staleness_days is not None:
        specs.append(
            dg.AssetCheckSpec(
                "within_staleness_limit",
                asset=key,
                blocking=True,
                description=f"The newest accepted file is at most {contract.staleness_days} days old on the Monday "
                "of the run. Stops the run. A source that was never delivered does not: it is unknown.",
            )
        )
    return specs


_CONTRACTS = load_contracts()
_INBOX_SPEC = dg.AssetSpec(
    INBOX,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"file"},
    description="Deliveries as they came: `inbox/<source>/<received YYYY-MM-DD>/<file>`. Read files leave it for the "
    "vault; what cannot be read stays and is listed.",
)


@dg.multi_asset(
    name="conform",
    specs=[_INBOX_SPEC, *(_spec(c) for c in _CONTRACTS.values())],
    check_specs=[
        dg.AssetCheckSpec(
            "no_stray_files",
            asset=INBOX,
            description="Every file in the inbox lies in the folder of a known source, and none waits for its marker "
            "where the settings ask for one. Tells, does not stop.",
        ),
        *(check for c in _CONTRACTS.values() for check in _checks(c)),
    ],
    can_subset=True,
)
def conform(context: dg.AssetExecutionContext, writer: Writer) -> Iterator[dg.MaterializeResult]:
    """Read the new files of the selected sources."""
    store = writer.store
    week = week_of_run(context, store)
    selected = set(context.selected_asset_keys)
    found: list[Finding] = []
    if INBOX in selected:
        finding, result = _inbox(stages.strays(store), len(stages.unmarked(store)))
        found.append(finding)
        yield result
    wanted = [c for c in _CONTRACTS.values() if key_of(c) in selected]
    for contract, entries, fold in stages.conform(store, wanted):
        ledger = read_ledger(store.lake, contract.id)
        findings = _findings(contract, ledger, week)
        found += findings
        yield dg.MaterializeResult(
            asset_key=key_of(contract),
            metadata=_metadata(store.lake / "conform" / contract.id, ledger, entries, fold),
            check_results=[f.result() for f in findings],
        )
    remember_contracts(store)
    keep(store, found, run_id=context.run_id, step="conform", week=week)
    newest = newest_received(store.lake)
    if LATEST_TAG in context.run.tags and (newest is None or monday_on_or_before(newest) < week):
        # A list once made stays: a file that nobody could read must not use up its Monday.
        raise ProblemError(
            f"Nothing that could be read was received since {week:%A %d %B %Y}: no list is made. Put right what "
            f"`anticipate status` names and run again, or name the week: --week {week}."
        )


def _inbox(strays: list[DeliveryLedger], unmarked: int) -> tuple[Finding, dg.MaterializeResult]:
    says = "Every file lies in the folder of a known source." if not strays else f"{len(strays)} files have no source."
    if unmarked:
        says += f" {unmarked} files were not read: their marker is not there."
    counts = {"files": len(strays), "files without their marker": unmarked}
    finding = Finding(("inbox",), "no_stray_files", not strays and not unmarked, says, counts=counts)
    table = pl.DataFrame([{"folder": e.source, "file": e.file, "message": e.message} for e in strays])
    metadata: dict[str, Any] = {"stray files": len(strays), "listed": dg.MetadataValue.md(markdown(table))}
    return finding, dg.MaterializeResult(asset_key=INBOX, metadata=metadata, check_results=[finding.result()])


def _findings(contract: Contract, ledger: pl.DataFrame, week: dt.date) -> list[Finding]:
    asset = ("conform", contract.id)
    read = ledger.filter(pl.col("fate") != "resent")
    newest = read.filter(pl.col("received") == read["received"].max()) if len(read) else read
    counts = {fate: int(newest[fate].sum()) for fate in ("records", *FATES, "warned")}
    rejected = newest.filter(pl.col("fate") == "rejected")
    set_aside = counts["quarantined"] + counts["warned"]
    sound = rejected.is_empty() and set_aside <= WARNED_SHARE * max(counts["records"], 1)
    told = [f"{file}: {message}" for file, message in rejected.select("file", "message").rows()]
    told.append(
        f"{counts['quarantined']:,} rows set aside and {counts['warned']:,} with a warning of {counts['records']:,}."
    )
    uneven = read.filter(pl.sum_horizontal(FATES) != pl.col("records"))["file"].to_list()
    says = "Every record has one fate." if not uneven else f"The fates do not add up in {', '.join(uneven)}."
    whole = {fate: int(read[fate].sum()) for fate in ("records", *FATES)}
    findings = [
        Finding(asset, "every_record_accounted_for", not uneven, says, blocking=True, counts=whole),
        Finding(
            asset, "files_and_rows_accepted", sound, " ".join(told), counts={**counts, "files rejected": len(rejected)}
        ),
    ]
    if contract.staleness_days is not None:
        findings.append(_staleness(contract, contract.staleness_days, ledger, week))
    return findings


def _staleness(contract: Contract, limit: int, ledger: pl.DataFrame, week: dt.date) -> Finding:
    dates = ledger.filter((pl.col("fate") != "rejected") & (pl.col("received") <= week))["received"].to_list()
    """A list that is sent again unchanged is as fresh as a changed one."""
    asset, check = ("conform", contract.id), "within_staleness_limit"
    if not dates:
        return Finding(asset, check, True, f"Never delivered by {week}: what depends on it is unknown.", blocking=True)
    age = (week - max(dates)).days
    says = f"Newest accepted file received {max(dates)}, {age} days before {week}; the limit is {limit}."
    return Finding(asset, check, age <= limit, says, blocking=True, counts={"age (days)": age, "limit (days)": limit})


def _metadata(folder: Path, ledger: pl.DataFrame, entries: list[DeliveryLedger], fold: HistoryReport) -> dict[str, Any]:
    table = ledger.select("file", "received", "fate", "records", *FATES, "warned", "unmatched", "message")
    totals = {fate: int(ledger[fate].sum()) for fate in ("records", *FATES, "warned", "unmatched")}
    return {
        "dagster/row_count": totals["accepted"],
        "files met in this run": len(entries),
        "files delivered": len(ledger),
        **totals,
        "versions added in this run": fold.rows,
        "versions closed in this run": fold.closed,
        "accounting": dg.MetadataValue.md(markdown(table.sort("received", descending=True))),
        "notes": "; ".join(fold.notes) or "none",
        "folder": dg.MetadataValue.path(str(folder)),
    }
