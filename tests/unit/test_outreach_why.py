"""Why somebody is on the list or not: an answer for everybody."""

import datetime as dt

import pytest

from outreach.why import explain
from tests.examples.outreach import DECLARED, MONDAY, Example, example
from tests.unit.test_outreach_list import build

NOBODY = 404


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Example:
    made = example(tmp_path_factory.mktemp("why"))
    for person, score in enumerate([0.5, 0.4, 0.3, 0.05], start=1):
        made.person(person, score)
    made.person(5, 0.6, palliative_status=1.0)
    made.person(6, 0.5, frailty_level=0.0, housebound_class=0.0, rockwood_score=1.0, frailty_index_band=0.0)
    made.person(7, 0.5, birth=dt.date(1990, 1, 15))
    made.person(8, 0.5, birth=dt.date(2015, 1, 15))
    made.person(9, 0.5, sensitive=True)
    build(made, slots=1)
    return made


def answer(record: Example, person: int, *, dead: bool = False) -> str:
    folders = {"lists": record.folder / "list", "features": record.folder / "feature"}
    return " ".join(explain(person, MONDAY, **folders, declaration=DECLARED, dead=dead))


@pytest.mark.parametrize(
    ("person", "said"),
    [
        (1, "On the list. Place 1 of 3"),
        (
            2,
            "Left off for want of room. Place 2 of 3 who could be listed by this team, which has 1 places. With 1 more",
        ),
        (3, "With 2 more places"),
        (4, "is 5.0 in 100. The list begins at 10 in 100."),
        (5, "With the palliative care lead."),
        (6, "Neither frailty nor being housebound is recorded"),
        (7, "Under 65, and no housebound code"),
        (8, "Under 18: never on a list."),
        (9, "This record is not shown."),
        (NOBODY, "Nobody with this reference"),
    ],
)
def test_the_answer_says_what_decided(record: Example, person: int, said: str) -> None:
    assert said in answer(record, person)


def test_a_known_death_is_the_answer(record: Example) -> None:
    assert answer(record, NOBODY, dead=True) == "A death has been recorded."
