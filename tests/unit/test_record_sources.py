"""The canonical tables that follow one source, or two tables of one source, on hand-made histories."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

import record
import sql
from data_contracts.contract import load_contracts
from tests.deliveries import World, nhs_number

JAN, FEB, MAR, APR = (dt.date(2025, month, 10) for month in (1, 2, 3, 4))
SENT = dt.date(2024, 12, 20)


class Histories:
    """Empty histories of every source, filled row by row."""

    def __init__(self, con: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self.con = con
        record.open_histories(con, load_contracts().values(), lake=folder)

    def add(self, source: str, **values: object) -> None:
        """Adds one version; columns that are not named are missing."""
        name = f"{source}_history"
        if not self.con.execute("select 1 from duckdb_tables() where table_name = ?", [name]).fetchall():
            self.con.execute(f"create table made as select * from {name}")
            self.con.execute(f"drop view {name}; alter table made rename to {name}")
        columns = ", ".join(values)
        self.con.execute(
            f"insert into {name} ({columns}) values ({', '.join('?' * len(values))})", list(values.values())
        )

    def read(self, table: str, columns: str, order: str = "known_from") -> list[tuple[object, ...]]:
        """Rows of a canonical table."""
        statement = sql.load(f"record/{table}")
        return self.con.execute(f"select {columns} from ({statement}) order by {order}").fetchall()


@pytest.fixture
def histories(tmp_path: Path) -> Iterator[Histories]:
    with duckdb.connect() as con:
        yield Histories(con, tmp_path)


def add_referral(histories: Histories, known_from: dt.date, known_until: dt.date | None = None, **more: object) -> None:
    histories.add(
        "csds_referral",
        person_id=1,
        provider_code="RY8",
        referral_id=7,
        event_date=SENT,
        known_from=known_from,
        known_until=known_until,
        **more,
    )


def add_team(histories: Histories, known_from: dt.date, known_until: dt.date | None = None, **more: object) -> None:
    said = {"team_type": "51", "team_id": "T1", **more}
    histories.add(
        "csds_service_type",
        person_id=1,
        provider_code="RY8",
        referral_id=7,
        known_from=known_from,
        known_until=known_until,
        **said,
    )


def test_a_referral_stands_without_a_team_until_the_team_is_told(histories: Histories) -> None:
    add_referral(histories, JAN)
    add_team(histories, FEB)
    rows = histories.read("community_referral", "team_type, known_from, known_until")
    assert rows == [(None, JAN, FEB), ("51", FEB, None)]


def test_a_referral_and_its_team_are_known_together_where_their_versions_overlap(histories: Histories) -> None:
    add_referral(histories, JAN, MAR)
    add_referral(histories, MAR, discharge_date=FEB)
    add_team(histories, JAN, APR)
    add_team(histories, APR, closure_date=MAR)
    rows = histories.read("community_referral", "closed_date, known_from, known_until")
    assert rows == [(None, JAN, MAR), (FEB, MAR, APR), (MAR, APR, None)]


def test_a_team_told_later_changes_nothing_that_was_known_before(histories: Histories) -> None:
    columns = "team_type, known_from, known_until"
    histories.add("csds_care_contact", person_id=1, provider_code="RY8", referral_id=7, contact_id=3, known_from=JAN)
    add_referral(histories, JAN)
    add_team(histories, JAN, team_type="12")
    before = (histories.read("community_contact", columns), histories.read("community_referral", columns))
    add_team(histories, MAR, team_type="51", team_id="T2")
    assert histories.read("community_contact", columns) == before[0] == [("12", JAN, None)]
    assert [r for r in histories.read("community_referral", columns) if r[1] != MAR] == before[1]


def test_a_contact_has_the_type_of_its_own_team(histories: Histories) -> None:
    add_team(histories, JAN, team_type="12", team_id="T1")
    add_team(histories, JAN, team_type="51", team_id="T2")
    for contact, team in ((1, "T2"), (2, "T1"), (3, None)):
        said = {"contact_id": contact, "team_id": team, "known_from": JAN}
        histories.add("csds_care_contact", person_id=1, provider_code="RY8", referral_id=7, **said)
    rows = histories.read("community_contact", "contact_id, team_type", "contact_id")
    assert rows == [(1, "51"), (2, "12"), (3, "12")]


def test_referrals_of_two_providers_with_one_number_stay_apart(histories: Histories) -> None:
    add_referral(histories, JAN)
    histories.add("csds_service_type", person_id=2, provider_code="RXM", referral_id=7, team_type="12", known_from=JAN)
    assert histories.read("community_referral", "provider_code, team_type") == [("RY8", None)]


def test_an_activity_is_seen_from_the_day_its_contact_is_known(histories: Histories) -> None:
    ids = {"person_id": 1, "provider_code": "RY8", "contact_id": 3}
    histories.add("csds_care_activity", **ids, activity_id=5, activity_type="02", known_from=JAN)
    assert histories.read("community_activity", "activity_code") == []
    histories.add("csds_care_contact", **ids, event_date=SENT, known_from=FEB)
    assert histories.read("community_activity", "activity_code, event_date, known_from") == [("02", SENT, FEB)]


@pytest.mark.parametrize(
    ("frequency", "cost", "units", "weekly"),
    [
        ("Weekly", 950.5, None, "950.50"),
        ("Fortnightly", 300, None, "150.00"),
        ("4-weekly", 1000, None, "250.00"),
        ("Monthly", 520, None, "120.00"),
        ("Annually", 5200, None, "100.00"),
        ("Hourly", -21.5, 14, "301.00"),
        ("hourly", 21.5, None, None),
        ("One-off", 400, 1, None),
    ],
)
def test_a_weeks_cost_follows_the_national_method(
    histories: Histories, frequency: str, cost: float, units: int | None, weekly: str | None
) -> None:
    said = {"cost_frequency": frequency, "unit_cost": cost, "planned_units": units}
    histories.add("cld", person_id=1, event_type="Service", known_from=JAN, **said)
    (found,) = histories.read("care_service", "weekly_cost")[0]
    assert (None if found is None else str(found)) == weekly


def test_rows_without_a_person_are_in_no_table_about_people(histories: Histories) -> None:
    histories.add("cld", event_type="Request", known_from=JAN)
    histories.add("ecds", event_date=SENT, known_from=JAN)
    assert histories.read("care_event", "event_type") == []
    assert histories.read("ed_attendance", "event_date") == []


def test_a_code_without_a_usable_clinical_date_is_dated_by_its_entry(histories: Histories) -> None:
    histories.add("gp_event", person_id=1, code=160689007, record_date=JAN, known_from=JAN)
    histories.add("gp_event", person_id=1, code=160689007, event_date=SENT, record_date=JAN, known_from=JAN)
    assert histories.read("gp_event", "event_date", "event_date") == [(SENT,), (JAN,)]


def test_a_score_counts_as_frailty_scale_only_from_its_own_tool(histories: Histories) -> None:
    for tool, score in ((763264000, 6), (763264000, 12), (273617000, 6)):
        histories.add("ecds", person_id=1, assessment_tool_code=tool, assessment_score=score, known_from=JAN)
    assert sorted(histories.read("ed_attendance", "frailty_score"), key=str) == [(6,), (None,), (None,)]


def test_a_clock_that_is_sent_again_with_its_end_stays_one_clock(tmp_path: Path) -> None:
    world = World(tmp_path)
    clock = {
        "nhs_number": 0,
        "provider_code": "RY8",
        "referral_id": "R1",
        "measurement_type": "05",
        "start_date": "2025-01-05",
        "start_time": "09:30:00",
    }
    world.deliver(
        "csds_waiting_time", "2025-02-10", [{**clock, "effective_from": "2025-02-08", "period_end": "2025-01-31"}]
    )
    again = {**clock, "effective_from": "2025-03-08", "period_end": "2025-02-28"}
    world.deliver("csds_waiting_time", "2025-03-10", [again])
    ended = {
        **clock,
        "effective_from": "2025-04-08",
        "period_end": "2025-03-31",
        "end_date": "2025-01-05",
        "end_time": "11:00:00",
    }
    world.deliver("csds_waiting_time", "2025-04-10", [ended])
    with world.connect("csds_waiting_time") as con:
        rows = con.execute(
            "select end_time, known_from, known_until from response_clock order by known_from"
        ).fetchall()
    assert rows == [(None, FEB, APR), ("11:00:00", APR, None)]


def test_a_council_closes_what_it_sends_no_more_and_nothing_of_another_council(tmp_path: Path) -> None:
    world = World(tmp_path)

    def service(authority: str, person: str, quarter: tuple[str, str], end: str = "") -> dict[str, object]:
        return {
            "authority_code": authority,
            "council_person_id": person,
            "nhs_number": nhs_number(int(person)),
            "reporting_period_start_date": quarter[0],
            "reporting_period_end_date": quarter[1],
            "event_type": "Service",
            "event_date": "2023-05-01",
            "end_date": end,
            "service_type": "Long term support: Community",
            "service_component": "Home support or domiciliary care",
        }

    first, second = ("2024-01-01", "2024-12-31"), ("2024-04-01", "2025-03-31")
    world.deliver("cld", "2025-02-14", [service("E10000007", p, first) for p in "12"], name="county.csv")
    world.deliver("cld", "2025-02-14", [service("E06000015", p, first) for p in "34"], name="city.csv")
    world.deliver("cld", "2025-05-14", [service("E10000007", "1", second, end="2025-02-01")], name="county.csv")
    with world.connect("cld") as con:
        rows = con.execute(
            "select authority_code, end_date, known_from, known_until from care_service order by all"
        ).fetchall()
    february, may = dt.date(2025, 2, 14), dt.date(2025, 5, 14)
    assert rows == [
        ("E06000015", None, february, None),
        ("E06000015", None, february, None),
        ("E10000007", dt.date(2025, 2, 1), may, None),
        ("E10000007", None, february, may),
        ("E10000007", None, february, may),
    ]


def test_a_sensitive_flag_that_cannot_be_read_counts_as_yes_and_a_local_ethnic_letter_is_left_out(tmp_path):
    world = World(tmp_path)
    rows = [
        {"nhs_number": n, "sensitive_flag": flag, "ethnic_code": ethnic}
        for n, flag, ethnic in ((1, "perhaps", "A1"), (2, "", "99"), (3, "N", "B"))
    ]
    world.deliver("gp_registration", "2026-01-05", rows)
    con = world.connect("gp_registration")
    told = con.execute("select sensitive_flag, ethnic_code from person order by ethnic_code").fetchall()
    assert told == [(False, "99"), (True, "A"), (False, "B")]
