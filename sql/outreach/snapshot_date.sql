-- Grain: one row per hospital that sent an in-patient snapshot in the 28 days before the index Monday.
-- Inputs: inpatient_day (record).
-- Parameters: $index, a Monday; $since, 28 days before.
-- Meaning: the day up to which we can see who is in its beds.
select
    provider_code,
    max(event_date) as snapshot_date
from inpatient_day
where
    event_date < $index
    and event_date >= $since
    and known_from <= $index
    and (known_until is null or known_until > $index)
group by provider_code
order by provider_code
