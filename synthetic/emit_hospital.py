"""Admitted care: emergency stays, the community-hospital spells after them, planned care; episodes with their codes."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic import rng
from synthetic.life import Life, ordinal, rows, spread
from synthetic.people import geography
from synthetic.rng import F64, I64
from synthetic.state import NURSING, OWN, RESIDENTIAL

DERBY, CHESTERFIELD, COMMUNITY = "RTG", "RFS", "RY8"
NORTH = (
    "E07000033",
    "E07000034",
    "E07000035",
    "E07000037",
    "E07000038",
)  # authorities whose people mostly use Chesterfield
CODING_LAG = 42
#: elective care: treatment function, yearly rate at 50 for the reference person, share of day cases, main diagnoses
ELECTIVE = {
    "130": (0.012, 0.97, ["H549"]), "110": (0.016, 0.55, ["M199", "M255"]),
    "301": (0.022, 0.97, ["K259", "K529", "D509"]),
    "101": (0.010, 0.75, ["N40X", "R31X"]), "100": (0.014, 0.6, ["K566", "K819"]), "303": (0.006, 0.98, ["D649"]),
    "320": (0.006, 0.6, ["I259", "I489"]),
}  # fmt: skip


def provider(life: Life, person: I64) -> NDArray[np.str_]:
    """The acute trust each person uses."""
    north = np.isin(geography().authority[life.people.lsoa[person]], NORTH)
    usual = rng.uniform(life.key(person), "trust") < 0.92
    return np.where(north == usual, CHESTERFIELD, DERBY)


def elective(life: Life) -> dict[str, NDArray]:
    """Planned stays and day cases: ``person, day, out, function, diagnosis``; never during an emergency stay."""
    people, found = life.people, []
    everyone = np.arange(len(people))
    for year in range(life.world.days // 365 + 1):
        age = people.age(365 * year)
        factor = np.interp(age, [0, 18, 30, 50, 65, 80, 90, 100], [0.25, 0.25, 0.5, 1.0, 1.9, 2.3, 1.6, 0.8])
        ill = (life.course.onset <= 365 * year).sum(axis=1)
        for function, (rate, day_share, codes) in ELECTIVE.items():
            pull = drawn_to(life, function, everyone, np.full(len(everyone), 365 * year))
            p = np.minimum(rate * factor * (0.6 + 0.06 * ill) * (0.7 + 0.3 * pull), 0.6)
            who = everyone[rng.uniform(people.key, "elective " + function, year) < p]
            day = 365 * year + np.floor(365 * rng.uniform(people.key[who], "elective day " + function, year)).astype(
                np.int64
            )
            day = np.where(day % 7 >= 5, day - 3, day)
            same_day = rng.uniform(people.key[who], "day case " + function, year) < day_share
            nights = np.ceil(np.exp(0.7 + 0.6 * rng.normal(people.key[who], "nights " + function, year))).astype(
                np.int64
            )
            u = rng.uniform(people.key[who], "elective code", year)
            theirs = [c for c in codes if c not in life.rules.section["men_only"]]
            code = np.where(people.female[who], _any_of(theirs, u), _any_of(codes, u))
            found.append((who, day, day + np.where(same_day, 0, nights), np.full(len(who), function), code))
    found.append(_cancer_treatment(life))
    person, day, out, functions, code = (np.concatenate(c) for c in zip(*found, strict=True))
    keep = life.lives_here(person, day) & life.lives_here(person, out) & ~life.in_hospital(person, day)
    keep &= ~life.in_hospital(person, out) & (out < life.world.days)
    order = np.lexsort((functions, day, person))
    order = order[keep[order]]
    return {
        "person": person[order],
        "day": day[order],
        "out": out[order],
        "function": functions[order],
        "code": code[order],
    }


def drawn_to(life: Life, function: str, person: I64, day: I64) -> F64:
    """How many times likelier each person is to be seen in a treatment function for what they have on a day."""
    out = np.ones(len(person))
    for name, odds in life.rules.section["specialties"].get(function, {}).items():
        out *= np.where(life.has(name, person, day), float(odds), 1.0)
    return np.minimum(out, 20.0)


def _cancer_treatment(life: Life) -> tuple[I64, I64, I64, NDArray[np.str_], NDArray[np.str_]]:
    """Courses of day cases in the months after a cancer began."""
    rule = life.rules.section["cancer_treatment"]
    onset = life.course.onset[:, life.rules.condition("cancer").index].astype(np.int64)
    age = life.age(np.arange(len(onset)), onset)
    chance = rule["share"] * np.interp(age, [60, 75, 90], [1.0, 0.8, 0.2])
    who = np.flatnonzero((rng.uniform(life.people.key, "treated") < chance) & (np.abs(onset) < life.world.days))
    row, turn = spread(
        1 + rng.poisson(life.people.key[who], "treatments", np.full(len(who), float(rule["visits"] - 1)))
    )
    person = who[row]
    day = onset[person] + 35 + turn * int(rule["every"])
    day = np.where(day % 7 >= 5, day - 3, day)
    return person, day, day, np.full(len(person), "303"), cancer_site(life, person)


def cancer_site(life: Life, person: I64) -> NDArray[np.str_]:
    """Where each person's cancer began, or would begin: the same place in every record."""
    sites, u = life.rules.section["cancer_sites"], rng.uniform(life.key(person), "which cancer")
    return np.where(life.people.female[person], _draw(sites["women"], u), _draw(sites["men"], u)).astype("<U4")


