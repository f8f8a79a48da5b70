"""The comparison with the true risk, on risks that are known: what is missed, what was never recorded, a leak."""

from __future__ import annotations

import numpy as np
import polars as pl

from tests.bench.oracle import compare


def people(**noise: float) -> pl.DataFrame:
    """3,000 people of known risk; each model sees its log-odds through noise."""
    rng = np.random.default_rng(3)
    logit = rng.normal(-1.5, 1.2, 3000)
    event = rng.random(3000) < 1 / (1 + np.exp(-logit))

    def seen(spread: float) -> pl.Series:
        return pl.Series(1 / (1 + np.exp(-(logit + spread * rng.normal(size=3000)))))

    columns = {name: seen(spread) for name, spread in noise.items()}
    keys = {"practice_code": [f"P{n % 40:02d}" for n in range(3000)], "event": event, "weight": np.ones(3000)}
    return pl.DataFrame(keys | columns)


def test_what_is_missed_and_what_was_never_recorded_are_told_apart():
    found = compare(people(oracle=0, **{"trees with the true state": 0.3}, trees=1.0, champion=1.2))
    differences = found["differences"]
    missed, unrecorded, *_ = differences.values()
    assert 0 < missed["estimate"] < unrecorded["estimate"]
    assert unrecorded["low"] > 0
    assert found["leak"] == "none suspected"


def test_a_model_that_knows_what_cannot_be_known_is_suspected():
    frame = people(oracle=0, **{"trees with the true state": 0.3}, trees=0.5, champion=1.0)
    known = frame.with_columns(trees=pl.col("trees") * 0.2 + pl.col("event").cast(pl.Float64) * 0.6)
    assert compare(known)["leak"] == "suspected: trees - oracle"
