-- Grain: one row per person asked about, with the newest main reason for support that a council wrote.
-- Inputs: care_event (record); asked_person (person_id).
-- Parameter: $index, a Monday.
with told as (
    select
        e.person_id,
        e.primary_support_reason,
        e.event_date,
        row_number() over (
            partition by e.person_id
            order by e.event_date desc, e.primary_support_reason
        ) as recency
    from care_event as e
    inner join asked_person as a on a.person_id = e.person_id
    where
        e.primary_support_reason is not null
        and e.primary_support_reason <> 'Unknown'
        and e.event_date < $index
        and e.known_from <= $index
        and (e.known_until is null or e.known_until > $index)
)
select
    person_id,
    primary_support_reason,
    event_date
from told
where recency = 1
order by person_id
