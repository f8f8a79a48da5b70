"""How often frailty bands are right: computed, coded and on the clinical scale, beside the need of artificial people.

    python -m tests.bench.frailty_bands --home demo

Needs a home made by `anticipate demo`: the people are lived again from their seed up to the newest Monday, so that it
is known how much help each of them needs. The true band is that need, cut where the generator's clinicians cut it. For
people of 65 and over it asks of each band, or a higher one: how many of those truly so have it (sensitivity), and how
many of those who have it are truly so (positive predictive value); in all, and by how well practices record. What comes
out describes the artificial people; neither lists nor bands are tuned to it. Nothing here is part of the product.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

import features
from data_contracts.identity import pseudonyms
from pipelines import stages
from pipelines.store import Store
from synthetic import resume
from synthetic.deliveries import Plan
from synthetic.emit_measure import MILD_FROM, MODERATE_FROM, SEVERE_FROM
from tests.bench.phenotypes import THIRDS, as_markdown, percent

BANDS = {1: "mild or more", 2: "moderate or more", 3: "severe"}
RANKED_BY = {"frailty_index_band": "entries", "frailty_level": "coded", "rockwood_band": "coded"}


def main() -> None:
    """Measures and prints as Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    store = Store.at(parser.parse_args().home)
    told = json.loads((store.home / "demo" / "truth" / "manifest.json").read_text(encoding="utf-8"))
    days = [dt.date.fromisoformat(day) for day in told["deliveries"]]
    plan = Plan(told["people"], told["seed"], dt.date.fromisoformat(told["first_day"]), days[-1], len(days) - 1)
    with tempfile.TemporaryDirectory() as scratch, stages.record_opened(store) as con:
        matrix = features.build_matrix(con, [days[-1]], out=Path(scratch))[days[-1]]
        people = features.people(Path(scratch), days[-1]).filter("aged_65_flag").select("person_id", "practice_code")
        bands = pl.read_parquet(matrix, columns=["person_id", "coded_entries_365", *RANKED_BY])
    frame = people.join(bands, on="person_id").join(true_bands(store, plan, days[-1]), on="person_id", how="inner")
    print(f"{frame.height:,} people of 65 and over on {days[-1]}, of {told['people']:,} artificial people\n")
    for name in RANKED_BY:
        print(name, as_markdown(measured(frame, name)), sep="\n\n", end="\n\n")


def true_bands(store: Store, plan: Plan, week: dt.date) -> pl.DataFrame:
    """person_id and true band (0 to 3) of everybody who lives here on the Monday."""
    with tempfile.TemporaryDirectory() as scratch:
        stopped = resume.stop_at(
            Path(scratch) / "state.npz",
            people=plan.people,
            seed=plan.seed,
            first_day=plan.first_day,
            days=plan.days,
            week=(week - plan.first_day).days // 7,
        )
    here = stopped.state.alive & stopped.state.present
    band = np.digitize(stopped.state.dependence[here], [MILD_FROM, MODERATE_FROM, SEVERE_FROM])
    numbers = pl.Series(stopped.numbers[here].astype(str))
    return pl.DataFrame({"person_id": pseudonyms(stages.open_key(store), "nhs_number", numbers), "true": band})


def measured(frame: pl.DataFrame, band: str) -> pl.DataFrame:
    """One row a group of practices and band: people, truly so, sensitivity and predictive value in percent.

    Practices are ranked by coded entries a year and older person for the computed index, and by the share of truly
    frail people with a frailty code for what clinicians record.

    Args:
        frame: one row a person: practice_code, true (0 to 3), the band looked at (missing: unknown, or never
            recorded), frailty_level and coded_entries_365.
        band: the feature looked at.
    """
    rank = {
        "entries": pl.col("coded_entries_365").mean(),
        "coded": (pl.col("frailty_level").fill_null(0) > 0).filter(pl.col("true") > 0).mean(),
    }[RANKED_BY[band]]
    practices = frame.group_by("practice_code").agg(rank=rank.fill_null(0)).sort("rank", "practice_code")
    practices = practices.with_columns(third=(pl.int_range(pl.len()) * len(THIRDS)).floordiv(pl.len()))
    grouped = frame.join(practices, on="practice_code", how="left", nulls_equal=True)
    parts = {"all practices": grouped} | {said: grouped.filter(third=n) for n, said in enumerate(THIRDS)}
    rows = []
    for said, part in parts.items():
        for value, words in BANDS.items():
            found, true = part.filter(pl.col(band) >= value), part.filter(pl.col("true") >= value)
            right = found.filter(pl.col("true") >= value).height
            rows.append({
                "practices": said, "band": words, "people": found.height, "truly": true.height,
                "sensitivity": percent(right, true.height), "predictive value": percent(right, found.height),
                "nothing known": part[band].is_null().sum(),
            })  # fmt: skip
    return pl.DataFrame(rows)


if __name__ == "__main__":
    main()
