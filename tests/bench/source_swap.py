"""Does every sector matter? One source at a time given to somebody of the same age, sex and practice.

    python -m tests.bench.source_swap --people 30000

Plain features of each source, as known on the Monday, train a LightGBM one year before it is tested on other people.
For each source its columns are then passed round among test people of the same practice, sex and five-year band; what
the AUROC loses is what that source holds about the person beyond those. Prints a table and the AUROC untouched.
"""

from __future__ import annotations

import argparse
import datetime as dt
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic import emit_attendance, emit_community, emit_gp, emit_hospital, emit_medicine, emit_social_care, rng
from synthetic.deliveries import make_life
from synthetic.life import Life
from synthetic.measure import codes_of
from synthetic.people import BLOCK
from synthetic.plan import Plan

SOURCES = ("gp", "ecds", "apc", "csds", "cld")
CODELISTS = (
    "atrial_fibrillation", "chronic_kidney_disease", "dementia", "diabetes", "dyspnoea", "falls", "heart_failure",
    "housebound", "ischaemic_heart_disease", "memory_and_cognitive_problems", "mobility_and_transfer_problems",
    "parkinsonism_and_tremor", "respiratory_disease", "skin_ulcer", "urinary_incontinence", "requirement_for_care",
    "weight_loss_and_anorexia", "anaemia_and_haematinic_deficiency", "cerebrovascular_disease", "palliative_register",
    "frailty_moderate", "frailty_severe", "lives_alone",
)  # fmt: skip
WINDOWS = (30, 90, 365, 730)
F32 = NDArray[np.float32]


@dataclass
class Rows:
    """People of 65 and over at a week: columns by source, and whether an emergency stay began within a year."""

    columns: dict[str, F32]
    base: F32
    group: NDArray[np.int64]
    event: NDArray[np.bool_]
    fold: NDArray[np.bool_]


def rows(people: int, seed: int, weeks: tuple[int, int]) -> tuple[Rows, Rows]:
    """Training rows at the first week and test rows, of other people, at the second."""
    last = dt.date(2026, 2, 23)
    plan = Plan(people, seed, last - dt.timedelta(weeks=316), last, 4)
    found: list[list[Rows]] = [[], []]
    for start in range(0, plan.count, 16 * BLOCK):
        life = make_life(plan, start, min(start + 16 * BLOCK, plan.count))
        frames = _frames(life)
        for k, week in enumerate(weeks):
            made = _at(life, frames, 7 * week)
            keep = made.fold == (k == 1)
            found[k].append(_take(made, keep))
    return _join(found[0]), _join(found[1])


def _frames(life: Life) -> dict[str, pl.DataFrame]:
    referred = emit_community.referrals(life)
    seen = emit_community.contacts(life, referred)
    contact = emit_gp.contacts(life)
    care = emit_social_care.events(life)
    short = ["_person", "_day", "_known"]
    services = pl.DataFrame({"_person": care["person"], "_day": care["start"], "end": care["end"]})
    return {
        "gp_event": emit_gp.event_frame(life, contact).select(*short, "code"),
        "gp_appointment": emit_gp.appointment_frame(life, contact).select(*short, "home_visit_flag"),
        "gp_medication": emit_medicine.medication_frame(life).select(*short, "product_code"),
        "ecds": emit_attendance.attendance_frame(life).select(short),
        "apc": emit_hospital.episode_frame(life).filter(pl.col("episode_order") == 1)
        .select(*short, "admission_method", "admission_date", "discharge_date"),
        "csds": emit_community.contact_frames(life, referred, seen)[0].select(short).unique(["_person", "_day"]),
        "team": pl.DataFrame({"_person": referred["person"], "_day": referred["day"], "service": referred["service"]}),
        "cld": services.with_columns(kind=pl.Series(care["service"]), cost=pl.Series(care["cost"])),
    }  # fmt: skip


