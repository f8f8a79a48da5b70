"""Disclosure control is a property: an attacker who solves exactly learns nothing about a few people."""

import datetime as dt
import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from commissioning.disclosure import ALL, PUBLISHED, RULES, SUPPRESSED, Rules, Table, control, round_count

APRIL = dt.date(2025, 4, 1)
Interior = dict[tuple[str, ...], tuple[int, int]]


def table(
    name: str, dimensions: tuple[str, ...], interior: Interior, period: str = "month", start: dt.date = APRIL
) -> Table:
    """A table with all its margins from `{values: (value, people)}`; people stand in one interior cell only."""
    rows = []
    domains = [sorted({values[i] for values in interior}) for i in range(len(dimensions))]
    for chosen in itertools.product(*[[*d, ALL] for d in domains]):
        inside = [
            cell for values, cell in interior.items() if all(c in (ALL, v) for c, v in zip(chosen, values, strict=True))
        ]
        rows.append((period, start, *chosen, sum(v for v, _ in inside), sum(p for _, p in inside), 0))
    return Table(
        name,
        dimensions,
        pl.DataFrame(rows, schema=["period", "start", *dimensions, "value", "people", "largest"], orient="row"),
    )


def of_people(*counts: int) -> Interior:
    return {(f"v{i}",): (n, n) for i, n in enumerate(counts)}


def shown(frame: pl.DataFrame, **where: str) -> int | None:
    for column, value in where.items():
        frame = frame.filter(pl.col(column) == value)
    return frame["published"].item()


def test_one_to_seven_people_are_not_shown_and_eight_are_rounded_to_five() -> None:
    frame = control([table("t", ("a",), of_people(0, 1, 7, 8, 12, 13, 40))], "people").frames["t"]
    assert [shown(frame, a=f"v{i}") for i in range(7)] == [0, None, None, 10, 10, 15, 40]


def test_a_total_of_all_is_shown_rounded_and_noughts_stay() -> None:
    frame = control([table("t", ("a",), of_people(100, 0))], "people").frames["t"]
    assert (shown(frame, a=ALL), shown(frame, a="v1")) == (100, 0)


def test_a_small_cell_that_the_total_would_give_away_takes_another_with_it() -> None:
    # 20 in all and 10 shown: the hidden one could only be 6 or 7.
    frame = control([table("t", ("a",), of_people(7, 12))], "people").frames["t"]
    assert frame.filter(pl.col("status") == SUPPRESSED).height >= 2


def test_a_sum_of_few_people_is_hidden_however_large() -> None:
    frame = control([table("t", ("a",), {("x",): (200, 7), ("y",): (300, 50), ("z",): (250, 40)})], "sum").frames["t"]
    assert shown(frame, a="x") is None


def test_a_sum_that_one_person_dominates_is_hidden() -> None:
    cells = table("t", ("a",), {("x",): (100, 9), ("y",): (300, 50), ("z",): (250, 40)})
    dominated = cells.cells.with_columns(largest=pl.when(pl.col("a") == "x").then(51).otherwise(20))
    frame = control([Table("t", ("a",), dominated)], "sum").frames["t"]
    assert shown(frame, a="x") is None


def test_a_hidden_part_of_a_sum_is_never_alone() -> None:
    frame = control([table("t", ("a",), {("x",): (200, 7), ("y",): (300, 50), ("z",): (250, 40)})], "sum").frames["t"]
    assert frame.filter((pl.col("status") == SUPPRESSED) & (pl.col("a") != ALL)).height == 2


def test_where_nothing_else_can_hide_a_cell_its_total_goes_too() -> None:
    frame = control([table("t", ("a",), {("x",): (200, 7), ("y",): (0, 0)})], "sum").frames["t"]
    assert shown(frame, a=ALL) is None


def test_a_cell_of_two_tables_is_hidden_in_both_or_neither() -> None:
    fine = {
        (f"p{i}", f"f{j}"): (n, n)
        for (i, j), n in zip(itertools.product(range(3), range(2)), [3, 40, 9, 60, 12, 50], strict=True)
    }
    coarse: Interior = {(f"f{j}",): (n, n) for j, n in enumerate([24, 150])}
    both = control([table("fine", ("place", "band"), fine), table("coarse", ("band",), coarse)], "people").frames
    for band in ("f0", "f1", ALL):
        assert shown(both["fine"], place=ALL, band=band) == shown(both["coarse"], band=band)


def test_nothing_is_hidden_where_nobody_is_few() -> None:
    frame = control([table("t", ("a",), of_people(50, 60, 70))], "people").frames["t"]
    assert set(frame["status"]) == {PUBLISHED}


@pytest.mark.parametrize(("people", "said"), [(0, 0), (1, None), (7, None), (8, 10), (23, 25)])
def test_a_single_count_is_said_by_the_same_rules(people: int, said: int | None) -> None:
    assert round_count(people) == said


def test_the_true_values_never_leave() -> None:
    frame = control([table("t", ("a",), of_people(3, 50, 60))], "people").frames["t"]
    assert not {"value", "people", "largest"} & set(frame.columns)


