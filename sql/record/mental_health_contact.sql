-- Grain: one row per version of one contact with a mental health service.
-- Inputs: mhsds_care_contact_history (MHS201).
select
    person_id,
    provider_code,
    contact_id,
    referral_id,
    event_date,
    contact_time,
    attendance_code,
    mechanism_code,
    location_code,
    duration_minutes,
    known_from,
    known_until
from mhsds_care_contact_history
where person_id is not null
