"""What a report counts in a run of lives: pairs of count and base, added up over runs, so that any size fits in memory.

States are read at one week; a year before it is the past, a year after it the outcome. What is coded is read from the
delivered record, what is true from the life.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import polars as pl

from data_contracts.contract import CODELISTS, REFERENCE
from synthetic import emit_attendance, emit_gp, emit_hospital, emit_medicine, emit_registers, referred
from synthetic.life import Life
from synthetic.people import BoolArray, geography
from synthetic.rng import I64
from synthetic.state import AT_HOME, OWN

DERBY = "E06000015"
SCALE = 1_060_000
HFRS_CODES = ("R29", "N39", "J18", "N18", "N17", "F03", "W19", "R41", "R26", "I67")


@dataclass
class Counts:
    """``pairs[key]`` = (count, base); a rate is their quotient. ``people`` is who was there at the week."""

    pairs: dict[str, tuple[float, float]] = field(default_factory=dict)
    people: int = 0

    def add(self, key: str, count: float, base: float) -> None:
        """Adds to one quantity."""
        before = self.pairs.get(key, (0.0, 0.0))
        self.pairs[key] = (before[0] + float(count), before[1] + float(base))

    def share(self, key: str, of: BoolArray, among: BoolArray) -> None:
        """Adds a share of ``among``."""
        self.add(key, int((of & among).sum()), int(among.sum()))

    def merge(self, other: Counts) -> None:
        """Adds all of another run."""
        for key, (count, base) in other.pairs.items():
            self.add(key, count, base)
        self.people += other.people


@dataclass(frozen=True)
class Moment:
    """The week at which a county is looked at, and who is there."""

    life: Life
    week: int

    @property
    def day(self) -> int:
        """Its Monday."""
        return 7 * self.week

    def state(self, name: str) -> np.ndarray:
        """A slow state of everybody at the week."""
        return self.life.course.month[name][self.week // 4]

    def aged(self, low: float, high: float = 200) -> BoolArray:
        """Who is here and of that age."""
        age = self.life.people.age(self.day)
        return self.state("here") & (age >= low) & (age < high)

    def who(self, persons: I64) -> BoolArray:
        """A mark on each of ``persons``."""
        out = np.zeros(len(self.life.people), dtype=bool)
        out[persons] = True
        return out


def measure(life: Life, week: int) -> Counts:
    """All quantities of ``targets.yaml`` for a run of lives at a week with a year on either side."""
    counts, at = Counts(), Moment(life, week)
    counts.people = int(at.aged(0).sum())
    _population(counts, at)
    deficits = _records(counts, at)
    _hospital(counts, at, deficits)
    _diagnoses(counts, at)
    _afterwards(counts, at)
    _community(counts, at)
    return counts


def _population(counts: Counts, at: Moment) -> None:
    life, here = at.life, at.aged(0)
    derby = geography().authority[life.people.lsoa] == DERBY
    for key, low, high in (("county_0_15", 0, 16), ("county_16_64", 16, 65), ("county_65", 65, 200)):
        counts.share(key, at.aged(low, high), here & ~derby)
    minority = ~np.isin(life.people.ethnic, ["A", "Z", ""])
    counts.share("minority_derby", minority, here & derby)
    counts.share("minority_county", minority, here & ~derby)
    objectors = emit_registers.opt_out_frame(life, at.day)["_person"].to_numpy()
    counts.share("opted_out", at.who(objectors), here)
    died = (life.course.death_day >= at.day) & (life.course.death_day < at.day + 365)
    counts.share("deaths", died, here)
    older = at.aged(65)
    counts.share("care_home", at.state("home") != OWN, older)
    scale = np.round(1.8 + at.state("dependence")) >= 6
    counts.add("frail_scale", int((older & scale).sum()), 0)
    dementia = life.course.onset[:, life.rules.condition("dementia").index] <= at.day
    counts.add("dementia_true", int((here & dementia).sum()), 0)
    counts.share("housebound_85", at.state("housebound") != AT_HOME, at.aged(85))


def _records(counts: Counts, at: Moment) -> BoolArray:
    """What the GP record tells of older people; returns who has nine deficits or more."""
    life, older = at.life, at.aged(65)
    record = emit_gp.event_frame(life, emit_gp.contacts(life)).filter(pl.col("_known") <= at.day)
    record = record.select("_person", "_day", "code", "value").filter(pl.Series(older).gather(record["_person"]))

    def coded(*codes: int) -> BoolArray:
        return at.who(record.filter(pl.col("code").is_in(list(codes)))["_person"].to_numpy())

    for key, name in (("falls_coded", "falls"), ("dementia_coded", "dementia"),
                      ("heart_failure_coded", "heart_failure"),
                      ("care_coded", "requirement_for_care"), ("palliative_coded", "palliative_register")):  # fmt: skip
        counts.share(key, coded(*codes_of(name)), older)
    counts.share("memory_coded", coded(emit_gp.CODE["memory"]), older)
    bound = coded(*codes_of("housebound"), *codes_of("housebound_temporary"))
    counts.share("housebound_85_coded", bound, at.aged(85) & (at.state("housebound") != AT_HOME))
    issued = emit_medicine.medication_frame(life)
    recent = issued.filter((pl.col("_known") <= at.day) & (pl.col("_day") > at.day - 365))
    kinds = recent.group_by("_person").agg(pl.col("product_code").n_unique().alias("n"))
    many = at.who(kinds.filter(pl.col("n") >= 5)["_person"].to_numpy())
    counts.share("polypharmacy", many, older)
    number = _deficits(record, at) + many
    for key, low, high in (("deficits_0_4", 0, 4), ("deficits_5_8", 5, 8), ("deficits_9_12", 9, 12),
                           ("deficits_13", 13, 99)):  # fmt: skip
        counts.share(key, (number >= low) & (number <= high), older)
    frail = older & (number >= 9)
    counts.add("frail_index", int(frail.sum()), 0)
    return frail


def _deficits(record: pl.DataFrame, at: Moment) -> I64:
    """Deficits of each person by code and by value, by the product's own rules; polypharmacy apart."""
    found: dict[str, BoolArray] = {}
    female = at.life.people.female
    for rule in _deficit_rules():
        mine = record.filter(pl.col("code").is_in(codes_of(rule["codelist"])))
        if rule["rule"] == "code":
            window = int(rule["window_days"] or 0)
            mine = mine.filter(pl.col("_day") > at.day - window) if window else mine
            holds = at.who(mine["_person"].to_numpy())
        else:
            newest = mine.drop_nulls("value").group_by("_person").agg(pl.col("value").sort_by("_day").last())
            threshold, value = float(rule["threshold"]), pl.col("value")
            beyond = {"<": value < threshold, "<=": value <= threshold, ">": value > threshold}
            test = beyond.get(rule["comparison"], value >= threshold)
            holds = at.who(newest.filter(test)["_person"].to_numpy())
            if rule["sex_code"]:
                holds &= female == (rule["sex_code"] == "2")
        found[rule["deficit"]] = found.get(rule["deficit"], np.zeros(len(holds), bool)) | holds
    return np.sum(list(found.values()), axis=0).astype(np.int64)


