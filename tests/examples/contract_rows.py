"""Rows that the contracts allow, made from the contracts alone: every source, every code set, much missing.

Not a population that means anything: keys collide, dates lie close together, one in eight optional cells is empty. It
reaches corners that a realistic population never does, so that two engines can be compared on them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import polars as pl

from data_contracts.contract import CODELISTS, REFERENCE, Column, Contract
from data_contracts.rules import NUMBERS, code_set
from data_contracts.withheld import CODELIST, NUMBER_CHANGES
from features.declaration import load_features
from tests.deliveries import World, nhs_number

FIRST = dt.date(2021, 11, 20)
DAYS = 1500
DELIVERIES = (("2026-01-05", True), ("2026-01-12", False), ("2026-01-19", False))
MISSING = 0.125
OBJECTING = 0.01
LATER = ("end_date", "discharge_date", "episode_end", "closure_date", "rejection_date", "close_date", "period_end")


@dataclass
class ContractRows:
    """A generator of rows for one number of people and one seed."""

    people: int
    seed: int = 11

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)
        declared = load_features()
        used = {code for name in declared.used_codelists for code in declared.codes(name).codes}
        objection = pl.read_csv(CODELISTS / f"{CODELIST}.csv", infer_schema=False)["code"].to_list()
        self.codes = np.array(sorted(str(code) for code in used))
        self.objection = np.array(objection)
        self.numbers = [nhs_number(n) for n in range(self.people)]
        self.areas = pl.read_csv(REFERENCE / "lsoa.csv")["lsoa_code"].head(40).to_list()

    def deliver(self, world: World, rows_a_person: float = 3.0, sources: Collection[str] | None = None) -> None:
        """One historic delivery and two weekly ones of every source (or of those named) into the world's inbox."""
        for contract in (c for c in world.contracts.values() if sources is None or c.id in sources):
            for number, (received, historic) in enumerate(DELIVERIES):
                rows = max(20, int(self.people * rows_a_person * (1.0 if number == 0 else 0.3)))
                if contract.delivery.kind == "snapshot" and contract.person is not None:
                    rows = self.people
                if contract.id == NUMBER_CHANGES:
                    rows = self.people // 50
                world.deliver(contract.id, received, self.rows(contract, rows), historic=historic)
        for source, rows_of_story in story().items():
            if sources is None or source in sources:
                world.deliver(source, DELIVERIES[0][0], rows_of_story, historic=True, name="story.csv")

    def rows(self, contract: Contract, count: int) -> list[dict[str, object]]:
        """Rows of one source by lake name, in which an end lies after its start."""
        person = self.random.integers(0, self.people, count)
        near_each_other = person * 37 % DAYS + self.random.integers(0, 30, count)
        start = np.where(self.random.random(count) < 0.5, near_each_other, self.random.integers(0, DAYS, count))
        columns = {c.name: self._values(contract, c, person, start) for c in contract.columns}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def _values(self, contract: Contract, column: Column, person: np.ndarray, start: np.ndarray) -> list[object]:
        needed = column.required or column.name in contract.key or column.name in ("admission_date", "record_date")
        empty = self.random.random(len(start)) < (0.0 if needed else MISSING)
        if column.role in NUMBERS:
            who = person if column.role == "person" else self.random.permutation(person)
            values: list[object] = [self.numbers[n] for n in who]
        else:
            values = self._filled(contract, column, start)
        return [None if gone else value for gone, value in zip(empty, values, strict=True)]

    def _filled(self, contract: Contract, column: Column, start: np.ndarray) -> list[object]:
        count = len(start)
        if column.name == "practice_code":
            return [f"C8100{n}" for n in self.random.integers(1, 9, count)]
        if column.name == "lsoa_code":
            return list(self.random.choice(self.areas, count))
        if column.name == "birth_month":
            return [dt.date(int(y), int(m), 15) for y, m in self.random.integers((1925, 1), (2010, 13), (count, 2))]
        if column.type in ("date", "timestamp"):
            return self._dates(column, start)
        if column.code_system:
            objects = self.random.random(count) < OBJECTING
            codes = np.where(objects, self.random.choice(self.objection, count), self.random.choice(self.codes, count))
            return codes.tolist()
        if column.code_set:
            return list(self.random.choice(code_set(column.code_set), count))
        return self._plain(contract, column, count)

    def _dates(self, column: Column, start: np.ndarray) -> list[object]:
        shift = self.random.integers(0, 4, len(start))
        if column.name in LATER:
            shift = shift + self.random.integers(0, 40, len(start))
        if column.name in ("record_date", "effective_from"):
            shift = shift + self.random.integers(3, 90, len(start))
        return [FIRST + dt.timedelta(days=int(d)) for d in start + shift]

    def _plain(self, contract: Contract, column: Column, count: int) -> list[object]:
        pool = max(30, self.people)
        if column.type == "boolean":
            often = 0.03 if column.name == contract.delivery.withdrawn_column else 0.4
            return ["Y" if yes else "N" for yes in self.random.random(count) < often]
        if column.type == "time":
            return [f"{h:02d}:{m:02d}" for h, m in self.random.integers((0, 0), (24, 60), (count, 2))]
        if column.type == "number":
            low, high = column.minimum or -50, column.maximum or 4000
            return [f"{v / 1000:.3f}" for v in self.random.integers(int(low) * 1000, int(high) * 1000, count)]
        if column.type == "integer":
            low, high = int(column.minimum or 0), int(column.maximum or 3 * pool)
            return [int(v) for v in self.random.integers(low, high + 1, count)]
        if column.role == "local_id":
            return [f"{column.name}-{n}" for n in self.random.integers(0, pool, count)]
        return [_fitting(column, int(n)) for n in self.random.integers(0, 9, count)]


