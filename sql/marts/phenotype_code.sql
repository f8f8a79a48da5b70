-- Grain: one row per version of a GP event whose code belongs to a group that decides of whom a level is asked.
-- Inputs: coded_gp_event (marts/coded_gp_event), feature_code (code, group_id, value).
select
    e.person_id,
    c.group_id,
    e.event_date,
    c.value,
    e.known_from,
    e.known_until
from coded_gp_event as e
inner join feature_code as c on c.code = e.code
