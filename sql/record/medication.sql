-- Grain: one row per version of one GP issue of one product to one person.
-- Inputs: gp_medication_history.
select
    person_id,
    practice_code,
    event_date,
    product_code,
    quantity,
    course_days,
    known_from,
    known_until
from gp_medication_history
where person_id is not null
