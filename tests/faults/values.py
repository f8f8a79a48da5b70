"""Cells that hold what they should not: numbers, dates, codes, and rows that contradict themselves.

Row 2 of three is the spoilt one, unless a case says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.deliveries import nhs_number
from tests.faults.sender import ANY, Case, spoilt

Rules = str | tuple[str, ...]


def case(name: str, source: str, /, *, bad: Rules = "", warned: Rules = "", **more: object) -> Case:
    """A spoilt second row; what is not known to ``Case`` is a changed cell."""
    known = {k: more.pop(k) for k in ("unmatched", "sentinels", "kept") if k in more}
    changes = {k: str(v) for k, v in more.items()}
    faulted: dict[str, Mapping[int, Rules]] = {}
    if bad:
        faulted["bad"] = {2: bad}
    if warned:
        faulted["warned"] = {2: warned}
    return Case(f"{source}: {name}", source, spoilt(source, **changes), **faulted, **known)  # type: ignore[arg-type]


SECOND = nhs_number(2)
SPACED = f"{SECOND[:3]} {SECOND[3:6]} {SECOND[6:]}"

PEOPLE = [
    case("the number as the app shows it", "gp_event", NHS_NUMBER=SPACED),
    case("the number with hyphens", "gp_medication", NHS_NUMBER=SPACED.replace(" ", "-")),
    case("the number with a no-break space after it", "gp_appointment", NHS_NUMBER=SECOND + "\u00a0"),
    case("a leading nought lost", "gp_event", NHS_NUMBER=SECOND[1:], bad="N01"),
    case("a number that went through a data frame", "gp_event", NHS_NUMBER=SECOND + ".0", bad="N01"),
    case("a number that went through a spreadsheet", "gp_event", NHS_NUMBER="9.00000E+09", bad="N01"),
    case("an apostrophe before the number", "gp_medication", NHS_NUMBER="'" + SECOND, bad="N01"),
    case("a spreadsheet formula round the number", "gp_medication", NHS_NUMBER=f'="{SECOND}"', bad="N01"),
    case("letters", "gp_registration", NHS_NUMBER="UNKNOWN", bad="N01"),
    case("the letter O for nought", "gp_registration", NHS_NUMBER=SECOND.replace("0", "O", 1), bad="N01"),
    case("digits of another script", "gp_registration", NHS_NUMBER="٩" + SECOND[1:], bad="N01"),
    case("two digits swapped", "gp_event", NHS_NUMBER=SECOND[:8] + SECOND[9] + SECOND[8], bad="N02"),
    case("ten ones", "gp_event", NHS_NUMBER="1111111111", bad="N03"),
    case("ten nines", "national_opt_out", NHS_NUMBER="9999999999", bad="N03"),
    case("ten noughts", "national_opt_out", NHS_NUMBER="0000000000", bad="N03"),
    case("a Scottish number", "gp_registration", NHS_NUMBER="0101010109", bad="N04"),
    case("no number where nobody else is named", "national_opt_out", NHS_NUMBER="", bad="C01"),
    case("no number for a visitor", "apc", NHS_NUMBER="", warned="N00", unmatched=1),
    case("no number for a visitor", "ecds", NHS_NUMBER="", warned="N00", unmatched=1),
    case("a wrong check digit in hospital", "apc", NHS_NUMBER=SECOND[:9] + "x", bad="N01"),
    case("a wrong check digit in hospital", "outpatient", NHS_NUMBER="9000000000", bad="N02"),
    case("a Scottish visitor", "ecds", NHS_NUMBER="0101010109", bad="N04"),
    case("a person the council cannot trace", "cld", NHS_Number="", warned="N00", unmatched=1),
    case("ten ones", "inpatient_snapshot", NHS_NUMBER="1111111111", bad="N03"),
    case("no number", "csds_care_contact", NHSNumber="", warned="N00", unmatched=1),
    case("no number", "mhsds_care_contact", NHSNumber="", warned="N00", unmatched=1),
]

DATES = [
    case("the day first", "gp_registration", REG_START_DATE="12/07/2004", bad="C02"),
    case("a spreadsheet's day number", "gp_event", DATE="45992", warned="C02"),
    case("a spreadsheet's day number", "gp_registration", DATE_OF_BIRTH="15044", bad="C02"),
    case("a month in letters", "gp_medication", ISSUE_DATE="01-Dec-2025", bad="C02"),
    case("no hyphens", "outpatient", APPTDATE="20251120", bad="C02"),
    case("midnight added by a database", "gp_event", DATE="2025-12-01 00:00:00.000"),
    case("29 February in a year without one", "ecds", ARRIVAL_DATE="2025-02-29", bad="C02"),
    case("29 February in a year with one", "ecds", ARRIVAL_DATE="2024-02-29"),
    case("31 November", "csds_referral", ReferralRequest_ReceivedDate="2025-11-31", bad="C02"),
    case("month 13", "csds_care_contact", Contact_Date="2025-13-01", bad="C02"),
    case("year 0025", "gp_event", DATE="0025-12-01", warned="C05"),
    case("year 20225", "gp_event", DATE="20225-12-01", warned="C02"),
    case("words", "gp_appointment", APPOINTMENT_DATE="yesterday", bad="C02"),
    case("a day that has not come", "gp_event", DATE="2026-03-01", RECORD_DATE="2026-03-01", warned="C03"),
    case("an admission that has not come", "apc", ADMIDATE="2027-11-03", EPISTART="2027-11-03", bad=ANY),
    case("an appointment next month", "outpatient", APPTDATE="2026-02-10", ATTENDED="0"),
    case("an appointment next week", "gp_appointment", APPOINTMENT_DATE="2026-01-12", STATUS="Booked"),
    case("a death that has not come", "gp_registration", DATE_OF_DEATH="2026-08-01", warned="C03"),
    case("born tomorrow", "gp_registration", DATE_OF_BIRTH="2026-01-06", bad="C03"),
    case("born in 1841", "gp_registration", DATE_OF_BIRTH="1841-03-09", bad="C05"),
    case("still in hospital, as HES says it", "apc", DISDATE="1800-01-01", sentinels={"DISDATE": 1}),
    case("an invalid date, as HES says it", "apc", DISREADYDATE="1801-01-01", sentinels={"DISREADYDATE": 1}),
    case("the first day of the Gregorian calendar", "apc", DISREADYDATE="1582-10-15", sentinels={"DISREADYDATE": 1}),
    case(
        "an unknown day of admission, as HES says it",
        "apc",
        ADMIDATE="1801-01-01",
        warned="X",
        sentinels={"ADMIDATE": 1},
    ),
    case("an unknown start, as GP systems say it", "gp_registration", REG_START_DATE="1900-01-01"),
    case("an unknown day, as GP systems say it", "gp_event", DATE="1900-01-01", sentinels={"DATE": 1}),
    case("the day on which a database begins", "outpatient", REQDATE="1900-01-01", sentinels={"REQDATE": 1}),
    case("the word NULL for no discharge", "apc", DISDATE="NULL"),
    case("the word NULL for no destination", "apc", DISDEST="NULL"),
    case("the word NULL for no value", "gp_event", VALUE1_CONDITION="NULL"),
    case("24:00", "ecds", ARRIVAL_TIME="24:00", warned=ANY),
    case("24:00:00", "csds_care_contact", Contact_Time="24:00:00", warned=ANY),
    case("9:5", "ecds", ARRIVAL_TIME="9:5", warned=ANY),
    case("hours and minutes only", "ecds", ARRIVAL_TIME="14:05"),
    case("an hour without its nought", "gp_appointment", APPOINTMENT_TIME="9:10:00"),
    case("a time without its colon", "mhsds_care_contact", CareContTime="1330", kept=("contact_time", "13:30:00")),
    case("a time with fractions", "csds_waiting_time", RTT_EndTime="11:55:00.000"),
]

NUMBERS = [
    case("words for a value", "gp_event", VALUE1_CONDITION="trace", warned="C04"),
    case("less than five", "gp_event", VALUE1_CONDITION="<5", warned="C04"),
    case("less than five", "organisation", LIST_SIZE="<5", warned="C04"),
    case("thousands with a comma, quoted", "organisation", LIST_SIZE="10,815", warned="C04"),
    case("a decimal comma", "gp_event", VALUE1_CONDITION="7,4", warned="C04"),
    case("not a number, as a data frame says it", "gp_event", VALUE1_CONDITION="NaN", warned="C04"),
    case("infinity", "gp_event", VALUE1_CONDITION="inf", warned="C04"),
    case("a value too large for any unit", "gp_event", VALUE1_CONDITION="1e300", warned=ANY),
    case("a number with its unit", "csds_care_contact", CareContact_Duration="45 mins", warned="C04"),
    case("a duration below nought", "csds_care_contact", CareContact_Duration="-15", warned="C05"),
    case("a duration below nought", "csds_care_activity", CareActivity_Duration="-1", warned="C05"),
    case("a duration below nought", "mhsds_care_contact", ClinContDurOfCareCont="-50", warned="C05"),
    case("gone before she came", "ecds", DEPARTURE_TIME_SINCE_ARRIVAL="-5", warned="C05"),
    case("a course below nought", "gp_medication", COURSE_DURATION_IN_DAYS="-28", warned="C05"),
    case("a quantity below nought", "gp_medication", QUANTITY="-1", warned="C05"),
    case("a quantity in words", "gp_medication", QUANTITY="one OP", warned="C04"),
    case("a list below nought", "organisation", LIST_SIZE="-1", warned="C05"),
    case("an episode number that is a fraction", "apc", EPIORDER="1.5", warned="C04"),
    case("a whole number with a decimal point", "gp_medication", COURSE_DURATION_IN_DAYS="28.0"),
    case("a cost taken back", "cld", Unit_Cost="-24.50"),
    case("a cost with a pound sign", "cld", Unit_Cost="£24.50", warned="C04"),
    case("a key in letters", "gp_event", RECORD_ID="seven", bad="C04"),
    case("a key that went through a spreadsheet", "apc", EPIKEY="7.00002E+05", bad=ANY),
    case("a frailty score of twelve", "csds_assessment", Score="12"),
    case("a score in words", "csds_assessment", Score="moderate", warned=ANY),
]

CODES = [
    case("in powers of ten", "gp_event", CODE="1.60689E+08", bad="C08"),
    case("rounded to fifteen digits", "ecds", ACUITY="1064901000000100", warned="C08"),
    case("a real code that ends in noughts", "ecds", ACUITY="1077251000000100"),
    case("rounded to fifteen digits", "gp_event", CODE="999003171000230000", bad="C08"),
    case("a description's number", "gp_event", CODE="2573512019", bad="C10"),
    case("one digit wrong", "gp_event", CODE="160689008", bad="C09"),
    case("a code that went through a data frame", "gp_event", CODE="160689007.0", bad="C08"),
    case("a Read code", "gp_event", CODE="13CA.", bad=ANY),
    case("five digits", "gp_event", CODE="16068", bad=ANY),
    case("no code", "gp_event", CODE="", bad="C01"),
    case("a medicine in powers of ten", "gp_medication", DMD_CODE="3.17291E+08", bad="C08"),
    case("one digit wrong", "gp_medication", DMD_CODE="317291009", bad="C09"),
    case("a finding in powers of ten", "csds_care_activity", CodedFinding="1.9122E+06", warned="C08"),
    case("a tool in powers of ten", "csds_assessment", SNOMED_ID="7.63264E+14", bad="C08"),
    case("diagnosis not known", "apc", DIAG_4_01="R69X", DIAG_4_02="", sentinels={"DIAG_4_01": 1}),
    case("diagnosis not known, with its sixth sign", "apc", DIAG_4_02="R69X8", sentinels={"DIAG_4_02": 1}),
    case("a hyphen and blanks for no diagnosis", "apc", DIAG_4_02="-   ", sentinels={"DIAG_4_02": 1}),
    case("an ampersand for no practice", "apc", GPPRAC="&", sentinels={"GPPRAC": 1}),
    case("an ampersand for no destination", "apc", DISDEST="&", warned="C06"),
    case("a code with its dot", "apc", DIAG_4_02="N39.0", kept=("diagnosis_2", "N390")),
    case("a dagger and an asterisk", "apc", DIAG_4_02="E103D", DIAG_4_03="H360A"),
    case("a code of three signs filled up", "apc", DIAG_4_02="I10X"),
    case("a code in lower case", "apc", DIAG_4_02="n390", kept=("diagnosis_2", "N390")),
    case("words for a diagnosis", "apc", DIAG_4_02="heart failure", warned=ANY),
    case("not registered", "apc", GPPRAC="V81997", sentinels={"GPPRAC": 1}),
    case("practice not known", "outpatient", GPPRAC="V81999", sentinels={"GPPRAC": 1}),
    case("no area", "apc", LSOA11="Z99999999", sentinels={"LSOA11": 1}),
    case("no area", "ecds", LSOA_2011="Z99999999", sentinels={"LSOA_2011": 1}),
    case("an area by its name", "gp_registration", LSOA="Derby 013A", warned="C07"),
    case("a postcode for an area", "gp_registration", LSOA="S43 4PL", warned="C07"),
    case("a practice in lower case", "gp_registration", PRACTICE="c81001", kept=("practice_code", "C81001")),
    case("no practice", "gp_registration", PRACTICE="", bad="C01"),
    case("an admission method in lower case", "apc", ADMIMETH="2a", kept=("admission_method", "2A")),
    case("an admission method of no list", "apc", ADMIMETH="77", warned="C06", kept=("admission_method", "77")),
    case("a patient class of no list", "apc", CLASSPAT="7", warned="C06"),
    case("a destination of no list", "apc", DISDEST="XX", warned="C06"),
    case(
        "a clock's type without its nought",
        "csds_waiting_time",
        WaitingTime_MeasurementType="5",
        kept=("measurement_type", "05"),
    ),
    case("a department without its nought", "ecds", DEPARTMENT_TYPE="1", kept=("department_type", "01")),
    case("a plan's type without its nought", "csds_care_plan", Plan_Type="3", kept=("plan_type", "03")),
    case("a referrer without its nought", "csds_referral", SourceOfReferral="1", kept=("source_code", "01")),
    case("a team of no list", "csds_service_type", TeamType="99", warned="C06"),
    case("an attendance of no list", "outpatient", ATTENDED="9", warned="C06"),
    case("a priority of no list", "mhsds_referral", ClinRespPriorityType="9", warned="C06"),
    case("sex in words", "gp_registration", SEX="Female", warned="C06"),
    case("a local second letter of ethnicity", "gp_registration", ETHNIC="A1", warned="C06"),
    case("deleted or not, in a word of nobody's", "gp_event", IS_DELETED="perhaps", warned=ANY),
    case("deleted, as a database says it", "gp_event", IS_DELETED="TRUE"),
    case("sensitive or not, in a word of nobody's", "gp_registration", SENSITIVE_FLAG="perhaps", warned=ANY),
    case("fit to go, in a word", "inpatient_snapshot", NO_CRITERIA_TO_RESIDE="Yes"),
    case(
        "a label in lower case", "cld", Event_Type="service", Client_Type="service user", kept=("event_type", "Service")
    ),
    case(
        "a label cut off",
        "cld",
        Accommodation_Status="Supported accommodation, supported lodgings or supporte",
        kept=("accommodation_status", "Supported accommodation, supported lodgings or supported group home"),
    ),
    case(
        "a label with another sign",
        "cld",
        Service_Type="Long term support/Nursing care",
        Service_Component="Long term nursing care",
        kept=("service_type", "Long term support: Nursing care"),
    ),
    case("a label of no list", "cld", Service_Component="Hoovering", warned="C06"),
    case("an event of no list", "cld", Event_Type="Phone call", warned=("C06", "X")),
]

CONTRADICTIONS = [
    case("discharged before admitted", "apc", DISDATE="2025-11-01", EPIEND="2025-11-03", DISREADYDATE="", bad="X"),
    case("an episode that ends before it starts", "apc", EPISTART="2025-11-07", EPIEND="2025-11-05", bad="X"),
    case("an episode before its admission", "apc", EPISTART="2025-11-01", warned="X"),
    case("an episode without a spell", "apc", PROVSPNOPS="", warned=ANY),
    case("ready to leave before admitted", "inpatient_snapshot", DISCHARGE_READY_DATE="2025-12-20", warned="X"),
    case(
        "in hospital before admitted",
        "inpatient_snapshot",
        ADMISSION_DATE="2026-01-05",
        DISCHARGE_READY_DATE="",
        bad="X",
    ),
    case("the clock ends before it starts", "csds_waiting_time", RTT_EndDate="2025-11-09", warned="X"),
    case("closed before received", "csds_referral", Discharge_Date="2025-11-01", warned="X"),
    case("closed before received", "mhsds_referral", ServDischDate="2025-11-01", warned="X"),
    case("asked for after it took place", "outpatient", REQDATE="2025-12-01", warned="X"),
    case("entered before it happened", "gp_event", RECORD_DATE="2025-11-01", warned="X"),
    case("left before joining", "gp_registration", REG_END_DATE="2004-07-01", bad="X"),
    case("died before born", "gp_registration", DATE_OF_DEATH="1930-01-01", warned=ANY),
    case(
        "a request that never ended",
        "cld",
        Event_Type="Request",
        Service_Type="",
        Service_Component="",
        Delivery_Mechanism="",
        Unit_Cost="",
        warned="X",
    ),
    case("a service that ends before it starts", "cld", Event_End_Date="2025-04-30", bad="X"),
    case("closed before opened", "organisation", CLOSE_DATE="1970-01-01", warned="X"),
]

CASES = PEOPLE + DATES + NUMBERS + CODES + CONTRADICTIONS
