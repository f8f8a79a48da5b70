-- Grain: one row: people known to have died, and those with GP entries or contacts dated more than 7 days after it.
-- Inputs: death, gp_appointment, community_contact, ed_attendance; all as known on $index.
-- Meaning: a death of the wrong person, a date mistaken, or activity booked on the wrong record.
with died as (
    select person_id, min(death_date) as death_date
    from death
    where known_from <= $index
        and (known_until is null or known_until > $index)
    group by person_id
),
seen as (
    select person_id, event_date from gp_appointment
    where status_code = 'Attended' and known_from <= $index and (known_until is null or known_until > $index)
    union all
    select person_id, event_date from community_contact
    where attendance_code in ('5', '6') and known_from <= $index and (known_until is null or known_until > $index)
    union all
    select person_id, event_date from ed_attendance
    where known_from <= $index and (known_until is null or known_until > $index)
)
select
    count(*) as looked_at,
    count(*) filter (
        where exists (select 1 from seen as s where s.person_id = d.person_id and s.event_date > d.death_date + 7)
    ) as found
from died as d
