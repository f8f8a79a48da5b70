"""A hand-made record for the marts: a few people by hand, or many made by rule."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl

from commissioning import load_indicators
from tests.examples.outreach import opt_out_policy

LONG_AGO = dt.date(2020, 1, 1)
DATA_DATE = dt.date(2026, 1, 12)
FEW = tuple(
    i
    for i in load_indicators()
    if i.id
    in (
        "emergency_bed_days",
        "emergency_admissions",
        "ed_attendances",
        "urgent_response",
        "registered_people",
        "list_reach",
    )
)
"""Enough indicators for tests that need no more."""
SEVERE, MODERATE = 925861000000102, 925831000000107
TABLES = {
    "person": (
        "person_id bigint, birth_month date, sex_code varchar, lsoa_code varchar, household_id bigint, "
        "residential_institute_code varchar, sensitive_flag boolean"
    ),
    "registration": "person_id bigint, practice_code varchar, start_date date, end_date date",
    "death": "person_id bigint, death_date date",
    "opt_out": "person_id bigint, opt_out_type varchar, start_date date",
    "organisation": "practice_code varchar, pcn_code varchar, pcn_name varchar",
    "place": "lsoa_code varchar, place_name varchar, authority_code varchar, imd_decile bigint",
    "gp_event": "person_id bigint, event_date date, code bigint, value decimal(19, 3), unit varchar",
    "inpatient_spell": (
        "person_id bigint, cips_id bigint, admission_date date, discharge_date date, emergency_flag boolean, "
        "discharge_method varchar, discharge_destination varchar, primary_diagnosis varchar"
    ),
    "hospital_episode": (
        "person_id bigint, admission_date date, episode_start date, discharge_date date, discharge_ready_date date, "
        "provider_code varchar, spell_number varchar, admission_method varchar, patient_class varchar, "
        + ", ".join(f"diagnosis_{n} varchar" for n in range(1, 7))
    ),
    "spell": (
        "person_id bigint, spell_id bigint, admission_date date, discharge_date date, emergency_flag boolean, "
        "patient_class varchar, admission_source varchar, discharge_destination varchar"
    ),
    "inpatient_day": (
        "person_id bigint, event_date date, no_criteria_flag boolean, planned_pathway varchar, "
        "discharge_ready_date date"
    ),
    "community_referral": (
        "person_id bigint, provider_code varchar, referral_id bigint, event_date date, received_time time, "
        "source_code varchar, team_type varchar, closed_date date, rejection_date date"
    ),
    "care_service": (
        "person_id bigint, event_date date, end_date date, client_type varchar, service_component varchar, "
        "care_home_location_id varchar, outcome varchar, weekly_cost decimal(19, 2), authority_code varchar"
    ),
    "care_event": "person_id bigint, event_date date, event_type varchar, primary_support_reason varchar",
    "care_home": "location_id varchar, lsoa_code varchar, household_id bigint",
    "care_plan": "person_id bigint, plan_type varchar, event_date date",
    "gp_appointment": (
        "person_id bigint, practice_code varchar, event_date date, status_code varchar, mode_code varchar, "
        "place_code varchar, home_visit_flag boolean"
    ),
    "population_projection": ("area_code varchar, year bigint, sex_code varchar, age_band varchar, population bigint"),
    "ed_attendance": "person_id bigint, event_date date, department_type varchar, frailty_score integer",
    "response_clock": (
        "person_id bigint, referral_id bigint, measurement_type varchar, "
        "start_date date, start_time time, end_date date, end_time time"
    ),
    "community_contact": (
        "person_id bigint, provider_code varchar, referral_id bigint, event_date date, contact_time time, "
        "attendance_code varchar, mechanism_code varchar, location_code varchar, team_type varchar"
    ),
}


@dataclass
class Record:
    """The record tables, empty but for two practices and two Places."""

    con: duckdb.DuckDBPyConnection
    folder: Path

    def add(
        self, table: str, *, known_from: dt.date = LONG_AGO, known_until: dt.date | None = None, **row: Any
    ) -> None:
        """One row."""
        row |= {"known_from": known_from, "known_until": known_until}
        marks = ", ".join(f"${c}" for c in row)
        self.con.execute(f"insert into {table} ({', '.join(row)}) values ({marks})", row)

    def add_all(self, table: str, frame: pl.DataFrame) -> None:
        """Many rows, known from their first date on."""
        rows = frame.with_columns(known_until=pl.lit(None, pl.Date))
        self.con.register("rows_to_add", rows.to_arrow())
        self.con.execute(f"insert into {table} by name select * from rows_to_add")
        self.con.unregister("rows_to_add")

    def person(
        self,
        person_id: int,
        *,
        birth: dt.date = dt.date(1940, 5, 15),
        practice: str = "C81001",
        lsoa: str = "E01000001",
    ) -> int:
        """A registered person."""
        self.add("person", person_id=person_id, birth_month=birth, sex_code="2", lsoa_code=lsoa, sensitive_flag=False)
        self.add("registration", person_id=person_id, practice_code=practice, start_date=LONG_AGO, end_date=None)
        return person_id

    def stay(self, person_id: int, admitted: dt.date, discharged: dt.date | None, **more: Any) -> None:
        """One emergency stay."""
        row = {"emergency_flag": True, **more}
        self.add("inpatient_spell", person_id=person_id, admission_date=admitted, discharge_date=discharged, **row)

    @property
    def policy(self) -> Path:
        """Both opt-outs drop."""
        rows = [f"commissioning,{kind},all,drop,2000-01-01," for kind in ("national", "type1")]
        return opt_out_policy(self.folder, *rows)


def record(folder: Path) -> Record:
    """An empty record."""
    con = duckdb.connect()
    for name, columns in TABLES.items():
        con.execute(f"create table {name} ({columns}, known_from date, known_until date)")
    made = Record(con, folder)
    for number in range(1, 5):
        made.add(
            "organisation", practice_code=f"C8100{number}", pcn_code=f"U1000{number}", pcn_name=f"Network {number}"
        )
        made.add(
            "place",
            lsoa_code=f"E0100000{number}",
            place_name=f"Place {number}",
            authority_code=f"E0700000{number}",
            imd_decile=2 * number,
        )
    return made


def many(made: Record, people: int, *, seed: int = 1, years: int = 3) -> Record:
    """A population by rule: stays, attendances, clocks, contacts and frailty codes before the data date."""
    rng = np.random.default_rng(seed)
    ids = np.arange(1, people + 1)
    area = rng.choice([1, 2, 3, 4], size=people, p=[0.5, 0.3, 0.15, 0.05])
    births = [
        dt.date(int(y), int(m), 15)
        for y, m in zip(rng.integers(1930, 1970, people), rng.integers(1, 13, people), strict=True)
    ]
    made.add_all(
        "person",
        pl.DataFrame(
            {
                "person_id": ids,
                "birth_month": births,
                "sex_code": "1",
                "lsoa_code": [f"E0100000{a}" for a in area],
                "sensitive_flag": False,
                "known_from": LONG_AGO,
            }
        ),
    )
    made.add_all(
        "registration",
        pl.DataFrame(
            {
                "person_id": ids,
                "practice_code": [f"C8100{a}" for a in area],
                "start_date": LONG_AGO,
                "end_date": None,
                "known_from": LONG_AGO,
            },
            schema_overrides={"end_date": pl.Date},
        ),
    )
    frail = ids[rng.random(people) < 0.2]
    made.add_all(
        "gp_event",
        pl.DataFrame(
            {
                "person_id": frail,
                "event_date": LONG_AGO,
                "code": rng.choice([SEVERE, MODERATE], len(frail)),
                "known_from": LONG_AGO,
            }
        ),
    )

    def days(count: int) -> list[dt.date]:
        return [DATA_DATE - dt.timedelta(days=int(d)) for d in rng.integers(1, 365 * years, count)]

    stays = people * years // 4
    admitted = pl.Series(days(stays))
    length = pl.Series(rng.geometric(0.12, stays) - 1)
    made.add_all(
        "inpatient_spell",
        pl.DataFrame({"person_id": rng.choice(ids, stays), "admission_date": admitted, "length": length})
        .with_columns(
            discharge_date=pl.col("admission_date") + pl.duration(days="length"),
            emergency_flag=True,
            known_from="admission_date",
        )
        .with_columns(discharge_date=pl.when(pl.col("discharge_date") < DATA_DATE).then("discharge_date"))
        .drop("length"),
    )
    visits = people * years // 2
    made.add_all(
        "ed_attendance",
        pl.DataFrame(
            {"person_id": rng.choice(ids, visits), "event_date": days(visits), "department_type": "01"}
        ).with_columns(known_from="event_date"),
    )
    contacts = people * years
    made.add_all(
        "community_contact",
        pl.DataFrame(
            {
                "person_id": rng.choice(ids, contacts),
                "event_date": days(contacts),
                "attendance_code": rng.choice(["5", "6", "7"], contacts),
            }
        ).with_columns(known_from="event_date"),
    )
    clocks = people * years // 8
    minutes = rng.gamma(2, 50, clocks).astype(int)
    made.add_all(
        "response_clock",
        pl.DataFrame(
            {
                "person_id": rng.choice(ids, clocks),
                "referral_id": np.arange(clocks),
                "measurement_type": "05",
                "start_date": days(clocks),
                "start_time": dt.time(9, 30),
                "minutes": minutes,
            }
        )
        .with_columns(
            end=pl.col("start_date").dt.combine(dt.time(9, 30)) + pl.duration(minutes="minutes"),
            known_from="start_date",
        )
        .with_columns(end_date=pl.col("end").dt.date(), end_time=pl.col("end").dt.time())
        .drop("end", "minutes"),
    )
    return made
