"""The contracts, codelists and reference tables are what they say they are."""

import csv
import re
from pathlib import Path

import pytest
from open_data_contract_standard.model import OpenDataContractStandard

import sql
from data_contracts.contract import CODELISTS, REFERENCE, SOURCES, Contract, load_contracts
from data_contracts.rules import code_set, verhoeff_holds
from data_contracts.words import check_words

CONTRACTS = load_contracts()
PURPOSES = {"direct_care_list", "model_training", "commissioning"}
NEGATIONS = ("absent", "declined", "ended", "planned", "resolved", "unclear")

# Field names of the national extracts (NHS Data Dictionary, HES, ECDS, CSDS v1.6, MHSDS v6, client-level data, GDPPR).
NATIONAL_HEADINGS = {
    "gp_event": "NHS_NUMBER PRACTICE DATE RECORD_DATE CODE VALUE1_CONDITION VALUE2_CONDITION",
    "apc": "EPIKEY PROCODE3 ADMIDATE ADMIMETH ADMISORC DISDATE DISDEST DISMETH EPISTART EPIEND EPIORDER EPISTAT "
    "EPITYPE CLASSPAT MAINSPEF TRETSPEF GPPRAC LSOA11 ETHNOS AEKEY DIAG_4_01 DIAG_4_20",
    "hes_apc": "EPIKEY PSEUDO_HESID ADMIDATE EPISTART DIAG_4_01",
    "hes_ae": "AEKEY PSEUDO_HESID PROCODE3 AEDEPTTYPE AEATTENDCAT ARRIVALDATE ARRIVALTIME AEARRIVALMODE AEATTENDDISP",
    "hes_op": "ATTENDKEY PSEUDO_HESID APPTDATE ATTENDED",
    "ecds": "DEPARTMENT_TYPE ATTENDANCE_CATEGORY ARRIVAL_DATE ARRIVAL_TIME ARRIVAL_MODE ACUITY CHIEF_COMPLAINT "
    "DIAGNOSIS_CODE_1 DISCHARGE_STATUS DISCHARGE_DESTINATION DEPARTURE_TIME_SINCE_ARRIVAL",
    "outpatient": "ATTENDKEY APPTDATE ATTENDED FIRSTATT OUTCOME MAINSPEF TRETSPEF REFSOURC REQDATE PRIORITY GPPRAC",
    "csds_referral": "ServiceRequestID LocalPatientID OrgID_Commissioner ReferralRequest_ReceivedDate SourceOfReferral "
    "ReferralRequest_ReceivedTime Priority_Type PrimaryReferralReason Discharge_Date",
    "csds_service_type": "ServiceRequestID TeamID_Local TeamType Referral_ClosureDate Referral_ClosureReason "
    "Referral_RejectionDate Referral_RejectionReason",
    "csds_waiting_time": "ServiceRequestID WaitingTime_MeasurementType RTT_StartDate RTT_StartTime RTT_EndDate "
    "RTT_EndTime RTT_Status",
    "csds_care_contact": "CareContactID ServiceRequestID TeamID_Local Contact_Date Contact_Time CareContact_Duration "
    "Consultation_Type CareContact_Subject ConsMechanism Activity_LocationType AttendanceStatus",
    "csds_care_activity": "CareActivityID CareContactID Activity_Type CareActivity_Duration CodedProcedure "
    "CodedFinding CodedObservation ObservationValue UC_UnitOfMeasurement",
    "csds_assessment": "ServiceRequestID SNOMED_ID Score AssessmentCompletion_Date",
    "csds_care_plan": "PlanID LocalPatientID Plan_Type Plan_CreatedDate Plan_LastUpdateDate Plan_ImplementDate",
    "mhsds_referral": "ServiceRequestID ReferralRequestReceivedDate SourceOfReferralMH ClinRespPriorityType "
    "PrimReasonReferralMH ServDischDate",
    "mhsds_care_contact": "CareContactID ServiceRequestID CareContDate CareContTime ClinContDurOfCareCont "
    "ConsMechanismMH ActLocTypeCode AttendStatus",
}
CLD_HEADINGS = (
    "LA Code|Reporting Period Start Date|Reporting Period End Date|NHS Number|LA Person Unique Identifier|Event Type|"
    "Event Reference|Event Start Date|Event End Date|Event Outcome|Client Type|Request: Route of Access|"
    "Assessment Type|Service Type|Service Component|Delivery Mechanism|Unit Cost|Cost Frequency (Unit Type)|"
    "Planned units per week"
)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def codelists() -> dict[str, list[dict[str, str]]]:
    return {p.stem: rows_of(p) for p in sorted(CODELISTS.glob("*.csv"))}


