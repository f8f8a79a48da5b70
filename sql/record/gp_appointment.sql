-- Grain: one row per version of one booked appointment with the practice.
-- Inputs: gp_appointment_history.
select
    person_id,
    practice_code,
    event_date,
    appointment_time,
    status_code,
    mode_code,
    place_code,
    home_visit_flag,
    did_not_attend_flag,
    known_from,
    known_until
from gp_appointment_history
where person_id is not null
