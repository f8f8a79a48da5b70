-- Grain: one row per version of an attendance at an emergency department whose mode of arrival was told.
-- Inputs: ecds_history.
-- Meaning: a table of its own, so that where no mode of arrival is delivered, how people came is unknown and not zero.
select
    person_id,
    provider_code,
    attendance_id,
    event_date,
    department_type,
    arrival_mode_code as code,
    known_from,
    known_until
from ecds_history
where
    person_id is not null
    and arrival_mode_code is not null
