"""Who is housebound and not coded: what the model expects beside what is true of artificial people.

    python -m tests.bench.hidden_housebound --home demo

Needs a home made by `anticipate demo` in which the model was trained. The truth lies in the home's `demo/truth` and is
read by nothing of the product.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

import sql
from data_contracts.identity import pseudonyms
from features.cohort import week_file
from models import evaluation, registry
from models.hidden import load_hidden
from models.scoring import score_week
from pipelines import stages
from pipelines.store import Store


def main() -> None:
    """Measures and prints; also as JSON in the home."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--week", default="2026-02-23")
    parser.add_argument("--models", type=Path, help="folder of kept models; default the home's")
    given = parser.parse_args()
    store, week = Store.at(given.home), dt.date.fromisoformat(given.week)
    found = compare(_people(store, week, given.models or store.models))
    print(json.dumps(found, indent=1))
    (given.home / "hidden_housebound.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def compare(people: pl.DataFrame) -> dict[str, object]:
    """Expected and true numbers without a code, in all and by network; and how well the people are told apart.

    ``people``: one row a person without a code: score, bound (truth), practice_code, area.
    """
    practice = np.unique(people["practice_code"].fill_null("").to_numpy(), return_inverse=True)[1]
    rows = evaluation.TestRows(people["bound"].to_numpy(), np.ones(len(people)), practice)
    measured = evaluation.summary(evaluation.replicates(people["score"].to_numpy(), rows))
    areas = people.group_by("area").agg(expected=pl.col("score").sum(), true=pl.col("bound").sum(), people=pl.len())
    large = areas.filter(pl.col("true") >= 8)
    kept = ("auroc", "observed_over_expected", "calibration_slope", "ppv_top_1_percent", "ppv_top_5_percent")
    return {
        "people without a code": people.height,
        "expected": round(float(people["score"].sum()), 1),
        "true": int(people["bound"].sum()),
        **{name: measured[name] for name in kept},
        "networks with 8 or more": large.height,
        "correlation over networks": round(float(np.corrcoef(large["expected"], large["true"])[0, 1]), 3)
        if large.height > 2
        else None,
        "mean absolute error over networks": round(float((large["expected"] - large["true"]).abs().mean() or 0), 2),
        "mean true over networks": round(float(large["true"].mean() or 0), 2),
    }


def _people(store: Store, week: dt.date, models: Path) -> pl.DataFrame:
    with tempfile.TemporaryDirectory() as folder:
        path = score_week(
            week, feature_folder=stages.feature_folder(store), model_folder=models, out=Path(folder), threads=2
        )
        scores = pl.read_parquet(path).filter(pl.col("outcome") == load_hidden().name).select("person_id", "score")
    if scores.is_empty():
        raise SystemExit(f"no model for {load_hidden().name} is in use: {registry.REGISTRY} has none")
    spells = pl.read_parquet(store.home / "demo" / "truth" / "state" / "spell" / "*.parquet").filter(
        pl.col("state") == "housebound",
        pl.col("start_date") <= week,
        pl.col("end_date").is_null() | (pl.col("end_date") >= week),
    )
    bound = pl.Series(pseudonyms(stages.open_key(store), "nhs_number", spells["nhs_number"].cast(pl.String)))
    people = pl.read_parquet(
        week_file(stages.feature_folder(store), week, "person.parquet"), columns=["person_id", "practice_code"]
    )
    with stages.record_opened(store) as con:
        practices = con.sql(sql.load("outreach/practice"), params={"index": week}).pl()
    return (
        scores.join(people, on="person_id")
        .join(practices.select("practice_code", area="pcn_name"), on="practice_code", how="left")
        .with_columns(bound=pl.col("person_id").is_in(bound.implode()))
        .sort("person_id")
    )


if __name__ == "__main__":
    main()
