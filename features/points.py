"""Points for anticholinergic effects of medicines, where a site brings a table of them.

None is shipped: the scales in use are their authors' property, and no copy with an open licence was found. A site that
may use one lays it into ``codelists/anticholinergic_points.csv`` of its folder (columns product_code, points; whole
points above 0). Until then the feature is unknown, for a sum over an empty table would look like an honest zero.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import polars as pl

from data_contracts import site
from features.errors import FeatureError

NAME = "anticholinergic_points.csv"
SCHEMA = {"product_code": pl.Int64, "points": pl.Int32}
NONE = pl.DataFrame(schema={"item": pl.Int64, "points": pl.Int32})


def point_rows() -> pl.DataFrame:
    """Columns item (product code) and points, sorted by item; no row where the site has no table.

    Raises:
        FeatureError: the table has not the two columns, holds no rows, a code or points are missing or no numbers,
            or a product is there twice.
    """
    place = site.folder()
    own = place / "codelists" / NAME if place else None
    return _read(own, site.stamp(own)) if own and own.is_file() else NONE


@cache
def _read(path: Path, _: site.Stamp) -> pl.DataFrame:
    try:
        told = pl.read_csv(path, columns=["product_code", "points"], schema_overrides=SCHEMA)
    except pl.exceptions.PolarsError:
        raise FeatureError(
            f"{path.stem}: it needs the columns product_code and points, whole numbers that no spreadsheet changed."
        ) from None
    gap = any(told.null_count().row(0))
    if told.is_empty() or gap or told["product_code"].is_duplicated().any() or (told["points"] < 1).any():
        raise FeatureError(
            f"{path.stem}: it needs rows, each of another product, with at least one point and nothing left empty."
        )
    return told.select(item="product_code", points="points").sort("item")
