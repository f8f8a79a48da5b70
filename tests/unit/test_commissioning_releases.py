"""An attacker who kept the releases before learns no more than one who sees the newest alone may learn."""

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from commissioning import build_marts
from commissioning.disclosure import ALL, RULES, Published, Table, control
from commissioning.releases import REMEMBERED, read_releases, write_release
from tests.examples.commissioning import DATA_DATE, FEW, many, record

APRIL = dt.date(2025, 4, 1)


def table(numbers: list[int], by_two: bool = False) -> Table:
    """Counts of people by one dimension (or two, of two values each) with margins."""
    side = len(numbers) // 2 if by_two else len(numbers)
    names = {(f"v{i % side}", f"w{i // side}"): n for i, n in enumerate(numbers)}
    if by_two:
        cells = [
            ("month", APRIL, a, b, *(sum(n for (x, y), n in names.items() if a in (ALL, x) and b in (ALL, y)),) * 2, 0)
            for a in [*sorted({k[0] for k in names}), ALL]
            for b in [*sorted({k[1] for k in names}), ALL]
        ]
        columns = ["period", "start", "a", "b", "value", "people", "largest"]
        return Table("t", ("a", "b"), pl.DataFrame(cells, schema=columns, orient="row"))
    rows = [("month", APRIL, a, n, n, 0) for (a, _), n in names.items()]
    rows.append(("month", APRIL, ALL, sum(numbers), sum(numbers), 0))
    return Table(
        "t", ("a",), pl.DataFrame(rows, schema=["period", "start", "a", "value", "people", "largest"], orient="row")
    )


def release_all(history: list[Table], *, remember: bool) -> list[Published]:
    """Each table released in turn, knowing the releases before it, or not."""
    done: list[Published] = []
    for one in history:
        earlier = [p.memory for p in reversed(done)][:REMEMBERED] if remember else []
        done.append(control([one], "people", earlier=earlier))
    return done


def fewest_feasible(history: list[Table], done: list[Published]) -> int:
    """The fewest whole numbers that any hidden cell can be, to one who has all releases and knows which cells changed.

    Independent of the product's own attack: unknowns are the interior cells of every release; an interior cell that did
    not change is one unknown in both.
    """
    dimensions = history[0].dimensions
    inner = [c for c in history[0].cells.select(dimensions).iter_rows() if ALL not in c]
    value = [{tuple(r[d] for d in dimensions): r["value"] for r in t.cells.iter_rows(named=True)} for t in history]
    unknown: dict[tuple[int, tuple[str, ...]], int] = {}
    for at in range(len(history)):
        for cell in inner:
            same = at > 0 and value[at][cell] == value[at - 1][cell]
            unknown[at, cell] = unknown[at - 1, cell] if same else len(set(unknown.values()))
    count = len(set(unknown.values()))
    rows, low, high, hidden = [], [], [], []
    for at, published in enumerate(done):
        for row in published.frames["t"].iter_rows(named=True):
            cell = tuple(row[d] for d in dimensions)
            inside = np.zeros(count)
            for part in inner:
                if all(c in (ALL, p) for c, p in zip(cell, part, strict=True)):
                    inside[unknown[at, part]] += 1
            rows.append(inside)
            if row["published"] is None:
                small = value[at][cell] < RULES.smallest
                low.append(1)
                high.append(RULES.smallest - 1 if small else np.inf)
                if at == len(done) - 1:
                    hidden.append(inside)
            else:
                low.append(0 if row["published"] == 0 else max(row["published"] - 2, RULES.smallest))
                high.append(0 if row["published"] == 0 else row["published"] + 2)
    fewest = 99
    for inside in hidden:
        ends = []
        for sign in (1, -1):
            found = milp(
                sign * inside,
                constraints=LinearConstraint(np.array(rows), low, high),
                integrality=np.ones(count),
                bounds=Bounds(0, 300),
            )
            assert found.status == 0, found.message
            ends.append(round(sign * found.fun))
        fewest = min(fewest, ends[1] - ends[0] + 1)
    return fewest


