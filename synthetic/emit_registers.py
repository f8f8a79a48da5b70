"""What a register says on a given day: registrations and opt-outs as known then, and the reference tables."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from data_contracts.contract import REFERENCE, load_contracts
from synthetic import rng, write
from synthetic.life import Life, rows
from synthetic.people import geography
from synthetic.plan import Plan
from synthetic.rng import I64
from synthetic.state import NEVER, NURSING, OWN

HOMES = 340  # judged from beds: about 40 a home for 3 % of people aged 65 and over
TOLD = 7  # days within which a registration, deduction or death is usually told


def registration_frame(life: Life, on: int, *, lag: int = 0) -> pl.DataFrame:
    """All registrations as known on day ``on``: one row per person and practice; late deaths are not yet there.

    Args:
        life: the lives.
        on: day of the snapshot, from the first day.
        lag: least days between a death or deduction and its telling (7 in the history, whose known dates are declared).
    """
    people = life.people
    person, start, end, practice = _spans(life)
    told = rng.uniform(life.key(person), "told")
    late = np.select(
        [told < 0.8, told < 0.95],
        [np.floor(7 * told / 0.8), 7 + np.floor(100 * (told - 0.8))],
        np.floor(20 + 800 * (told - 0.95)),
    )
    late = np.maximum(late, lag).astype(np.int64)
    death = life.course.death_day[person]
    dead_known = death + late <= on
    left = life.course.exit_day[person]
    gone = np.minimum(
        np.where(dead_known, death + np.minimum(late, 3), NEVER), np.where(left + late <= on, left, NEVER)
    )
    end = np.minimum(np.where(end + lag <= on, end, NEVER), np.maximum(gone, start))
    keep = (
        (start + np.minimum(late, TOLD) <= on) & (people.entry_day[person] <= on) & (start <= np.minimum(death, left))
    )
    person, start, end, practice = person[keep], start[keep], end[keep], practice[keep]
    home, address, lsoa = _address(life, person, on)
    return rows(
        person, start, np.zeros(len(person), np.int64),
        nhs_number=life.numbers[person],
        practice_code=pl.Series(geography().practice).gather(pl.Series(practice)),
        start_date=life.date(start),
        end_date=life.date(end),
        birth_month=_fifteenth(life.date(people.birth_day[person])),
        sex_code=np.where(people.female[person], "2", "1"),
        ethnic_code=pl.Series(people.ethnic[person]).replace("", None),
        lsoa_code=lsoa,
        death_date=life.date(np.where(dead_known[keep], death[keep], NEVER)),
        residential_institute_code=pl.Series(home).replace("", None),
        household_id=address,
        sensitive_flag=rng.uniform(life.key(person), "sensitive") < life.rules.population.sensitive_flag,
    )  # fmt: skip


def _spans(life: Life) -> tuple[I64, I64, I64, I64]:
    """Registrations one after another: person, first day, last day (``NEVER`` if it goes on), practice."""
    people = life.people
    back = rng.whole(365.25 * 9 * rng.exponential(people.key, "registered since"))
    since = np.where(people.entry_day > 0, people.entry_day, -back)
    since = np.maximum(since, people.birth_day + np.where(people.birth_day < -60, 10, 0))
    since = np.maximum(since, -365 * 60)
    moved = life.course.log.table("practice")
    none = np.zeros(0, np.int64)
    person = np.concatenate([np.arange(len(people)), moved.get("person", none)])
    start = np.concatenate([since, moved.get("day", none)])
    practice = np.concatenate([people.practice, moved.get("practice", none)])
    order = np.lexsort((start, person))
    person, start, practice = person[order], start[order], practice[order]
    follows = np.append(person[1:] == person[:-1], False)
    end = np.where(follows, np.append(start[1:], 0), NEVER)
    return person, start, end, practice


def _fifteenth(dates: pl.Series) -> pl.Series:
    """The 15th of each month: the day of birth is never delivered."""
    return dates.to_frame("day").select(pl.col("day").dt.truncate("1mo").dt.offset_by("14d")).to_series()


def _address(life: Life, person: I64, on: int) -> tuple[NDArray[np.str_], pl.Series, NDArray[np.str_]]:
    """Institution code, address key and LSOA: a move to a care home shows some weeks later."""
    shown = on - 14 - rng.whole(30 * rng.uniform(life.key(person), "address told"))
    kind = life.state("home", person, np.maximum(shown, 0))
    homes = care_homes(life.world.seed)
    which = home_of(life, person, kind)
    in_home = kind != OWN
    index = life.people.household[person]
    # A keyed number, so that the address tells nothing about the index.
    number = (rng.keyed(life.world.seed ^ 0xADD, index) % np.uint64(10**12)).astype(np.int64)
    key = np.where(in_home, homes["address"].to_numpy()[which], number)
    lsoa = np.where(in_home, homes["lsoa_code"].to_numpy()[which], geography().lsoa[life.people.lsoa[person]])
    code = np.where(in_home, np.where(kind == NURSING, "N", "R"), "")
    return code, pl.Series(key).cast(pl.String), lsoa.astype(str)


def care_homes(seed: int) -> pl.DataFrame:
    """The county's care homes along the path of LSOAs, four in ten with nursing; the same for every population size."""
    place = geography()
    n = HOMES
    key = rng.keyed(seed ^ 0xCA4E, np.arange(n))
    at = np.minimum(np.searchsorted(place.cumulative, (np.arange(n) + 0.5) / n), len(place.lsoa) - 1)
    nursing = np.arange(n) % 10 < 4
    location = 100_000_000 + rng.permute(np.arange(n), 900_000_000, seed ^ 0xC0C)
    practice = place.near[at, 0]
    return pl.DataFrame({
        "location_id": [f"1-{x}" for x in location],
        "name_code": [f"CH{i:03d}" for i in range(n)],
        "care_home_type": np.where(nursing, "nursing", "residential"),
        "bed_count": (18 + rng.whole(45 * rng.uniform(key, "beds"))),
        "pcn_code": place.pcn[practice],
        "practice_code": place.practice[practice],
        "lsoa_code": place.lsoa[at],
        "address": (rng.keyed(seed ^ 0xADD, -1 - np.arange(n)) % np.uint64(10**12)).astype(np.int64),
    })  # fmt: skip


