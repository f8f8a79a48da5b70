-- Grain: one row per version of one referral to a mental health service.
-- Inputs: mhsds_referral_history (MHS101).
select
    person_id,
    provider_code,
    referral_id,
    event_date,
    source_code,
    reason_code,
    priority_code,
    rejection_date,
    discharge_date as closed_date,
    known_from,
    known_until
from mhsds_referral_history
where person_id is not null
