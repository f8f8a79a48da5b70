-- Grain: one row per person registered on a day, with the practice, as known on that day.
-- Inputs: registration, death, person (record).
-- Parameter: $index, a day.
-- Meaning: of two registrations the latest start counts, then the latest known. Nobody who is known to have died, and
-- nobody who carries the sensitive flag.
with known as (
    select
        person_id,
        practice_code,
        row_number() over (
            partition by person_id
            order by start_date desc, known_from desc, practice_code
        ) as recency
    from registration
    where
        start_date <= $index
        and (end_date is null or end_date > $index)
        and known_from <= $index
        and (known_until is null or known_until > $index)
)
select
    k.person_id,
    k.practice_code
from known as k
where
    k.recency = 1
    and not exists (
        select 1
        from death as d
        where
            d.person_id = k.person_id
            and d.known_from <= $index
            and (d.known_until is null or d.known_until > $index)
    )
    and not exists (
        select 1
        from person as p
        where
            p.person_id = k.person_id
            and p.sensitive_flag
            and p.known_from <= $index
            and (p.known_until is null or p.known_until > $index)
    )
order by k.person_id
