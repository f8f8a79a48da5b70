"""How long training takes: one outcome on 500,000 rows of 150 features, or every outcome of a home with evaluation.

    python -m tests.bench.training --rows 500000
    python -m tests.bench.training --home demo [--thorough]
    python -m tests.bench.training --home demo --score 220000

The first makes rows of its own and fits what `models.fitting` fits for the boosted trees: the trees, those for each
fold, and their line of calibration. The second trains every declared outcome of a home from its training matrices,
which a training before must have made, into a folder that is thrown away. The third scores so many rows, the week's
cohort again and again, by the model in use of every outcome with a number; of one without, by that of the first.

All print seconds and the highest memory.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from features import load_features
from features.cohort import week_file
from models import boosting, calibration, load, load_outcomes, promoted_for, train
from models.panel import FOLDS, fold_of
from pipelines import stages
from pipelines.store import Store
from pipelines.training import data_date

FEATURES = 150


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--rows", type=int)
    what.add_argument("--home", type=Path)
    parser.add_argument("--thorough", action="store_true")
    parser.add_argument("--score", type=int, help="how many rows to score")
    parser.add_argument("--week", default="2026-02-23")
    given = parser.parse_args()
    threads = os.cpu_count() or 1
    week = dt.date.fromisoformat(given.week)
    if given.rows:
        found = one_outcome(given.rows, threads)
    elif given.score:
        found = scored(Store.at(given.home), week, threads, given.score)
    else:
        found = every_outcome(Store.at(given.home), week, threads, thorough=given.thorough)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(
        json.dumps(
            {
                **found,
                "processor seconds": round(time.process_time()),
                "GiB at most": round(memory, 2),
                "load of the machine": round(os.getloadavg()[1], 1),
            },
            indent=1,
        )
    )


def one_outcome(rows: int, threads: int) -> dict[str, object]:
    """The boosted trees of one outcome, trained and calibrated, on rows of chance with some truth in them."""
    random = np.random.default_rng(1)
    values = random.gamma(0.5, 2.0, (rows, FEATURES)).round(1).astype(np.float32)
    values[random.random((rows, FEATURES), dtype=np.float32) < 0.1] = np.nan
    logit = (
        -2.2 + 0.25 * np.nan_to_num(values[:, :8]).sum(axis=1) - 0.25 * np.nan_to_num(values[:, :8]).sum(axis=1).mean()
    )
    event, weight = random.random(rows) < 1 / (1 + np.exp(-logit)), np.ones(rows)
    fold = fold_of(np.arange(rows) // 6)
    names = [f"feature_{n}" for n in range(FEATURES)]
    began = time.perf_counter()
    _, *parts = boosting.train_but(names, values, event, weight, fold, threads=threads, leave_out=[-1, *range(FOLDS)])
    unseen = np.zeros(rows)
    for number, text in enumerate(parts):
        unseen[fold == number] = boosting.predict(text, values[fold == number], threads=threads)
    line = calibration.fit(unseen, event, weight)
    return {"rows": rows, "features": FEATURES, "seconds": round(time.perf_counter() - began, 1), "slope": line.slope}


def every_outcome(store: Store, week: dt.date, threads: int, *, thorough: bool) -> dict[str, object]:
    """Every declared outcome of a home, tested, with cards."""
    date = data_date(store, week)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, stages.record_opened(store) as con:
        report = train(
            con,
            data_date=date,
            feature_folder=store.lake / "training" / stages.feature_set_folder(),
            model_folder=Path(folder),
            week=week,
            threads=threads,
            declared=load_features(),
            outcomes=list(load_outcomes()),
            thorough=thorough,
        )
    return {
        "outcomes": {o.outcome: f"{o.rows:,} rows, {o.events:,} events" for o in report.outcomes},
        "not trained": report.left,
        "thorough": thorough,
        "seconds": round(time.perf_counter() - began, 1),
    }


def scored(store: Store, week: dt.date, threads: int, rows: int) -> dict[str, object]:
    """So many rows by a model of every outcome that has a number."""
    names = load_features().model_names
    matrix = pl.read_parquet(week_file(stages.feature_folder(store), week, "matrix.parquet"), columns=names)
    people = pl.read_parquet(week_file(stages.feature_folder(store), week, "person.parquet"), columns=["cohort_flag"])
    cohort = matrix.filter(people["cohort_flag"]).to_numpy().astype(np.float32, copy=False)
    values = np.vstack([cohort] * (rows // len(cohort) + 1))[:rows]
    shown = [name for name, outcome in load_outcomes().items() if outcome.shown]
    chosen = {name: promoted_for(store.models, name, week) for name in shown}
    in_use = {name: load(store.models, found[0].model_id).candidate for name, found in chosen.items() if found}
    began = time.perf_counter()
    for name in shown:
        in_use.get(name, next(iter(in_use.values()))).predict(names, values, threads=threads)
    seconds = round(time.perf_counter() - began, 1)
    return {"rows": rows, "outcomes": len(shown), "with a model of their own": len(in_use), "seconds": seconds}


if __name__ == "__main__":
    main()