counts = st.sampled_from([0, 1, 3, 5, 7, 8, 9, 11, 12, 13, 18, 30, 47])
changes = st.lists(st.sampled_from([0, 0, 0, 1, -1, 2, 5]), min_size=4, max_size=4)


def drifted(numbers: list[int], steps: list[list[int]]) -> list[list[int]]:
    found = [numbers]
    for step in steps:
        found.append([max(n + d, 0) for n, d in zip(found[-1], step, strict=True)])
    return found


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(st.lists(counts, min_size=4, max_size=4), st.lists(changes, min_size=1, max_size=3), st.booleans())
def test_no_hidden_count_can_be_worked_out_from_four_releases_together(
    numbers: list[int], steps: list[list[int]], by_two: bool
) -> None:
    history = [table(n, by_two) for n in drifted(numbers, steps)]
    done = release_all(history, remember=True)
    if fewest_feasible(history, done) < RULES.feasible:
        # What was told cannot be taken back: then the newest release shows nothing that an earlier one did not.
        assert not newly_shown(done)


def newly_shown(done: list[Published]) -> set[object]:
    """Cells that the newest release shows and no release before it showed with the same value; noughts apart."""
    before = {
        (key, value)
        for release in done[:-1]
        for past in release.memory
        for key, value, hidden in zip(past.keys, past.value, past.suppressed, strict=True)
        if not hidden
    }
    return {
        key
        for past in done[-1].memory
        for key, value, hidden in zip(past.keys, past.value, past.suppressed, strict=True)
        if not hidden and value > 0 and (key, value) not in before
    }


@pytest.mark.slow
def test_the_attack_of_this_test_succeeds_where_releases_forget_each_other() -> None:
    rng = np.random.default_rng(5)
    broken = 0
    for _ in range(50):
        first = rng.choice([1, 3, 5, 7, 8, 9, 11, 13, 18, 30], 4).tolist()
        second = [max(n + int(d), 0) for n, d in zip(first, rng.choice([0, 0, 0, 1, 5], 4), strict=True)]
        history = [table(first), table(second)]
        try:
            broken += fewest_feasible(history, release_all(history, remember=False)) < RULES.feasible
        except AssertionError:
            continue
    assert broken > 0


def test_what_was_hidden_and_has_not_changed_stays_hidden() -> None:
    first, second = table([5, 9, 40]), table([5, 9, 60])
    one = control([first], "people")
    two = control([second], "people", earlier=[one.memory])
    hidden = [set(p.frames["t"].filter(status="suppressed")["a"]) for p in (one, two)]
    assert hidden[0] <= hidden[1]


def test_a_release_is_remembered_as_it_was(tmp_path: Path) -> None:
    memory = control([table([5, 9, 40, 0])], "people").memory
    write_release(tmp_path / "r.parquet", {"x": memory})
    assert read_releases([tmp_path / "r.parquet"] * 5) == {"x": [memory] * REMEMBERED}


def test_a_late_resubmission_restates_history_and_is_listed(tmp_path: Path) -> None:
    made = many(record(tmp_path), 1200, years=1)
    before = build_marts(
        made.con,
        data_date=DATA_DATE - dt.timedelta(days=7),
        out=tmp_path / "a",
        months=12,
        policy=made.policy,
        indicators=FEW,
    )
    assert pl.read_parquet(before.table("restatement").path).is_empty()
    for person in range(1, 41):
        made.con.execute("update person set birth_month = date '1940-05-15' where person_id = ?", [person])
        made.stay(person, dt.date(2025, 6, 2), dt.date(2025, 6, 5), known_from=DATA_DATE)
    after = build_marts(
        made.con,
        data_date=DATA_DATE,
        out=tmp_path / "b",
        months=12,
        policy=made.policy,
        indicators=FEW,
        earlier=[tmp_path / "a" / "release.parquet"],
    )
    listed = pl.read_parquet(after.table("restatement").path)
    june = listed.filter(table_name="emergency_admissions", start=dt.date(2025, 6, 1), cell="").row(0, named=True)
    assert june["now"] >= june["before"] + 40 - 5