def story() -> dict[str, list[dict[str, object]]]:
    """What chance does not bring together: one person's fall, stay, reablement, crisis visits and blood results."""
    who, referral = (
        {"nhs_number": 1},
        {"provider_code": "RT0", "effective_from": "2025-06-01", "period_end": "2025-06-30"},
    )
    blood = pl.read_csv(CODELISTS / "haemoglobin.csv", infer_schema=False)["code"][0]
    tests = (("2024-06-03", 140), ("2024-12-02", 120), ("2025-09-01", 105))
    crisis, bed = {**referral, "referral_id": "story-1", **who}, {**referral, "referral_id": "story-2", **who}
    return {
        "gp_event": [
            {
                **who,
                "record_id": 900_000_000 + n,
                "practice_code": "C81001",
                "event_date": day,
                "record_date": day,
                "code": blood,
                "value": value,
                "unit": "g/L",
                "is_deleted": "N",
            }
            for n, (day, value) in enumerate(tests)
        ],
        "apc": [
            {
                **who,
                "episode_id": 900_000_000,
                "provider_code": "RT0",
                "spell_number": "story",
                "admission_date": "2025-06-02",
                "episode_start": "2025-06-02",
                "episode_end": "2025-06-09",
                "discharge_date": "2025-06-09",
                "episode_order": 1,
                "admission_method": "21",
                "admission_source": "19",
                "discharge_method": "1",
                "discharge_destination": "19",
                "patient_class": "1",
                "diagnosis_1": "S720",
                "diagnosis_2": "W190",
            }
        ],
        "cld": [
            {
                **who,
                "authority_code": "101",
                "council_person_id": "story",
                "reporting_period_start_date": "2025-04-01",
                "reporting_period_end_date": "2025-09-30",
                "event_type": "Service",
                "event_date": "2025-06-11",
                "client_type": "Service User",
                "service_type": "Short Term Support: ST-Max",
                "service_component": "Reablement",
            }
        ],
        "gp_appointment": [
            {
                **who,
                "appointment_id": "900000000",
                "practice_code": "C81001",
                "event_date": "2025-12-30",
                "status_code": "Attended",
                "mode_code": "Face-to-Face",
            }
        ],
        "csds_referral": [
            {**crisis, "event_date": "2025-06-01", "source_code": "01"},
            {**bed, "event_date": "2025-06-09", "source_code": "06"},
        ],
        "csds_service_type": [
            {**crisis, "team_type": "51", "team_id": "T1"},
            {**bed, "team_type": "54", "team_id": "T2"},
        ],
        "csds_care_contact": [
            {
                **crisis,
                "contact_id": "story",
                "team_id": "T1",
                "event_date": "2025-06-01",
                "contact_time": "09:30:00",
                "mechanism_code": "01",
                "location_code": "A01",
                "attendance_code": "5",
                "duration_minutes": 30,
            }
        ],
        "csds_waiting_time": [
            {
                **bed,
                "measurement_type": "06",
                "start_date": "2025-06-09",
                "start_time": "09:00:00",
                "end_date": "2025-06-10",
                "end_time": "09:00:00",
            }
        ],
    }


def _fitting(column: Column, n: int) -> str:
    """The n-th example of a text that has the form the contract asks for."""
    forms = {
        "provider_code": f"RT{n % 3}",
        "site_code": f"RTG0{n}",
        "pcn_code": f"U0000{n % 4}",
        "sub_icb_code": f"0{n}A",
        "location_id": f"1-10000{n}",
        "care_home_location_id": f"1-10000{n}",
        "area_code": f"E0700000{n}",
        "age_band": f"{n * 10}-{n * 10 + 4}",
        "arrival_mode": "1",
        "attendance_category": "1",
    }
    if column.name in forms:
        return forms[column.name]
    if column.name.startswith("diagnosis"):
        return f"I{n}0X"
    return f"{column.name} {n}"