@pytest.mark.parametrize("path", sorted(SOURCES.glob("*.yaml")), ids=lambda p: p.stem)
def test_a_contract_is_a_valid_open_data_contract_named_as_its_file(path: Path) -> None:
    contract = OpenDataContractStandard.from_file(str(path))
    assert contract.apiVersion == "v3.1.0"
    assert contract.id == path.stem
    assert [table.name for table in contract.schema_ or []] == [path.stem]


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=lambda c: c.id)
def test_a_contract_says_what_a_row_is_who_controls_it_and_what_it_may_be_used_for(contract: Contract) -> None:
    assert all([contract.description, contract.grain, contract.controller, contract.purposes])
    assert {p.name for p in contract.purposes} <= PURPOSES
    assert contract.frequency_days > 0
    assert contract.staleness_days is None or contract.staleness_days >= contract.frequency_days


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=lambda c: c.id)
def test_what_identifies_a_person_is_personal_and_patterns_can_be_compiled(contract: Contract) -> None:
    for column in contract.columns:
        telling = column.role in ("person", "local_id") or re.search("birth|death", column.name)
        assert column.personal or not telling, column.name
        if column.pattern:
            assert not re.fullmatch(column.pattern, "")


@pytest.mark.parametrize("source", NATIONAL_HEADINGS)
def test_headings_are_those_of_the_national_extract(source: str) -> None:
    assert set(NATIONAL_HEADINGS[source].split()) <= {c.header for c in CONTRACTS[source].columns}


def test_client_level_data_has_headings_with_spaces_and_a_colon() -> None:
    assert set(CLD_HEADINGS.split("|")) <= {c.header for c in CONTRACTS["cld"].columns}


def test_the_event_reference_of_a_council_is_not_part_of_the_key() -> None:
    assert "event_reference" not in CONTRACTS["cld"].key


def test_hes_has_the_columns_of_the_feed_that_it_extends_and_a_domain_of_its_own() -> None:
    for child, parent in (("hes_apc", "apc"), ("hes_op", "outpatient")):
        inherited = [(c.lake_name, c.lake_type) for c in CONTRACTS[parent].stored]
        assert [(c.lake_name, c.lake_type) for c in CONTRACTS[child].stored] == inherited
        assert CONTRACTS[child].domain == "pseudo_hesid"
        assert not {p.name for p in CONTRACTS[child].purposes} & {"direct_care_list"}


def test_local_identifiers_that_are_joined_have_the_same_name_everywhere() -> None:
    joined = {"ServiceRequestID": "referral_id", "CareContactID": "contact_id", "ADDRESS_KEY": "household_id"}
    for contract in CONTRACTS.values():
        for column in contract.columns:
            assert joined.get(column.header, column.name) == column.name


def test_every_code_set_named_exists_and_no_other_is_shipped() -> None:
    used = {c.code_set for contract in CONTRACTS.values() for c in contract.columns if c.code_set}
    rows = rows_of(REFERENCE / "code_value.csv")
    assert {r["set"] for r in rows} == used
    assert len({(r["set"], r["code"]) for r in rows}) == len(rows)
    assert all(r["label"] and r["source"] for r in rows)
    assert "51" in code_set("community_team_type")


def test_every_code_of_every_codelist_passes_its_check_digit_and_is_a_concept() -> None:
    for name, rows in codelists().items():
        codes = [r["code"] for r in rows]
        shaped = [bool(re.fullmatch("[1-9][0-9]{5,17}", c)) for c in codes]
        assert all(shaped), name
        assert verhoeff_holds(codes, shaped).all(), name
        assert {c[-3:-1] for c in codes} <= {"00", "10"}, name
        assert len(set(codes)) == len(codes), name


def test_every_codelist_is_listed_with_its_version_and_every_row_with_source_and_licence() -> None:
    lists = codelists()
    assert [r["codelist"] for r in rows_of(REFERENCE / "codelist.csv")] == sorted(lists)
    assert all(r["version"] for r in rows_of(REFERENCE / "codelist.csv"))
    for name, rows in lists.items():
        assert all(r["label"] and r["source"] and r["licence"] for r in rows), name


