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

from data_contracts.contract import REFERENCE
from synthetic import (
    emit_attendance,
    emit_community,
    emit_gp,
    emit_hospital,
    emit_medicine,
    emit_social_care,
    referred,
    rng,
    submit,
)
from synthetic.deliveries import RETURN_DAYS, make_life
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
TEAMS = ("12", "19", "26", "27", "29", "47", "51", "52", "53", "54")  # types of community team
#: groups of hospital codes: cancer, dementia, heart failure, lungs, kidneys, low mood, frailty, rehabilitation, dying,
#: cancer that has spread, breathing failure, a scarred liver, delirium
CODED = ("C", "F0[0-3]|G30", "I50", "J44", "N18", "F32", "R54|R26|R29", "Z50", "Z51", "C7[789]", "J96", "K74", "F05")
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
    opened = referred.referrals(life)
    seen = emit_community.contacts(life, opened)
    contact = emit_gp.contacts(life)
    care = emit_social_care.events(life)
    short = ["_person", "_day", "_known"]
    stays = emit_hospital.episode_frame(life)
    weight = pl.read_csv(REFERENCE / "hospital_frailty.csv").select("weight_tenths", code="icd10_code")
    codes = stays.select(*short, *[f"diagnosis_{k + 1}" for k in range(20)]).unpivot(index=short, value_name="code")
    codes = codes.drop_nulls("code").with_columns(pl.col("code").str.slice(0, 3))
    contacts = emit_community.contact_frames(life, opened, seen)[0]
    return {
        "gp_event": emit_gp.event_frame(life, contact).select(*short, "code"),
        "gp_appointment": emit_gp.appointment_frame(life, contact).select(*short, "home_visit_flag"),
        "gp_medication": emit_medicine.medication_frame(life).select(*short, "product_code"),
        "ecds": emit_attendance.attendance_frame(life).select(*short, "assessment_score", "department_type"),
        "apc": stays.filter(pl.col("episode_order") == 1)
        .select(*short, "admission_method", "admission_date", "discharge_date"),
        "coded": codes.select(*short, "code").join(weight, on="code", how="left"),
        "csds": contacts.group_by("_person", "_day", "team_id").agg(pl.col("_known").min()),
        "scale": emit_community.assessment_frame(life, opened, seen).select(*short, "score"),
        "team": emit_community.service_frame(life, opened)
        .group_by("_person", "_day", "team_type").agg(pl.col("_known").min()),
        "cld": pl.DataFrame({**care, "why": emit_social_care.support_reason(life, care)})
        .rename({"person": "_person", "start": "_day"}),
    }  # fmt: skip


@dataclass(frozen=True)
class Known:
    """What the sources told by a Monday, and how it is counted: one number a person."""

    life: Life
    frames: dict[str, pl.DataFrame]
    day: int

    def table(self, name: str) -> pl.DataFrame:
        """Rows of a source known on the day of what happened before it."""
        return self.frames[name].filter((pl.col("_known") <= self.day) & (pl.col("_day") < self.day))

    def counted(self, frame: pl.DataFrame, window: int) -> F32:
        """Rows of the last days."""
        who = frame.filter(pl.col("_day") >= self.day - window)["_person"].to_numpy()
        return np.bincount(who, minlength=len(self.life.people)).astype(np.float32)

    def since(self, frame: pl.DataFrame) -> F32:
        """Days since the latest row; long if there is none."""
        last = np.full(len(self.life.people), -5000.0, np.float32)
        np.maximum.at(last, frame["_person"].to_numpy(), frame["_day"].to_numpy().astype(np.float32))
        return self.day - last

    def latest(self, frame: pl.DataFrame, column: str) -> F32:
        """The latest value of a column; not a number if there is none."""
        newest = (
            frame.drop_nulls(column).sort("_day", maintain_order=True).group_by("_person").agg(pl.col(column).last())
        )
        out = np.full(len(self.life.people), np.nan, np.float32)
        out[newest["_person"].to_numpy()] = newest[column].to_numpy()
        return out

    def total(self, frame: pl.DataFrame, column: str) -> F32:
        """Sum of a column."""
        mine = frame.drop_nulls(column)
        weights = mine[column].to_numpy().astype(float)
        return np.bincount(mine["_person"].to_numpy(), weights=weights, minlength=len(self.life.people)).astype(
            np.float32
        )


