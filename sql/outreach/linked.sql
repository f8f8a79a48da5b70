-- Grain: one row per person whose NHS number was superseded, as known on the index Monday.
-- Inputs: person_link (record).
-- Parameter: $index, a Monday.
select
    person_id,
    linked_person_id
from person_link
where
    linked_person_id <> person_id
    and known_from <= $index
    and (known_until is null or known_until > $index)
order by person_id
