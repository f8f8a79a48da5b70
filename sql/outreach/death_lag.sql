-- Grain: one row.
-- Inputs: death (record).
-- Parameters: $index, a Monday; $since, a year before.
-- Meaning: how long after a death it became known, over the deaths of the last year that are known on the Monday.
with told as (
    select
        person_id,
        min(death_date) as death_date,
        min(known_from) as known_from
    from death
    where known_from <= $index
    group by person_id
)
select
    count(*) as deaths,
    cast(coalesce(sum(date_diff('day', death_date, known_from)), 0) as bigint) as days
from told
where
    death_date >= $since
    and death_date < $index
    and known_from >= death_date
