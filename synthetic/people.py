"""Who lives in the artificial county: age, sex, place, practice, household, and what marks a person for life.

One person is one index. Everything about them follows from (seed, index); households are matched inside fixed blocks
of indices whose homes lie together, so it does not matter in which chunk a block is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from data_contracts.contract import REFERENCE
from synthetic import rng
from synthetic.rng import F64, I64, U64
from synthetic.rules import Rules, load

#: A way through the county, so that neighbours in the list are neighbours on the ground (judged from the map; areas and
#: networks not named here follow in order of code).
AUTHORITY_PATH = (
    "E07000037", "E07000035", "E07000038", "E07000034", "E07000033", "E07000032", "E07000036", "E06000015", "E07000039",
)  # fmt: skip
PCN_PATH = (
    "U60978", "U28405", "U63258", "U67865", "U78207", "U05048", "U17168", "U72812", "U61321", "U25882", "U60843",
    "U53999", "U60509", "U47223", "U06438", "U90656",
)  # fmt: skip
BLOCK = 1024
YEAR = 365.25
BoolArray = NDArray[np.bool_]

#: shares of the ethnic categories among people who are not White British (judged from census tables)
MINORITY = {
    "B": 2,
    "C": 22,
    "D": 4,
    "E": 2,
    "F": 4,
    "G": 3,
    "H": 20,
    "J": 20,
    "K": 1,
    "L": 7,
    "M": 5,
    "N": 6,
    "R": 3,
    "S": 6,
}


@dataclass(frozen=True)
class Geography:
    """Where people live and register.

    Attributes:
        lsoa: code, 2011 code, authority, deprivation decile (1 = most deprived), rural flag; one entry per LSOA.
        cumulative: share of the population up to and including each LSOA, along a path through the county.
        bands: cumulative age structure per LSOA, five-year bands, shape (LSOAs, 19).
        practice: practice codes along the same path; ``near`` and ``near_share`` give for each LSOA the practices
            its people use and the cumulative share of each.
    """

    lsoa: NDArray[np.str_]
    lsoa11: NDArray[np.str_]
    authority: NDArray[np.str_]
    decile: F64
    rural: BoolArray
    cumulative: F64
    bands: F64
    practice: NDArray[np.str_]
    pcn: NDArray[np.str_]
    near: NDArray[np.int64]
    near_share: F64


@dataclass
class People:
    """A run of people, one array element each. Days count from the first day; age and days may be negative.

    ``partner`` points to the position of the partner in this run (-1: none); ``household`` is the index of the
    household's first member; ``alone`` says who lives alone on the first day; ``hidden`` is lasting unrecorded poor
    health (standard normal, less among the old: they have survived it); ``entry_day`` is 0 for who is there first.
    """

    index: I64
    key: U64
    birth_day: I64
    entry_day: I64
    female: BoolArray
    lsoa: I64
    practice: I64
    partner: I64
    household: I64
    alone: BoolArray
    hidden: F64
    decile: F64
    ethnic: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.index)

    def age(self, day: float) -> F64:
        """Age in years on a day."""
        return np.asarray((day - self.birth_day) / YEAR, dtype=np.float64)


@cache
def geography() -> Geography:
    """The shipped county: LSOA age structure (ONS mid-2020) and practices with list sizes (January 2021)."""
    area = pl.read_csv(REFERENCE / "lsoa.csv")
    area = area.sort(_along(area["authority_code"], AUTHORITY_PATH), "lsoa_name", "lsoa_code")
    bands = area.select(c for c in area.columns if c.startswith("age_")).to_numpy().astype(float)
    total = bands.sum(axis=1)
    lists = pl.read_csv(REFERENCE / "organisation.csv")
    lists = lists.sort(_along(lists["pcn_code"], PCN_PATH), "practice_code")
    split = pl.read_csv(REFERENCE / "lsoa_split.csv")
    old = area["lsoa_code"].replace(split["lsoa_code"], split["lsoa11_code"])
    near, share = _nearest(np.cumsum(total) / total.sum(), lists["list_size"].to_numpy().astype(float))
    return Geography(
        lsoa=area["lsoa_code"].to_numpy().astype(str),
        lsoa11=old.to_numpy().astype(str),
        authority=area["authority_code"].to_numpy().astype(str),
        decile=area["imd_decile"].to_numpy().astype(float),
        rural=area["rural_flag"].to_numpy(),
        cumulative=np.cumsum(total) / total.sum(),
        bands=np.cumsum(bands, axis=1) / total[:, None],
        practice=lists["practice_code"].to_numpy().astype(str),
        pcn=lists["pcn_code"].to_numpy().astype(str),
        near=near,
        near_share=share,
    )


def _along(codes: pl.Series, path: tuple[str, ...]) -> pl.Series:
    """Sort key: place in ``path``, then the code."""
    return pl.Series([f"{path.index(c) if c in path else len(path):03d} {c}" for c in codes])


def _nearest(people_so_far: F64, list_size: F64, k: int = 4) -> tuple[NDArray[np.int64], F64]:
    """The ``k`` practices that lie closest to each LSOA along the path, with cumulative shares (most use the first)."""
    centre_of_area = people_so_far - np.diff(people_so_far, prepend=0) / 2
    edge = np.cumsum(list_size) / list_size.sum()
    centre_of_list = edge - np.diff(edge, prepend=0) / 2
    distance = np.abs(centre_of_area[:, None] - centre_of_list[None, :]) / (list_size / list_size.sum())[None, :]
    near = np.argsort(distance, axis=1, kind="stable")[:, :k]
    share: F64 = np.tile(np.array([0.72, 0.88, 0.96, 1.0]), (len(near), 1))
    return near, share


def head_count(people: int, years: float) -> int:
    """How many indices a population of ``people`` needs over ``years``: with births and arrivals, in whole blocks."""
    rules = load().population
    flow = (rules.births_per_year + rules.arrivals_per_year) * years
    return int(np.ceil(people * (1 + flow) / BLOCK) * BLOCK)


def make(start: int, stop: int, *, count: int, seed: int, days: int, rules: Rules) -> People:
    """People ``start`` to ``stop`` (whole blocks) of a population with ``count`` indices, over ``days`` days."""
    place = geography()
    index = np.arange(start, stop, dtype=np.int64)
    key = rng.keyed(seed, index)
    lsoa = np.minimum(np.searchsorted(place.cumulative, (index + 0.5) / count), len(place.lsoa) - 1)
    entry, kind = _entry(key, days, rules)
    age = _age(key, lsoa, kind, rules, place)
    birth = np.where(kind == 1, entry, rng.whole(entry - age * YEAR))
    female = rng.uniform(key, "sex") < rules.population.female_share.at(age)
    partner, household, alone = _households(index, key, (age, female, kind), rules)
    lsoa = lsoa[household - start]
    head_key = rng.keyed(seed ^ 0x51ED, household)
    choice = rng.uniform(head_key, "practice")
    slot = (choice[:, None] > place.near_share[lsoa]).sum(axis=1)
    return People(
        index=index,
        key=key,
        birth_day=birth,
        entry_day=entry,
        female=female,
        lsoa=lsoa,
        practice=place.near[lsoa, slot],
        partner=partner,
        household=household,
        alone=alone,
        hidden=rng.normal(key, "hidden") - rules.population.survivors.at(age),
        decile=place.decile[lsoa],
        ethnic=_ethnic(key, head_key, age, place.authority[lsoa], rules),
    )


def _entry(key: U64, days: int, rules: Rules) -> tuple[I64, NDArray[np.int64]]:
    """Day of entry and kind: 0 there from the start, 1 born here, 2 arrived."""
    years = days / YEAR
    born, arrived = rules.population.births_per_year * years, rules.population.arrivals_per_year * years
    kind = rng.pick(rng.uniform(key, "kind"), np.array([1.0, born, arrived]))
    entry = np.where(kind == 0, 0, 1 + np.floor(rng.uniform(key, "entry") * (days - 1)))
    return entry.astype(np.int64), kind


def _age(key: U64, lsoa: I64, kind: I64, rules: Rules, place: Geography) -> F64:
    u, within = rng.uniform(key, "age band"), rng.uniform(key, "age within")
    band = (u[:, None] > place.bands[lsoa]).sum(axis=1)
    oldest = 90 + np.minimum(-2.9 * np.log(within), 17)
    resident = np.where(band == 18, oldest, 5 * band + 5 * within)
    curve = rules.population.arrival_age
    return np.select([kind == 0, kind == 1], [resident, 0.0], np.interp(u, curve.values, curve.ages))


def _rank(group: I64, order: F64) -> I64:
    """Rank of each element among its group by ``order``."""
    sorted_by = np.lexsort((order, group))
    ordered = group[sorted_by]
    first = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    position = np.arange(len(group))
    rank = np.empty(len(group), dtype=np.int64)
    rank[sorted_by] = position - np.maximum.accumulate(np.where(first, position, 0))
    return rank


def _households(index: I64, key: U64, who: tuple[F64, BoolArray, I64], rules: Rules) -> tuple[I64, I64, BoolArray]:
    """Couples of like age within a block; children and some single adults join a couple; the rest live alone.

    ``who`` is age, sex and kind of entry; returns partner and household (positions and indices) and who lives alone.
    """
    age, female, kind = who
    block = index // BLOCK
    position = np.arange(len(index))
    wants = (rng.uniform(key, "partner") < rules.population.has_partner.at(age)) & (age >= 18) & (kind == 0)
    partner = np.full(len(index), -1, dtype=np.int64)
    men, women = position[wants & ~female], position[wants & female]
    noise = rng.normal(key, "partner age") * 2.0
    slot_m = block[men] * 100_000 + _rank(block[men], -age[men] + noise[men])
    slot_w = block[women] * 100_000 + _rank(block[women], -age[women] - 2 + noise[women])
    _, at_m, at_w = np.intersect1d(slot_m, slot_w, assume_unique=True, return_indices=True)
    partner[men[at_m]] = women[at_w]
    partner[women[at_w]] = men[at_m]
    household = np.where((partner >= 0) & (partner < position), partner, position)
    single = (partner < 0) & (age >= 18)
    alone = single & (rng.uniform(key, "alone") < rules.population.lives_alone_without_partner.at(age))
    heads = position[partner > position]
    child = (age < 18) | (kind == 1)
    parents = heads[(age[heads] > 22) & (age[heads] < 58)]
    lodger = single & ~alone & (rng.uniform(key, "lodger") < 0.6)
    for joins, hosts in ((child, parents), (lodger, heads)):
        if len(hosts) and joins.any():
            household[joins] = _join(position[joins], hosts, block, key)
    return partner, index[household], alone


def _join(who: I64, heads: I64, block: I64, key: U64) -> I64:
    """A couple of the same block for each person in ``who``; their own household if there is none."""
    first = np.searchsorted(block[heads], block[who], side="left")
    size = np.searchsorted(block[heads], block[who], side="right") - first
    pick = first + rng.whole(rng.uniform(key[who], "joins") * np.maximum(size, 1))
    return np.where(size > 0, heads[np.minimum(pick, len(heads) - 1)], who)


def _ethnic(key: U64, head_key: U64, age: F64, authority: NDArray[np.str_], rules: Rules) -> NDArray[np.str_]:
    share = vars(rules.population.ethnic_minority)
    base = np.where(authority == "E06000015", share["E06000015"], share["elsewhere"])
    minority = rng.uniform(head_key, "minority") < base * np.interp(age, [0, 40, 65, 80], [1.25, 1.1, 0.6, 0.4])
    other = np.array(list(MINORITY))[
        rng.pick(rng.uniform(head_key, "ethnic"), np.array(list(MINORITY.values()), float))
    ]
    known = rng.uniform(key, "ethnic known")
    return np.where(known < 0.05, np.where(known < 0.02, "Z", ""), np.where(minority, other, "A"))


def nhs_numbers(index: I64, *, count: int, seed: int) -> I64:
    """Valid ten-digit numbers of the test range 900-999, one per index, in an order that tells nothing.

    A keyed shuffle of the hundred million nine-digit stems; a stem whose check digit would be 10 gives way to the
    stem of index + count, + 2 count and so on, so no two people share one.
    """
    out = np.zeros(len(index), dtype=np.int64)
    todo = np.ones(len(index), dtype=bool)
    for turn in range(40):
        stem = 900_000_000 + rng.permute(index[todo] + turn * count, 100_000_000, seed)
        total = sum((stem // 10 ** (8 - i)) % 10 * (10 - i) for i in range(9))
        check = 11 - total % 11
        number = stem * 10 + np.where(check == 11, 0, check)
        good = (check != 10) & (number != 9999999999) & (number != 9000000009)
        where = np.flatnonzero(todo)
        out[where[good]] = number[good]
        todo[where[good]] = False
        if not todo.any():
            return out
    raise AssertionError("no valid number found in forty turns")
