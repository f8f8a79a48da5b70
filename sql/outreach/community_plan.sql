-- Grain: one row per person asked about with a personalised care and support plan of a community service.
-- Inputs: care_plan (record); asked_person (person_id).
-- Parameter: $index, a Monday.
select
    k.person_id,
    max(k.event_date) as event_date
from care_plan as k
inner join asked_person as a on a.person_id = k.person_id
where
    k.plan_type = '03'
    and k.event_date < $index
    and k.known_from <= $index
    and (k.known_until is null or k.known_until > $index)
group by k.person_id
order by k.person_id
