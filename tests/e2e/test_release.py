"""A list leaves through one door: by whom, for whom, with what record of it."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import polars as pl
import pytest
import yaml

from data_contracts.identity import check_nhs_numbers, parse_person_ref
from outreach.stored import SUFFIX, load_sheet, read_rows
from pipelines.account import account
from pipelines.errors import ProblemError
from pipelines.evaluate import SIGNED, STOP
from pipelines.identity_scan import numbers_in_folder
from pipelines.release.door import NOTE, NUMBERS, audit_log, overdue, release
from pipelines.release.identity import identities
from pipelines.release.roles import ROLES
from pipelines.retention import RELEASED, remove_expired
from pipelines.stages import list_folder, record_opened
from pipelines.store import Store

NOW = dt.datetime(2026, 3, 2, 8, tzinfo=dt.UTC)
PURPOSE = "direct care"


@pytest.fixture(scope="module")
def home(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A copy of the demonstration that this file's tests release from."""
    folder = tmp_path_factory.mktemp("release") / "home"
    shutil.copytree(demo_home, folder, symlinks=True, ignore=shutil.ignore_patterns("published", "dagster", "demo"))
    return Store.at(folder)


@pytest.fixture(scope="module")
def team(home: Store) -> tuple[str, dt.date]:
    """The longest list of new people, and its week."""

    def new_people(path: Path) -> int:
        return sum(len(s.people) for s in load_sheet(path).sections if s.key == "new")

    path = max(sorted(list_folder(home).glob(f"week=*/*{SUFFIX}")), key=new_people)
    assert new_people(path) > 1
    return path.name.removesuffix(SUFFIX), dt.date.fromisoformat(path.parent.name.removeprefix("week="))


@pytest.fixture
def roles(home: Store) -> Iterator[Path]:
    """The roles file, as it was again afterwards."""
    path = home.governance / ROLES
    before = path.read_text()
    yield path
    path.write_text(before)


def refusals(home: Store) -> list[dict[str, str]]:
    return [e for e in audit_log(home).entries() if e["kind"] == "refused"]


def test_a_release_shows_numbers_of_the_teams_own_people_and_writes_one_line_a_person(
    home: Store, team: tuple[str, dt.date]
) -> None:
    done = release(home, *team, PURPOSE, now=NOW)
    page = openpyxl.load_workbook(done.folder / f"{team[0]}.xlsx").worksheets[0]
    top = next(r for r in range(1, 20) if page.cell(r, 1).value == "Row")
    number, born, practice = str(page.cell(top + 1, 2).value).split("\n")
    assert check_nhs_numbers(pl.Series("raw", [number]))["fault"].is_null().all()
    assert [len(p) for p in number.split(" ")] == [3, 3, 4]
    assert page.cell(top + 1, 2).data_type == "s"
    assert born.startswith("born ")
    assert practice
    lines = [e for e in audit_log(home).entries() if e["kind"] == "shown" and e["release"] == done.folder.name]
    assert len(lines) == len({e["person"] for e in lines}) == done.people
    row_id = str(page.cell(top + 1, 1).value).split(" ")[1]
    line = next(e for e in lines if e["row"] == row_id)
    person = parse_person_ref(line["person"])
    assert identities(home, [person])[person].number == number.replace(" ", "")
    listed = (done.folder / NUMBERS).read_text().split()
    assert number.replace(" ", "") in listed
    assert len(set(listed)) == len(listed) <= done.people
    assert audit_log(home).verify() == []
    assert json.loads((done.folder / NOTE).read_text())["audit"]["length"] == done.head.length


def test_at_the_practice_there_are_references_and_no_number(home: Store, team: tuple[str, dt.date]) -> None:
    done = release(home, *team, PURPOSE, now=NOW, at_practice=True)
    assert numbers_in_folder(done.folder) == 0
    assert not (done.folder / NUMBERS).exists()
    page = openpyxl.load_workbook(done.folder / f"{team[0]}.xlsx").worksheets[0]
    top = next(r for r in range(1, 20) if page.cell(r, 1).value == "Row")
    assert parse_person_ref(str(page.cell(top + 1, 2).value)) > 0


def test_a_role_that_does_not_hold_opens_nothing_and_the_refusal_is_logged(
    home: Store, team: tuple[str, dt.date], roles: Path
) -> None:
    before = list(home.released.rglob("*"))
    role = yaml.safe_load(roles.read_text())["roles"][0]
    roles.write_text(yaml.safe_dump({"roles": [role | {"approved_by": role["account"]}]}))
    with pytest.raises(ProblemError, match="another account must approve"):
        release(home, *team, PURPOSE, now=NOW)
    assert "another account" in refusals(home)[-1]["why"]
    assert list(home.released.rglob("*")) == before
    assert audit_log(home).verify() == []


def test_an_unknown_team_and_another_purpose_are_refused(home: Store, team: tuple[str, dt.date]) -> None:
    with pytest.raises(ProblemError, match="no list of U99999"):
        release(home, "U99999", team[1], PURPOSE, now=NOW)
    with pytest.raises(ProblemError, match="purpose"):
        release(home, *team, "research", now=NOW)
    assert [r["team"] for r in refusals(home)[-2:]] == ["U99999", team[0]]


def test_one_number_of_a_person_who_may_be_real_closes_the_door(home: Store, team: tuple[str, dt.date]) -> None:
    real = home.vault / "person" / "real.parquet"
    pl.DataFrame({"number": ["4010232137"], "person_id": [1]}).write_parquet(real)
    try:
        with pytest.raises(ProblemError, match="roles file must belong to another account"):
            release(home, *team, PURPOSE, now=NOW)
    finally:
        real.unlink()


