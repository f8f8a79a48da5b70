-- Grain: one row per person asked about, with the last appointment kept at the practice.
-- Inputs: gp_appointment (record); asked_person (person_id).
-- Parameters: $index, a Monday; $since, the earliest day that is looked at.
select
    k.person_id,
    max(k.event_date) as last_contact
from gp_appointment as k
inner join asked_person as a on a.person_id = k.person_id
where
    k.status_code = 'Attended'
    and k.event_date < $index
    and k.event_date >= $since
    and k.known_from <= $index
    and (k.known_until is null or k.known_until > $index)
group by k.person_id
order by k.person_id
