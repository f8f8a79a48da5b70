"""All published tables attacked together: indicators that hold each other, what is made of them, week after week."""

import datetime as dt
import itertools
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commissioning import build_marts, load_indicators
from commissioning.board_tables import from_published
from commissioning.declaration import IndicatorError, load_links
from commissioning.disclosure import ALL, RULES, Group, Link, Published, Table, control_together
from commissioning.projection import growth_of
from tests.examples.attack import Attack
from tests.examples.commissioning import DATA_DATE, Record, many, record

APRIL = dt.date(2025, 4, 1)
WHOLE, ILL, FALL = "admissions", "ill", "fall"
LINKS = (
    Link(WHOLE, (ILL,), frozenset({"place", "age"})),
    Link(WHOLE, (FALL,), frozenset({"place", "age"})),
    Link(WHOLE, (ILL, FALL), frozenset({"place", "age"})),
)
PLACES, AGES = ("A", "B", "C"), ("young", "old")
Numbers = list[int]


def table(indicator: str, counts: Numbers, dimension: str) -> Table:
    """Events by Place, or by age, of a row of counts by both; nobody has two."""
    by = {(p, a): n for (p, a), n in zip(itertools.product(PLACES, AGES), counts, strict=True)}
    at = 0 if dimension == "place" else 1
    values = PLACES if dimension == "place" else AGES
    rows = [(v, sum(n for key, n in by.items() if key[at] == v)) for v in values] + [(ALL, sum(counts))]
    cells = [("month", APRIL, v, n, n, 1) for v, n in rows]
    columns = ["period", "start", dimension, "value", "people", "largest"]
    return Table(f"{indicator}_by_{dimension}", (dimension,), pl.DataFrame(cells, schema=columns, orient="row"))


def groups(ill: Numbers, fall: Numbers, rest: Numbers, earlier: list[dict[str, Published]]) -> list[Group]:
    """Two indicators and the one that counts what both count, and more."""
    whole = [sum(n) for n in zip(ill, fall, rest, strict=True)]
    return [
        Group(
            name,
            [table(name, counts, d) for d in ("place", "age")],
            "events",
            snapshot=False,
            earlier=[release[name].memory for release in reversed(earlier)],
        )
        for name, counts in ((WHOLE, whole), (ILL, ill), (FALL, fall))
    ]


def fewest(releases: list[tuple[list[Group], dict[str, Published]]]) -> int:
    """The fewest values that any hidden cell of the newest release can have, to one who kept all of them."""
    attack = Attack()
    for tables, published in releases:
        attack.see(
            [
                (
                    group.name,
                    published[group.name].frames[t.name].join(t.cells, on=["period", "start", *t.dimensions]),
                    t.dimensions,
                    False,
                    False,
                )
                for group in tables
                for t in group.tables
            ]
        )
    for link in LINKS:
        attack.know(link.whole, link.parts, set(link.shared))
    return attack.fewest()


counts = st.lists(st.sampled_from([0, 0, 1, 2, 3, 5, 8, 11, 14]), min_size=6, max_size=6)
quick = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


@pytest.mark.slow
@quick
@given(counts, counts, counts)
def test_no_hidden_count_can_be_worked_out_from_indicators_that_hold_each_other(
    ill: Numbers, fall: Numbers, rest: Numbers
) -> None:
    made = groups(ill, fall, rest, [])
    assert fewest([(made, control_together(made, LINKS))]) >= RULES.feasible


@pytest.mark.slow
@settings(parent=quick, max_examples=15)
@given(counts, counts, counts, st.lists(st.sampled_from([0, 0, 0, 1, 4]), min_size=6, max_size=6))
def test_nor_from_those_of_the_release_before(ill: Numbers, fall: Numbers, rest: Numbers, more: Numbers) -> None:
    first = groups(ill, fall, rest, [])
    done = control_together(first, LINKS)
    second = groups([n + m for n, m in zip(ill, more, strict=True)], fall, rest, [done])
    after = control_together(second, LINKS)
    if fewest([(first, done), (second, after)]) < RULES.feasible:
        # What was told cannot be taken back: then nothing is shown anew.
        told = {(t.name, k, v) for p in done.values() for t in p.memory
                for k, v, h in zip(t.keys, t.value, t.suppressed, strict=True) if not h}  # fmt: skip
        now = {(t.name, k, v) for p in after.values() for t in p.memory
               for k, v, h in zip(t.keys, t.value, t.suppressed, strict=True) if not h and v}  # fmt: skip
        assert now <= told


