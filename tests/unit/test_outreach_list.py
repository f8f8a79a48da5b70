"""Who is on the weekly list, who is not, and why."""

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from data_contracts.words import WordError
from features import load_features
from outreach import Heading, ListError, ListReport, TeamsFile, build_lists
from tests.examples.outreach import (
    DECLARED,
    LOOSE_PRACTICE,
    MONDAY,
    OTHER_PRACTICE,
    TIE_KEY,
    Example,
    example,
    opt_out_policy,
    plain_reasons,
)

SUNDAY = MONDAY - dt.timedelta(days=1)
WEEK = dt.timedelta(weeks=1)


@pytest.fixture
def record(tmp_path: Path) -> Example:
    return example(tmp_path)


def build(record: Example, week: dt.date = MONDAY, **more: Any) -> ListReport:
    slots = more.pop("slots", 2)
    arguments: dict[str, Any] = {
        "scores": record.scores_file,
        "features": record.features_of(week),
        "out": record.folder / "list" / f"week={week}",
        "earlier": record.folder / "list",
        "reasons": plain_reasons,
        "heading": Heading(model_id="m1"),
        "tie_key": TIE_KEY,
        "declaration": DECLARED,
        "teams": TeamsFile.model_validate({"default": {"new_contact_slots": slots}}),
        "policy": opt_out_policy(record.folder),
    }
    return build_lists(record.con, week, **arguments | more)


def ledger(report: ListReport) -> pl.DataFrame:
    return pl.read_parquet(report.ledger)


def statuses(report: ListReport) -> dict[int, str]:
    return dict(ledger(report).select("person_id", "status").iter_rows())


def test_the_highest_risk_comes_first_and_the_rest_are_left_off_for_want_of_room(record: Example) -> None:
    for person, score in enumerate([0.3, 0.5, 0.4, 0.2], start=1):
        record.person(person, score)
    report = build(record, slots=2)
    shown = ledger(report).filter("shown").sort("rank")
    assert shown["person_id"].to_list() == [2, 3]
    assert statuses(report)[1] == "over_capacity"
    assert (report.teams[0].left_off, report.teams[0].marginal_score) == (2, 0.4)


def test_each_neighbourhood_has_its_own_list_and_capacity(record: Example) -> None:
    for person in range(1, 4):
        record.person(person, 0.5)
        record.person(person + 10, 0.4, practice=OTHER_PRACTICE)
    teams = TeamsFile.model_validate(
        {
            "default": {"new_contact_slots": 1},
            "teams": [{"team": "U10002", "neighbourhoods": ["U10002"], "new_contact_slots": 2}],
        }
    )
    report = build(record, teams=teams)
    assert {t.team: t.shown for t in report.teams} == {"U10001": 1, "U10002": 2}


def test_the_cohort_is_65_and_over_by_the_15th_of_the_birth_month(record: Example) -> None:
    record.person(1, 0.5, birth=dt.date(1961, 1, 15))
    record.person(2, 0.5, birth=dt.date(1960, 12, 15))
    assert set(statuses(build(record))) == {2}


def test_a_housebound_adult_of_any_age_is_considered_but_never_a_child(record: Example) -> None:
    record.person(1, 0.5, birth=dt.date(1990, 1, 15), housebound_class=3.0)
    record.person(2, 0.5, birth=dt.date(2010, 1, 15), housebound_class=3.0)
    record.person(3, 0.5, birth=dt.date(1990, 1, 15), housebound_class=0.0)
    assert statuses(build(record)) == {1: "shown"}


def test_a_known_death_takes_a_person_off_and_an_unknown_one_cannot(record: Example) -> None:
    for person, known in ((1, SUNDAY), (2, MONDAY + WEEK)):
        record.person(person, 0.5)
        record.add("death", person_id=person, death_date=SUNDAY, death_source="gp", known_from=known)
    assert statuses(build(record)) == {2: "shown"}


def test_someone_who_moved_away_is_not_considered(record: Example) -> None:
    record.person(1, 0.5, left=SUNDAY)
    record.person(2, 0.5, left=MONDAY + WEEK)
    assert set(statuses(build(record))) == {2}


def test_the_latest_of_two_registrations_counts_and_is_flagged(record: Example) -> None:
    record.person(1, 0.5)
    record.add("registration", person_id=1, practice_code=OTHER_PRACTICE, start_date=dt.date(2025, 6, 1), end_date=None)
    report = build(record)
    assert ledger(report)["team"].to_list() == ["U10002"]
    assert report.double_registrations == 1


@pytest.mark.parametrize("kind", ["national", "type1", "a kind no policy names"])
def test_an_opt_out_takes_a_person_off_and_leaves_no_score_behind(record: Example, kind: str) -> None:
    record.person(1, 0.5)
    record.add("opt_out", person_id=1, opt_out_type=kind, start_date=dt.date(2024, 1, 1))
    row = ledger(build(record)).row(0, named=True)
    assert (row["status"], row["score"]) == ("opted_out", None)


