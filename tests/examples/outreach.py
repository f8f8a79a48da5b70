"""A hand-made record small enough to read: what the list's tests stand on."""

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

import sql
from features.cohort import in_cohort
from outreach import load_list
from outreach.rows import REASON_COLUMNS

MONDAY = dt.date(2026, 1, 12)
LONG_AGO = dt.date(2020, 1, 1)
PRACTICE, OTHER_PRACTICE, LOOSE_PRACTICE = "C81001", "C81002", "C81099"
TIE_KEY = b"key of the tests"
DECLARED = load_list().for_outcomes(["emergency_admission_12m"])
"""The weekly list ranked by the risk of 12 months, whatever its objective is in the product."""

TABLES = {
    "person": (
        "person_id bigint, birth_month date, sex_code varchar, ethnic_code varchar, lsoa_code varchar, "
        "household_id bigint, residential_institute_code varchar, sensitive_flag boolean"
    ),
    "registration": "person_id bigint, practice_code varchar, start_date date, end_date date",
    "death": "person_id bigint, death_date date, death_source varchar",
    "opt_out": "person_id bigint, opt_out_type varchar, start_date date",
    "inpatient_day": "person_id bigint, provider_code varchar, event_date date, admission_date date",
    "person_link": "person_id bigint, linked_person_id bigint",
    "organisation": "practice_code varchar, practice_name varchar, pcn_code varchar, pcn_name varchar",
}


@dataclass
class Example:
    """Tables, scores and features of a few people; `person` adds one who is well recorded unless told otherwise."""

    con: duckdb.DuckDBPyConnection
    folder: Path
    scores: dict[int, float] = field(default_factory=dict)
    features: dict[int, dict[str, float]] = field(default_factory=dict)

    def add(
        self, table: str, *, known_from: dt.date = LONG_AGO, known_until: dt.date | None = None, **row: Any
    ) -> None:
        """One row of a record table."""
        row |= {"known_from": known_from, "known_until": known_until}
        columns = ", ".join(row)
        marks = ", ".join(f"${c}" for c in row)
        self.con.execute(f"insert into {table} ({columns}) values ({marks})", row)

    def person(self, person_id: int, score: float | None, *, birth: dt.date = dt.date(1940, 5, 15), **more: Any) -> int:
        """A registered person with a score; `practice`, `sex`, `sensitive` and features by keyword."""
        practice = more.pop("practice", PRACTICE)
        self.add(
            "person",
            person_id=person_id,
            birth_month=birth,
            sex_code=more.pop("sex", "2"),
            sensitive_flag=more.pop("sensitive", False),
        )
        self.add(
            "registration",
            person_id=person_id,
            practice_code=practice,
            start_date=LONG_AGO,
            end_date=more.pop("left", None),
        )
        if score is not None:
            self.scores[person_id] = score
        self.features[person_id] = more
        return person_id

    def in_hospital(self, person_id: int, day: dt.date, provider: str = "RTG", **known: Any) -> None:
        """The person is in one snapshot."""
        self.add(
            "inpatient_day", person_id=person_id, provider_code=provider, event_date=day, admission_date=day, **known
        )

    @property
    def scores_file(self) -> Path:
        """The week's scores as models leave them."""
        path = self.folder / "score.parquet"
        pl.DataFrame(
            {"person_id": list(self.scores), "score": list(self.scores.values())},
            schema={"person_id": pl.Int64, "score": pl.Float64},
        ).write_parquet(path)
        return path

    def features_of(self, week: dt.date) -> Path:
        """The folder of weeks; for `week` the people registered as known, and every feature that anyone was given."""
        folder = self.folder / "feature" / f"week={week}"
        folder.mkdir(parents=True, exist_ok=True)
        self.con.execute("create or replace temp table feature_week as select $week::date as week", {"week": week})
        people = self.con.sql(sql.load("features/population")).pl().drop("week", "female", "residential_institute_code")
        rows = [{"person_id": p, **f} for p, f in self.features.items()]
        given = pl.DataFrame(rows, infer_schema_length=None).with_columns(pl.col("person_id").cast(pl.Int64))
        matrix = people.select("person_id").join(given, on="person_id", how="left").sort("person_id")
        level = matrix["housebound_class"].fill_null(0) if "housebound_class" in matrix.columns else people["age"] * 0
        member = in_cohort(people["age"].to_numpy(), level.to_numpy())
        people.with_columns(cohort_flag=pl.Series(member)).write_parquet(folder / "person.parquet")
        matrix.write_parquet(folder / "matrix.parquet")
        return folder.parent


def example(folder: Path) -> Example:
    """An empty record with two practices in one PCN each and one practice in none."""
    con = duckdb.connect()
    for name, columns in TABLES.items():
        con.execute(f"create table {name} ({columns}, known_from date, known_until date)")
    made = Example(con, folder)
    made.add(
        "organisation",
        practice_code=PRACTICE,
        practice_name="Mill Lane Surgery",
        pcn_code="U10001",
        pcn_name="Northgate PCN",
    )
    made.add(
        "organisation",
        practice_code=OTHER_PRACTICE,
        practice_name="Station Road",
        pcn_code="U10002",
        pcn_name="Riverside PCN",
    )
    made.add("organisation", practice_code=LOOSE_PRACTICE, practice_name="New Practice", pcn_code=None, pcn_name=None)
    return made


def opt_out_policy(folder: Path, *rows: str) -> Path:
    """A policy table; without rows, both opt-outs drop."""
    path = folder / f"opt_out_policy_{len(list(folder.glob('opt_out_policy*')))}.csv"
    rows = rows or ("direct_care_list,national,all,drop,2000-01-01,", "direct_care_list,type1,all,drop,2000-01-01,")
    path.write_text("\n".join(["purpose,opt_out_type,source,decision,effective_from,reference", *rows]) + "\n")
    return path


def plain_reasons(people: list[int]) -> pl.DataFrame:
    """Two dated sentences each, as `features.reasons` gives them."""
    sentences = [
        ("falls_90", "falls", "one fall recorded in the last three months, on 3 Jan 2026", dt.date(2026, 1, 3)),
        (
            "ed_attendances_365",
            "recent hospital use",
            "2 emergency attendances in the last 12 months, latest 5 Oct 2025",
            dt.date(2025, 10, 5),
        ),
    ]
    rows = [(person, *sentence) for person in people for sentence in sentences]
    return pl.DataFrame(rows, schema=REASON_COLUMNS, orient="row")
