"""What was given out for a past Monday, beside what it would be as known now, in counts of people."""

import polars as pl

from pipelines.relisted import lists_moved, risks_moved

PEOPLE = list(range(40))


def scores(outcome: str, *moved: float) -> pl.DataFrame:
    """Forty people at 0.2, the first of them moved."""
    score = [0.2 + d for d in moved] + [0.2] * (len(PEOPLE) - len(moved))
    return pl.DataFrame({"person_id": PEOPLE, "outcome": outcome, "score": score})


def ledger(shown: set[int], **status: set[int]) -> pl.DataFrame:
    def why(person: int) -> str:
        return next((s for s, people in status.items() if person in people), "over_capacity")

    return pl.DataFrame(
        {"person_id": PEOPLE, "shown": [p in shown for p in PEOPLE], "status": [why(p) for p in PEOPLE]}
    )


def test_people_whose_risk_moved_are_counted_by_how_far() -> None:
    given, again = scores("emergency_admission_12m"), scores("emergency_admission_12m", *[0.01] * 10, *[-0.05] * 12)
    assert risks_moved(given, again).row(0) == ("emergency_admission_12m", "100 people", "40", "22", "12")


def test_expected_days_move_by_days() -> None:
    given, again = scores("emergency_bed_days_12m"), scores("emergency_bed_days_12m", *[0.9] * 10, *[1.0] * 9)
    assert risks_moved(given, again).row(0) == ("emergency_bed_days_12m", "days", "40", "9", "nobody")


def test_who_would_not_be_shown_is_told_with_the_reason_and_few_as_few() -> None:
    before, after = ledger(set(range(20))), ledger(set(range(11, 22)), in_hospital=set(range(9)), opted_out={9, 10})
    assert dict(lists_moved(before, after).rows()) == {
        "shown as given out": "20",
        "of these shown as known now": "9",
        "of these not: In hospital at the last snapshot.": "9",
        "of these not: Opted out of lists.": "fewer than 8",
        "shown as known now only": "fewer than 8",
    }
