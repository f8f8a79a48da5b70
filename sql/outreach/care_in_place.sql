-- Grain: one row per person asked about for whom the council arranges care that is open on the index Monday.
-- Inputs: care_service (record); asked_person (person_id).
-- Parameter: $index, a Monday.
select distinct k.person_id
from care_service as k
inner join asked_person as a on a.person_id = k.person_id
where
    k.event_date < $index
    and (k.end_date is null or k.end_date >= $index)
    and (k.service_type like 'Long term support%' or k.service_type like 'Short term support%')
    and k.known_from <= $index
    and (k.known_until is null or k.known_until > $index)
order by k.person_id
