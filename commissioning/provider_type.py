"""Who provides care at a place: the NHS, a council or an independent provider, by a dated table of the site.

None is shipped: no source tells it. Until a site brings its own, every figure by provider is *Not known*, and says so.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from data_contracts import site

TABLE: Final = Path(__file__).parent / "provider_type.csv"
TYPES: Final = ("NHS", "Council", "Independent")
SCHEMA: Final = {
    "location_id": pl.String,
    "provider_type": pl.String,
    "from_date": pl.Date,
    "until_date": pl.Date,
    "source": pl.String,
}


class ProviderTypeError(ValueError):
    """The table of providers cannot be used; the message says which line to change."""


def provider_types(path: Path | None = None) -> pl.DataFrame:
    """One row a place and time: `location_id`, `provider_type`, `from_date`, `until_date` (null: still so), `source`.

    Args:
        path: the table; None: that of the site, else the empty one that is shipped.

    Raises:
        ProviderTypeError: a type is not one of `TYPES`, a date or source is missing, or a place has two types at once.
    """
    path = path or site.own_or(TABLE)
    frame = pl.read_csv(path, schema=SCHEMA).sort("location_id", "from_date")
    for number, row in enumerate(frame.iter_rows(named=True), start=1):
        if row["provider_type"] not in TYPES:
            raise ProviderTypeError(f"{path.name}: {row['location_id']}: {row['provider_type']!r} is none of {TYPES}")
        if row["from_date"] is None or not row["source"]:
            raise ProviderTypeError(f"{path.name}: {row['location_id']}: from_date and source are needed")
        after = frame.row(number, named=True) if number < frame.height else None
        same = after is not None and after["location_id"] == row["location_id"]
        if after and same and (row["until_date"] is None or row["until_date"] > after["from_date"]):
            raise ProviderTypeError(f"{path.name}: {row['location_id']}: two types on {after['from_date']}")
    return frame