def test_a_code_that_says_the_opposite_is_in_no_list_of_what_is_there() -> None:
    names = set(codelists())
    for name, rows in codelists().items():
        mixed = {r["polarity"] for r in rows} & set(NEGATIONS)
        named = {p for p in NEGATIONS if name.endswith(f"_{p}")} or {"absent", "declined"} & mixed
        assert not mixed or (mixed <= named and (name.endswith(tuple(NEGATIONS)) or name == "ethnicity_not_stated")), (
            name
        )
    assert {"housebound_ended", "care_home_ended", "palliative_ended", "palliative_declined"} <= names


def test_no_code_sets_two_deficits() -> None:
    deficits = {r["deficit"] for r in rows_of(REFERENCE / "efi_deficit.csv")}
    assert len(deficits) == 36
    lists = codelists()
    codes = [r["code"] for d in deficits - {"polypharmacy"} for r in lists[d]]
    assert len(set(codes)) == len(codes)


def test_a_value_rule_of_a_deficit_is_applied_only_with_a_list_of_that_measurement() -> None:
    lists = codelists()
    rules = [r for r in rows_of(REFERENCE / "efi_deficit.csv") if r["rule"] == "value"]
    assert rules
    for rule in rules:
        assert (rule["applied_flag"] == "true") == (rule["codelist"] in lists), rule


def test_labels_that_people_may_read_hold_no_refused_word() -> None:
    for rows in [*codelists().values(), rows_of(REFERENCE / "code_value.csv"), rows_of(REFERENCE / "efi_deficit.csv")]:
        check_words([row["label"] for row in rows])


def test_the_frailty_score_of_an_attendance_comes_from_the_tools_of_its_codelist() -> None:
    tools = {r["code"] for r in codelists()["rockwood_score"]}
    assert set(re.findall(r"\b[0-9]{9}\b", sql.load("record/ed_attendance"))) == tools


def test_the_hospital_frailty_score_has_its_109_codes_in_tenths() -> None:
    rows = rows_of(REFERENCE / "hospital_frailty.csv")
    assert len({r["icd10_code"] for r in rows}) == 109
    assert sum(int(r["weight_tenths"]) for r in rows) == 1732
    assert {r["icd10_code"]: r["weight_tenths"] for r in rows}["S06"] == "24"


def test_charlson_has_17_conditions_each_with_codes_and_never_counts_hiv() -> None:
    rows = {r["condition"]: r for r in rows_of(REFERENCE / "charlson.csv")}
    prefixes = rows_of(REFERENCE / "charlson_prefix.csv")
    assert len(rows) == 17
    for mapping in ("quan_2005", "shmi"):
        assert {p["condition"] for p in prefixes if p["mapping"] == mapping} == set(rows)
    assert [c for c, r in rows.items() if r["counted_flag"] == "false"] == ["aids"]
    assert {r["dropped_when"] for r in rows.values()} - {""} <= set(rows)


def test_areas_add_up_and_no_place_is_called_verified() -> None:
    rows = rows_of(REFERENCE / "lsoa.csv")
    assert len({r["lsoa_code"] for r in rows}) == len(rows)
    for row in rows:
        assert int(row["population"]) == sum(int(v) for k, v in row.items() if k.startswith("age_"))
        assert 1 <= int(row["imd_decile"]) <= 10
    assert {r["place_verified_flag"] for r in rows} == {"false"}
    parts = rows_of(REFERENCE / "lsoa_split.csv")
    assert {p["lsoa_code"] for p in parts} <= {r["lsoa_code"] for r in rows}


def test_every_practice_has_a_network_and_a_place_that_areas_know() -> None:
    practices = rows_of(REFERENCE / "organisation.csv")
    places = {r["place_name"] for r in rows_of(REFERENCE / "lsoa.csv")}
    assert len({p["practice_code"] for p in practices}) == len(practices)
    assert all(re.fullmatch("U[0-9]{5}", p["pcn_code"]) for p in practices)
    assert {p["place_name"] for p in practices} <= places


def test_the_opt_out_policy_ships_at_its_strictest_for_every_source_about_people() -> None:
    rows = rows_of(REFERENCE / "opt_out_policy.csv")
    sources = {c.id for c in CONTRACTS.values() if c.person is not None} - {"national_opt_out", "nhs_number_change"}
    expected = {(p, t, s) for p in PURPOSES for t in ("national", "type1") for s in sources}
    assert {(r["purpose"], r["opt_out_type"], r["source"]) for r in rows} == expected
    assert {r["decision"] for r in rows} == {"drop"}