@cache
def _deficit_rules() -> tuple[dict[str, str], ...]:
    with (REFERENCE / "efi_deficit.csv").open(encoding="utf-8") as stream:
        rows = [r for r in csv.DictReader(stream) if r["applied_flag"] == "true" and r["codelist"]]
    return tuple(r for r in rows if r["rule"] in ("code", "value") and (CODELISTS / f"{r['codelist']}.csv").exists())


@cache
def codes_of(name: str) -> tuple[int, ...]:
    """Codes of a shipped codelist."""
    return tuple(int(c) for c in pl.read_csv(CODELISTS / f"{name}.csv", infer_schema=False)["code"] if c.isdigit())


def _hospital(counts: Counts, at: Moment, frail: BoolArray) -> None:
    life, stay = at.life, at.life.stay
    year = (stay["day"] >= at.day) & (stay["day"] < at.day + 365)
    died = (life.course.death_day >= at.day) & (life.course.death_day < at.day + 365)
    event = at.who(stay["person"][year]) | died
    for key, low, high in (("admitted_60", 60, 70), ("admitted_70", 70, 80), ("admitted_80", 80, 200)):
        counts.share(key, event, at.aged(low, high))
    counts.add("admissions_month", int(year.sum()) / 12, 0)
    seen = emit_attendance.attendance_frame(life)["_day"].to_numpy()
    counts.add("attendances_month", int(((seen >= at.day) & (seen < at.day + 365)).sum()) / 12, 0)
    counts.add("no_criteria", int(np.maximum(stay["out"] - stay["ready"], 0)[year].sum()) / 365, 0)
    counts.add("frail_bed_days", int((stay["out"] - stay["day"])[year & frail[stay["person"]]].sum()), 0)
    first = np.datetime64(life.first_day)
    month = (first + stay["day"].astype("timedelta64[D]")).astype("datetime64[M]").astype(int) % 12
    old = life.age(stay["person"], stay["day"]) >= 65
    whole = stay["day"] < life.world.days // 365 * 365
    winter, summer = np.isin(month, [11, 0, 1]), np.isin(month, [5, 6, 7])
    counts.add("winter", int((old & winter & whole).sum()), int((old & summer & whole).sum()))