def test_an_unread_file_of_deaths_and_registrations_closes_the_door(home: Store, team: tuple[str, dt.date]) -> None:
    waiting = home.inbox / "gp_registration" / "2026-03-02" / "r.csv"
    waiting.parent.mkdir(parents=True)
    waiting.write_text("NHS_NUMBER\n")
    try:
        with pytest.raises(ProblemError, match="waits unread"):
            release(home, *team, PURPOSE, now=NOW)
    finally:
        shutil.rmtree(waiting.parent)


@pytest.mark.parametrize(("source", "said"), [("gp_registration", "Deaths"), ("national_opt_out", "Opt-outs")])
def test_stale_deaths_or_opt_outs_close_the_door(
    home: Store, team: tuple[str, dt.date], source: str, said: str
) -> None:
    aside = home.lake / f"aside-{source}"
    (home.lake / "ledger" / source).rename(aside)
    try:
        with pytest.raises(ProblemError, match=f"{said}.*never delivered"):
            release(home, *team, PURPOSE, now=NOW)
    finally:
        aside.rename(home.lake / "ledger" / source)


def test_harm_that_was_found_closes_the_door_until_another_account_signs(
    home: Store, team: tuple[str, dt.date]
) -> None:
    stop = home.lake / "evaluation" / STOP
    stop.parent.mkdir(parents=True, exist_ok=True)
    stop.write_text(json.dumps({"stop": "2026-03-01", "harm": ["admissions"]}))
    signed = home.governance / SIGNED
    try:
        for said in ({}, {"stop": "2026-02-01", "signed_by": "dr.a"}, {"stop": "2026-03-01", "signed_by": account()}):
            signed.write_text(yaml.safe_dump(said))
            with pytest.raises(ProblemError, match="must sign the stop"):
                release(home, *team, PURPOSE, now=NOW)
        signed.write_text(yaml.safe_dump({"stop": "2026-03-01", "signed_by": "dr.a"}))
        assert release(home, *team, PURPOSE, now=NOW).people > 0
    finally:
        stop.unlink()
        signed.unlink()


def test_someone_who_moved_or_died_since_is_left_out_of_every_sheet(
    home: Store, team: tuple[str, dt.date], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.release import door

    first = load_sheet(list_folder(home) / f"week={team[1]}" / f"{team[0]}{SUFFIX}").sections[0].people[0]

    def without_first(*arguments: object) -> door.Standing:
        known = real(*arguments)  # type: ignore[arg-type]
        return door.Standing({p: c for p, c in known.registered.items() if p != first}, known.opted_out)

    real = door.standing
    whole = release(home, *team, PURPOSE, now=NOW)
    monkeypatch.setattr(door, "standing", without_first)
    done = release(home, *team, PURPOSE, now=NOW)
    assert (done.people, done.left_out) == (whole.people - 1, whole.left_out + 1)
    number = identities(home, [first])[first].number
    assert number not in (done.folder / f"{team[0]}.html").read_text().replace(" ", "")
    assert "is not shown" in (done.folder / f"{team[0]}.html").read_text()


def test_the_day_of_release_knows_more_than_the_monday(home: Store, team: tuple[str, dt.date]) -> None:
    from outreach.teams import load_teams
    from pipelines.release.checks import standing

    person = load_sheet(list_folder(home) / f"week={team[1]}" / f"{team[0]}{SUFFIX}").sections[0].people[0]
    with record_opened(home) as con:
        con.execute("create or replace temp table died as select * from death")
        con.execute(
            f"create or replace view death as select * from died union all by name select {person} as person_id, "
            f"date '{team[1]}' as death_date, date '{team[1] + dt.timedelta(days=2)}' as known_from"
        )
        monday = standing(con, team[1], team[0], load_teams())
        wednesday = standing(con, team[1] + dt.timedelta(days=2), team[0], load_teams())
    assert monday.may_show(person)
    assert not wednesday.may_show(person)


def test_a_released_list_past_its_day_is_overdue(home: Store, team: tuple[str, dt.date]) -> None:
    done = release(home, *team, PURPOSE, now=NOW)
    assert done.folder not in overdue(home, done.delete_by)
    assert done.folder in overdue(home, done.delete_by + dt.timedelta(days=1))
    log = audit_log(home)
    later = dt.datetime.combine(done.delete_by + dt.timedelta(days=1), dt.time(3), tzinfo=dt.UTC)
    assert remove_expired(home, later)[RELEASED] >= 1
    assert not done.folder.exists()
    assert log.verify() == []
    assert done.folder.name in {e.get("release") for e in log.entries() if e["kind"] == "deleted"}


def test_no_nhs_number_lies_anywhere_but_in_vault_inbox_and_releases(home: Store, demo_home: Path) -> None:
    numbers = pl.read_parquet(demo_home / "vault" / "person" / "*.parquet")["number"].to_list()
    for folder in sorted(p for p in demo_home.iterdir() if p.name not in ("vault", "inbox", "released", "demo")):
        assert numbers_in_folder(folder, numbers) == 0, folder.name
    with pytest.raises(ProblemError):
        release(home, "U99999", dt.date(2026, 2, 23), PURPOSE, now=NOW)
    for place in (home.audit_file.parent, home.audit_witness):
        assert place.exists()
        assert numbers_in_folder(place, numbers) == 0
    assert numbers_in_folder(home.vault / "person", numbers) == len(set(numbers))


def test_every_row_of_a_list_finds_its_person_by_an_id_that_tells_nothing(home: Store) -> None:
    rows = read_rows(list_folder(home))
    shown = rows.filter(pl.col("person_id").is_not_null())
    assert shown.group_by("row_id").agg(pl.col("person_id").n_unique())["person_id"].max() == 1
    assert rows.filter(pl.col("sheet") == "add")["row_id"].is_unique().all()
