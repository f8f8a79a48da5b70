-- Grain: one row per version of one waiting-time clock: one (provider, referral, type, start date, start time).
-- Inputs: csds_waiting_time_history (CYP104).
-- Meaning: type 05 is the two-hour crisis response. A clock whose end lies before its start is kept and told by its
-- dates; indicators leave it out (community services data set guidance).
select
    person_id,
    provider_code,
    referral_id,
    measurement_type,
    start_date,
    start_time,
    end_date,
    end_time,
    status_code,
    known_from,
    known_until
from csds_waiting_time_history
where person_id is not null
