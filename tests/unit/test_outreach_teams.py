"""Every practice has one team; whom other objectives would choose; what is not known turns nobody away."""

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from outreach import ListError, TeamsFile, load_list, load_teams
from outreach.change import churn
from outreach.design import load_design
from outreach.eligibility import Sight
from outreach.objectives import IMPACTABILITY, days_avoided, with_priority
from outreach.teams import load_services
from outreach.unseen import unseen_in_words
from tests.examples.outreach import MONDAY, OTHER_PRACTICE, PRACTICE, Example, example
from tests.unit.test_outreach_list import build, ledger, statuses

WEEK = dt.timedelta(weeks=1)
NOT_FRAIL = {"frailty_level": 1.0, "housebound_class": 0.0, "rockwood_score": 4.0, "frailty_index_band": 1.0}
PRACTICES = pl.DataFrame(
    {
        "practice_code": ["C1", "C2", "C3", "C9"],
        "pcn_code": ["U1", "U1", "U2", None],
        "pcn_name": ["One PCN", "One PCN", "Two PCN", None],
    }
)


def teams(*declared: dict[str, Any], slots: int = 5) -> TeamsFile:
    own = [{"new_contact_slots": 3} | d for d in declared]
    return TeamsFile.model_validate({"default": {"new_contact_slots": slots}, "teams": own})


