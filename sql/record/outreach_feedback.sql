-- Grain: one row per row id of a released list and interval in which one answer to it was known.
-- Inputs: outreach_feedback_history.
-- Meaning: person_id is the pseudonym of the NHS number that came back with the row (null: none came back); whom the
-- row is about is told by its id alone.
select
    person_id,
    row_id,
    outcome,
    came_of_it,
    reasons_fit,
    register_answer,
    not_until,
    found_at,
    delivery_id,
    known_from,
    known_until
from outreach_feedback_history