def _diagnoses(counts: Counts, at: Moment) -> None:
    """Codes and bands of the hospital frailty score of people of 75+ with an emergency stay in two years."""
    life = at.life
    episode = emit_hospital.episode_frame(life)
    long = (
        episode.filter((pl.col("_day") >= at.day - 365) & (pl.col("_day") < at.day + 365))
        .select("_person", *[f"diagnosis_{k + 1}" for k in range(20)])
        .unpivot(index="_person", value_name="code")
        .drop_nulls("code")
        .select("_person", code=pl.col("code").str.slice(0, 3))
        .unique()
    )
    stay = life.stay
    recent = (stay["day"] >= at.day - 365) & (stay["day"] < at.day + 365)
    base = at.who(stay["person"][recent]) & (life.people.age(at.day) >= 75)
    for code in HFRS_CODES:
        counts.share(f"icd_{code}", at.who(long.filter(pl.col("code") == code)["_person"].to_numpy()), base)
    weight = pl.read_csv(REFERENCE / "hospital_frailty.csv").select("weight_tenths", code="icd10_code")
    total = long.join(weight, on="code").group_by("_person").agg(pl.col("weight_tenths").sum())
    score = np.zeros(len(life.people), dtype=np.int64)
    score[total["_person"].to_numpy()] = total["weight_tenths"].to_numpy()
    counts.share("hfrs_low", score < 50, base)
    counts.share("hfrs_middle", (score >= 50) & (score <= 150), base)
    counts.share("hfrs_high", score > 150, base)


def _afterwards(counts: Counts, at: Moment) -> None:
    life, stay = at.life, at.life.stay
    year = (stay["day"] >= at.day - 365) & (stay["day"] < at.day + 240)
    old = year & (life.age(stay["person"], stay["day"]) >= 65) & ~stay["dies"].astype(bool)
    for pathway in range(4):
        counts.add(f"pathway_{pathway}", int((old & (stay["pathway"] == pathway)).sum()), int(old.sum()))
    follows = np.append((stay["person"][1:] == stay["person"][:-1]), False)
    gap = np.append(stay["day"][1:], 0) - stay["home"]
    counts.add("readmitted_30", int((old & follows & (gap <= 30)).sum()), int(old.sum()))
    table = referred.referrals(life)
    begun = (
        (table["service"] == referred.SERVICES.index("reablement"))
        & (table["day"] >= at.day - 365)
        & (table["day"] < at.day + 240)
    )
    person, day = table["person"][begun], table["day"][begun]
    older = life.age(person, day) >= 65
    person, later = person[older], day[older] + 91
    alive = life.course.death_day[person] > later
    home = alive & (life.state("home", person, later) == OWN) & ~life.in_hospital(person, later)
    counts.add("home_91", int(home.sum()), len(person))


def _community(counts: Counts, at: Moment) -> None:
    table = referred.referrals(at.life)
    year = (table["service"] == 0) & (table["day"] >= at.day) & (table["day"] < at.day + 365)
    counts.add("two_hour", int((table["minutes"][year] <= 120).sum()), int(year.sum()))
    counts.add("two_hour_month", int(year.sum()) / 12, 0)


def index_week(days: int) -> int:
    """The week looked at: a year before the end, on a step of the slow states."""
    return (days - 366) // 28 * 4