def test_an_opt_out_that_the_policy_keeps_for_lists_does_not_count(record: Example) -> None:
    record.person(1, 0.5)
    record.add("opt_out", person_id=1, opt_out_type="national", start_date=dt.date(2024, 1, 1))
    strict, later = "direct_care_list,national,all,drop,2000-01-01,", "direct_care_list,national,all,keep,{},IG-7"
    kept = opt_out_policy(record.folder, strict, later.format("2026-01-01"))
    assert statuses(build(record, policy=kept)) == {1: "shown"}
    not_yet = opt_out_policy(record.folder, strict, later.format("2026-02-01"))
    assert statuses(build(record, policy=not_yet, out=record.folder / "other")) == {1: "opted_out"}


def test_a_person_with_a_sensitive_flag_appears_nowhere(record: Example) -> None:
    record.person(1, 0.9, sensitive=True)
    record.person(2, 0.5)
    report = build(record)
    assert statuses(report) == {2: "shown"}
    assert report.withheld == 1


def test_a_practice_in_no_neighbourhood_leaves_its_people_unassigned_and_counted(record: Example) -> None:
    record.person(1, 0.5, practice=LOOSE_PRACTICE)
    assert build(record).statuses == {"no_team": 1}


def test_a_person_without_a_score_is_unknown_and_not_low(record: Example) -> None:
    record.person(1, None)
    row = ledger(build(record)).row(0, named=True)
    assert (row["status"], row["score"], row["rank"]) == ("no_score", None, None)


def test_someone_in_the_latest_snapshot_is_routed_and_someone_gone_home_is_listed(record: Example) -> None:
    for person in (1, 2):
        record.person(person, 0.5)
    record.in_hospital(1, SUNDAY)
    record.in_hospital(2, SUNDAY - dt.timedelta(days=1))
    report = build(record)
    assert statuses(report) == {1: "in_hospital", 2: "shown"}
    assert (report.hospital_to, report.teams[0].routed) == (SUNDAY, 1)


@pytest.mark.parametrize("days_old", [None, 10])
def test_without_a_fresh_snapshot_nobody_is_taken_for_admitted_and_the_list_says_so(
    record: Example, days_old: int | None
) -> None:
    record.person(1, 0.5)
    if days_old:
        record.in_hospital(1, MONDAY - dt.timedelta(days=days_old))
    report = build(record)
    assert statuses(report) == {1: "shown"}
    assert report.hospital_to is None
    assert "We cannot see who is in hospital: check the record before you call." in report.files[1].read_text()


def test_one_hospital_whose_snapshot_stopped_is_said(record: Example) -> None:
    record.person(1, 0.5)
    record.in_hospital(99, SUNDAY, provider="RTG")
    record.in_hospital(98, SUNDAY - dt.timedelta(days=12), provider="RFS")
    assert build(record).hospital_to is None


def test_palliative_and_care_home_people_are_routed_not_dropped(record: Example) -> None:
    record.person(1, 0.5, palliative_status=1.0)
    record.person(2, 0.5, care_home_class=2.0)
    record.person(3, 0.5, care_home_class=1.0)
    report = build(record)
    assert statuses(report) == {1: "palliative", 2: "care_home", 3: "care_home"}
    assert report.teams[0].routed == 3


def test_a_feature_that_is_not_there_is_said_to_be_unknown(record: Example) -> None:
    record.person(1, 0.5, palliative_status=0.0)
    report = build(record)
    assert "care_home_class" in report.missing_features
    assert "palliative_status" not in report.missing_features
    assert "who lives in a care home" in report.files[1].read_text()


def test_below_the_threshold_nobody_is_listed_even_when_there_is_room(record: Example) -> None:
    record.person(1, DECLARED.threshold)
    record.person(2, DECLARED.threshold - 0.001)
    assert statuses(build(record)) == {1: "shown", 2: "below_threshold"}


def test_the_next_week_the_places_go_to_others_and_the_earlier_are_still_here(record: Example) -> None:
    for person, score in ((1, 0.5), (2, 0.4)):
        record.person(person, score)
    build(record, slots=1)
    report = build(record, MONDAY + WEEK, slots=1)
    assert statuses(report) == {1: "still_here", 2: "shown"}
    assert report.teams[0].still_here == 1


def test_after_the_weeks_of_rest_a_person_can_be_new_again(record: Example) -> None:
    record.person(1, 0.5)
    build(record)
    rest = DECLARED.rest_weeks
    assert statuses(build(record, MONDAY + rest * WEEK)) == {1: "still_here"}
    assert statuses(build(record, MONDAY + (rest + 1) * WEEK)) == {1: "shown"}


