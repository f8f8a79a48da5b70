-- Grain: one row: hospital stays begun in the year before $index, and those of people not registered that day.
-- Inputs: spell, registration; both as known on $index.
-- Meaning: a stay of somebody who is not registered with a practice of the board: moved, visiting, or a wrong number.
select
    count(*) as looked_at,
    count(*) filter (
        where not exists (
            select 1
            from registration as r
            where r.person_id = s.person_id
                and r.start_date <= s.admission_date
                and (r.end_date is null or r.end_date >= s.admission_date)
                and r.known_from <= $index
                and (r.known_until is null or r.known_until > $index)
        )
    ) as found
from spell as s
where s.admission_date >= $index - 365
    and s.admission_date < $index
    and s.known_from <= $index
    and (s.known_until is null or s.known_until > $index)
