-- Grain: one row per source and clinical code of the last year that is in no codelist in use.
-- Inputs: gp_event, medication (record), listed_code (code).
-- Parameter: $index, a Monday.
-- Meaning: entries and people of 365 days as known on the Monday; such codes are kept, and no feature by code sees them.
with entry as (
    select
        'gp_event' as source,
        person_id,
        code
    from gp_event
    where
        event_date < $index
        and date_diff('day', event_date, $index) <= 365
        and known_from <= $index
        and (known_until is null or known_until > $index)
    union all
    select
        'gp_medication' as source,
        person_id,
        product_code as code
    from medication
    where
        event_date < $index
        and date_diff('day', event_date, $index) <= 365
        and known_from <= $index
        and (known_until is null or known_until > $index)
)

select
    e.source,
    e.code,
    count(*) as entries,
    count(distinct e.person_id) as people
from entry as e
left join listed_code as l
    on l.code = e.code
where
    l.code is null
    and e.code is not null
group by
    e.source,
    e.code
order by
    e.source,
    people desc,
    e.code