def test_without_rest_a_person_stays_and_is_marked_as_not_new(record: Example) -> None:
    unrested = DECLARED.model_copy(update={"rest_weeks": 0})
    record.person(1, 0.5)
    build(record, declaration=unrested)
    row = ledger(build(record, MONDAY + WEEK, declaration=unrested)).row(0, named=True)
    assert (row["status"], row["new"], row["last_listed"]) == ("shown", False, MONDAY)


def test_someone_who_comes_off_is_named_with_the_reason_but_never_who_is_withheld(record: Example) -> None:
    for person in (1, 2, 3):
        record.person(person, 0.5)
    build(record, slots=3)
    record.add("death", person_id=1, death_date=MONDAY, death_source="gp", known_from=MONDAY)
    record.add("opt_out", person_id=2, opt_out_type="national", start_date=MONDAY, known_from=MONDAY)
    report = build(record, MONDAY + WEEK)
    assert report.teams[0].coming_off == 1
    assert "A death has been recorded." in report.files[1].read_text()


def test_equal_scores_are_ordered_by_the_key_and_the_week_not_by_number(record: Example) -> None:
    for person in range(1, 41):
        record.person(person, 0.5)
    first = ledger(build(record, slots=20)).filter("shown")["person_id"].to_list()
    again = ledger(build(record, slots=20, out=record.folder / "again")).filter("shown")["person_id"].to_list()
    other = ledger(build(record, slots=20, out=record.folder / "other", tie_key=b"another")).filter("shown")
    assert first == again
    assert sorted(first) != list(range(1, 21))
    assert set(first) != set(other["person_id"])


def test_scores_that_differ_beyond_the_sixth_place_are_equal(record: Example) -> None:
    for person in range(1, 21):
        record.person(person, 0.5 + person * 1e-9)
    ranked = ledger(build(record, slots=20)).sort("rank")["person_id"].to_list()
    assert ranked not in (sorted(ranked), sorted(ranked, reverse=True))


def test_the_same_week_built_again_is_the_same_to_the_byte(record: Example) -> None:
    record.person(1, 0.5)
    first = build(record)
    before = {f: f.read_bytes() for f in (*first.files, first.ledger)}
    again = build(record)
    assert {f: f.read_bytes() for f in (*again.files, again.ledger)} == before
    assert again.content == first.content


def test_a_list_that_was_given_out_stays_and_tells_how_many_would_stand_otherwise(record: Example) -> None:
    record.person(1, 0.5)
    record.person(2, 0.4)
    first = build(record)
    before = {f: f.read_bytes() for f in (*first.files, first.ledger)}
    record.scores[1] = 0.45
    again = build(record)
    assert {f: f.read_bytes() for f in (*again.files, again.ledger)} == before
    assert (first.otherwise, again.otherwise) == (0, 1)


def test_lists_are_made_in_week_order(record: Example) -> None:
    record.person(1, 0.5)
    build(record, MONDAY + WEEK)
    with pytest.raises(ListError, match="week order"):
        build(record, MONDAY)


def test_a_score_that_is_no_probability_is_turned_away(record: Example) -> None:
    record.person(1, 1.2)
    with pytest.raises(ListError, match="between 0 and 1"):
        build(record)


def test_a_reason_with_a_word_that_may_not_be_said_stops_the_list(record: Example) -> None:
    record.person(1, 0.5)
    rude = plain_reasons([1]).with_columns(sentence=pl.lit("refused a visit on 3 Jan 2026"))
    with pytest.raises(WordError, match="refused"):
        build(record, reasons=lambda _: rude)
    assert not (record.folder / "list" / f"week={MONDAY}" / "ledger.parquet").exists()


def test_reasons_are_asked_for_listed_people_only(record: Example) -> None:
    asked: list[int] = []
    for person, score in ((1, 0.5), (2, 0.4), (3, 0.3)):
        record.person(person, score)

    def reasons(people: list[int]) -> pl.DataFrame:
        asked.extend(people)
        return plain_reasons(people)

    build(record, slots=2, reasons=reasons)
    assert asked == [1, 2]


def test_an_empty_cohort_gives_an_empty_ledger_and_no_file(record: Example) -> None:
    record.person(1, 0.5, birth=dt.date(2000, 1, 15))
    report = build(record)
    assert (report.shown, report.files, len(ledger(report))) == (0, (), 0)


def test_every_feature_that_the_list_names_is_declared_and_every_reason_has_its_place() -> None:
    declared = load_features()
    assert set(DECLARED.features) <= set(declared.names)
    spoken = [f.name for f in declared.features if f.reason]
    starts = DECLARED.reasons_first
    assert [s for s in starts if not any(name.startswith(s) for name in spoken)] == []
    assert [name for name in spoken if not name.startswith(starts)] == []
