"""What a sender sends: one good row of each extract, sheets of them, and the case of one spoilt file.

Row numbers count records after the headings, from 1. NHS numbers lie in the test range; organisations are public;
nobody is described.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.deliveries import nhs_number

RECEIVED = "2026-01-05"
Row = dict[str, str]

HOUSEBOUND, FALL = "160689007", "1912002"
CSDS_SENT = {
    "EFFECTIVE_FROM": "2025-12-20",
    "UniqueSubmissionID": "501",
    "RP_StartDate": "2025-11-01",
    "RP_EndDate": "2025-11-30",
}
MHSDS_SENT = {
    "EFFECTIVE_FROM": "2025-12-20",
    "UniqSubmissionID": "501",
    "ReportingPeriodStartDate": "2025-11-01",
    "ReportingPeriodEndDate": "2025-11-30",
}
GOOD: dict[str, Callable[[int], Row]] = {
    "gp_event": lambda n: {
        "NHS_NUMBER": nhs_number(n),
        "PRACTICE": "C81001",
        "RECORD_ID": str(n),
        "DATE": "2025-12-01",
        "RECORD_DATE": "2025-12-02",
        "CODE": HOUSEBOUND,
        "VALUE1_CONDITION": "",
        "VALUE2_CONDITION": "",
        "UNIT": "",
        "IS_DELETED": "N",
    },
    "gp_medication": lambda n: {
        "NHS_NUMBER": nhs_number(n),
        "PRACTICE": "C81001",
        "ISSUE_ID": str(n),
        "ISSUE_DATE": "2025-12-01",
        "RECORD_DATE": "2025-12-01",
        "DMD_CODE": "317291008",
        "QUANTITY": "28",
        "COURSE_DURATION_IN_DAYS": "28",
        "IS_DELETED": "N",
    },
    "gp_registration": lambda n: {
        "NHS_NUMBER": nhs_number(n),
        "PRACTICE": "C81001",
        "REG_START_DATE": "2004-07-12",
        "REG_END_DATE": "",
        "DATE_OF_BIRTH": "1941-03-09",
        "SEX": "2",
        "ETHNIC": "A",
        "LSOA": "E01013453",
        "DATE_OF_DEATH": "",
        "RESIDENTIAL_INSTITUTE_CODE": "",
        "ADDRESS_KEY": f"AK{n:06d}",
        "SENSITIVE_FLAG": "N",
    },
    "gp_appointment": lambda n: {
        "NHS_NUMBER": nhs_number(n),
        "PRACTICE": "C81001",
        "APPOINTMENT_ID": str(n),
        "APPOINTMENT_DATE": "2025-12-03",
        "APPOINTMENT_TIME": "09:10:00",
        "STATUS": "Attended",
        "MODE": "Face-to-Face",
        "PLACE": "",
        "HOME_VISIT": "N",
        "DID_NOT_ATTEND": "N",
        "IS_DELETED": "N",
    },
    "apc": lambda n: {
        "EPIKEY": str(700000 + n),
        "NHS_NUMBER": nhs_number(n),
        "PROCODE3": "RTG",
        "PROVSPNOPS": f"SP{n}",
        "ADMIDATE": "2025-11-03",
        "ADMIMETH": "21",
        "ADMISORC": "19",
        "DISDATE": "2025-11-09",
        "DISDEST": "19",
        "DISMETH": "1",
        "DISREADYDATE": "2025-11-08",
        "EPISTART": "2025-11-03",
        "EPIEND": "2025-11-09",
        "EPIORDER": "1",
        "EPISTAT": "3",
        "EPITYPE": "1",
        "CLASSPAT": "1",
        "MAINSPEF": "300",
        "TRETSPEF": "300",
        "GPPRAC": "C81001",
        "LSOA11": "E01013453",
        "ETHNOS": "A",
        "AEKEY": "",
        "DIAG_4_01": "I500",
        "DIAG_4_02": "N390",
        **{f"DIAG_4_{i:02d}": "" for i in range(3, 21)},
    },
    "ecds": lambda n: {
        "PROVIDER_CODE": "RTG",
        "ATTENDANCE_IDENTIFIER": f"AT{n}",
        "NHS_NUMBER": nhs_number(n),
        "SITE": "RTGFG",
        "DEPARTMENT_TYPE": "01",
        "ATTENDANCE_CATEGORY": "1",
        "ARRIVAL_DATE": "2025-12-04",
        "ARRIVAL_TIME": "14:05:00",
        "ARRIVAL_MODE": "",
        "ACUITY": "1064901000000108",
        "CHIEF_COMPLAINT": FALL,
        "DIAGNOSIS_CODE_1": "",
        "DIAGNOSIS_CODE_2": "",
        "DIAGNOSIS_CODE_3": "",
        "CODED_ASSESSMENT_TOOL_TYPE": "",
        "PERSON_SCORE": "",
        "DISCHARGE_STATUS": "",
        "DISCHARGE_DESTINATION": "306689006",
        "DEPARTURE_TIME_SINCE_ARRIVAL": "187",
        "PDS_GENERAL_PRACTICE": "C81001",
        "LSOA_2011": "E01013453",
    },
    "outpatient": lambda n: {
        "ATTENDKEY": str(800000 + n),
        "NHS_NUMBER": nhs_number(n),
        "PROCODE3": "RTG",
        "APPTDATE": "2025-11-20",
        "ATTENDED": "5",
        "FIRSTATT": "1",
        "OUTCOME": "2",
        "MAINSPEF": "300",
        "TRETSPEF": "300",
        "REFSOURC": "03",
        "REQDATE": "2025-09-01",
        "PRIORITY": "1",
        "GPPRAC": "C81001",
        "LSOA11": "E01013453",
    },
    "csds_referral": lambda n: {
        "OrgID_Provider": "RY8",
        "ServiceRequestID": f"REF{n}",
        "NHSNumber": nhs_number(n),
        "LocalPatientID": f"L{n}",
        "OrgID_Commissioner": "QJ2",
        "ReferralRequest_ReceivedDate": "2025-11-10",
        "ReferralRequest_ReceivedTime": "10:15:00",
        "SourceOfReferral": "01",
        "Priority_Type": "2",
        "PrimaryReferralReason": "030",
        "Discharge_Date": "",
        **CSDS_SENT,
    },
    "csds_service_type": lambda n: {
        "OrgID_Provider": "RY8",
        "ServiceRequestID": f"REF{n}",
        "TeamType": "51",
        "TeamID_Local": "T1",
        "NHSNumber": nhs_number(n),
        "Referral_ClosureDate": "",
        "Referral_ClosureReason": "",
        "Referral_RejectionDate": "",
        "Referral_RejectionReason": "",
        **CSDS_SENT,
    },
    "csds_waiting_time": lambda n: {
        "OrgID_Provider": "RY8",
        "ServiceRequestID": f"REF{n}",
        "WaitingTime_MeasurementType": "05",
        "RTT_StartDate": "2025-11-10",
        "RTT_StartTime": "10:20:00",
        "NHSNumber": nhs_number(n),
        "RTT_EndDate": "2025-11-10",
        "RTT_EndTime": "11:55:00",
        "RTT_Status": "",
        **CSDS_SENT,
    },
    "csds_care_contact": lambda n: {
        "OrgID_Provider": "RY8",
        "CareContactID": f"CC{n}",
        "ServiceRequestID": f"REF{n}",
        "NHSNumber": nhs_number(n),
        "TeamID_Local": "T1",
        "Contact_Date": "2025-11-10",
        "Contact_Time": "11:55:00",
        "CareContact_Duration": "45",
        "Consultation_Type": "01",
        "CareContact_Subject": "01",
        "ConsMechanism": "01",
        "Activity_LocationType": "A01",
        "AttendanceStatus": "5",
        "Contact_CancellationDate": "",
        **CSDS_SENT,
    },
    "csds_care_activity": lambda n: {
        "OrgID_Provider": "RY8",
        "CareActivityID": f"CA{n}",
        "CareContactID": f"CC{n}",
        "NHSNumber": nhs_number(n),
        "Activity_Type": "01",
        "CareActivity_Duration": "30",
        "CodedProcedure": "",
        "CodedFinding": FALL,
        "CodedObservation": "",
        "ObservationValue": "",
        "UC_UnitOfMeasurement": "",
        **CSDS_SENT,
    },
    "csds_care_plan": lambda n: {
        "OrgID_Provider": "RY8",
        "PlanID": f"PL{n}",
        "LocalPatientID": f"L{n}",
        "NHSNumber": nhs_number(n),
        "Plan_Type": "03",
        "Plan_CreatedDate": "2025-11-11",
        "Plan_LastUpdateDate": "2025-11-12",
        "Plan_ImplementDate": "",
        **CSDS_SENT,
    },
    "csds_assessment": lambda n: {
        "OrgID_Provider": "RY8",
        "ServiceRequestID": f"REF{n}",
        "SNOMED_ID": HOUSEBOUND,
        "AssessmentCompletion_Date": "2025-11-12",
        "NHSNumber": nhs_number(n),
        "Score": "6",
        **CSDS_SENT,
    },
    "cld": lambda n: {
        "LA Code": "E10000007",
        "LA Person Unique Identifier": f"ASC{n}",
        "NHS Number": nhs_number(n),
        "Reporting Period Start Date": "2025-01-01",
        "Reporting Period End Date": "2025-12-31",
        "Event Type": "Service",
        "Event Reference": f"EV{n}",
        "Event Start Date": "2025-05-01",
        "Event End Date": "",
        "Client Type": "Service user",
        "Request: Route of Access": "",
        "Assessment Type": "",
        "Service Type": "Long term support: Community",
        "Service Component": "Home support or domiciliary care",
        "Delivery Mechanism": "CASSR commissioned support",
        "Event Outcome": "",
        "Review Reason": "",
        "Primary Support Reason": "Physical support: Personal care support",
        "Accommodation Status": "Owner occupier or shared ownership scheme",
        "Has Unpaid Carer": "Yes",
        "Client Funding Status": "Fully social care funded",
        "Provider CQC Location ID": "1-123456789",
        "Unit Cost": "24.50",
        "Cost Frequency (Unit Type)": "Hourly",
        "Planned units per week": "10.5",
    },
    "inpatient_snapshot": lambda n: {
        "SNAPSHOT_DATE": "2026-01-04",
        "PROVIDER_CODE": "RTG",
        "HOSPITAL_PROVIDER_SPELL_NUMBER": f"SP{n}",
        "NHS_NUMBER": nhs_number(n),
        "SITE_CODE": "RTGFG",
        "ADMISSION_DATE": "2025-12-28",
        "DISCHARGE_READY_DATE": "2026-01-02",
        "NO_CRITERIA_TO_RESIDE": "Y",
        "PLANNED_PATHWAY": "1",
        "DELAY_REASON": "",
    },
    "national_opt_out": lambda n: {"NHS_NUMBER": nhs_number(n), "OPT_OUT_DATE": "2024-06-01"},
    "organisation": lambda n: {
        "ORGANISATION_CODE": f"C81{n:03d}",
        "NAME": f"SURGERY {n}",
        "PCN_CODE": "U60509",
        "PCN_NAME": "DERBY CITY NORTH PCN",
        "SUB_ICB_LOCATION": "15M",
        "PLACE": "Derby",
        "OPEN_DATE": "1974-04-01",
        "CLOSE_DATE": "",
        "LIST_SIZE": "10815",
    },
    "mhsds_referral": lambda n: {
        "OrgIDProvider": "RXM",
        "ServiceRequestID": f"MR{n}",
        "NHSNumber": nhs_number(n),
        "ReferralRequestReceivedDate": "2025-11-05",
        "SourceOfReferralMH": "A1",
        "ClinRespPriorityType": "3",
        "PrimReasonReferralMH": "",
        "ReferRejectionDate": "",
        "ServDischDate": "",
        **MHSDS_SENT,
    },
    "mhsds_care_contact": lambda n: {
        "OrgIDProvider": "RXM",
        "CareContactID": f"MC{n}",
        "ServiceRequestID": f"MR{n}",
        "NHSNumber": nhs_number(n),
        "CareContDate": "2025-11-12",
        "CareContTime": "13:30:00",
        "ClinContDurOfCareCont": "50",
        "ConsMechanismMH": "01",
        "ActLocTypeCode": "A01",
        "AttendStatus": "5",
        **MHSDS_SENT,
    },
}


def good(source: str, n: int, **changes: str) -> Row:
    """The n-th good row, with some cells changed; a heading that holds spaces is given with underscores."""
    row = GOOD[source](n)
    spelt = {heading.replace(" ", "_"): heading for heading in row}
    return row | {spelt[name]: value for name, value in changes.items()}


def sheet(rows: Sequence[Mapping[str, str]], *, delimiter: str = ",", end: str = "\n") -> str:
    """Delimited text of rows with the headings of the first."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end)
    writer.writerow(rows[0])
    writer.writerows(row.values() for row in rows)
    return out.getvalue()