def solve_exactly(
    published: dict[str, pl.DataFrame], tables: list[Table], measure: str, rules: Rules = RULES
) -> dict[tuple[object, ...], int]:
    """How many whole numbers each hidden cell can be, by integer programming over the interiors of all tables.

    Independent of the product's own attack: unknowns are the joint cells of all dimensions and all months, every
    published number is a constraint on a sum of them.
    """
    dimensions = sorted({d for t in tables for d in t.dimensions})
    domains = {d: sorted({v for t in tables if d in t.dimensions for v in t.cells[d]} - {ALL}) for d in dimensions}
    months = sorted({s for t in tables for s in _months(t)})
    joint = list(itertools.product(months, *[domains[d] for d in dimensions]))
    at = {cell: i for i, cell in enumerate(joint)}
    rows, low, high, hidden = [], [], [], []
    for t in tables:
        frame = published[t.name].join(
            t.cells.select("period", "start", *t.dimensions, "value", "people"),
            on=["period", "start", *t.dimensions],
            maintain_order="left",
        )
        for cell in frame.iter_rows(named=True):
            span = {"month": 1, "quarter": 3}[cell["period"]]
            inside = np.zeros(len(joint))
            for key, i in at.items():
                after = (key[0].year - cell["start"].year) * 12 + key[0].month - cell["start"].month
                where = dict(zip(dimensions, key[1:], strict=True))
                inside[i] = 0 <= after < span and all(cell[d] in (ALL, where[d]) for d in t.dimensions)
            rows.append(inside)
            if cell["status"] == SUPPRESSED:
                small = 0 < cell["people"] < rules.smallest
                low.append(1)
                high.append(rules.smallest - 1 if measure == "people" and small else np.inf)
                hidden.append(((t.name, *[cell[d] for d in ("start", *t.dimensions)]), inside))
            else:
                low.append(0 if cell["published"] == 0 else max(cell["published"] - 2, rules.smallest))
                high.append(0 if cell["published"] == 0 else cell["published"] + 2)
    constraint = LinearConstraint(np.array(rows), low, high)
    counts = {}
    for name, inside in hidden:
        ends = []
        for sign in (1, -1):
            found = milp(sign * inside, constraints=constraint, integrality=np.ones(len(joint)), bounds=Bounds(0, 400))
            assert found.status == 0, found.message
            ends.append(round(sign * found.fun))
        counts[name] = ends[1] - ends[0] + 1
    return counts


def _months(t: Table) -> set[dt.date]:
    spans = {"month": 1, "quarter": 3}
    return {
        dt.date(start.year, start.month + m, 1)
        for period, start in t.cells.select("period", "start").unique().iter_rows()
        for m in range(spans[period])
    }


counts = st.sampled_from([0, 0, 1, 2, 3, 5, 7, 8, 9, 11, 12, 13, 18, 30, 47])
quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


@quick
@given(st.lists(counts, min_size=2, max_size=6))
def test_no_hidden_count_of_people_can_be_worked_out_from_one_margin(numbers: list[int]) -> None:
    tables = [table("t", ("a",), of_people(*numbers))]
    feasible = solve_exactly(control(tables, "people").frames, tables, "people")
    assert all(n >= RULES.feasible for n in feasible.values()), feasible


@quick
@given(st.lists(counts, min_size=9, max_size=9))
def test_no_hidden_count_can_be_worked_out_from_a_table_with_two_margins_and_its_coarser_table(
    numbers: list[int],
) -> None:
    cells = {(f"p{i}", f"b{j}"): (numbers[3 * i + j],) * 2 for i in range(3) for j in range(3)}
    bands = {(f"b{j}",): (sum(numbers[j::3]),) * 2 for j in range(3)}
    tables = [table("fine", ("place", "band"), cells), table("coarse", ("band",), bands)]
    feasible = solve_exactly(control(tables, "people").frames, tables, "people")
    assert all(n >= RULES.feasible for n in feasible.values()), feasible


@pytest.mark.slow
@quick
@given(st.lists(counts, min_size=12, max_size=12))
def test_no_hidden_event_count_can_be_worked_out_from_months_and_their_quarter(numbers: list[int]) -> None:
    months = [dt.date(2025, 4 + m, 1) for m in range(3)]
    by_month = [
        table("month", ("a",), {(f"v{i}",): (numbers[4 * m + i],) * 2 for i in range(4)}, start=start)
        for m, start in enumerate(months)
    ]
    month = Table("month", ("a",), pl.concat([t.cells for t in by_month]))
    quarter = table("quarter", ("a",), {(f"v{i}",): (sum(numbers[i::4]),) * 2 for i in range(4)}, period="quarter")
    tables = [month, quarter]
    feasible = solve_exactly(control(tables, "events").frames, tables, "events")
    assert all(n >= RULES.feasible for n in feasible.values()), feasible


def test_the_attack_of_this_test_succeeds_on_tables_without_control() -> None:
    tables = [table("t", ("a",), of_people(7, 12))]
    naive = (
        tables[0]
        .cells.with_columns(
            published=pl.when(~pl.col("people").is_between(1, 7)).then((pl.col("value") + 2) // 5 * 5),
            status=pl.when(pl.col("people").is_between(1, 7)).then(pl.lit(SUPPRESSED)).otherwise(pl.lit(PUBLISHED)),
        )
        .drop("value", "people", "largest")
    )
    assert min(solve_exactly({"t": naive}, tables, "people").values()) == 2
