"""Which products hold the same substance, so that two strengths of one medicine count as one.

``data_contracts/reference/medicine_substance.csv`` names the substance of the products that it knows, from their own
names; a product that is not in it counts as itself.
"""

from __future__ import annotations

from functools import cache

import polars as pl

from data_contracts.contract import REFERENCE


@cache
def substance_rows() -> pl.DataFrame:
    """Columns item (product code) and substance_item: the smallest product code of the substance stands for it."""
    told = pl.read_csv(REFERENCE / "medicine_substance.csv", schema_overrides={"product_code": pl.Int64})
    return told.select(item="product_code", substance_item=pl.col("product_code").min().over("substance")).sort("item")
