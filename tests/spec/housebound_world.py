"""Small records for the housebound tests: what happened to a person, by a word for it."""

from __future__ import annotations

import datetime as dt

from features.declaration import FeatureSet
from tests.tiny_record import PRACTICE, TinyRecord, code_of

MONDAY = dt.date(2024, 3, 4)
SILENT = {"appointments": "C81002", "codes": "C81003"}
BOOKED = {
    "visit at home": ("Home Visit", "Home", True),
    "visit in care home": ("Home Visit", "Care Home", True),
    "surgery": ("Face-to-Face", "Surgery", False),
    "telephone": ("Telephone", None, False),
}
CODED = (
    "housebound",
    "bedbound",
    "housebound_temporary",
    "housebound_ended",
    "housebound_function",
    "home_visit",
    "surgery_attendance",
    "rockwood_5",
    "rockwood_7",
    "palliative_register",
    "palliative_ended",
    "care_home_residential",
    "care_home_ended",
)
COUNCIL = {
    "council nursing home": ("Long term nursing care", None),
    "council residential home": ("Long term residential care", None),
    "council short stay": ("Short term residential care", None),
    "council nursing home until 1 March 2024": ("Long term nursing care", dt.date(2024, 3, 1)),
}
HOSPITAL = {
    "to a nursing home from hospital": {"discharge_destination": "55"},
    "from a care home to hospital": {"admission_source": "85", "discharge_destination": "19"},
    "a hospital stay from home": {"admission_source": "19", "discharge_destination": "19"},
}
WHAT = (*BOOKED, *CODED, "nurse at home")


def silent_practice(record: TinyRecord, silent: str | None) -> str:
    """The practice whose appointment book, or coded record, has told nothing lately; the other source is alive."""
    if silent is None:
        return PRACTICE
    day, practice = MONDAY - dt.timedelta(days=2), SILENT[silent]
    if silent == "appointments":
        record.add("gp_event", 998, event_date=day, code=1, practice_code=practice)
    else:
        record.add("gp_appointment", 998, event_date=day, status_code="Cancelled", practice_code=practice)
    return practice


def add_to(record: TinyRecord, declared: FeatureSet, person: int, day: dt.date, what: str, practice: str) -> None:
    """One thing that happened, known from that day."""
    if what in BOOKED:
        mode, place, home = BOOKED[what]
        record.add(
            "gp_appointment",
            person,
            event_date=day,
            status_code="Attended",
            mode_code=mode,
            place_code=place,
            home_visit_flag=home,
            practice_code=practice,
        )
    elif what == "nurse at home":
        record.add(
            "community_contact",
            person,
            event_date=day,
            attendance_code="5",
            team_type="12",
            mechanism_code="01",
            location_code="A01",
        )
    elif what in COUNCIL:
        kind, end = COUNCIL[what]
        record.add("care_service", person, event_date=day, end_date=end, service_component=kind)
    elif what in HOSPITAL:
        values = {"admission_date": day, "discharge_date": day + dt.timedelta(days=5), **HOSPITAL[what]}
        record.add("spell", person, **values)
    else:
        record.add("gp_event", person, event_date=day, code=code_of(declared, what), practice_code=practice)
