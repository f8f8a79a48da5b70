"""Which products hold the same substance, so that two strengths of one medicine count as one.

``data_contracts/reference/medicine_substance.csv`` names the substance of the products that it knows, from their own
names; a product that is not in it counts as itself. A site that has the whole table, of the official release of the
dictionary of medicines and devices, lays it into ``codelists/medicine_substance.csv`` of its folder (columns
product_code, substance): it replaces ours as a whole.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import polars as pl

from data_contracts import site
from data_contracts.contract import REFERENCE
from features.errors import FeatureError

NAME = "medicine_substance.csv"
SCHEMA = {"product_code": pl.Int64, "substance": pl.String}


def substance_rows() -> pl.DataFrame:
    """Columns item (product code) and substance_item: the smallest product code of the substance stands for it.

    Raises:
        FeatureError: the site's table has not the two columns, a code is no number, or a product is there twice.
    """
    place = site.folder()
    own = place / "codelists" / NAME if place else None
    path = own if own and own.is_file() else REFERENCE / NAME
    return _read(path, site.stamp(path))


@cache
def _read(path: Path, _: site.Stamp) -> pl.DataFrame:
    try:
        told = pl.read_csv(path, columns=["product_code", "substance"], schema_overrides=SCHEMA).drop_nulls()
    except pl.exceptions.PolarsError:
        raise FeatureError(
            f"{path.name}: it needs the columns product_code and substance, and codes that no spreadsheet has changed."
        ) from None
    if told["product_code"].is_duplicated().any():
        raise FeatureError(f"{path.name}: a product is there twice; give each product one substance.")
    return told.select(item="product_code", substance_item=pl.col("product_code").min().over("substance")).sort("item")
