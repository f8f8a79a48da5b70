"""A tiny hand-made record for tests: the documented tables, empty, and rows added one by one."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path
from typing import Any

import duckdb

from features.declaration import DECLARED, FeatureSet, load_features
from features.measurements import measures

VERSIONED = "known_from date, known_until date"
TABLES = {
    "person": "person_id bigint, birth_month date, sex_code varchar, ethnic_code varchar, lsoa_code varchar, "
    "household_id bigint, residential_institute_code varchar, sensitive_flag boolean",
    "registration": "person_id bigint, practice_code varchar, start_date date, end_date date",
    "death": "person_id bigint, death_date date, death_source varchar",
    "opt_out": "person_id bigint, opt_out_type varchar, start_date date",
    "gp_event": "person_id bigint, practice_code varchar, event_date date, code bigint, value decimal(19,3), "
    "unit varchar, entered_date date",
    "medication": "person_id bigint, practice_code varchar, event_date date, product_code bigint, "
    "quantity decimal(19,3)",
    "gp_appointment": "person_id bigint, practice_code varchar, event_date date, status_code varchar, "
    "mode_code varchar, place_code varchar, home_visit_flag boolean",
    "inpatient_spell": "person_id bigint, cips_id bigint, admission_date date, discharge_date date, "
    "emergency_flag boolean, admission_method varchar, discharge_destination varchar, discharge_method varchar, "
    "spell_count integer",
    "spell": "person_id bigint, admission_date date, discharge_date date, admission_source varchar, "
    "discharge_destination varchar",
    "hospital_episode": "person_id bigint, episode_id bigint, provider_code varchar, episode_start date, "
    "admission_date date, discharge_date date, admission_method varchar, patient_class varchar, "
    + ", ".join(f"diagnosis_{n} varchar" for n in range(1, 21)),
    "ed_attendance": "person_id bigint, event_date date, department_type varchar, acuity_code bigint, "
    "frailty_score integer, chief_complaint_code bigint, diagnosis_code_1 bigint",
    "ed_arrival": "person_id bigint, event_date date, code bigint",
    "outpatient_appointment": "person_id bigint, event_date date, attended_code varchar",
    "community_referral": "person_id bigint, referral_id bigint, event_date date, team_type varchar",
    "community_contact": "person_id bigint, contact_id bigint, event_date date, attendance_code varchar, "
    "team_type varchar, mechanism_code varchar, location_code varchar, duration_minutes integer",
    "community_assessment": "person_id bigint, event_date date, code bigint, score decimal(19,3)",
    "community_activity": "person_id bigint, event_date date, procedure_code bigint, finding_code bigint, "
    "observation_code bigint",
    "care_service": "person_id bigint, event_date date, end_date date, service_type varchar, "
    "service_component varchar, weekly_cost decimal(19,2), planned_units decimal(19,3)",
    "care_event": "person_id bigint, event_date date, event_type varchar, review_reason varchar, client_type varchar, "
    "has_unpaid_carer varchar",
    "mental_health_contact": "person_id bigint, event_date date, attendance_code varchar",
}
PRACTICE = "C81001"
AREAS = {"E01013453": "E06000015", "E01019400": "E07000032"}  # small area to district; people live in the first
MEASURED = ("weight", "haemoglobin")


class TinyRecord:
    """A connection with every record table, and helpers that add a row known from the day it happened."""

    def __init__(self) -> None:
        self.con = duckdb.connect()
        self.con.execute("set threads = 2")
        for name, columns in TABLES.items():
            self.con.execute(f"create table {name} ({columns}, {VERSIONED})")
        self.con.execute(
            "create table place (lsoa_code varchar, authority_code varchar, imd_decile integer, rural_flag boolean)"
        )
        self.con.executemany("insert into place (lsoa_code, authority_code) values (?, ?)", list(AREAS.items()))

    def add(self, table: str, person_id: int = 1, **values: Any) -> TinyRecord:
        """One row; ``known_from`` defaults to the row's own date, GP rows to the one practice."""
        happened = next((values[c] for c in ("event_date", "admission_date", "start_date") if c in values), None)
        row = {"person_id": person_id, "known_from": happened or dt.date(2000, 1, 1), **values}
        if "practice_code varchar" in TABLES[table]:
            row.setdefault("practice_code", PRACTICE)
        names = ", ".join(row)
        marks = ", ".join("?" for _ in row)
        self.con.execute(f"insert into {table} ({names}) values ({marks})", list(row.values()))
        return self

    def person(
        self, person_id: int = 1, birth_month: str = "1940-03-15", sex_code: str = "2", **values: Any
    ) -> TinyRecord:
        """A person registered since 2000, with something fresh in every source so that none is silent."""
        self.add("person", person_id, birth_month=birth_month, sex_code=sex_code, lsoa_code=next(iter(AREAS)))
        return self.add("registration", person_id, **{"start_date": dt.date(2000, 1, 1), **values})

    def alive_sources(self, *weeks: dt.date, person_id: int = 999) -> TinyRecord:
        """Another person has a row in every source two days before each week."""
        self.add("person", person_id, lsoa_code=next(iter(AREAS)))
        for week in weeks:
            day = week - dt.timedelta(days=2)
            self.add("gp_event", person_id, event_date=day, code=1)
            self.add("medication", person_id, event_date=day, product_code=1)
            self.add("gp_appointment", person_id, event_date=day, status_code="Cancelled")
            self.add("inpatient_spell", person_id, admission_date=day, discharge_date=day, emergency_flag=False)
            self.add("spell", person_id, admission_date=day, discharge_date=day)
            self.add("hospital_episode", person_id, admission_date=day, discharge_date=day)
            self.add("ed_attendance", person_id, event_date=day)
            self.add("ed_arrival", person_id, event_date=day)
            self.add("outpatient_appointment", person_id, event_date=day)
            self.add("community_referral", person_id, event_date=day)
            self.add("community_contact", person_id, event_date=day)
            self.add("community_assessment", person_id, event_date=day)
            self.add("care_service", person_id, event_date=day, end_date=day)
            self.add("care_event", person_id, event_date=day)
            self.add("mental_health_contact", person_id, event_date=day)
        return self


def tiny_codelists(folder: Path) -> FeatureSet:
    """The shipped declarations over codelists of one code each, numbered from 1001 in the order of ``_in_order``."""
    folder.mkdir(parents=True, exist_ok=True)
    declared = load_features(DECLARED, folder)
    for number, name in enumerate(_in_order(declared), start=1001):
        polarity = "measured" if name.endswith("_score") or name in {*MEASURED, *measures()} else "present"
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([["code", "label", "polarity"], [number, name, polarity]])
    return declared


def code_of(declared: FeatureSet, name: str) -> int:
    """The one code of a tiny codelist."""
    return 1001 + _in_order(declared).index(name)


def _in_order(declared: FeatureSet) -> list[str]:
    """Names of the codelists, those of results last: artificial worlds draw events from the first codes."""
    return sorted(declared.used_codelists, key=lambda name: (name in {*MEASURED, *measures()}, name))
