"""Who may have a list, and what must be signed for people who are not artificial."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.account import account
from pipelines.release.approvals import Approval, InUse, check_approved
from pipelines.release.roles import NotAllowedError, can_be_written, demonstration_roles, find_asker

TODAY = dt.date(2026, 1, 12)
ROLE: dict[str, Any] = {
    "account": "kim",
    "person": "Kim Lee",
    "role": "clinical lead",
    "teams": ["U1"],
    "purposes": ["direct care"],
    "expires": TODAY,
    "approved_by": "sam",
}
USED = InUse("m1", "emergency_admission_90d", {"falls": "1.0"})
SIGNED: dict[str, Any] = {
    "clinical_safety_officer": "Dr A",
    "safety_case_version": "1",
    "hazard_log_version": "1",
    "dpia_reference": "D-1",
    "medical_device_decision": "MD-1",
    "model_id": "m1",
    "outcome": "emergency_admission_90d",
    "codelists": {"falls": "1.0"},
    "signed_on": TODAY,
}


def ask(folder: Path, who: str = "kim", team: str = "U1", purpose: str = "Direct  care", **changed: Any) -> Any:
    path = folder / "roles.yaml"
    path.write_text(yaml.safe_dump({"roles": [ROLE | changed]}))
    return find_asker(path, who, team=team, purpose=purpose, today=TODAY)


def test_the_account_of_the_file_gets_its_role(tmp_path: Path) -> None:
    assert ask(tmp_path).role.person == "Kim Lee"
    assert ask(tmp_path, team="U9", teams=["all"]).role.person == "Kim Lee"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"who": "pat"}, "not in the roles file"),
        ({"team": "U2"}, "no role for the team U2"),
        ({"purpose": "research"}, "purpose"),
        ({"expires": TODAY - dt.timedelta(days=1)}, "expired on 2026-01-11"),
        ({"approved_by": "kim"}, "another account must approve"),
        ({"teams": []}, "cannot be read"),
        ({"favourite": "tea"}, "cannot be read"),
    ],
)
def test_anybody_else_is_turned_away_with_the_reason(tmp_path: Path, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(NotAllowedError, match=said):
        ask(tmp_path, **asked)


def test_without_a_roles_file_nobody_is_let_in(tmp_path: Path) -> None:
    with pytest.raises(NotAllowedError, match="no roles file"):
        find_asker(tmp_path / "none.yaml", "kim", team="U1", purpose="direct care", today=TODAY)


def test_the_account_is_that_of_the_process_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    before = account()
    for name in ("USER", "LOGNAME", "USERNAME", "LNAME"):
        monkeypatch.setenv(name, "somebody else")
    assert account() == before


def test_a_file_of_ones_own_is_known_as_such(tmp_path: Path) -> None:
    assert ask(tmp_path).own_hand
    assert can_be_written(tmp_path / "roles.yaml")


def test_the_demonstrations_roles_are_marked_as_such(tmp_path: Path) -> None:
    path = tmp_path / "roles.yaml"
    path.write_text(demonstration_roles("kim", dt.date(2099, 12, 31)))
    assert find_asker(path, "kim", team="U7", purpose="direct care", today=TODAY).role.demonstration


@pytest.fixture
def not_mine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Approvals as another account would have written them: what the tests' own account may write cannot be."""
    monkeypatch.setattr("pipelines.release.approvals.can_be_written", lambda _: False)


def approved(folder: Path, used: InUse = USED, **changed: Any) -> Approval:
    path = folder / "approvals.yaml"
    path.write_text(yaml.safe_dump({k: v for k, v in (SIGNED | changed).items() if v is not None}))
    return check_approved(path, used)


@pytest.mark.usefixtures("not_mine")
def test_a_complete_approval_of_what_is_in_use_opens(tmp_path: Path) -> None:
    assert approved(tmp_path).dpia_reference == "D-1"


@pytest.mark.usefixtures("not_mine")
@pytest.mark.parametrize("part", sorted(SIGNED))
def test_an_approval_without_any_of_its_parts_does_not_open(tmp_path: Path, part: str) -> None:
    with pytest.raises(NotAllowedError, match=f"not complete: {part}"):
        approved(tmp_path, **{part: None})


@pytest.mark.usefixtures("not_mine")
@pytest.mark.parametrize(
    ("used", "said"),
    [
        (InUse("m2", USED.outcome, USED.codelists), "lapsed"),
        (InUse("m1", "another", USED.codelists), "lapsed"),
        (InUse("m1", USED.outcome, {"falls": "1.1"}), "other versions"),
        (InUse("m1", USED.outcome, {"falls": "starter-1"}), "Starter codelists"),
    ],
)
def test_an_approval_of_something_else_does_not_open(tmp_path: Path, used: InUse, said: str) -> None:
    with pytest.raises(NotAllowedError, match=said):
        approved(tmp_path, used)


def test_an_approval_in_ones_own_hand_does_not_open(tmp_path: Path) -> None:
    with pytest.raises(NotAllowedError, match="could have been written by the account"):
        approved(tmp_path)