def _any_of(codes: list[str], u: F64) -> NDArray[np.str_]:
    return np.array(codes)[np.floor(len(codes) * u).astype(int)]


def episode_frame(life: Life) -> pl.DataFrame:
    """Finished consultant episodes, known when coded, six weeks after they end."""
    parts = [_emergency_episodes(life), _rehabilitation_episodes(life), _elective_episodes(life)]
    table = {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}
    order = np.lexsort((table["order"], table["start"], table["person"]))
    table = {k: v[order] for k, v in table.items()}
    table = {k: v[table["out"] < life.world.days] for k, v in table.items()}
    person, discharged = table["person"], table["out"]
    own = table["spell"]
    coded = np.maximum(discharged, table["end"])
    diagnosis = _diagnoses(life, table)
    unknown = rng.uniform(life.key(person), "not known", table["start"])
    return rows(
        person, table["start"], coded + CODING_LAG,
        episode_id=life.people.index[person] * 1000 + ordinal(person),
        nhs_number=life.numbers[person],
        provider_code=table["provider"],
        spell_number=spell_number(life, person, own),
        admission_date=life.date(table["admitted"]),
        admission_method=table["method"],
        admission_source=table["source"],
        discharge_date=life.date(discharged),
        discharge_destination=table["destination"],
        discharge_method=table["how"],
        discharge_ready_date=life.date(table["ready"]),
        episode_start=life.date(table["start"]),
        episode_end=life.date(table["end"]),
        episode_order=table["order"],
        episode_status=np.full(len(person), "3"),
        episode_type=np.full(len(person), "1"),
        patient_class=table["class"],
        main_specialty=specialty(table["function"]),
        treatment_function=table["function"],
        practice_code=_or_unknown(life.practice_code(person, table["admitted"]), unknown < 0.006, "V81999"),
        lsoa_code=_or_unknown(pl.Series(geography().lsoa11[life.people.lsoa[person]]), unknown > 0.996, "Z99999999"),
        ethnic_code=pl.Series(life.people.ethnic[person]).replace("", "Z"),
        **{f"diagnosis_{k + 1}": pl.Series(diagnosis[k]).replace("", None) for k in range(len(diagnosis))},
    )  # fmt: skip


def _or_unknown(codes: pl.Series, mask: NDArray[np.bool_], word: str) -> pl.Series:
    """The national word for "not known" in place of some codes."""
    return codes.set(pl.Series(mask), word)


def spell_number(life: Life, person: I64, spell: I64) -> pl.Series:
    """The provider's number of a spell, as text."""
    return pl.Series(life.people.index[person] * 1000 + spell).cast(pl.String)


def stay_number(life: Life) -> I64:
    """Number of each emergency stay among its person's, from 1."""
    person = life.stay["person"]
    return ordinal(person)