def test_a_practice_belongs_to_the_team_that_names_it_else_to_its_pcns_team_else_to_its_pcn() -> None:
    declared = teams({"team": "north", "neighbourhoods": ["U1"]}, {"team": "mill", "practices": ["C2"]})
    assert dict(declared.practice_teams(PRACTICES).rows()) == {"C1": "north", "C2": "mill", "C3": "U2", "C9": None}
    assert dict(declared.table(PRACTICES).select("team", "capacity").rows()) == {"U2": 5, "mill": 3, "north": 3}


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ([{"team": "a", "neighbourhoods": ["U1"]}, {"team": "b", "neighbourhoods": ["U1"]}], "the PCN U1 to two teams"),
        ([{"team": "a", "practices": ["C1"]}, {"team": "b", "practices": ["C1"]}], "the practice C1 to two teams"),
        ([{"team": "a", "practices": ["C7"]}], "the practice C7, and no practice belongs to it"),
        ([{"team": "a", "neighbourhoods": ["U7"]}], "the PCN U7, and no practice belongs to it"),
        ([{"team": "a"}], "covers no PCN and no practice"),
        ([{"team": "a", "practices": ["C1"]}, {"team": "a", "practices": ["C2"]}], "names the team a twice"),
        ([{"team": "a", "practices": ["C1"], "skills": ["juggling"]}], "juggling, which is no service"),
    ],
)
def test_each_fault_of_the_teams_file_is_one_sentence(declared: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(ListError, match=said):
        teams(*declared).practice_teams(PRACTICES)


@pytest.mark.parametrize("slots", [0, -3, "many"])
def test_a_capacity_that_is_no_positive_number_is_said_with_its_place(tmp_path: Path, slots: object) -> None:
    path = tmp_path / f"teams-{slots}.yaml"
    path.write_text(f"default: {{new_contact_slots: 5}}\nteams: [{{team: a, new_contact_slots: {slots}}}]\n")
    with pytest.raises(ListError, match=r"teams\.0\.new_contact_slots"):
        load_teams(path)


def test_every_service_that_a_step_or_skill_may_name_is_there() -> None:
    assert {"falls", "acute_home_visit", "carer_support", "advance_care_planning"} <= set(load_services())


def test_a_step_that_the_team_does_itself_is_its_own_and_another_names_the_service(tmp_path: Path) -> None:
    record = example(tmp_path)
    record.person(1, 0.5, falls_90=1.0)
    record.person(2, 0.5, falls_90=1.0, practice=OTHER_PRACTICE)
    own = teams(
        {"team": "north", "practices": [PRACTICE], "skills": ["falls"]},
        {"team": "river", "practices": [OTHER_PRACTICE]},
    )
    report = build(record, teams=own)
    pages = {p.stem: p.read_text() for p in report.files if p.suffix == ".html"}
    assert "Falls review: your own team" in pages["north"]
    assert f"Falls review: {load_services()['falls']}" in pages["river"]
    assert load_services()["falls"] not in pages["north"]


def test_the_services_and_the_design_of_the_site_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTICIPATE_SITE", str(tmp_path))
    assert load_design().kind == "none"
    (tmp_path / "design.yaml").write_text("kind: discontinuity\ndeclared_on: 2026-01-01\n")
    (tmp_path / "services.yaml").write_text("services: {falls: the falls team on 01332 000000}\n")
    assert load_design().kind == "discontinuity"
    assert load_services() == {"falls": "the falls team on 01332 000000"}


@pytest.fixture
def record(tmp_path: Path) -> Example:
    return example(tmp_path)


@pytest.mark.parametrize(
    ("known", "status"),
    [
        ({"frailty_level": 2.0}, "shown"),
        ({"housebound_class": 1.0, "frailty_level": 0.0}, "shown"),
        ({"rockwood_score": 6.0, "frailty_level": 0.0}, "shown"),
        (
            {"frailty_level": 1.0, "housebound_class": 0.0, "rockwood_score": 4.0, "frailty_index_band": 1.0},
            "not_eligible",
        ),
        ({"frailty_level": 1.0, "housebound_class": 0.0}, "shown"),
        ({}, "shown"),
    ],
)
def test_frailty_or_being_housebound_makes_eligible_and_what_is_unknown_turns_nobody_away(
    record: Example, known: dict[str, float], status: str
) -> None:
    record.person(1, 0.5, **known)
    assert statuses(build(record)) == {1: status}


def test_places_for_re_review_go_to_people_listed_before_whose_rest_is_over_and_never_over_capacity(
    record: Example,
) -> None:
    for person in range(1, 31):
        record.person(person, 0.8 - person / 100)
    kept = TeamsFile.model_validate({"default": {"new_contact_slots": 5, "re_review_share": 0.4}})
    for week in range(6):
        report = build(record, MONDAY + week * WEEK, teams=kept)
        assert report.teams[0].shown == 5
    last = ledger(report)
    assert sorted(last.filter("review")["person_id"]) == [1, 2]
    assert len(last.filter("shown")) == 5


def people(**columns: list[Any]) -> pl.DataFrame:
    rows = len(next(iter(columns.values())))
    return pl.DataFrame({"person_id": list(range(rows)), "team": ["T"] * rows} | columns)


def best(frame: pl.DataFrame, method: Any, count: int) -> list[int]:
    ranked = with_priority(frame, method, "emergency_admission_90d").sort("priority", descending=True, nulls_last=True)
    return sorted(ranked["person_id"].head(count))


def test_each_objective_chooses_whom_it_says() -> None:
    rising = people(score=[0.5, 0.3, 0.4], earlier_score=[0.5, 0.1, None])
    assert best(rising, "risk", 1) == [0]
    assert best(rising, "rising_risk", 1) == [1]
    hidden = people(score=[0.5, 0.2, 0.3], housebound_class=[3.0, 2.0, 0.0], housebound_coded=[1.0, 0.0, 0.0])
    assert best(hidden, "hidden_housebound_first", 1) == [1]
    fifths = people(score=[0.9, 0.8, 0.7, 0.2, 0.1], imd_fifth=[5, 5, 5, 1, 1])
    assert best(fifths, "risk", 2) == [0, 1]
    assert best(fifths, "equal_recall_by_deprivation", 2) == [0, 3]


def test_the_avoidable_days_objective_ships_without_figures_and_takes_no_unfinished_row(tmp_path: Path) -> None:
    assert len(pl.read_csv(IMPACTABILITY)) == 0
    with pytest.raises(ListError, match="impactability"):
        with_priority(people(score=[0.1]), "avoidable_bed_days", "emergency_admission_90d")
    path = tmp_path / "impactability.csv"
    head = "outcome,days_avoided,low,high,source,approver,approved_on\n"
    path.write_text(head + "emergency_admission_90d,2.0,1.0,3.0,Study X,,2026-01-01\n")
    with pytest.raises(ListError, match="not complete"):
        days_avoided("emergency_admission_90d", path)


def test_an_objective_without_what_it_needs_is_turned_away() -> None:
    with pytest.raises(ListError, match="needs earlier_score"):
        with_priority(people(score=[0.1], earlier_score=[None]), "rising_risk", "emergency_admission_90d")


def test_the_page_says_whom_another_objective_would_have_chosen(record: Example) -> None:
    record.person(1, 0.5, housebound_class=3.0, housebound_coded=1.0)
    record.person(2, 0.3, housebound_class=2.0, housebound_coded=0.0)
    html = build(record, slots=1).files[1].read_text()
    assert "first, 0 of the 1 people on this list would be on it, and 1 others" in html


def test_unassigned_practices_are_named(record: Example) -> None:
    record.person(1, 0.5)
    assert build(record).unassigned == ("C81099",)


def test_what_changed_since_the_last_list_is_said_for_each_new_person(record: Example) -> None:
    record.person(1, 0.5)
    record.person(2, 0.4)
    assert "The first list." in build(record, slots=1).files[1].read_text()
    later = build(record, MONDAY + 2 * WEEK, slots=1)
    assert "Nothing new happened: there is room now." in later.files[1].read_text()


def test_a_list_of_people_from_nowhere_warns(record: Example) -> None:
    record.person(1, 0.5)
    build(record, slots=1)
    record.person(2, 0.9)
    record.person(3, 0.05)
    record.scores[3] = 0.6
    report = build(record, MONDAY + WEEK, slots=2)
    assert report.churn == 1.0
    assert "were not near a list last week" in report.files[1].read_text()


def test_churn_counts_those_who_were_not_near() -> None:
    chosen = people(shown=[True, True, True, False])
    last = pl.DataFrame({"person_id": [0, 1], "last_status": ["over_capacity", "below_threshold"]})
    assert churn(chosen, last) == pytest.approx(0.6667)
    assert churn(chosen, last.clear()) is None


def test_the_heading_estimates_what_is_unseen_from_measured_delays() -> None:
    chosen = people(status=["shown"] * 1000, score=[0.365] * 1000)
    sight = Sight(MONDAY - dt.timedelta(days=2), MONDAY, (), death_lag_days=10.0, deaths_a_day=0.0002)
    (said,) = unseen_in_words(chosen, sight, MONDAY, 365)
    assert "known to us 10 days after" in said
    assert "Of 1,000 people on all lists of this week about 2 may have died" in said
    assert "about 2 of them may have been admitted" in said


def test_two_practices_of_one_team_share_one_list(record: Example) -> None:
    record.person(1, 0.5)
    record.person(2, 0.4, practice=OTHER_PRACTICE)
    both = TeamsFile.model_validate(
        {
            "default": {"new_contact_slots": 9},
            "teams": [{"team": "both", "practices": [PRACTICE, OTHER_PRACTICE], "new_contact_slots": 1}],
        }
    )
    report = build(record, teams=both)
    assert [(t.team, t.shown, t.left_off) for t in report.teams] == [("both", 1, 1)]


def test_the_list_is_ranked_by_its_own_outcome_and_by_the_other_only_where_that_is_not_scored() -> None:
    listed = load_list()
    both = listed.for_outcomes(["emergency_admission_12m", "emergency_admission_90d"])
    assert both.objective.outcome == "emergency_admission_90d"
    other = listed.for_outcomes(["emergency_admission_12m"])
    assert (other.objective.horizon, other.threshold) == ("the next 12 months", 0.1)
    assert listed.for_outcomes([]) == listed
