-- Grain: one row per community contact and interval in which one version of it and of its team was known.
-- Inputs: csds_care_contact_history (CYP201), csds_service_type_history (CYP102).
-- Meaning: team_type is that of the referral's team that was known first (the contact's own team where it was known
-- as early), and is unknown before that; a team told later changes no earlier week.
with first_told as (
    select
        provider_code,
        referral_id,
        team_id,
        team_type,
        min(known_from) as known_from
    from csds_service_type_history
    group by
        provider_code,
        referral_id,
        team_id,
        team_type
),
placed as (
    select
        provider_code,
        referral_id,
        team_id,
        team_type,
        known_from,
        min(known_from) over (partition by provider_code, referral_id) as referral_told,
        row_number() over (
            partition by provider_code, referral_id
            order by known_from, team_type, team_id
        ) as place
    from first_told
),
own_team as (
    select
        provider_code,
        referral_id,
        team_id,
        min(team_type) as team_type
    from placed
    where known_from = referral_told
    group by
        provider_code,
        referral_id,
        team_id
),
contact as (
    select
        c.person_id,
        c.provider_code,
        c.contact_id,
        c.referral_id,
        c.event_date,
        c.contact_time,
        c.attendance_code,
        c.mechanism_code,
        c.location_code,
        c.duration_minutes,
        c.known_from,
        coalesce(c.known_until, date '9999-12-31') as known_until,
        coalesce(o.team_type, p.team_type) as team_type,
        coalesce(p.known_from, date '9999-12-31') as team_told
    from csds_care_contact_history as c
    left join placed as p
        on p.provider_code = c.provider_code
        and p.referral_id = c.referral_id
        and p.place = 1
    left join own_team as o
        on o.provider_code = c.provider_code
        and o.referral_id = c.referral_id
        and o.team_id = c.team_id
    where c.person_id is not null
),
told as (
    select
        person_id,
        provider_code,
        contact_id,
        referral_id,
        event_date,
        contact_time,
        attendance_code,
        mechanism_code,
        location_code,
        duration_minutes,
        team_type,
        greatest(known_from, team_told) as known_from,
        known_until
    from contact
    union all
    select
        person_id,
        provider_code,
        contact_id,
        referral_id,
        event_date,
        contact_time,
        attendance_code,
        mechanism_code,
        location_code,
        duration_minutes,
        cast(null as varchar) as team_type,
        known_from,
        least(known_until, team_told) as known_until
    from contact
)
select
    person_id,
    provider_code,
    contact_id,
    referral_id,
    event_date,
    contact_time,
    attendance_code,
    mechanism_code,
    location_code,
    duration_minutes,
    team_type,
    known_from,
    nullif(known_until, date '9999-12-31') as known_until
from told
where known_from < known_until
