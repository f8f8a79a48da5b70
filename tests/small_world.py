"""A small artificial record for tests of models: older people whose hidden frailty drives codes, stays and death."""

from __future__ import annotations

import datetime as dt

import duckdb
import numpy as np
import polars as pl

from tests.tiny_record import TABLES, VERSIONED

START = dt.date(2019, 1, 7)
END = dt.date(2025, 1, 6)
DAYS = (END - START).days
PRACTICES = 24


def small_world(
    people: int = 3000, *, seed: int = 12, codes: tuple[int, int] = (1001, 1060)
) -> duckdb.DuckDBPyConnection:
    """A connection with every record table; six years of history; ``codes`` is the range of codes that are recorded."""
    rng = np.random.default_rng(seed)
    con = duckdb.connect()
    for name, columns in TABLES.items():
        con.execute(f"create table {name} ({columns}, {VERSIONED})")
    con.execute(
        "create table place as select 'E0100' || n as lsoa_code, 'E06000015' as authority_code, "
        "n as imd_decile, n > 7 as rural_flag from range(1, 11) t(n)"
    )
    con.execute(
        "create table organisation as select 'C81' || lpad(cast(n as varchar), 3, '0') as practice_code, "
        "'practice ' || n as practice_name, 'U' || n // 6 as pcn_code, 'network ' || n // 6 as pcn_name, "
        "date '2015-01-01' as known_from, cast(null as date) as known_until from range(0, 24) t(n)"
    )
    person = rng.permutation(np.arange(1, people + 1, dtype=np.int64) * 7919)
    born = rng.integers(0, 40 * 365, people)
    birth = np.datetime64("1922-01-15") + born
    frailty = rng.gamma(1.2, 1.0, people) * np.exp((20 * 365 - born) / (15 * 365) * 0.9)
    practice = np.array([f"C81{n:03d}" for n in range(PRACTICES)])[rng.integers(0, PRACTICES, people)]
    death_day = rng.exponential(1 / (0.00003 * (1 + frailty)))
    leave_day = rng.exponential(1 / 0.00005, people)
    last_day = np.minimum(np.minimum(death_day, leave_day), DAYS)
    _load(
        con,
        "person",
        {
            "person_id": person,
            "birth_month": birth.astype("datetime64[M]").astype("datetime64[D]") + 14,
            "sex_code": np.where(rng.random(people) < 0.55, "2", "1"),
            "lsoa_code": np.array([f"E0100{n}" for n in range(1, 11)])[born % 10],
            "ethnic_code": np.where(born % 7 == 0, None, np.where(born % 5 == 0, "J", "A")),
            "known_from": _day(np.zeros(people)),
        },
    )
    left = (leave_day < death_day) & (leave_day < DAYS)
    _load(
        con,
        "registration",
        {
            "person_id": person,
            "practice_code": practice,
            "start_date": _day(np.full(people, -3000)),
            "known_from": _day(np.full(people, -3000)),
            "end_date": np.where(left, _day(leave_day), np.datetime64("NaT")),
        },
    )
    died = (death_day < leave_day) & (death_day < DAYS)
    _load(
        con,
        "death",
        {"person_id": person[died], "death_date": _day(death_day[died]), "known_from": _day(death_day[died] + 5)},
    )
    rates = {
        "gp_event": 0.012,
        "medication": 0.02,
        "gp_appointment": 0.012,
        "inpatient_spell": 0.0006,
        "ed_attendance": 0.0008,
        "outpatient_appointment": 0.003,
        "community_referral": 0.0003,
        "community_contact": 0.004,
        "care_service": 0.0002,
        "mental_health_contact": 0.0004,
    }
    lags = {"inpatient_spell": 48, "outpatient_appointment": 42, "community_contact": 30, "care_service": 60}
    for table, rate in rates.items():
        count = rng.poisson(rate * last_day * (0.1 + 0.9 * frailty))
        row = np.repeat(np.arange(people), count)
        day = np.floor(rng.random(len(row)) * last_day[row])
        columns = {"person_id": person[row], **_columns(table, rng, day, codes)}
        if "practice_code varchar" in TABLES[table]:
            columns["practice_code"] = practice[row]
        columns["known_from"] = _day(day + lags.get(table, 3))
        _load(con, table, columns)
    return con


def _columns(table: str, rng: np.random.Generator, day: np.ndarray, codes: tuple[int, int]) -> dict[str, np.ndarray]:
    n = len(day)
    if table == "inpatient_spell":
        stay = np.floor(rng.exponential(5, n))
        return {"admission_date": _day(day), "discharge_date": _day(day + stay), "emergency_flag": rng.random(n) < 0.6}
    happened = {"event_date": _day(day)}
    own = {
        "gp_event": lambda: {"code": rng.integers(codes[0], codes[1], n)},
        "medication": lambda: {"product_code": rng.integers(1, 400, n)},
        "gp_appointment": lambda: {
            "status_code": np.where(rng.random(n) < 0.93, "Attended", "DNA"),
            "mode_code": np.array(["Face-to-Face", "Telephone", "Home Visit"])[rng.integers(0, 3, n)],
        },
        "ed_attendance": lambda: {"department_type": np.full(n, "01")},
        "outpatient_appointment": lambda: {"attended_code": np.where(rng.random(n) < 0.9, "5", "3")},
        "community_referral": lambda: {"team_type": np.full(n, "51")},
        "community_contact": lambda: {"attendance_code": np.full(n, "5"), "team_type": np.full(n, "12")},
        "care_service": lambda: {
            "end_date": _day(day + 200),
            "service_type": np.full(n, "Long term support: Community"),
            "service_component": np.full(n, "Home support or domiciliary care"),
            "weekly_cost": rng.integers(50, 400, n),
            "planned_units": rng.integers(2, 30, n),
        },
        "mental_health_contact": lambda: {"attendance_code": np.full(n, "5")},
    }
    return happened | own[table]()


def _day(number: np.ndarray) -> np.ndarray:
    return np.datetime64(START, "D") + np.floor(number).astype(np.int64)


def _load(con: duckdb.DuckDBPyConnection, table: str, columns: dict[str, np.ndarray]) -> None:
    frame = pl.DataFrame({name: pl.Series(name, values) for name, values in columns.items()})
    con.register("incoming", frame.to_arrow())
    con.execute(f"insert into {table} by name select * from incoming")
    con.unregister("incoming")
