"""One release of one team's list: asked by an account, checked, written into the audit chain, then into files."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from data_contracts.identity import IdentityError, person_ref
from data_contracts.words import check_words
from outreach import load_list, wording
from outreach.identified import Prepared, nhs_number_text, prepare
from outreach.page import write_page
from outreach.row_id import id_in
from outreach.sheet import TeamSheet
from outreach.stored import SUFFIX, load_sheet
from outreach.teams import load_teams
from outreach.workbook import write_workbook
from pipelines.account import account
from pipelines.errors import ProblemError
from pipelines.evaluate import check_not_stopped
from pipelines.release.approvals import APPROVALS, InUse, check_approved, codelist_versions
from pipelines.release.audit import AuditLog, Head
from pipelines.release.checks import Standing, check_fresh, newest_received, standing
from pipelines.release.identity import Identity, identities, numbers_outside_artificial, sources_not_artificial
from pipelines.release.roles import ROLES, Asker, NotAllowedError, find_asker
from pipelines.stages import list_folder, record_opened, register_folder
from pipelines.store import Store

KEPT_DAYS = 28
"""A released list is to be deleted after this many days."""

What = Literal["list", "register"]
LISTED = ("new", "standing", "still", "joined", "expiring", "register")
"""Sheets whose people are in the text file of numbers."""

NUMBERS = "nhs_numbers.txt"
NOTE = "release.json"
SEX = {"1": "male", "2": "female", "0": "sex not known", "9": "sex not stated", "X": "sex not known"}


@dataclass(frozen=True)
class Released:
    """What was released: where it lies, how many people are on it, how many rows of the list were left out."""

    folder: Path
    people: int
    left_out: int
    delete_by: dt.date
    head: Head


def audit_log(store: Store) -> AuditLog:
    """The audit chain of a home."""
    return AuditLog(store.audit_file, store.audit_key_file, store.audit_witness)


def release(
    store: Store,
    team: str,
    week: dt.date,
    purpose: str,
    *,
    now: dt.datetime,
    at_practice: bool = False,
    what: What = "list",
) -> Released:
    """Release one team's list of one week.

    Args:
        store: the home.
        team: the team's code.
        week: the list's Monday.
        purpose: as asked; must be one of the account's.
        now: the moment of the release.
        at_practice: row ids and pseudonyms only; the practice says who they are.
        what: the weekly list, or the register.

    Raises:
        ProblemError: the release is turned down; it is logged as such.
    """
    who = account()
    log = audit_log(store)
    asked = {"account": who, "team": team, "week": week.isoformat(), "purpose": purpose, "what": what}
    try:
        if faults := log.verify():
            raise NotAllowedError(f"The audit log does not hold: {faults[0]}")
        asker, on = _admit(store, who, team=team, week=week, purpose=purpose, now=now)
        sheet = _sheet(store, team, week, what)
        told = (wording.RELEASED.format(person=asker.role.person, purpose=purpose, date=wording.uk_date(now.date())),)
        prepared, numbers = _prepared(store, sheet, on, now.date(), told, at_practice=at_practice)
    except (NotAllowedError, IdentityError) as error:
        log.append([{"kind": "refused", **asked, "why": str(error)}], now)
        raise ProblemError(f"Not released. {error}") from None
    facts = {
        **asked,
        "person_asking": asker.role.person,
        "role": asker.role.role,
        "way": "at the practice" if at_practice else "identified",
        "roles_in_own_hand": asker.own_hand,
    }
    return _write(store, log, prepared, numbers, facts, now=now)


def _admit(
    store: Store, who: str, *, team: str, week: dt.date, purpose: str, now: dt.datetime
) -> tuple[Asker, dt.date]:
    """Everything about who asks and what for; returns the role, and the day as of which people are looked at."""
    asker = find_asker(store.governance / ROLES, who, team=team, purpose=purpose, today=now.date())
    real_sources, real_numbers = sources_not_artificial(store), numbers_outside_artificial(store)
    on = now.date()
    if real_sources or real_numbers:
        if asker.role.demonstration or asker.own_hand:
            raise NotAllowedError("For people who are not artificial the roles file must belong to another account.")
        check_approved(store.governance / APPROVALS, _in_use(store, week))
    else:
        on = max([week, *newest_received(store).values()])
    check_fresh(store, on)
    check_not_stopped(store, artificial=not (real_sources or real_numbers))
    return asker, on


def _in_use(store: Store, week: dt.date) -> InUse:
    from pipelines.training import models_in_use

    outcome = load_list().objective.outcome
    models = {r["outcome"]: r["model_id"] for r in models_in_use(store, week).rows(named=True)}
    return InUse(str(models.get(outcome, "none")), outcome, codelist_versions())


def _sheet(store: Store, team: str, week: dt.date, what: What) -> TeamSheet:
    name = re.sub(r"[^A-Za-z0-9_-]", "_", team)
    folder = list_folder(store) if what == "list" else register_folder(store)
    path = folder / f"week={week}" / f"{name}{SUFFIX}"
    if not path.exists():
        there = sorted(p.name.removesuffix(SUFFIX) for p in path.parent.glob(f"*{SUFFIX}"))
        hint = f"the teams are {', '.join(there)}" if there else f"no {what} was made for that week"
        raise NotAllowedError(f"There is no {what} of {team} for {week}: {hint}.")
    return load_sheet(path)


def _prepared(
    store: Store, sheet: TeamSheet, on: dt.date, today: dt.date, told: tuple[str, ...], *, at_practice: bool
) -> tuple[Prepared, Mapping[int, str]]:
    """The sheet with who each is, and the numbers of those on it (none at the practice)."""
    with record_opened(store) as con:
        now_known = standing(con, on, sheet.team, load_teams())
    people = sorted({p for s in sheet.sections for p in s.people if now_known.may_show(p)})
    known = {} if at_practice else identities(store, people)
    delete_by = today + dt.timedelta(days=KEPT_DAYS)
    said = (wording.DELETE_BY.format(date=wording.uk_date(delete_by)),)
    kind = wording.PSEUDONYMS if at_practice else wording.IDENTIFIED

    def who(person: int) -> str | None:
        if not now_known.may_show(person):
            return None
        return person_ref(person) if at_practice else _who(known.get(person), now_known, person)

    prepared = prepare(sheet, who, notices=said, about=(*told, kind, wording.NOTES_STAY, wording.RETURN))
    check_words(prepared.sheet.texts)
    return prepared, {p: i.number for p, i in known.items() if p in prepared.shown}


def _who(identity: Identity | None, now_known: Standing, person: int) -> str:
    """NHS number, date of birth and sex, practice: three lines. Without a number, the reference."""
    if identity is None:
        return f"{person_ref(person)}\n{now_known.registered[person]}"
    about = f"{_born(identity.birth)}, {SEX.get(identity.sex or '', 'sex not known')}"
    return "\n".join([nhs_number_text(identity.number), about, now_known.registered[person]])


def _born(text: str | None) -> str:
    try:
        day = dt.date.fromisoformat(text or "")
    except ValueError:
        return "date of birth not known"
    return f"born {day.day} {day:%b %Y}"


def _write(
    store: Store,
    log: AuditLog,
    prepared: Prepared,
    numbers: Mapping[int, str],
    facts: Mapping[str, Any],
    *,
    now: dt.datetime,
) -> Released:
    """Audit lines first; the folder appears when they are on disk."""
    sheet = prepared.sheet
    release_id = f"{sheet.team}-{log.head().length + 1:06d}"
    rows = {p: id_in(str(r[0])) for s in sheet.sections for r, p in zip(s.rows, s.people, strict=False)}
    facts = {"release": release_id, **facts}
    lines = [{"kind": "release", **facts, "people": len(prepared.shown), "left_out": prepared.left_out}]
    lines += [
        {"kind": "shown", **facts, "person": person_ref(p), "row": rows[p], "sheet": key}
        for p, key in sorted(prepared.shown.items())
    ]
    head = log.append(lines, now)
    delete_by = now.date() + dt.timedelta(days=KEPT_DAYS)
    note = {**facts, "people": len(prepared.shown), "delete_by": delete_by.isoformat(), "audit": vars(head)}
    final = store.released / f"week={sheet.week}" / release_id
    try:
        _write_files(store, final, prepared, numbers, note)
    except OSError as error:
        log.append([{"kind": "not written", **facts, "why": type(error).__name__}], now)
        raise ProblemError(f"The release {release_id} could not be written: {error}.") from error
    return Released(final, len(prepared.shown), prepared.left_out, delete_by, head)


def _write_files(
    store: Store, final: Path, prepared: Prepared, numbers: Mapping[int, str], note: Mapping[str, Any]
) -> None:
    for folder in (store.released, final.parent):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with store.staging("release") as staging:
        name = re.sub(r"[^A-Za-z0-9_-]", "_", prepared.sheet.team)
        write_workbook(prepared.sheet, staging / f"{name}.xlsx")
        write_page(prepared.sheet, staging / f"{name}.html")
        listed = [numbers[p] for p, key in prepared.shown.items() if p in numbers and key in LISTED]
        if numbers:
            (staging / NUMBERS).write_text("".join(f"{n}\r\n" for n in listed), encoding="ascii", newline="")
        (staging / NOTE).write_text(json.dumps(note, indent=1) + "\n", encoding="utf-8")
        for path in staging.iterdir():
            path.chmod(0o600)
        shutil.copytree(staging, final)
    final.chmod(0o700)


def overdue(store: Store, today: dt.date) -> list[Path]:
    """Released lists that should have been deleted by now and are still there."""
    found = []
    for path in sorted(store.released.glob(f"week=*/*/{NOTE}")):
        note = json.loads(path.read_text(encoding="utf-8"))
        if dt.date.fromisoformat(note["delete_by"]) < today:
            found.append(path.parent)
    return found
