"""The report of the artificial county counts what is there, names every source, and can fail."""

from __future__ import annotations

import numpy as np
import pytest

from synthetic import report
from synthetic.deliveries import make_life
from synthetic.measure import Counts, index_week, measure
from synthetic.plan import Plan, first_day
from synthetic.report import Line
from synthetic.state import AT_HOME
from tests.unit.test_synthetic_rates import PLAN as ROUGH

PEOPLE, SEED = 2_000, 4


@pytest.fixture(scope="module")
def counts() -> Counts:
    return report.count(PEOPLE, SEED, workers=1)


def test_the_parts_of_a_county_add_up_to_the_whole(counts: Counts) -> None:
    plan = Plan(PEOPLE, SEED, first_day(ROUGH.last_delivery, 6, 4), ROUGH.last_delivery, 4)
    week = index_week(plan.days)
    life = make_life(plan, 0, plan.count)
    assert measure(life, week).pairs == counts.pairs
    old = life.course.month["here"][week // 4] & (life.people.age(7 * week) >= 85)
    bound = life.course.month["housebound"][week // 4] != AT_HOME
    assert counts.pairs["housebound_85"] == (int((bound & old).sum()), int(old.sum()))
    halves = Counts()
    halves.merge(counts)
    halves.merge(counts)
    assert halves.pairs["deaths"] == tuple(2 * n for n in counts.pairs["deaths"])


def test_every_target_has_a_source_a_status_and_a_figure(counts: Counts) -> None:
    found = report.lines(counts)
    assert {line.group for line in found} == set(report.GROUPS)
    assert {line.key for line in found} == set(counts.pairs)
    for line in found:
        assert line.source
        assert line.status in report.STATUS
        assert line.low <= line.target <= line.high, line.key


def test_bands_and_shares_that_are_parts_of_one_whole_add_up_to_it(counts: Counts) -> None:
    for keys in (
        ("deficits_0_4", "deficits_5_8", "deficits_9_12", "deficits_13"),
        ("hfrs_low", "hfrs_middle", "hfrs_high"),
        ("pathway_0", "pathway_1", "pathway_2", "pathway_3"),
        ("county_0_15", "county_16_64", "county_65"),
    ):
        base = counts.pairs[keys[0]][1]
        assert sum(counts.pairs[k][0] for k in keys) == base > 100


def test_a_figure_out_of_range_is_said_to_fail_and_an_unchecked_target_to_be_unchecked() -> None:
    told = {"group": "place", "kind": "share", "target": 0.2, "low": 0.1, "high": 0.3, "source": "a paper", "note": ""}
    good = Line(key="a", said="good", status="found", achieved=0.25, **told)
    bad = Line(key="b", said="bad", status="unverified", achieved=0.35, **told)
    nobody = Line(key="c", said="nobody there", status="disagree", achieved=None, **told)
    text = report.markdown(10, 1, [good, bad, nobody])
    assert "| good | 20.0 % | 10.0 % to 30.0 % | 25.0 % | pass | a paper |" in text
    assert "| 35.0 % | fail | a paper | unverified: not checked at its source |" in text
    assert "| nobody | fail | a paper | sources disagree |" in text
    assert "1 of 3 figures" in text


def test_the_page_needs_nothing_from_elsewhere_and_says_what_the_table_says(counts: Counts) -> None:
    found = report.lines(counts)
    page = report.page(PEOPLE, SEED, found)
    assert page.count('<th scope="row">') == len(found)
    assert page.count("<td>fail</td>") == sum(not line.met for line in found) > 0
    assert 'src="http' not in page
    assert page.count('class="plotly-graph-div"') == len(report.GROUPS)


def test_counts_are_scaled_to_the_size_of_the_board() -> None:
    made = Counts({"no_criteria": (5.0, 0.0)}, people=10_600)
    assert report._achieved(made, "no_criteria", "day") == pytest.approx(500)
    assert np.isclose(report._achieved(Counts({"x": (1.0, 4.0)}), "x", "share") or 0, 0.25)
