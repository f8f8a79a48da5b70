-- Grain: one row per version of one attendance at an emergency department, minor injury unit or same-day unit.
-- Inputs: ecds_history. Attendances of another identifier domain (hes_ae) stay in their history.
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
            then cast(round(assessment_score) as integer)
    end as frailty_score,
    known_from,
    known_until
from ecds_history
where person_id is not null
