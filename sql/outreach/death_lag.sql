-- Grain: one row.
-- Inputs: death (record).
-- Parameters: $index, a Monday; $since, a year before.
-- Meaning: how long after a death it became known, over the deaths of the last year that are known on the Monday.
select
    count(*) as deaths,
    cast(coalesce(sum(date_diff('day', death_date, known_from)), 0) as bigint) as days
from death
where
    death_date >= $since
    and death_date < $index
    and known_from >= death_date
    and known_from <= $index
    and (known_until is null or known_until > $index)
