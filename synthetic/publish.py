"""Pieces to files in an inbox: joined, wrapped as senders do, some broken on purpose; and the manifest of all."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from dataclasses import asdict
from pathlib import Path

import polars as pl

from data_contracts.contract import load_contracts
from synthetic import write
from synthetic.plan import Manifest, Plan

#: how some senders wrap a file, by source and week after the historic delivery
PACKED = {
    ("gp_medication", 1): "gzip", ("ecds", 1): "bom", ("gp_appointment", 2): "zip", ("outpatient", 2): "crlf",
    ("cld", 3): "cp1252", ("apc", 3): "gzip", ("csds_care_contact", 4): "zip",
}  # fmt: skip
RESENT = ("gp_medication", 1)  # sent again, byte for byte, a week later


#: whole files that cannot be read: source, weeks after the historic delivery, how it was broken, rule
BROKEN = (
    ("gp_event", 1, "truncated gzip", "F03"), ("ecds", 1, "another delimiter", "F06"),
    ("apc", 2, "headings missing", "F05"), ("outpatient", 2, "empty file", "F04"),
    ("gp_appointment", 3, "two files in a zip", "F03"), ("gp_medication", 3, "a heading twice", "F07"),
    ("ecds", 4, "an Excel workbook", "F03"), ("apc", 4, "UTF-16", "F03"),
)  # fmt: skip


def publish(plan: Plan, pieces: list[write.Piece], inbox: Path, manifest: Manifest, *, broken: bool = False) -> None:
    """Joins the pieces into files in the inbox and writes the manifest.

    Args:
        plan: days and format.
        pieces: of all parts.
        inbox: where the files go.
        manifest: is told of every file and fault.
        broken: send some files spoilt as a whole first, beside the good ones.
    """
    groups: dict[tuple[str, dt.date], list[write.Piece]] = {}
    for piece in pieces:
        groups.setdefault((piece.source, piece.received), []).append(piece)
    historic = plan.date(plan.history)
    for (source, received), group in sorted(groups.items()):
        kept = sorted((p for p in group if p.rows), key=lambda p: p.path)
        if not kept:
            continue
        folder = inbox / source / received.isoformat()
        big = received == historic and load_contracts()[source].delivery.kind == "delta" and len(kept) > 1
        batches = [[p] for p in kept] if big else [kept]
        for i, batch in enumerate(batches):
            target = folder / (f"{source}-{i + 1:02d}.csv" if big else f"{source}.csv")
            count = sum(p.rows for p in batch)
            listed = write.join(batch, target)
            weeks = (received - historic).days // 7
            if broken:
                manifest.faults += _broken(target, source, weeks, inbox)
            if plan.parquet:
                target = write.as_parquet(target, load_contracts()[source].delimiter)
            elif weeks and (how := PACKED.get((source, weeks))):
                target = write.pack(target, how)
            name = str(target.relative_to(inbox))
            manifest.faults += [{"source": source, "file": name, **fault} for fault in listed]
            manifest.files.append({"source": source, "received": received.isoformat(), "file": name, "rows": count})
            if (source, weeks) == RESENT and received.weekday() == 0:
                again = inbox / source / (received + dt.timedelta(weeks=1)).isoformat()
                again.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(target, again / f"{source}-again{''.join(target.suffixes)}")
        if received == historic:
            (folder / "delivery.yaml").write_text("historic: true\n", encoding="utf-8")
    _write_manifest(manifest)


def _broken(good: Path, source: str, weeks: int, inbox: Path) -> list[dict[str, object]]:
    """Copies of a good file spoilt as a whole, as faults of row 0."""
    found: list[dict[str, object]] = []
    for what, week, how, code in BROKEN:
        if (what, week) == (source, weeks):
            target = write.break_file(good, how, load_contracts()[source].delimiter)
            fault = {"row": 0, "fault": how, "rule": code, "column": "", "level": "reject file"}
            found.append({"source": source, "file": str(target.relative_to(inbox)), **fault})
    return found


def _write_manifest(manifest: Manifest) -> None:
    manifest.truth.mkdir(parents=True, exist_ok=True)
    columns = ["source", "file", "row", "fault", "rule", "column", "level"]
    frame = pl.DataFrame(manifest.faults, schema={c: pl.Int64 if c == "row" else pl.String for c in columns})
    frame.write_csv(manifest.truth / "fault.csv")
    told = asdict(manifest) | {"faults": len(manifest.faults), "truth": manifest.truth.name}
    (manifest.truth / "manifest.json").write_text(json.dumps(told, default=str, indent=1), encoding="utf-8")
