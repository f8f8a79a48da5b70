-- Grain: one row per GP entry with a code of the outcome, as known on the data date.
-- Inputs: gp_event, outcome_code (code). Parameter: $data_date.
select
    e.person_id,
    e.event_date
from gp_event as e
where
    e.code in (select code from outcome_code)
    and e.event_date < $data_date
    and e.known_from <= $data_date
    and (e.known_until is null or e.known_until > $data_date)