def _at(life: Life, frames: dict[str, pl.DataFrame], day: int) -> Rows:
    known = Known(life, frames, day)
    columns = {"gp": _gp(known), "ecds": _ecds(known), "apc": _apc(known), "csds": _csds(known), "cld": _cld(known)}
    n, age = len(life.people), life.people.age(day)
    event = np.zeros(n, bool)
    event[life.stay["person"][(life.stay["day"] >= day) & (life.stay["day"] < day + 365)]] = True
    here = (life.people.entry_day <= day) & (life.leaves > day) & (age >= 65)
    practice = life.practice_at(np.arange(n), np.full(n, day))
    group = (practice * 2 + life.people.female) * 64 + (age // 5).astype(np.int64)
    fold = rng.uniform(life.people.key, "fold of the swap") < 0.5
    base = np.stack([age, life.people.female], axis=1).astype(np.float32)
    made = {k: np.stack(v, axis=1).astype(np.float32) for k, v in columns.items()}
    return _take(Rows(made, base, group, event, fold), here)


def _gp(known: Known) -> list[F32]:
    coded, booked, issued = (known.table(name) for name in ("gp_event", "gp_appointment", "gp_medication"))
    everyone = np.arange(len(known.life.people))
    out = [np.isin(everyone, coded.filter(pl.col("code").is_in(codes_of(c)))["_person"].to_numpy()) for c in CODELISTS]
    out += [known.counted(booked, w) for w in WINDOWS[1:]]
    out += [known.counted(booked.filter(pl.col("home_visit_flag")), w) for w in WINDOWS[1:]]
    recent = issued.filter(pl.col("_day") > known.day - 365).unique(["_person", "product_code"])
    return [*out, known.counted(recent, 365), known.counted(coded, 90), known.counted(coded, 365)]


def _ecds(known: Known) -> list[F32]:
    seen = known.table("ecds")
    major = seen.filter(pl.col("department_type") == "01")
    out = [known.counted(frame, w) for frame in (seen, major) for w in WINDOWS]
    return [*out, known.since(seen), known.since(major), known.latest(seen, "assessment_score")]


def _apc(known: Known) -> list[F32]:
    every = known.table("apc")
    stays = every.filter(pl.col("admission_method").is_in(["21", "22", "24"])).with_columns(
        nights=(pl.col("discharge_date") - pl.col("admission_date")).dt.total_days()
    )
    beds = known.total(stays.filter(pl.col("_day") > known.day - 730), "nights")
    codes = known.table("coded").filter(pl.col("_day") > known.day - 730).unique(["_person", "code"])
    score = known.total(codes, "weight_tenths")
    counts = [known.counted(stays, w) for w in WINDOWS]
    long = known.table("coded")
    held = [known.counted(long.filter(pl.col("code").str.contains(f"^({group})")), 2000) for group in CODED]
    planned = every.filter(~pl.col("admission_method").str.starts_with("2"))
    out = [*counts, beds, known.since(stays), known.counted(stays, 2000), known.latest(stays, "nights"), *held, score]
    return [*out, known.counted(codes, 730), known.counted(planned, 365), known.since(planned)]


def _csds(known: Known) -> list[F32]:
    seen, told = known.table("csds"), known.table("team")
    nurse, scale = seen.filter(pl.col("team_id") == "T12"), known.table("scale")
    out = [known.counted(frame, w) for frame in (seen, nurse) for w in WINDOWS]
    out += [known.since(seen), known.since(nurse), known.latest(scale, "score"), known.since(scale)]
    return out + [known.counted(told.filter(pl.col("team_type") == team), 730) for team in TEAMS]


def _cld(known: Known) -> list[F32]:
    """As the latest return due by the Monday told it: up to the end of a quarter six weeks ago or more."""
    life, due = known.life, dt.timedelta(days=known.day - RETURN_DAYS)
    last = (submit.quarter_ends(life.first_day, life.first_day + due)[-1] - life.first_day).days
    told = known.frames["cld"].filter(pl.col("_day") <= last)
    running = told.filter((pl.col("end") > last) & (pl.col("type") == "Service"))
    asked = told.filter((pl.col("type") == "Request") & (pl.col("client") == "Service user"))
    rested = told.filter(pl.col("component").is_in(["Unpaid carer respite", "Emergency support"]))
    looked = told.filter(pl.col("review").str.starts_with("Unplanned"))
    short = told.filter(pl.col("component") == "Reablement")
    weekly = running.with_columns(
        a_week=pl.when(pl.col("frequency") == "Hourly").then(pl.col("cost") * pl.col("units"))
        .otherwise(pl.col("cost")).fill_nan(None)
    )  # fmt: skip
    hours = running.filter(pl.col("frequency") == "Hourly").with_columns(pl.col("units").fill_nan(None))
    out = [known.counted(frame, w) for frame in (asked, looked, rested) for w in (182, 365, 730)]
    out += [known.since(asked), known.since(looked), known.counted(running, 9999), known.total(weekly, "a_week")]
    tired = looked.filter(pl.col("review") == "Unplanned – carer related")
    at_home = asked.filter(pl.col("route") == "Community / Other route")
    ended = short.filter(pl.col("end") <= last).with_columns(more=pl.col("outcome") != "NFA: Support ended as planned")
    out += [known.counted(frame, w) for frame in (tired, at_home) for w in (182, 365)]
    out += [known.total(hours, "units"), known.since(hours), known.counted(short, 730)]
    recent = told.filter((pl.col("client") == "Service user") & (pl.col("_day") > last - 730))
    out += [known.latest(recent, "why"), known.counted(recent, 9999), known.since(recent)]
    return [*out, known.latest(ended.with_columns(pl.col("more").cast(pl.Int8)), "more")]


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