def home_of(life: Life, person: I64, kind: NDArray[np.int8]) -> I64:
    """The care home that each person would live in: of the right kind, near where they lived."""
    along = geography().cumulative[life.people.lsoa[person]] + 0.012 * (
        rng.uniform(life.key(person), "which home") - 0.5
    )
    group = np.clip(rng.whole(along * HOMES / 10), 0, HOMES // 10 - 1)
    which = rng.uniform(life.key(person), "which of them")
    return 10 * group + rng.whole(np.where(kind == NURSING, 4 * which, 4 + 6 * which))


def opt_out_frame(life: Life, on: int) -> pl.DataFrame:
    """People with a national opt-out in force on day ``on``."""
    key = life.people.key
    since = rng.whole(life.world.days * (1.4 * rng.uniform(key, "opt-out day") - 0.5))
    who = np.flatnonzero(rng.uniform(key, "opt-out") < life.rules.population.national_opt_out)
    keep = (since[who] <= on) & (life.leaves[who] > on) & (life.people.entry_day[who] <= on)
    keep &= life.people.birth_day[who] < since[who]
    who = who[keep]
    return rows(
        who, since[who], np.zeros(len(who), np.int64), nhs_number=life.numbers[who], start_date=life.date(since[who])
    )


def care_home_frame(seed: int) -> pl.DataFrame:
    """The care-home register."""
    homes = care_homes(seed)
    return homes.with_columns(household_id=pl.col("address").cast(pl.String)).drop("address")


def projection_frame(people: int, first: dt.date) -> pl.DataFrame:
    """People expected by authority, year, sex and age band: today's structure with older bands growing (judged)."""
    place = geography()
    structure = np.diff(place.bands, axis=1, prepend=0) * np.diff(place.cumulative, prepend=0)[:, None] * people
    out = []
    for authority in np.unique(place.authority):
        band = structure[place.authority == authority].sum(axis=0)
        for ahead in range(16):
            growth = np.interp(np.arange(19), [0, 12, 14, 16, 18], [0.0, 0.002, 0.008, 0.016, 0.026])
            expected = band * (1 + growth) ** ahead
            for sex, share in (("1", np.interp(np.arange(19), [0, 13, 18], [0.51, 0.49, 0.34])),):
                out += [(authority, first.year + ahead, sex, i, float(expected[i] * share[i])) for i in range(19)]
                out += [(authority, first.year + ahead, "2", i, float(expected[i] * (1 - share[i]))) for i in range(19)]
    frame = pl.DataFrame(out, schema=["area_code", "year", "sex_code", "band", "population"], orient="row")
    label = pl.Series([f"{5 * i}-{5 * i + 4}" for i in range(18)] + ["90+"])
    return frame.with_columns(
        age_band=label.gather(frame["band"]), population=pl.col("population").round().cast(pl.Int64)
    ).drop("band")


def reference_pieces(plan: Plan, staging: Path) -> list[write.Piece]:
    """Sources about no person, in the historic delivery."""
    contracts = load_contracts()
    organisation = pl.read_csv(REFERENCE / "organisation.csv", try_parse_dates=True)
    known = {c.name for c in contracts["organisation"].columns}
    frames = {
        "organisation": organisation.select(n for n in organisation.columns if n in known),
        "care_home_register": care_home_frame(plan.seed),
        "population_projection": projection_frame(plan.people, plan.date(plan.history)),
    }
    pieces = []
    for source, frame in frames.items():
        path = staging / source / f"{plan.history}" / "0000.csv"
        writer = write.PieceWriter(contracts[source], plan.date(plan.history), path, rate=0.0, turn=0)
        writer.append(frame, np.zeros(0, np.uint64))
        pieces.append(writer.close())
    return pieces