def _at(life: Life, frames: dict[str, pl.DataFrame], day: int) -> Rows:
    n = len(life.people)

    def counted(frame: pl.DataFrame, window: int) -> F32:
        who = frame.filter((pl.col("_day") < day) & (pl.col("_day") >= day - window))["_person"].to_numpy()
        return np.bincount(who, minlength=n).astype(np.float32)

    def since(frame: pl.DataFrame) -> F32:
        last = np.full(n, -5000.0, np.float32)
        before = frame.filter(pl.col("_day") < day)
        np.maximum.at(last, before["_person"].to_numpy(), before["_day"].to_numpy().astype(np.float32))
        return day - last

    known = {k: f.filter(pl.col("_known") <= day) if "_known" in f.columns else f for k, f in frames.items()}
    coded = known["gp_event"]
    gp = [
        np.isin(np.arange(n), coded.filter(pl.col("code").is_in(codes_of(c)))["_person"].to_numpy()) for c in CODELISTS
    ]
    gp += [counted(known["gp_appointment"], w) for w in WINDOWS[1:]]
    gp += [counted(known["gp_appointment"].filter(pl.col("home_visit_flag")), w) for w in WINDOWS[1:]]
    recent = known["gp_medication"].filter(pl.col("_day") > day - 365).unique(["_person", "product_code"])
    gp += [counted(recent, 365), counted(coded, 90), counted(coded, 365)]
    stays = known["apc"].filter(pl.col("admission_method").is_in(["21", "22", "24"]))
    nights = (stays["discharge_date"] - stays["admission_date"]).dt.total_days().to_numpy()
    in_year = (stays["_day"] > day - 730).to_numpy()
    beds = np.bincount(stays["_person"].to_numpy(), weights=nights * in_year, minlength=n)
    apc = [*(counted(stays, w) for w in WINDOWS), beds, since(stays), counted(known["apc"], 730)]
    told = known["team"].filter(pl.col("_day") < day - 30)
    csds = [*(counted(known["csds"], w) for w in WINDOWS), since(known["csds"])]
    csds += [counted(told.filter(pl.col("service") == s), 730) for s in range(len(emit_community.SERVICES))]
    returned = known["cld"].filter(pl.col("_day") < day - 60)
    running = returned.filter((pl.col("end") > day - 60) & (pl.col("kind") != ""))
    cld = [counted(returned, 730), counted(returned, 5000), counted(running, 5000)]
    cost = running.select("_person", pl.col("cost").fill_nan(0.0).fill_null(0.0))
    cld += [np.bincount(cost["_person"].to_numpy(), weights=cost["cost"].to_numpy(), minlength=n)]
    columns = {
        "gp": gp, "ecds": [*(counted(known["ecds"], w) for w in WINDOWS), since(known["ecds"])], "apc": apc,
        "csds": csds, "cld": cld,
    }  # fmt: skip
    age = life.people.age(day)
    event = np.zeros(n, bool)
    event[life.stay["person"][(life.stay["day"] >= day) & (life.stay["day"] < day + 365)]] = True
    here = (life.people.entry_day <= day) & (life.leaves > day) & (age >= 65)
    practice = life.practice_at(np.arange(n), np.full(n, day))
    group = (practice * 2 + life.people.female) * 64 + (age // 5).astype(np.int64)
    fold = rng.uniform(life.people.key, "fold of the swap") < 0.5
    base = np.stack([age, life.people.female], axis=1).astype(np.float32)
    made = {k: np.stack(v, axis=1).astype(np.float32) for k, v in columns.items()}
    return _take(Rows(made, base, group, event, fold), here)


def _take(all_rows: Rows, keep: NDArray[np.bool_]) -> Rows:
    columns = {k: v[keep] for k, v in all_rows.columns.items()}
    return Rows(columns, all_rows.base[keep], all_rows.group[keep], all_rows.event[keep], all_rows.fold[keep])


def _join(parts: list[Rows]) -> Rows:
    columns = {k: np.concatenate([p.columns[k] for p in parts]) for k in SOURCES}
    names = ("base", "group", "event", "fold")
    return Rows(columns, *(np.concatenate([getattr(p, name) for p in parts]) for name in names))


def swapped(group: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """For each row another of its group, each used once; alone in a group, itself."""
    order = np.lexsort((np.random.default_rng(seed).random(len(group)), group))
    ordered = group[order]
    first = np.searchsorted(ordered, ordered, side="left")
    size = np.searchsorted(ordered, ordered, side="right") - first
    position = np.arange(len(group))
    out = np.empty(len(group), np.int64)
    out[order] = order[first + (position - first + 1) % size]
    return out


def measure(people: int, seed: int = 5, *, repeats: int = 5) -> dict[str, float]:
    """AUROC untouched (``all``) and what it loses on average when each source is swapped."""
    from lightgbm import LGBMClassifier
    from sklearn.metrics import roc_auc_score

    train, test = rows(people, seed, (200, 258))
    options = {"n_estimators": 160, "learning_rate": 0.04, "num_leaves": 15, "min_child_samples": 40}
    model = LGBMClassifier(**options, subsample=0.8, subsample_freq=1, colsample_bytree=0.6, n_jobs=1, verbose=-1)
    model.fit(_matrix(train, None, None), train.event)

    def auroc(source: str | None, order: NDArray[np.int64] | None) -> float:
        return float(roc_auc_score(test.event, model.predict_proba(_matrix(test, source, order))[:, 1]))

    whole = auroc(None, None)
    lost = {s: whole - np.mean([auroc(s, swapped(test.group, k)) for k in range(repeats)]) for s in SOURCES}
    return {"all": whole, "rows": len(test.event), **{k: float(v) for k, v in lost.items()}}


def _matrix(made: Rows, source: str | None, order: NDArray[np.int64] | None) -> F32:
    blocks = [made.columns[s][order] if s == source and order is not None else made.columns[s] for s in SOURCES]
    return np.concatenate([made.base, *blocks], axis=1)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=30_000)
    parser.add_argument("--seed", type=int, default=5)
    given = parser.parse_args()
    found = measure(given.people, given.seed)
    print(f"AUROC {found['all']:.3f} on {found['rows']:,.0f} people of 65 and over")
    for source in SOURCES:
        print(f"  {source:<5} swapped: loses {found[source]:.4f}")


if __name__ == "__main__":
    main()
