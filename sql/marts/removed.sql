-- Grain: one row per person who may be counted in no commissioning table.
-- Inputs: opted_out (person_id; from purpose/opted_out), person (record).
-- Parameter: $data_date.
-- Meaning: opted out by the policy for commissioning, or a sensitive demographic flag in any version ever known.
select person_id
from opted_out
union
select person_id
from person
where
    sensitive_flag
    and known_from <= $data_date
