-- Grain: one row per community care activity and interval in which one version of it and of its contact was known.
-- Inputs: csds_care_activity_history (CYP202), csds_care_contact_history (CYP201: the day).
-- Meaning: an activity has no date of its own and is seen from the day on which its contact is known.
with dated as (
    select
        a.person_id,
        a.provider_code,
        a.activity_id,
        a.contact_id,
        c.event_date,
        a.activity_type,
        a.procedure_code,
        a.finding_code,
        a.observation_code,
        a.observation_value,
        a.duration_minutes,
        greatest(a.known_from, c.known_from) as known_from,
        least(coalesce(a.known_until, date '9999-12-31'), coalesce(c.known_until, date '9999-12-31')) as known_until
    from csds_care_activity_history as a
    inner join csds_care_contact_history as c
        on c.provider_code = a.provider_code
        and c.contact_id = a.contact_id
    where a.person_id is not null
)
select
    person_id,
    provider_code,
    activity_id,
    contact_id,
    event_date,
    activity_type as activity_code,
    procedure_code,
    finding_code,
    observation_code,
    observation_value,
    duration_minutes,
    known_from,
    nullif(known_until, date '9999-12-31') as known_until
from dated
where known_from < known_until
