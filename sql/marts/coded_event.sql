-- Grain: one row per person, group of codes and day with a code of the group in the GP record.
-- Inputs: coded_gp_event (marts/coded_gp_event), code_flag (code_group, code, said_flag; from commissioning/code_group.yaml).
-- Parameter: $data_date.
-- Meaning: said_flag is 1 when one of the codes of the day says yes. All groups in one pass over the events.
select
    e.person_id,
    c.code_group,
    e.event_date,
    max(c.said_flag) as said_flag
from coded_gp_event as e
inner join code_flag as c on c.code = e.code
where
    e.known_from <= $data_date
    and (e.known_until is null or e.known_until > $data_date)
group by
    e.person_id,
    c.code_group,
    e.event_date