def _came_from(home: NDArray[np.int8]) -> NDArray[np.str_]:
    return np.select([home == NURSING, home == RESIDENTIAL], ["55", "56"], "19")


def _emergency_episodes(life: Life) -> dict[str, NDArray]:
    stay = life.stay
    person, day, out = stay["person"], stay["day"], stay["out"]
    nights = out - day
    extra = rng.uniform(life.key(person), "episodes", day)
    count = 1 + (nights >= 2) * (extra < 0.55) + (nights >= 12) * (extra < 0.3)
    row, turn = spread(count)
    step = np.minimum(1 + np.arange(3), 30)
    start = day[row] + np.where(turn == 0, 0, np.minimum(step[turn], nights[row]))
    last = turn == count[row] - 1
    end = np.where(last, out[row], day[row] + np.minimum(step[np.minimum(turn + 1, 2)], nights[row]))
    home_after = life.state("home", person, stay["home"] + 28)
    died, transferred = stay["dies"].astype(bool), stay["home"] > out
    destination = np.select(
        [died, transferred, home_after == NURSING, home_after == RESIDENTIAL], ["79", "51", "55", "56"], "19"
    )
    older = life.age(person, day) >= 75
    function = np.where(turn == 0, "326", np.where(older[row], "430", "300"))
    function = np.where((stay["fall"].astype(bool)[row]) & (turn == count[row] - 1) & (count[row] > 1), "110", function)
    method = np.where(stay["via_department"].astype(bool), "21", np.where(extra < 0.7, "22", "24"))
    return {
        "person": person[row], "start": start, "end": end, "admitted": day[row], "out": out[row],
        "ready": stay["ready"][row],
        "order": turn + 1, "spell": stay_number(life)[row], "provider": provider(life, person)[row],
        "method": method[row], "source": _came_from(stay["came_from"])[row], "destination": destination[row],
        "how": np.where(died, "4", "1")[row], "class": np.full(len(row), "1"), "function": function,
        "cause": np.where(stay["fall"].astype(bool), -1, stay["cause"])[row], "dependence": stay["dependence"][row],
        "confused": stay["confused"][row],
        "main": np.full(len(row), "", dtype="<U4"),
    }  # fmt: skip


def _rehabilitation_episodes(life: Life) -> dict[str, NDArray]:
    """The community-hospital spell that follows an acute one (pathway 2): the same continuous stay."""
    stay = life.stay
    at = np.flatnonzero(stay["home"] > stay["out"])
    n, person = len(at), stay["person"][at]
    out = stay["home"][at]
    home_after = life.state("home", person, out + 28)
    return {
        "person": person, "start": stay["out"][at], "end": out, "admitted": stay["out"][at], "out": out, "ready": out,
        "order": np.ones(n, np.int64), "spell": 500 + stay_number(life)[at], "provider": np.full(n, COMMUNITY),
        "method": np.full(n, "81"), "source": np.full(n, "51"),
        "destination": np.select([home_after == NURSING, home_after == RESIDENTIAL], ["55", "56"], "19"),
        "how": np.full(n, "1"), "class": np.full(n, "1"), "function": np.full(n, "314"),
        "cause": np.where(stay["fall"][at].astype(bool), -1, stay["cause"][at]), "dependence": stay["dependence"][at],
        "confused": np.zeros(n, bool),
        "main": np.full(n, "", dtype="<U4"),
    }  # fmt: skip


def _elective_episodes(life: Life) -> dict[str, NDArray]:
    e = life.elective
    person, n = e["person"], len(e["person"])
    number = np.arange(n) - np.searchsorted(person, person, side="left") + 1
    return {
        "person": person, "start": e["day"], "end": e["out"], "admitted": e["day"], "out": e["out"], "ready": e["out"],
        "order": np.ones(n, np.int64), "spell": 700 + number, "provider": provider(life, person),
        "method": np.where(e["out"] > e["day"], "11", "12"), "source": np.full(n, "19"),
        "destination": np.full(n, "19"),
        "how": np.full(n, "1"), "class": np.where(e["out"] > e["day"], "1", "2"), "function": e["function"],
        "cause": np.full(n, -2), "dependence": life.state("dependence", person, e["day"]), "main": e["code"],
        "confused": np.zeros(n, bool),
    }  # fmt: skip


