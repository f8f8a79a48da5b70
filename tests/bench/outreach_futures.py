"""Does the evaluation invent anything? The designs and estimators on many futures of the same artificial people.

    python -m tests.bench.outreach_futures --people 60000 --futures 40

People stand as they do on a Monday. The product's own choice shows some of them under a declared design; everybody's
next half year is then lived in many futures, without contacts and with, and `evaluate` is asked in each. Beside the
estimates stands the truth, the mean difference that the contacts make for the people who are compared. Counted are the
intervals that hold it, and how often help or harm is told where none was planted.

No deliveries are made: `tests/bench/outreach_effect.py` goes the whole path, once.
"""

from __future__ import annotations

import argparse
import datetime as dt
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from outreach.choice import choose
from outreach.declaration import load_list
from outreach.design import Design
from outreach.evaluation import OUTCOMES, Effect, evaluate
from outreach.teams import TEAM_SCHEMA
from synthetic import resume
from tests.bench.outreach_effect import HORIZON_WEEKS, KINDS, County, write_contacts

TEAMS = 17
OUTSIDE = 20
"""Futures from which risks are made; estimates are judged on others."""

WEEK = dt.date(2025, 6, 9)
DESIGNS = {
    "ties": Design(kind="ties", declared_on=dt.date(2025, 1, 1), approval="artificial people only", band=0.2),
    "discontinuity": Design(kind="discontinuity", declared_on=dt.date(2025, 1, 1), band=0.1),
}
F64 = NDArray[np.float64]


@dataclass(frozen=True)
class Told:
    """What was found over many futures for one design and one kind of contact."""

    design: str
    kind: str
    truths: tuple[float, ...]
    found: tuple[Effect, ...]

    def __str__(self) -> str:
        """One line: how often the truth was in the interval, and what was told."""
        known = [(t, e) for t, e in zip(self.truths, self.found, strict=True) if e.estimate is not None]
        held = sum(float(e.low or 0) <= t <= float(e.high or 0) for t, e in known)
        said = {w: sum(e.says == w for e in self.found) for w in ("lower", "higher", "cannot tell")}
        mean = np.mean([float(e.estimate or 0) for _, e in known]) if known else float("nan")
        return (
            f"{self.design:13} planted {self.kind:8} "
            f"mean truth {np.mean(self.truths):+.3f}, mean estimate {mean:+.3f}; "
            f"{held} of {len(known)} intervals hold the truth; lower {said['lower']}, higher {said['higher']}, "
            f"cannot tell {said['cannot tell']}; stopped {sum(e.harm for e in self.found)}"
        )


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=60_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path("effect"))
    parser.add_argument("--futures", type=int, default=40)
    given = parser.parse_args()
    began = time.perf_counter()
    for told in over_futures(County(given.folder, given.people, given.seed), futures=given.futures):
        print(told, flush=True)
    print(f"{time.perf_counter() - began:.0f} s")


def over_futures(county: County, *, futures: int) -> list[Told]:
    """Every design and kind of contact over the same futures."""
    county.folder.mkdir(parents=True, exist_ok=True)
    stopped = county.stopped()
    people = at_risk(stopped)
    lived = {kind: _lived(county, stopped, people, kind, futures) for kind in KINDS}
    told = []
    for name, design in DESIGNS.items():
        drawn = [compared(people, design, draw) for draw in range(futures)]
        for kind, admissions in lived.items():
            gain = (admissions - lived["nothing"]).mean(axis=0)
            truths = [float(gain[units["row"].to_numpy()] @ _weights(units, design)) for units in drawn]
            found = [_asked(drawn[f], lived["nothing"][f], admissions[f], design) for f in range(futures)]
            told.append(Told(name, kind, tuple(truths), tuple(found)))
    return told


