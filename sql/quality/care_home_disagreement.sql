-- Grain: one row: people whose address is that of a registered care home, or whom a council pays care-home care for,
-- and those of whom only one of the two says so.
-- Inputs: person, care_home, care_service; all as known on $index.
-- Meaning: a move not yet told to the practice, a home missing from the register, or care that a person pays for.
with at_address as (
    select distinct p.person_id
    from person as p
    inner join care_home as h on h.household_id = p.household_id
    where p.known_from <= $index and (p.known_until is null or p.known_until > $index)
        and h.known_from <= $index and (h.known_until is null or h.known_until > $index)
),
paid_for as (
    select distinct person_id
    from care_service
    where service_type in ('Long term support: Nursing care', 'Long term support: Residential care')
        and event_date < $index
        and (end_date is null or end_date >= $index)
        and known_from <= $index
        and (known_until is null or known_until > $index)
)
select
    count(*) as looked_at,
    count(*) filter (where a.person_id is null or c.person_id is null) as found
from at_address as a
full outer join paid_for as c on c.person_id = a.person_id
