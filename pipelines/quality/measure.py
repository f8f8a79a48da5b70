"""Measures of what was delivered: from ledgers and file profiles, so that no row is read twice."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import polars as pl

import sql
from data_contracts.contract import Contract, load_contracts
from data_contracts.ledger import read_ledger
from data_contracts.profile import FileProfile, profiles
from pipelines.findings import Finding
from pipelines.quality.unlisted import unlisted_codes
from pipelines.stages import feature_folder, list_folder, record_opened
from pipelines.store import Store

ASSET = ("quality",)
MOST_SILENT_DAYS = 21
"""A practice that has sent no GP entry for longer counts as silent: three weekly extracts."""

ROWS_RATIO = 3.0
"""A file with three times, or a third of, the usual rows is worth a look."""

SHARE_POINTS = 0.10
"""A column whose share of values moved by ten points, or whose unmatched rows did, is worth a look."""

SHIFT = 0.25
"""Population stability index over codes; 0.25 is the usual mark for a changed distribution (Siddiqi 2006)."""

OVERLAP = 0.25
"""More than one row in four said the same before: the sender repeats itself."""

CROSS_SOURCE = {
    "admission_without_registration": "Hospital stays of people not registered with a practice of the board",
    "activity_after_death": "People with activity more than a week after their death",
    "admitted_without_admission": "Emergency attendances that ended on a ward, without a hospital stay",
    "care_home_disagreement": "People whom only the address, or only the council, places in a care home",
}


@dataclass(frozen=True)
class Silence:
    """Practices that have fallen silent in one GP source, and who is ranked on what they sent before.

    Attributes:
        practices: practice and the newest file that held rows of it.
        aged_65: people aged 65 and over registered there; ``shown`` of them are on a list this week.
    """

    source: str
    practices: tuple[tuple[str, dt.date | None], ...]
    aged_65: int
    shown: int

    @property
    def says(self) -> str:
        """One sentence for the page and the check."""
        many = len(self.practices)
        which = f"{many} practice{'s have' if many != 1 else ' has'}"
        return (
            f"{which} sent no {self.source} rows for {MOST_SILENT_DAYS // 7} weeks: {self.aged_65:,} people aged 65 "
            f"and over are ranked on stale data, {self.shown:,} of them on this week's lists."
        )


@dataclass(frozen=True)
class Quality:
    """Everything that one page says.

    Attributes:
        sources: one row a source with completeness, timeliness, validity, uniqueness.
        deliveries: one row a source and day received, for the trend.
        columns: one row a source and column: share with a value, first and newest.
        practices: one row a practice and GP source: newest file with rows of it, rows of the last 28 days.
        agreement: one row a rule across sources: looked at, found.
        unlisted: one row a source and frequent clinical code that is in no codelist.
    """

    week: dt.date
    sources: pl.DataFrame
    deliveries: pl.DataFrame
    columns: pl.DataFrame
    practices: pl.DataFrame
    agreement: pl.DataFrame
    unlisted: pl.DataFrame
    silences: tuple[Silence, ...]
    findings: tuple[Finding, ...]


def measure(store: Store, week: dt.date) -> Quality:
    """Looks at everything received by the Monday."""
    contracts = load_contracts()
    ledger = read_ledger(store.lake).filter((pl.col("received") <= week) & (pl.col("received").dt.year() > 1970))
    with record_opened(store) as con:
        made = {
            c.id: [p for p in profiles(con, c, lake=store.lake) if dt.date.fromisoformat(p.received) <= week]
            for c in contracts.values()
        }
        agreement, unlisted = _agreement(con, week), unlisted_codes(con, week)
    deliveries = _deliveries(ledger)
    practices = _practices({s: seen for s, seen in made.items() if contracts[s].gp_record}, week)
    silences = _silences(store, practices, week)
    return Quality(
        week=week,
        sources=_sources(contracts, ledger, made, week),
        deliveries=deliveries,
        columns=_columns(made),
        practices=practices,
        agreement=agreement,
        unlisted=unlisted,
        silences=silences,
        findings=tuple(_findings(contracts, made, ledger, agreement, silences, week)),
    )


def _deliveries(ledger: pl.DataFrame) -> pl.DataFrame:
    read = ledger.filter(pl.col("fate") == "accepted")
    counts = ("records", "accepted", "quarantined", "duplicate", "superseded", "warned", "unmatched")
    return (
        read.group_by("source", "received")
        .agg(*(pl.col(c).sum() for c in counts), pl.col("historic").any())
        .sort("source", "received")
    )


def _sources(
    contracts: dict[str, Contract], ledger: pl.DataFrame, made: dict[str, list[FileProfile]], week: dt.date
) -> pl.DataFrame:
    rows = []
    for source, contract in contracts.items():
        mine = ledger.filter(pl.col("source") == source)
        read = mine.filter(pl.col("fate") == "accepted")
        sound = mine.filter(pl.col("fate") != "rejected")["received"]
        newest = sound.max()
        seen = made[source]
        cells = sum(p.rows * len(p.filled) for p in seen)
        changes = contract.delivery.kind == "delta"  # another feed sends old rows again, and so says nothing of delay
        late = [p.days_late for p in seen if changes and p.days_late is not None]
        records = int(read["records"].sum())
        rows.append(
            {
                "source": source,
                "files": mine.height,
                "rejected": mine.filter(pl.col("fate") == "rejected").height,
                "newest": newest,
                "age": (week - newest).days if isinstance(newest, dt.date) else None,
                "every": contract.frequency_days,
                "limit": contract.staleness_days,
                "records": records,
                "complete": sum(sum(p.filled.values()) for p in seen) / cells if cells else None,
                "days_late": sorted(late)[len(late) // 2] if late else None,
                "valid": 1 - int(read["quarantined"].sum()) / records if records else None,
                "warned": int(read["warned"].sum()) / records if records else None,
                "unique": 1 - int(read["duplicate"].sum()) / records if records else None,
                "matched": 1 - int(read["unmatched"].sum()) / records if records and contract.person else None,
            }
        )
    floats = dict.fromkeys(("complete", "valid", "warned", "unique", "matched"), pl.Float64)
    whole = dict.fromkeys(("age", "limit", "days_late"), pl.Int64)
    return pl.DataFrame(rows, schema_overrides={**floats, **whole, "newest": pl.Date})


def _columns(made: dict[str, list[FileProfile]]) -> pl.DataFrame:
    rows = [
        (source, name, seen[0].filled.get(name, 0) / max(seen[0].rows, 1), filled / max(seen[-1].rows, 1))
        for source, files in made.items()
        if (seen := [p for p in files if p.rows])
        for name, filled in seen[-1].filled.items()
    ]
    schema = {"source": pl.String, "column": pl.String, "first": pl.Float64, "newest": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _practices(made: dict[str, list[FileProfile]], week: dt.date) -> pl.DataFrame:
    rows = [
        (source, practice, dt.date.fromisoformat(p.received), count)
        for source, seen in made.items()
        for p in seen
        for practice, count in p.practices.items()
    ]
    schema = {"source": pl.String, "practice": pl.String, "received": pl.Date, "rows": pl.Int64}
    told = pl.DataFrame(rows, schema=schema, orient="row")
    recent = pl.col("received") > week - dt.timedelta(days=28)
    return (
        told.group_by("source", "practice")
        .agg(pl.col("received").max().alias("newest"), pl.col("rows").filter(recent).sum().alias("rows_28_days"))
        .sort("source", "practice")
    )


def _silences(store: Store, practices: pl.DataFrame, week: dt.date) -> tuple[Silence, ...]:
    """Only weekly GP sources can fall silent within weeks; a practice counts when people are registered there."""
    file = feature_folder(store) / f"week={week}" / "person.parquet"
    if not file.exists():
        return ()
    people = pl.read_parquet(file, columns=["person_id", "practice_code", "aged_65_flag"])
    kept = list_folder(store) / f"week={week}" / "ledger.parquet"
    listed = pl.read_parquet(kept, columns=["person_id", "shown"]) if kept.exists() else None
    on_list = listed.filter("shown")["person_id"] if listed is not None else pl.Series([], dtype=pl.Int64)
    registered = people["practice_code"].drop_nulls().unique().sort()
    found = []
    for contract in load_contracts().values():
        told = practices.filter(pl.col("source") == contract.id)
        if not (contract.gp_record and contract.frequency_days <= 7) or told.is_empty():
            continue
        newest = dict(told.select("practice", "newest").rows())
        line = week - dt.timedelta(days=MOST_SILENT_DAYS)
        silent = [(p, newest.get(p)) for p in registered if newest.get(p, dt.date.min) < line]
        if silent:
            theirs = people.filter(pl.col("practice_code").is_in([p for p, _ in silent]) & pl.col("aged_65_flag"))
            shown = theirs.filter(pl.col("person_id").is_in(on_list.to_list())).height
            found.append(Silence(contract.id, tuple(silent), theirs.height, shown))
    return tuple(found)


def _agreement(con: duckdb.DuckDBPyConnection, week: dt.date) -> pl.DataFrame:
    rows = []
    for name, meaning in CROSS_SOURCE.items():
        looked_at, found = con.execute(sql.load(f"quality/{name}"), {"index": week}).fetchall()[0]
        rows.append((name, meaning, int(looked_at), int(found)))
    schema = {"rule": pl.String, "meaning": pl.String, "looked_at": pl.Int64, "found": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _findings(  # noqa: PLR0917
    contracts: dict[str, Contract],
    made: dict[str, list[FileProfile]],
    ledger: pl.DataFrame,
    agreement: pl.DataFrame,
    silences: Sequence[Silence],
    week: dt.date,
) -> list[Finding]:
    told: dict[str, list[str]] = {name: [] for name in CHECKS}
    for source, contract in contracts.items():
        seen = [p for p in made[source] if not p.historic]
        mine = ledger.filter(pl.col("source") == source)
        told["delivered_in_time"] += _late(contract, mine, week)
        told["little_sent_again"] += _repeated(source, mine)
        if len(seen) >= 2:
            *earlier, newest = seen
            told["rows_as_before"] += _rows_changed(newest, earlier)
            told["filled_as_before"] += _filled_changed(newest, earlier)
            told["codes_as_before"] += _codes_shifted(newest, earlier)
            told["period_follows_on"] += _period_gap(contract, newest, earlier)
        told["matched_as_before"] += _matched_changed(source, mine)
    told["practices_send"] += [s.says for s in silences]
    told["sources_agree"] += [
        f"{meaning}: {found:,} of {looked_at:,}."
        for _, meaning, looked_at, found in agreement.rows()
        if looked_at and found > 0.05 * looked_at
    ]
    return [
        Finding(ASSET, check, not says, " ".join(says) if says else CHECKS[check], counts={"noted": len(says)})
        for check, says in told.items()
    ]


CHECKS = {
    "delivered_in_time": "Every source came within one and a half times its usual interval.",
    "rows_as_before": "The newest file of every source has a usual number of rows.",
    "filled_as_before": "No column is filled much more or less than before.",
    "matched_as_before": "No source has many more rows without a person than before.",
    "codes_as_before": "The codes of the newest files are spread as before.",
    "period_follows_on": "No file leaves a gap after the one before it.",
    "little_sent_again": "Few rows say again what was said before.",
    "practices_send": "Every practice with registered people sends GP rows.",
    "sources_agree": "Sources agree with one another.",
}


def _late(contract: Contract, mine: pl.DataFrame, week: dt.date) -> list[str]:
    newest = mine.filter(pl.col("fate") != "rejected")["received"].max()
    if not isinstance(newest, dt.date):
        return []
    age = (week - newest).days
    usual = contract.frequency_days
    return [f"{contract.id}: nothing for {age} days, usually every {usual}."] if age > 1.5 * usual + 1 else []


def _usual(earlier: Sequence[FileProfile]) -> float:
    rows = sorted(p.rows for p in earlier)
    return float(rows[len(rows) // 2])


def _rows_changed(newest: FileProfile, earlier: Sequence[FileProfile]) -> list[str]:
    usual = _usual(earlier)
    if usual < 50 or usual / ROWS_RATIO <= newest.rows <= usual * ROWS_RATIO:
        return []
    return [f"{newest.source}: {newest.rows:,} rows received {newest.received}, usually {usual:,.0f}."]


def _filled_changed(newest: FileProfile, earlier: Sequence[FileProfile]) -> list[str]:
    before = sum(p.rows for p in earlier)
    if not before or newest.rows < 50:
        return []
    found = []
    for name, filled in newest.filled.items():
        share, was = filled / newest.rows, sum(p.filled.get(name, 0) for p in earlier) / before
        if abs(share - was) > SHARE_POINTS:
            found.append(f"{newest.source}: {name} is filled in {share:.0%} of rows, before in {was:.0%}.")
    return found


def _codes_shifted(newest: FileProfile, earlier: Sequence[FileProfile]) -> list[str]:
    found = []
    for name, now in newest.codes.items():
        before: dict[str, int] = {}
        for p in earlier:
            for code, n in p.codes.get(name, {}).items():
                before[code] = before.get(code, 0) + n
        if sum(now.values()) >= 200 and sum(before.values()) >= 200 and (shift := _stability(now, before)) > SHIFT:
            found.append(f"{newest.source}: the codes of {name} are spread otherwise than before (index {shift:.2f}).")
    return found


def _stability(now: dict[str, int], before: dict[str, int]) -> float:
    """Population stability index of two counts by code; a code that is absent counts as half a row."""
    codes = pl.Series(sorted({*now, *before}))
    a = pl.Series([max(now.get(c, 0), 0.5) for c in codes], dtype=pl.Float64)
    b = pl.Series([max(before.get(c, 0), 0.5) for c in codes], dtype=pl.Float64)
    a, b = a / a.sum(), b / b.sum()
    return float(((a - b) * (a / b).log()).sum())


def _period_gap(contract: Contract, newest: FileProfile, earlier: Sequence[FileProfile]) -> list[str]:
    last = max((p.last_event for p in earlier if p.last_event), default=None)
    if contract.delivery.kind != "delta" or last is None or newest.first_event is None:
        return []
    gap = (dt.date.fromisoformat(newest.first_event) - dt.date.fromisoformat(last)).days
    if gap <= max(7, contract.frequency_days):
        return []
    return [f"{newest.source}: {gap} days lie between the file before ({last}) and the newest ({newest.first_event})."]


def _matched_changed(source: str, mine: pl.DataFrame) -> list[str]:
    read = mine.filter((pl.col("fate") == "accepted") & ~pl.col("historic") & (pl.col("accepted") > 0))
    if read.height < 2:
        return []
    *earlier, newest = read.sort("received")["unmatched"].to_list()
    *rows, rows_now = read.sort("received")["accepted"].to_list()
    now, was = newest / rows_now, sum(earlier) / max(sum(rows), 1)
    return [f"{source}: {now:.0%} of rows have no person, before {was:.0%}."] if now > was + SHARE_POINTS else []


def _repeated(source: str, mine: pl.DataFrame) -> list[str]:
    """Snapshots and refreshed submissions repeat by nature; only what a sender of changes repeats is told."""
    contract = load_contracts()[source]
    if contract.delivery.kind != "delta" or contract.version_column:
        return []
    read = mine.filter((pl.col("fate") == "accepted") & (pl.col("records") >= 50))
    if read.is_empty():
        return []
    newest = read.sort("received").row(-1, named=True)
    share = newest["duplicate"] / newest["records"]
    told = f"{source}: {share:.0%} of the rows received {newest['received']} say again what was said before."
    return [told] if share > OVERLAP else []
