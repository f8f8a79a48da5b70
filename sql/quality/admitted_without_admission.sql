-- Grain: one row: emergency attendances that ended in a ward, and those without a stay that begins within a day of it.
-- Inputs: ed_attendance, spell; both as known on $index. Attendances of 365 to 60 days before: coding takes six weeks.
-- Meaning: the hospital's coded stays are incomplete, or the attendance carries the wrong person.
select
    count(*) as looked_at,
    count(*) filter (
        where not exists (
            select 1
            from spell as s
            where s.person_id = e.person_id
                and s.admission_date between e.event_date - 1 and e.event_date + 1
                and s.known_from <= $index
                and (s.known_until is null or s.known_until > $index)
        )
    ) as found
from ed_attendance as e
where e.discharge_destination_code = 306706006
    and e.event_date >= $index - 365
    and e.event_date < $index - 60
    and e.known_from <= $index
    and (e.known_until is null or e.known_until > $index)