def at_risk(stopped: resume.Stopped) -> pl.DataFrame:
    """People of 65 and over whom a list could show, with a smooth calibrated risk and a team.

    The risk of an emergency stay is that of people of the same hazard, over futures that are not judged.
    """
    total = np.zeros(len(stopped.people))
    for salt in range(1000, 1000 + OUTSIDE):
        happened = resume.live_on(stopped, weeks=HORIZON_WEEKS, salt=salt)
        had = happened.filter(pl.col("emergency_admissions") > 0)["nhs_number"].to_numpy()
        total += np.isin(stopped.numbers, had)
    state = stopped.state
    here = state.alive & state.present & (stopped.people.age(7 * state.week) >= 65)
    frail = np.flatnonzero(here & (state.chronic + state.acute > 3.2))
    hazard = (state.chronic + state.acute)[frail] + state.log_crisis[frail]
    order = np.argsort(hazard, kind="stable")
    bins = np.array_split(order, 40)
    mean = np.maximum.accumulate([total[frail][b].mean() / OUTSIDE for b in bins])
    risk = np.interp(hazard, [hazard[b].mean() for b in bins], mean)
    return pl.DataFrame(
        {
            "person_id": frail.astype(np.int64),
            "nhs_number": stopped.numbers[frail],
            "score": risk.round(6),
            "team": [f"U{t:02d}" for t in state.practice[frail] % TEAMS],
        }
    )


def compared(people: pl.DataFrame, design: Design, draw: int) -> pl.DataFrame:
    """The product's own choice under the design: whom it compares, with the row of each in `people`.

    Each draw has its own lot and its own places, between a third and two thirds of a team's people.
    """
    share = np.random.default_rng(draw).uniform(1 / 3, 2 / 3)
    places = (pl.col("count") * share).cast(pl.Int64)
    half = people.group_by("team").len("count").with_columns(capacity=places).sort("team")
    teams = half.select(
        "team", team_name="team", capacity="capacity", review_places=pl.lit(0), lot_places="capacity"
    ).cast(TEAM_SCHEMA)  # type: ignore[arg-type]
    asked = people.with_columns(
        priority="score", added=pl.lit(value=False), obstacle=pl.lit(None, pl.String), told_until=pl.lit(None, pl.Date)
    )
    nobody = pl.DataFrame(schema={"person_id": pl.Int64, "last_listed": pl.Date})
    chosen = choose(
        asked,
        teams,
        nobody,
        week=WEEK,
        declaration=load_list().for_outcomes(["emergency_admission_12m"]),
        tie_key=f"draw {draw}".encode(),
        design=design,
    ).filter(pl.col("arm").is_not_null())
    rows = people.select("person_id").with_row_index("row")
    return chosen.join(rows, on="person_id").select("person_id", "team", "arm", "distance", "row", week=pl.lit(WEEK))


def _lived(county: County, stopped: resume.Stopped, people: pl.DataFrame, kind: str, futures: int) -> F64:
    """Emergency stays of every person in every future, had everybody been contacted: futures × people."""
    contacts = None
    if KINDS[kind]:
        numbers = people["nhs_number"].cast(pl.String)
        contacts = write_contacts(county.folder / f"all-{kind}.csv", numbers, KINDS[kind])
    wanted = people.select("nhs_number")
    return np.array(
        [
            wanted.join(
                resume.live_on(stopped, weeks=HORIZON_WEEKS, contacts=contacts, salt=salt),
                on="nhs_number",
                how="left",
                maintain_order="left",
            )["emergency_admissions"].to_numpy()
            for salt in range(1, futures + 1)
        ],
        dtype=np.float64,
    )


def _asked(units: pl.DataFrame, without: F64, with_: F64, design: Design) -> Effect:
    """What `evaluate` says of admissions when those shown were contacted and the others were not."""
    row = units["row"].to_numpy()
    happened = np.where(units["arm"].to_numpy() == "shown", with_[row], without[row])
    nothing = {o: pl.lit(0.0) for o in OUTCOMES}
    told = units.with_columns(**nothing).with_columns(admissions=pl.Series(happened))
    return next(e for e in evaluate(told, design) if e.outcome == "admissions")


def _weights(units: pl.DataFrame, design: Design) -> F64:
    """How much each person counts in what the design estimates: those shown, or those near the last place."""
    if design.kind == "ties":
        weight = (units["arm"] == "shown").to_numpy().astype(np.float64)
    else:
        weight = np.clip(1 - np.abs(units["distance"].to_numpy()) / (design.band / 5), 0, None)
    return weight / weight.sum()


if __name__ == "__main__":
    main()
