"""Outreach acts: what a team's contact changes in a life, by how much and for how long; states saved and lived on.

A contact changes declared hazards by declared factors (``outreach`` in ``rules.yaml``) from the Monday after it for a
declared number of weeks. Every random number is keyed by (seed, person, week, process), so a person with a contact and
the same person without one differ only by its effect.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from synthetic.rng import F64, I64
from synthetic.rules import Rules
from synthetic.state import State

#: the columns of a contacts file (CSV with a header): ten digits, ISO date, a kind declared in ``rules.yaml``
CONTACT_COLUMNS = ("nhs_number", "date", "kind")
CHANGES = ("crisis", "fall", "death", "admit")


@dataclass(frozen=True)
class Acts:
    """Contacts with the people of one run, in force on days ``start <= day < stop``.

    ``person`` is the position in the run; ``change`` has one array per word of ``CHANGES``, added to a log hazard
    (``admit``: to the log odds that a crisis ends on a ward).
    """

    person: I64
    start: I64
    stop: I64
    change: dict[str, F64]

    def on(self, monday: int, people: int) -> dict[str, F64] | None:
        """What is added for each person in the week of that Monday; None when no contact is in force."""
        now = np.flatnonzero((self.start <= monday) & (monday < self.stop))
        if not len(now):
            return None
        who = self.person[now]
        return {
            word: np.bincount(who, weights=column[now], minlength=people).astype(np.float64)
            for word, column in self.change.items()
        }


def read_contacts(path: Path, rules: Rules) -> pl.DataFrame:
    """A contacts file, checked.

    Returns:
        Rows of ``nhs_number`` (Int64), ``date``, ``kind``, one per person, date and kind, in that order.

    Raises:
        ValueError: a column is missing, a number or date cannot be read, or a kind is not declared.
    """
    frame = pl.read_csv(path, infer_schema=False)
    if missing := [c for c in CONTACT_COLUMNS if c not in frame.columns]:
        raise ValueError(f"{path.name} has no column {', '.join(missing)}; it needs {', '.join(CONTACT_COLUMNS)}.")
    try:
        typed = frame.select(
            pl.col("nhs_number").cast(pl.Int64), pl.col("date").str.to_date("%Y-%m-%d"), pl.col("kind")
        )
    except pl.exceptions.PolarsError as problem:
        raise ValueError(f"{path.name}: a number or a date (YYYY-MM-DD) cannot be read.") from problem
    if typed.null_count().sum_horizontal().item():
        raise ValueError(f"{path.name}: a number, date or kind is missing.")
    if strange := sorted(set(typed["kind"]) - set(rules.section["outreach"])):
        known = ", ".join(rules.section["outreach"])
        raise ValueError(f"{path.name}: no kind of contact is called {', '.join(strange)}; declared are {known}.")
    return typed.unique().sort(pl.all())


def acts(contacts: pl.DataFrame, numbers: I64, first_day: dt.date, rules: Rules) -> Acts:
    """The contacts that concern a run of people; those of others are left out.

    A second contact of the same kind while the first is in force begins anew and does not add up; different kinds do.

    Args:
        contacts: from :func:`read_contacts`.
        numbers: NHS numbers of the run.
        first_day: date of day 0, a Monday.
        rules: declare the kinds.
    """
    place = pl.DataFrame({"nhs_number": numbers, "person": np.arange(len(numbers))})
    mine = contacts.join(place, on="nhs_number", how="inner").sort("person", "kind", "date")
    declared = rules.section["outreach"]
    day = mine["date"].to_physical().to_numpy().astype(np.int64) - (first_day - dt.date(1970, 1, 1)).days
    start = (day // 7 + 1) * 7
    weeks = mine["kind"].replace_strict({k: v["weeks"] for k, v in declared.items()}, return_dtype=pl.Int64).to_numpy()
    person = mine["person"].to_numpy()
    follows = (person[1:] == person[:-1]) & (mine["kind"][1:] == mine["kind"][:-1]).to_numpy()
    following = np.where(np.append(follows, False), np.append(start[1:], 0), 2**30)
    change = {}
    for word in CHANGES:
        size = {k: v[word] if word == "admit" else float(np.log(v[word])) for k, v in declared.items()}
        change[word] = mine["kind"].replace_strict(size, return_dtype=pl.Float64).to_numpy()
    return Acts(person, start, np.minimum(start + 7 * weeks, following), change)


def save_state(path: Path, state: State, plan: dict[str, object]) -> None:
    """Writes a state and what its world was made from, to be lived on from later.

    Args:
        path: the file (``.npz``).
        state: of all people of the plan, in order.
        plan: what is needed to make the same people again; JSON values.
    """
    columns = {f.name: getattr(state, f.name) for f in dataclasses.fields(state)}
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as out:
        np.savez(out, allow_pickle=False, plan=np.array(json.dumps(plan, sort_keys=True)), **columns)


def load_state(path: Path) -> tuple[State, dict[str, object]]:
    """A state as it was saved, and its plan.

    Raises:
        ValueError: the file is not a saved state of this version.
    """
    names = {f.name for f in dataclasses.fields(State)}
    with np.load(path, allow_pickle=False) as held:
        if set(held.files) != names | {"plan"}:
            raise ValueError(f"{path.name} is not a state saved by this version.")
        plan = json.loads(str(held["plan"]))
        values = {name: held[name] for name in names}
    values["week"] = int(values["week"])
    return State(**values), plan
