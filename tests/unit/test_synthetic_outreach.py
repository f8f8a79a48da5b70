"""Contacts of outreach teams: they change what is declared, for as long as declared, and nothing else."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from synthetic import act, generate, resume, rules

FIRST = dt.date(2022, 2, 7)
WEEK = 60


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, resume.Stopped]:
    path = tmp_path_factory.mktemp("state") / "state.npz"
    return path, resume.stop_at(path, people=6_000, seed=5, first_day=FIRST, days=1480, week=WEEK)


def older(county: resume.Stopped) -> np.ndarray:
    here = county.state.alive & county.state.present
    return np.flatnonzero(here & (county.people.age(7 * WEEK) >= 70))


def contacts(folder: Path, county: resume.Stopped, kind: str, who: np.ndarray) -> Path:
    path = folder / f"{kind}.csv"
    rows = {"nhs_number": county.numbers[who], "date": [county.date - dt.timedelta(days=3)] * len(who)}
    pl.DataFrame(rows).with_columns(kind=pl.lit(kind)).write_csv(path)
    return path


def test_a_saved_state_lives_on_as_the_one_that_was_saved(county: tuple[Path, resume.Stopped]) -> None:
    path, stopped = county
    again = resume.load(path)
    assert resume.live_on(again, weeks=20).equals(resume.live_on(stopped, weeks=20))
    assert resume.live_on(again, weeks=20)["emergency_admissions"].sum() > 20


def test_a_contact_without_effect_changes_nothing(tmp_path: Path, county: tuple[Path, resume.Stopped]) -> None:
    stopped = county[1]
    file = contacts(tmp_path, stopped, "none", older(stopped))
    assert resume.live_on(stopped, weeks=30, contacts=file).equals(resume.live_on(stopped, weeks=30))


def test_a_contact_changes_only_the_life_it_touches(tmp_path: Path, county: tuple[Path, resume.Stopped]) -> None:
    stopped = county[1]
    touched = older(stopped)[::2]
    file = contacts(tmp_path, stopped, "harm", touched)
    before, after = resume.live_on(stopped, weeks=40), resume.live_on(stopped, weeks=40, contacts=file)
    close = np.concatenate([touched, stopped.people.partner[touched][stopped.people.partner[touched] >= 0]])
    mine = pl.col("nhs_number").is_in(stopped.numbers[close].tolist())
    assert before.filter(~mine).equals(after.filter(~mine))
    assert not before.filter(mine).equals(after.filter(mine))


def test_harm_raises_and_a_visit_lowers_admissions(tmp_path: Path, county: tuple[Path, resume.Stopped]) -> None:
    stopped, who = county[1], older(county[1])
    mine = pl.col("nhs_number").is_in(stopped.numbers[who].tolist())

    def admitted(kind: str | None) -> int:
        file = contacts(tmp_path, stopped, kind, who) if kind else None
        total = 0
        for salt in (1, 2, 3):
            lived = resume.live_on(stopped, weeks=26, contacts=file, salt=salt)
            total += int(lived.filter(mine)["emergency_admissions"].sum())
        return total

    usual = admitted(None)
    assert admitted("harm") > 1.1 * usual
    assert admitted("home_visit") < 0.9 * usual


def test_an_effect_begins_the_monday_after_and_ends_when_declared() -> None:
    declared = rules.load()
    told = pl.DataFrame(
        {"nhs_number": [7, 7, 9], "date": [FIRST, FIRST + dt.timedelta(28), FIRST], "kind": ["home_visit"] * 3}
    )
    found = act.acts(told, np.array([9, 7]), FIRST, declared)
    weeks = declared.section["outreach"]["home_visit"]["weeks"]
    assert found.on(0, 2) is None
    first = found.on(7, 2)
    assert first is not None
    assert first["crisis"] == pytest.approx(np.log([0.8, 0.8]))
    both = found.on(35, 2)  # the second contact of a kind begins anew; it does not add up
    assert both is not None
    assert both["crisis"] == pytest.approx(np.log([0.8, 0.8]))
    late = found.on(7 * (weeks + 2), 2)
    assert late is not None
    assert late["crisis"] == pytest.approx([0, np.log(0.8)])
    assert found.on(7 * (weeks + 6), 2) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nhs_number,date\n1,2024-01-01\n", "no column kind"),
        ("nhs_number,date,kind\n1,01/02/2024,none\n", "cannot be read"),
        ("nhs_number,date,kind\n1,2024-01-01,massage\n", "no kind of contact is called massage"),
        ("nhs_number,date,kind\n,2024-01-01,none\n", "is missing"),
    ],
)
def test_a_contacts_file_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "contacts.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=said):
        act.read_contacts(path, rules.load())


def test_a_stranger_in_the_contacts_file_is_refused(tmp_path: Path, county: tuple[Path, resume.Stopped]) -> None:
    path = tmp_path / "contacts.csv"
    path.write_text("nhs_number,date,kind\n1234567890,2024-01-01,none\n")
    with pytest.raises(ValueError, match="not of this county"):
        resume.live_on(county[1], weeks=1, contacts=path)


def test_deliveries_before_a_contact_are_byte_for_byte_what_they_were(tmp_path: Path) -> None:
    asked = {"people": 1_000, "seed": 3, "years": 1, "weekly_deliveries": 8, "fault_rate": 0.0}
    made = generate(tmp_path / "without" / "inbox", **asked)
    alive = pl.read_parquet(made.truth / "state" / "person" / "*.parquet").filter(pl.col("death_date").is_null())
    on = made.deliveries[3]
    path = tmp_path / "contacts.csv"
    alive.select("nhs_number", date=pl.lit(on), kind=pl.lit("harm")).write_csv(path)
    generate(tmp_path / "with" / "inbox", **asked, contacts=path)
    same, other = 0, 0
    for one in sorted((tmp_path / "without" / "inbox").rglob("*.*")):
        twin = tmp_path / "with" / one.relative_to(tmp_path / "without")
        if one.parent.name <= on.isoformat():
            assert twin.read_bytes() == one.read_bytes(), one
            same += 1
        else:
            other += not twin.exists() or twin.read_bytes() != one.read_bytes()
    assert same > 40
    assert other > 0