def three(source: str) -> str:
    """Headings and three good rows."""
    return sheet([good(source, n) for n in (1, 2, 3)])


def spoilt(source: str, **changes: str) -> str:
    """Two good rows about a spoilt one, which is row 2."""
    return sheet([good(source, 1), good(source, 2, **changes), good(source, 3)])


ANY = "any rule"
"""The row is faulted; more than one rule could rightly be named."""


@dataclass(frozen=True)
class Case:
    """One delivered file and what must come of it.

    Attributes:
        name: what the sender did, in words.
        records: records in the file; those not named below are accepted.
        bad: rows in quarantine, by row number, with the rules that reject them.
        warned: accepted rows about which something is said, with the rules.
        duplicate, superseded, withheld: row numbers of those fates.
        unmatched: accepted rows without a usable person.
        sentinels: values taken as missing, by heading.
        rejected: the code with which the whole file is refused; nothing else is then said.
        says: words that the file's one sentence, or one of its notes, must hold.
        kept: (lake column, value of row 2), when what is kept matters.
    """

    name: str
    source: str
    data: str | bytes
    records: int = 3
    bad: Mapping[int, str | tuple[str, ...]] = field(default_factory=dict)
    warned: Mapping[int, str | tuple[str, ...]] = field(default_factory=dict)
    duplicate: tuple[int, ...] = ()
    superseded: tuple[int, ...] = ()
    withheld: tuple[int, ...] = ()
    unmatched: int = 0
    sentinels: Mapping[str, int] = field(default_factory=dict)
    rejected: str = ""
    says: str = ""
    kept: tuple[str, object] | None = None
    filename: str = "file.csv"

    @property
    def accepted(self) -> int:
        """Records of which no other fate is told."""
        return self.records - len(self.bad) - len(self.duplicate) - len(self.superseded) - len(self.withheld)
