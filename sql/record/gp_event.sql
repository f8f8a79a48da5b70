-- Grain: one row per version of one coded GP observation of one person.
-- Inputs: gp_event_history.
-- Meaning: an event without a usable clinical date is dated by its entry: it had happened by then.
-- entered_date is the day of entry into the practice's record, missing where it was not delivered.
select
    person_id,
    practice_code,
    coalesce(event_date, record_date) as event_date,
    code,
    value,
    value_2,
    unit,
    record_date as entered_date,
    known_from,
    known_until
from gp_event_history
where person_id is not null
