"""Tables of both engines beside each other: used by the parity tests, by the test of a run and by the bench."""

from __future__ import annotations

import polars as pl
from polars.testing import assert_frame_equal


def assert_same(ours: pl.DataFrame, theirs: pl.DataFrame) -> None:
    """Equal but for row order and for how wide an integer or a decimal is stored; floats within 1e-6."""
    assert_frame_equal(
        _widened(ours), _widened(theirs), check_row_order=False, check_exact=False, rel_tol=0.0, abs_tol=1e-6
    )


def _widened(frame: pl.DataFrame) -> pl.DataFrame:
    wide = {True: pl.Int64, False: pl.Decimal(38, 6)}
    return frame.with_columns(
        pl.col(name).cast(wide[kind.is_integer()])
        for name, kind in frame.schema.items()
        if kind.is_integer() or kind.is_decimal()
    )
