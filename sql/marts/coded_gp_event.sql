-- Grain: one row per version of a GP event with a code that some mart asks for.
-- Inputs: gp_event (record), mart_code (code).
-- Meaning: the events are read once; what follows asks these few.
select
    e.person_id,
    e.code,
    e.event_date,
    e.known_from,
    e.known_until
from gp_event as e
inner join mart_code as c on c.code = e.code
