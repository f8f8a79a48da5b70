"""The audit chain: what was done to it is found."""

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.release.audit import AuditLog, Head

NOW = dt.datetime(2026, 1, 12, 8, tzinfo=dt.UTC)


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    made = AuditLog(tmp_path / "audit" / "audit.jsonl", tmp_path / "key" / "audit.key", tmp_path / "heads.jsonl")
    made.append([{"kind": "shown", "person": p} for p in ("A", "B", "C")], NOW)
    made.append([{"kind": "shown", "person": "A"}], NOW)
    return made


def lines(log: AuditLog) -> list[str]:
    return log.path.read_text().splitlines()


def put(log: AuditLog, changed: list[str]) -> None:
    log.path.write_text("".join(f"{line}\n" for line in changed))


def test_a_chain_that_nobody_touched_holds_and_says_who_saw_a_person(log: AuditLog) -> None:
    assert log.verify() == []
    assert log.head().length == 4
    assert [e["number"] for e in log.about("A")] == [1, 4]


def edited(text: list[str]) -> list[str]:
    line = json.loads(text[1])
    return [text[0], json.dumps(line | {"person": "Z"}), *text[2:]]


def edited_with_its_hash_taken_from_another(text: list[str]) -> list[str]:
    return [text[0], json.dumps(json.loads(text[1]) | {"mac": json.loads(text[2])["mac"]}), *text[2:]]


@pytest.mark.parametrize(
    ("touch", "said"),
    [
        (edited, "Line 2 was changed"),
        (edited_with_its_hash_taken_from_another, "Line 2 was changed"),
        (lambda t: [t[0], *t[2:]], "Line 2 does not follow"),
        (lambda t: [t[0], t[2], t[1], t[3]], "Line 2 does not follow"),
        (lambda t: [*t, t[-1]], "Line 5 does not follow"),
        (lambda t: t[:2], "cut short"),
        (lambda t: [], "cut short"),
        (lambda t: [*t[:3], "{not json"], "Line 4 cannot be read"),
    ],
)
def test_edit_deletion_reordering_and_truncation_are_found(
    log: AuditLog, touch: Callable[[list[str]], list[str]], said: str
) -> None:
    put(log, touch(lines(log)))
    (fault,) = log.verify()
    assert said in fault


def test_a_chain_cut_short_with_its_witness_is_found_by_what_a_publication_wrote_down(log: AuditLog) -> None:
    head = log.head()
    put(log, lines(log)[:2])
    log.witness.write_text("")
    assert "cut short" in log.verify([head])[0]


def test_another_chain_by_a_holder_of_the_key_is_not_the_one_that_was_written_down(log: AuditLog) -> None:
    head = log.head()
    log.path.unlink()
    log.witness.unlink()
    log.append([{"kind": "shown", "person": p} for p in "WXYZ"], NOW)
    assert log.verify() == []
    assert log.verify([head]) == ["Line 4 is not the line that was written down elsewhere."]


def test_an_empty_chain_holds_unless_one_was_known(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "a", tmp_path / "k", tmp_path / "w")
    assert log.verify([Head(0, "0" * 64)]) == []


def test_log_and_key_are_for_their_owner_only(log: AuditLog) -> None:
    assert log.path.stat().st_mode & 0o077 == 0
    assert log.key_file.stat().st_mode & 0o077 == 0
