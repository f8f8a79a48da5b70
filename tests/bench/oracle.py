"""How near the learner comes to what can be known at all: models beside the true risk of artificial people.

    python -m tests.bench.oracle --home demo --replicates 200

Needs a home made by `anticipate demo` (or by the generator) in which a model was trained: the people are made again
from their seed, so that their true states and risks can be asked. Of the people and weeks that every model was tested
on, 65 and over, it compares

- the oracle: the true probability, by living the next year again and again;
- the same boosted trees, trained once more with the true state added: what the learner misses is oracle minus that;
- the boosted trees and the champion as kept: what was never recorded is the trees with the true state minus those.

A whole paired interval of model minus oracle above 0 would mean that the model knows what cannot be known: a leak.
Nothing here is part of the product, and no delivery holds any of it.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import time
from pathlib import Path

import numpy as np
import polars as pl

from data_contracts.identity import pseudonyms
from features import load_features
from models import boosting, evaluation, ladder, load, load_outcomes, promoted_for, registry, training_weeks
from models.candidate import Candidate
from models.fitting import Fates, Material, fates
from models.panel import Part, read_part
from models.training import opted_out
from pipelines import stages
from pipelines.store import Store
from synthetic.course import begin, live
from synthetic.deliveries import Plan
from synthetic.people import make, nhs_numbers
from synthetic.truth import true_risk

STATES = ("chronic", "acute", "recent", "vulnerability", "housebound", "home", "alone", "palliative")
KEYS = ["week", "person_id"]


def main() -> None:
    """Measures and prints; also as JSON in the home."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--replicates", type=int, default=200)
    parser.add_argument("--week", help="the Monday whose model is looked at", default="2026-02-23")
    given = parser.parse_args()
    began = time.perf_counter()
    store, week = Store.at(given.home), dt.date.fromisoformat(given.week)
    outcome = next(iter(load_outcomes().values()))
    chosen = promoted_for(store.models, outcome.name, week)
    if chosen is None:
        raise SystemExit(f"{given.home} holds no model; run `anticipate demo` first")
    champion = load(store.models, chosen[0].model_id)
    material, learned, checked = _material(store, champion)
    latent = _latent(store, material, replicates=given.replicates)
    tested = _predictions(material, learned, checked, latent, champion, store)
    found = compare(tested)
    found |= {"people": _plan(store).people, "replicates": given.replicates, "model": champion.model_id}
    found["seconds"] = round(time.perf_counter() - began)
    print(json.dumps(found, indent=1))
    (given.home / "oracle.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def compare(tested: pl.DataFrame) -> dict[str, object]:
    """AUROC of each, and the paired differences that matter, with intervals by drawing practices."""
    practice = np.unique(tested["practice_code"].to_numpy(), return_inverse=True)[1]
    rows = evaluation.TestRows(tested["event"].to_numpy(), tested["weight"].to_numpy(), practice)
    names = ("oracle", "trees with the true state", "trees", "champion")
    auroc = {name: evaluation.replicates(tested[name].to_numpy(), rows)["auroc"] for name in names}
    pairs = {
        "missed by the learner (oracle - trees with the true state)": ("oracle", "trees with the true state"),
        "never recorded (trees with the true state - trees)": ("trees with the true state", "trees"),
        "trees - oracle": ("trees", "oracle"),
        "champion - oracle": ("champion", "oracle"),
    }
    differences = {said: evaluation.interval(auroc[a] - auroc[b]) for said, (a, b) in pairs.items()}
    leak = [n for n in ("trees - oracle", "champion - oracle") if differences[n]["low"] > 0]
    return {
        "person_weeks": tested.height,
        "events": int(tested.filter(pl.col("weight") > 0)["event"].sum()),
        "auroc": {name: evaluation.interval(values) for name, values in auroc.items()},
        "differences": differences,
        "leak": f"suspected: {', '.join(leak)}" if leak else "none suspected",
    }


def _plan(store: Store) -> Plan:
    told = json.loads((store.home / "demo" / "truth" / "manifest.json").read_text(encoding="utf-8"))
    days = [dt.date.fromisoformat(day) for day in told["deliveries"]]
    return Plan(told["people"], told["seed"], dt.date.fromisoformat(told["first_day"]), days[-1], len(days) - 1)


def _material(store: Store, champion: registry.Kept) -> tuple[Material, Fates, Fates]:
    """What the champion was trained from and tested on, read as it was then."""
    declared, date = load_features(), dt.date.fromisoformat(champion.about["data_date"])
    folder = store.lake / "training" / stages.feature_set_folder()
    outcome = next(iter(load_outcomes().values()))
    with stages.record_opened(store) as con:
        weeks = training_weeks(con, data_date=date)
        leave_out = opted_out(con, date)
        learn = read_part(folder, weeks.train, declared, test=False, leave_out=leave_out)
        check = read_part(folder, weeks.test, declared, test=True, leave_out=leave_out)
        material = Material(weeks, learn, check, declared, date, os.cpu_count() or 1)
        return material, fates(con, outcome, learn, material), fates(con, outcome, check, material)


def _latent(store: Store, material: Material, *, replicates: int) -> pl.DataFrame:
    """True states of everyone at every index week, and the true risk at the test weeks; by person_id."""
    plan, key = _plan(store), stages.open_key(store)
    world = plan.world()
    parts = []
    for start in range(0, plan.count, plan.chunk):
        stop = min(start + plan.chunk, plan.count)
        people = make(start, stop, count=plan.count, seed=plan.seed, days=plan.days, rules=world.rules)
        numbers = nhs_numbers(people.index, count=plan.count, seed=plan.seed)
        text = pl.Series(numbers.astype(str))
        person = pseudonyms(key, "nhs_number", text)
        state = begin(people, world)
        for index in material.weeks.followed:
            number = (index - plan.first_day).days // 7
            state = live(people, state, world, number, record=False).final
            frame = pl.DataFrame(
                {"week": index, "person_id": person, "nhs_number": numbers, "hidden": people.hidden}
                | {name: np.asarray(getattr(state, name)).astype(np.float32) for name in STATES}
            ).with_columns(conditions=pl.Series((state.onset < 7 * number).sum(axis=1).astype(np.float32)))
            if index in material.weeks.test:
                risk = true_risk(people, world, numbers, plan.first_day, week=number, replicates=replicates)
                frame = frame.join(risk.select("nhs_number", oracle="admission_365"), on="nhs_number", how="left")
            else:
                frame = frame.with_columns(oracle=pl.lit(None, dtype=pl.Float64))
            parts.append(frame.drop("nhs_number"))
    return pl.concat(parts)


def _predictions(
    material: Material, learned: Fates, checked: Fates, latent: pl.DataFrame, champion: registry.Kept, store: Store
) -> pl.DataFrame:
    """One row a tested person-week of 65 or over whose true risk is known: fate, and each prediction."""
    names = [c for c in latent.columns if c not in (*KEYS, "oracle")]

    def beside(part: Part) -> Part:
        found = part.keys.select(KEYS).join(latent, on=KEYS, how="left", maintain_order="left")
        return Part(part.keys, np.hstack([part.values, found.select(names).to_numpy().astype(np.float32)]))

    knowing = _trees([*material.names, *names], beside(material.learn), learned, material.threads)
    trees = _trees(material.names, material.learn, learned, material.threads)
    rows = material.check.keys.select(*KEYS, "practice_code").with_columns(
        event=pl.Series(checked.event),
        weight=pl.Series(checked.weight),
        **{
            "trees with the true state": _said(knowing, [*material.names, *names], beside(material.check)),
            "trees": _said(trees, material.names, material.check),
            "champion": _said(champion.candidate, material.names, material.check),
        },
    )
    with_truth = rows.join(latent.select(*KEYS, "oracle"), on=KEYS, how="inner", maintain_order="left")
    return with_truth.filter(pl.col("oracle").is_not_null()).with_columns(pl.col("practice_code").fill_null(""))


def _trees(names: list[str], part: Part, learned: Fates, threads: int) -> Candidate:
    """Boosted trees on rows of any columns, not calibrated: an AUROC asks for ranks alone."""
    (text,) = boosting.train_but(names, part.values, learned.event, learned.weight, threads=threads)
    return Candidate(ladder.BOOSTED, tuple(names), text)


def _said(candidate: Candidate, names: list[str], part: Part) -> pl.Series:
    return pl.Series(candidate.predict(names, part.values, threads=1))


if __name__ == "__main__":
    main()
