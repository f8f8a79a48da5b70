-- Grain: one row per person in an acute bed in the latest in-patient snapshot of a hospital, as known on the index
-- Monday; a snapshot older than $oldest is not read (who has gone home since is not known).
-- Inputs: inpatient_day (record).
-- Parameters: $index, a Monday; $oldest, the earliest snapshot day that is fresh enough.
with known_day as (
    select
        person_id,
        provider_code,
        event_date,
        admission_date
    from inpatient_day
    where
        event_date < $index
        and known_from <= $index
        and (known_until is null or known_until > $index)
),
latest as (
    select
        provider_code,
        max(event_date) as snapshot_date
    from known_day
    group by provider_code
)
select
    k.person_id,
    max(k.admission_date) as admission_date,
    max(l.snapshot_date) as snapshot_date
from known_day as k
inner join latest as l on l.provider_code = k.provider_code and l.snapshot_date = k.event_date
where l.snapshot_date >= $oldest
group by k.person_id
order by k.person_id