def _diagnoses(life: Life, table: dict[str, NDArray]) -> list[NDArray[np.str_]]:
    """Twenty diagnosis positions: the main one by cause, a fall's outer cause, illnesses, what dependence brings."""
    person, start = table["person"], table["start"]
    n, key = len(person), life.key(person)
    columns = [_main(life, table)]
    fall = table["cause"] == -1
    spec = life.rules.section["falls"]
    in_home = life.state("home", person, table["admitted"]) != OWN
    u = rng.uniform(key, "outer cause", table["admitted"])
    outer = np.where(in_home, _draw(spec["cause_in_home"], u), _draw(spec["cause"], u))
    columns.append(np.where(fall, outer, ""))
    told = life.rules.section["delirium_told"]
    written = table["confused"] & (rng.uniform(key, "icd delirium", table["admitted"]) < told["share"])
    with_dementia = life.has("dementia", person, table["admitted"])
    columns.append(np.where(written, np.where(with_dementia, told["dementia"], told["plain"]), ""))
    for c in life.rules.conditions:
        ill = life.course.onset[person, c.index] <= start
        for code, share in c.icd.items():
            theirs = ill & life.can_be(code, person)
            columns.append(np.where(theirs & (rng.uniform(key, "icd " + code) < share), code, ""))
    cancer = life.has("cancer", person, start) & (
        rng.uniform(key, "icd cancer") < life.rules.section["cancer_sites"]["told"]
    )
    columns.append(np.where(cancer, cancer_site(life, person), ""))
    scale = np.clip(table["dependence"] / 5, 0, 1.2) ** life.rules.section["extras_power"]
    depth = life.rules.section["extras_by_nights"]
    deeper = np.interp(table["out"] - table["admitted"], depth["nights"], depth["factor"])
    acute = table["cause"] != -2
    for kind, codes in life.rules.section["extras"].items():
        when = 0 if kind == "lasting" else table["admitted"]
        for code, (low, high) in codes.items():
            p = (low + (high - low) * scale) * np.where(acute, 1.0, 0.25) * (deeper if kind == "passing" else 1.0)
            columns.append(np.where(rng.uniform(key, "icd " + code, when) < p, code, ""))
    alone = life.state("alone", person, table["admitted"]) & (rng.uniform(key, "icd alone") < 0.05)
    columns.append(np.where(alone, "Z602", ""))
    columns.append(
        np.where(life.state("palliative", person, start) & (rng.uniform(key, "icd Z515", start) < 0.6), "Z515", "")
    )
    return _pack(np.stack(columns), n)


def _main(life: Life, table: dict[str, NDArray]) -> NDArray[np.str_]:
    key, cause = life.key(table["person"]), table["cause"]
    u = rng.uniform(key, "main diagnosis", table["admitted"])
    main = np.where(cause == -1, _draw(life.rules.section["falls"]["icd"], u), table["main"])
    for i, spec in enumerate(life.rules.section["crises"].values()):
        main = np.where(cause == i, _draw(spec["icd"], u), main)
    return main.astype("<U4")


def _draw(weights: dict[str, float], u: F64) -> NDArray[np.str_]:
    return np.array(list(weights))[rng.pick(u, np.array(list(weights.values()), float))]


def _pack(grid: NDArray[np.str_], n: int) -> list[NDArray[np.str_]]:
    """Closes the gaps in each column of codes, drops a repeat of the main one, keeps twenty."""
    grid[1:][grid[1:] == grid[0]] = ""
    empty = grid == ""
    empty[0] = False
    order = np.argsort(empty, axis=0, kind="stable")[:20]
    packed = np.take_along_axis(grid, order, axis=0)
    return [packed[k] if k < len(packed) else np.full(n, "") for k in range(20)]


def specialty(function: NDArray[np.str_]) -> NDArray[np.str_]:
    """Main specialty of the consultant for each treatment function."""
    return np.select([function == "326", function == "314"], ["300", "430"], function)
