-- Grain: one row per row id of a released list that came back, as known on the index Monday.
-- Inputs: outreach_feedback (record).
-- Parameter: $index, a Monday.
select
    row_id,
    person_id as returned_person,
    outcome,
    came_of_it,
    reasons_fit,
    register_answer,
    not_until,
    found_at,
    delivery_id,
    known_from as answered_on
from outreach_feedback
where
    known_from <= $index
    and (known_until is null or known_until > $index)
order by row_id
