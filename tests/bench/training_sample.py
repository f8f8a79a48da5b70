"""What a smaller sample of the panel loses: one outcome learned from shares of it, tested on the same rows.

    python -m tests.bench.training_sample --home demo [--outcome emergency_admission_12m]

Reads the training matrices that a training of the home has made. Each share draws whole people as training does
(``models.panel.drawn``), so a smaller share lies within a larger one; every step of the ladder is fitted to it. Prints,
for each share and step, area under the curve, scaled Brier score, observed over expected, and what of it is lost
against the largest share, with 95 % intervals over practices; and the seconds that fitting took.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from features import load_features
from models import load_outcomes, training_weeks
from models.evaluation import TestRows, interval, replicates
from models.fitting import Fates, Material, fates, fit_all
from models.panel import drawn, read_part
from models.training import opted_out
from pipelines import stages
from pipelines.store import Store
from pipelines.training import data_date

SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)
SHOWN = ("auroc", "scaled_brier", "observed_over_expected")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--outcome", default=next(iter(load_outcomes())))
    parser.add_argument("--week", default="2026-02-23")
    parser.add_argument("--rows", type=int, default=2_000_000, help="the largest sample")
    given = parser.parse_args()
    os.environ["ANTICIPATE_HOME"] = str(given.home)
    store = Store.at(given.home)
    material, learned, checked = _read(store, given.outcome, dt.date.fromisoformat(given.week), given.rows)
    rows = TestRows(checked.event, checked.weight, material.check.practice, checked.amount)
    found, person = {}, material.learn.keys["person_id"].to_numpy()
    for share in SHARES:
        part = drawn(person, share)
        began = time.perf_counter()
        steps = fit_all(replace(material, learn=material.learn.only(part)), _only(learned, part))
        seconds = round(time.perf_counter() - began, 1)
        found[share] = {
            s.name: replicates(s.predict(material.names, material.check.values, threads=material.threads), rows)
            for s in steps
        }
        told = {"share": share, "person-weeks": int(part.sum()), "events": int(learned.event[part].sum())}
        print(json.dumps({**told, "seconds": seconds}), flush=True)
    for share in SHARES:
        for name, metrics in found[share].items():
            shown = {m: interval(metrics[m]) for m in SHOWN if m in metrics}
            lost = {f"{m} lost": interval(found[1.0][name][m] - metrics[m]) for m in shown}
            print(json.dumps({"share": share, "step": name, **shown, **lost}))


def _read(store: Store, name: str, week: dt.date, most_rows: int) -> tuple[Material, Fates, Fates]:
    """Rows to learn from and to test on, with their fates."""
    declared, outcome = load_features(), load_outcomes()[name]
    folder, date = store.lake / "training" / stages.feature_set_folder(), data_date(store, week)
    with stages.record_opened(store) as con:
        weeks, leave_out = training_weeks(con, data_date=date), opted_out(con, date)
        learn = read_part(folder, weeks.train, declared, test=False, leave_out=leave_out, most_rows=most_rows)
        check = read_part(folder, weeks.test, declared, test=True, leave_out=leave_out)
        material = Material(weeks, learn, check, declared, date, os.cpu_count() or 1).able(outcome)
        return (
            material,
            fates(con, outcome, material.learn, material),
            fates(con, outcome, material.check, material),
        )


def _only(learned: Fates, part: np.ndarray) -> Fates:
    amount = None if learned.amount is None else learned.amount[part]
    return Fates(learned.event[part], learned.weight[part], learned.competing, learned.censored, amount)


if __name__ == "__main__":
    main()