def test_what_two_indicators_hide_alone_is_told_by_both_but_not_when_they_are_controlled_together() -> None:
    # 17 admissions (13 to 17 by what is said), of which at B 8 for an illness and 8 for a fall: at least 16 at B, so
    # that the one at A is known, though 1 to 4 are possible by the table of admissions alone.
    made = groups(ill=[0, 0, 8, 0, 0, 0], fall=[0, 0, 8, 0, 0, 0], rest=[1, 0, 0, 0, 0, 0], earlier=[])
    assert fewest([(made, control_together(made))]) == 1
    assert fewest([(made, control_together(made, LINKS))]) >= RULES.feasible


def test_links_name_indicators_whose_events_add_up(tmp_path: Path) -> None:
    ids = {i.id for i in load_indicators()}
    assert all({link.whole, *link.parts} <= ids for link in load_links())
    wrong = tmp_path / "link.yaml"
    wrong.write_text("- {whole: emergency_bed_days, parts: [emergency_admissions], why: x}\n", encoding="utf-8")
    with pytest.raises(IndicatorError, match="counts events"):
        load_links(wrong)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """A record in which sensitive and fall admissions are some of the emergency admissions."""
    made = many(record(tmp_path_factory.mktemp("together")), 2500, years=2)
    made.con.execute(
        "update inpatient_spell set primary_diagnosis = case person_id % 7 when 0 then 'I50' when 1 then 'J18' "
        "when 2 then 'S72' else 'C61' end"
    )
    made.con.execute(
        "insert into hospital_episode by name select person_id, admission_date, 'W01' as diagnosis_2, known_from, "
        "known_until from inpatient_spell where primary_diagnosis = 'S72'"
    )
    return made


TIED = ("emergency_admissions", "sensitive_admissions", "fall_admissions", "ed_attendances", "registered_people")


def release(world: Record, out: Path, earlier: list[Path]) -> Path:
    named = [i for i in load_indicators() if i.id in TIED]
    small = tuple(
        i.model_copy(update={"cuts": tuple(c for c in i.cuts if "pcn" not in c.by and "deprivation" not in c.by)})
        for i in named
    )
    date = DATA_DATE if earlier else DATA_DATE - dt.timedelta(days=7)
    build_marts(world.con, data_date=date, out=out, months=9, policy=world.policy, indicators=small, earlier=earlier)
    return out


@pytest.mark.slow
def test_no_hidden_figure_of_two_releases_of_the_marts_can_be_worked_out(world: Record, tmp_path: Path) -> None:
    first = release(world, tmp_path / "a", [])
    second = release(world, tmp_path / "b", [first / "release.parquet"])
    attack = Attack()
    for folder in (first, second):
        attack.see([_seen(folder, i.id, i.snapshot, i.measure == "people", i.table(c), c.by)
                    for i in load_indicators() if i.id in TIED for c in i.cuts
                    if (folder / f"{i.table(c)}.parquet").exists()])  # fmt: skip
    for link in load_links():
        if link.whole in TIED:
            attack.know(link.whole, link.parts, set(link.shared))
    assert len(attack.hidden) > 20
    assert attack.fewest(most_cells=30) >= RULES.feasible


def _seen(
    folder: Path, indicator: str, snapshot: bool, of_people: bool, name: str, by: tuple[str, ...]
) -> tuple[str, pl.DataFrame, tuple[str, ...], bool, bool]:
    """A published table from its file, with the truth from what the release remembers."""
    shown = pl.read_parquet(folder / f"{name}.parquet").filter(pl.col("status") != "no data")
    known = pl.read_parquet(folder / "release.parquet").filter(indicator=indicator, table_name=name)
    truth = {k: (v, few) for k, v, few in known.select("key", "value", "small").iter_rows()}
    rows = []
    for row in shown.iter_rows(named=True):
        named = ",".join(f'["{d}","{row[d]}"]' for d in sorted(by) if row[d] != ALL)
        key = f'["{"day" if snapshot else row["period"]}","{row["start"]}"{"," if named else ""}{named}]'
        value, few = truth[key]
        rows.append({"published": row["value"], "value": value, "people": 1 if few else 1000}
                    | {c: row[c] for c in ("period", "start", *by)})  # fmt: skip
    return indicator, pl.DataFrame(rows, infer_schema_length=None), by, snapshot, of_people


def test_rates_projection_and_costs_are_made_from_the_published_files_alone(world: Record, tmp_path: Path) -> None:
    report = build_marts(world.con, data_date=DATA_DATE, out=tmp_path, months=24, policy=world.policy)
    frames = {
        t.name: pl.read_parquet(t.path).rename({"value": "published"})
        for t in report.tables
        if t.indicator and t.period
    }
    again = from_published(frames, growth_of(world.con, DATA_DATE), DATA_DATE)
    for name, (frame, _) in again.items():
        assert frame.equals(pl.read_parquet(report.table(name).path)), name
    assert again["standardised_rate"][0]["rate"].count() > 0
    assert again["projection"][0]["value"].count() > 0
