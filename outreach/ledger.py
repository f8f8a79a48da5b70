"""The ledger: everyone considered for a week's list, shown or not and why. Written once, never changed."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl

from outreach.choice import LEDGER_COLUMNS
from outreach.declaration import ListError

LEDGER = "ledger.parquet"


def listed_before(earlier: Path | None, week: dt.date, look_back_weeks: int) -> pl.DataFrame:
    """Who was shown in the weeks before.

    Args:
        earlier: the folder of `week=YYYY-MM-DD/ledger.parquet`, or None: no list was ever made.
        week: the index Monday.
        look_back_weeks: how many weeks to look back.

    Returns:
        One row a person: `person_id`, `last_listed` (the latest such week), `last_team`.
    """
    since = week - dt.timedelta(weeks=look_back_weeks)
    files = [path for when, path in ledgers(earlier) if since <= when < week]
    empty = pl.DataFrame(schema={"person_id": pl.Int64, "last_listed": pl.Date, "last_team": pl.String})
    if not files:
        return empty
    shown = pl.concat([pl.read_parquet(f, columns=["week", "person_id", "team", "shown"]) for f in files])
    return (
        shown.filter("shown")
        .sort("week", "person_id")
        .group_by("person_id")
        .agg(last_listed=pl.col("week").last(), last_team=pl.col("team").last())
        .sort("person_id")
    )


def ledgers(folder: Path | None) -> list[tuple[dt.date, Path]]:
    """Week and path of every ledger below a folder, in week order."""
    if folder is None or not folder.exists():
        return []
    found = folder.glob(f"week=*/{LEDGER}")
    return sorted((dt.date.fromisoformat(p.parent.name.removeprefix("week=")), p) for p in found)


def check_order(earlier: Path | None, week: dt.date, out: Path) -> None:
    """Lists are made in week order, each reading the last.

    Raises:
        ListError: a later week has a list and this one has none.
    """
    later = [when for when, _ in ledgers(earlier) if when > week]
    if later and not (out / LEDGER).exists():
        raise ListError(
            f"The list of {later[0]:%d %b %Y} is made already; lists are made in week order, "
            f"so the list of {week:%d %b %Y} can no longer be made."
        )


def write_ledger(chosen: pl.DataFrame, out: Path) -> tuple[Path, int]:
    """Writes the ledger, or leaves the one that is there: what was given out is never changed.

    Returns:
        Its path, and how many people would stand otherwise in it had it been written now; 0 when it says the same.
    """
    ledger = chosen.select(LEDGER_COLUMNS)
    path = out / LEDGER
    if path.exists():
        kept = pl.read_parquet(path)
        if kept.equals(ledger):
            return path, 0
        gone, come = (
            x.join(y, on=LEDGER_COLUMNS, how="anti", nulls_equal=True) for x, y in ((kept, ledger), (ledger, kept))
        )
        return path, pl.concat([gone, come])["person_id"].n_unique()
    partial = path.with_suffix(".partial")
    ledger.write_parquet(partial, compression="zstd")
    partial.replace(path)
    return path, 0
