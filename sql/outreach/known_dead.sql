-- Grain: one row per person known on the index Monday to have died.
-- Inputs: death (record).
-- Parameter: $index, a Monday.
select distinct person_id
from death
where
    death_date <= $index
    and known_from <= $index
    and (known_until is null or known_until > $index)
order by person_id
