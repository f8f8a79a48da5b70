-- Grain: one row per version of one attendance at an emergency department, minor injury unit or same-day unit.
-- Inputs: ecds_history, hes_ae_history (attendances before ECDS, in a domain of their own; not coded in SNOMED CT).
-- Meaning: frailty_score is the Clinical Frailty Scale, 1 to 9: the score of a tool of codelist rockwood_score.
select
    person_id,
    provider_code,
    attendance_id,
    event_date,
    arrival_time,
    department_type,
    attendance_category,
    acuity_code,
    arrival_mode_code,
    chief_complaint_code,
    diagnosis_code_1,
    discharge_status_code,
    discharge_destination_code,
    departure_minutes,
    case
        when assessment_tool_code in (445414007, 763264000) and assessment_score between 1 and 9
            then cast(assessment_score as integer)
    end as frailty_score,
    known_from,
    known_until
from ecds_history
where person_id is not null
union all
select
    person_id,
    provider_code,
    attendance_id,
    event_date,
    arrival_time,
    department_type,
    attendance_category,
    cast(null as bigint) as acuity_code,
    cast(null as bigint) as arrival_mode_code,
    cast(null as bigint) as chief_complaint_code,
    cast(null as bigint) as diagnosis_code_1,
    cast(null as bigint) as discharge_status_code,
    cast(null as bigint) as discharge_destination_code,
    departure_minutes,
    cast(null as integer) as frailty_score,
    known_from,
    known_until
from hes_ae_history
where person_id is not null
