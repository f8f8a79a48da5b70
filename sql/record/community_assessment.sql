-- Grain: one row per version of one scored assessment (referral, tool, day).
-- Inputs: csds_assessment_history (CYP609).
select
    person_id,
    provider_code,
    referral_id,
    event_date,
    code,
    score,
    known_from,
    known_until
from csds_assessment_history
where person_id is not null
