"""The same record more than once in one file, and people who are in two places."""

from __future__ import annotations

from tests.faults.sender import Case, Row, good, sheet

OBJECTS_TO_SHARING = "827241000000103"


def case(name: str, source: str, rows: list[Row], **more: object) -> Case:
    return Case(f"{source}: {name}", source, sheet(rows), records=len(rows), **more)  # type: ignore[arg-type]


def thrice(source: str, **changes: str) -> list[Row]:
    """A good row, another person's, and the first again with some cells changed."""
    return [good(source, 1), good(source, 2), good(source, 1, **changes)]


def with_note(row: Row, note: str) -> Row:
    return {**row, "Note": note}


CASES = [
    case("the same row twice", "gp_event", thrice("gp_event"), duplicate=(1,)),
    case("the same row twice", "ecds", thrice("ecds"), duplicate=(1,)),
    case("the same row twice", "cld", thrice("cld"), duplicate=(1,)),
    case("the same row five times", "gp_medication", [good("gp_medication", 1)] * 5, duplicate=(1, 2, 3, 4)),
    case(
        "twice, but for a column that nobody asked for",
        "outpatient",
        [with_note(good("outpatient", 1), "a"), with_note(good("outpatient", 1), "b")],
        duplicate=(1,),
        says="F08",
    ),
    case(
        "a later submission first",
        "csds_referral",
        [
            good("csds_referral", 1, EFFECTIVE_FROM="2025-12-31", Discharge_Date="2025-12-24"),
            good("csds_referral", 1),
            good("csds_referral", 2),
        ],
        superseded=(2,),
    ),
    case(
        "a later submission last",
        "csds_care_contact",
        thrice("csds_care_contact", EFFECTIVE_FROM="2025-12-31", AttendanceStatus="3"),
        superseded=(1,),
    ),
    case(
        "a clock that gained its end",
        "csds_waiting_time",
        [
            good("csds_waiting_time", 1, RTT_EndDate="", RTT_EndTime=""),
            good("csds_waiting_time", 1, EFFECTIVE_FROM="2025-12-31"),
        ],
        superseded=(1,),
    ),
    case(
        "two clocks of one referral",
        "csds_waiting_time",
        [good("csds_waiting_time", 1), good("csds_waiting_time", 1, RTT_StartTime="16:00:00", RTT_EndTime="16:30:00")],
    ),
    case(
        "two teams of one referral",
        "csds_service_type",
        [good("csds_service_type", 1), good("csds_service_type", 1, TeamType="12", TeamID_Local="T2")],
    ),
    case(
        "two providers with the same local number",
        "csds_referral",
        [good("csds_referral", 1), good("csds_referral", 1, OrgID_Provider="RY7")],
    ),
    case(
        "two hospitals with the same attendance number",
        "ecds",
        [good("ecds", 1), good("ecds", 1, PROVIDER_CODE="RFS")],
    ),
    case(
        "the same episode corrected, with nothing to say which is newer",
        "apc",
        thrice("apc", DIAG_4_01="J181"),
        superseded=(1,),
    ),
    case(
        "a bad correction of a good row",
        "csds_referral",
        thrice("csds_referral", EFFECTIVE_FROM="2025-12-31", ReferralRequest_ReceivedDate="soon"),
        bad={3: "C02"},
    ),
    case(
        "a good correction of a bad row",
        "gp_event",
        [good("gp_event", 1, CODE="soon"), good("gp_event", 1)],
        bad={1: "C04"},
    ),
    case(
        "one patient, one day, one bed twice",
        "inpatient_snapshot",
        thrice("inpatient_snapshot", NO_CRITERIA_TO_RESIDE="N", DISCHARGE_READY_DATE=""),
        superseded=(1,),
    ),
    case(
        "one patient on two days",
        "inpatient_snapshot",
        thrice("inpatient_snapshot", SNAPSHOT_DATE="2026-01-03"),
    ),
    case(
        "one person in two practices",
        "gp_registration",
        thrice("gp_registration", PRACTICE="C81002", REG_START_DATE="2020-01-01"),
    ),
    case(
        "one person opted out twice",
        "national_opt_out",
        thrice("national_opt_out", OPT_OUT_DATE="2025-06-01"),
        superseded=(1,),
    ),
    case("one practice twice", "organisation", thrice("organisation"), duplicate=(1,)),
    case(
        "a service first open, then ended",
        "cld",
        thrice("cld", Event_End_Date="2025-10-01"),
        superseded=(1,),
    ),
    case(
        "one service told in two references",
        "cld",
        thrice("cld", Event_Reference="EV900"),
        superseded=(1,),
    ),
    case(
        "a person who objects, with a spoilt row",
        "gp_event",
        [
            good("gp_event", 1, CODE=OBJECTS_TO_SHARING),
            good("gp_event", 2),
            good("gp_event", 1, RECORD_ID="x", DATE="soon"),
        ],
        withheld=(1, 3),
    ),
]
