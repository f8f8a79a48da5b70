-- Grain: one row.
-- Inputs: registration (record).
-- Parameter: $index, a Monday.
-- Meaning: the latest day on which anything about registrations became known, as of that Monday.
select max(known_from) as registration_date
from registration
where known_from <= $index
