-- Grain: one row per referral, team it went to, and interval in which both were known in that version.
-- Inputs: csds_referral_history (CYP101), csds_service_type_history (CYP102).
-- Meaning: an interval is the overlap of the two versions: it starts with the later and ends with the earlier. Until
-- the first team is known the referral stands without one. Only what was known then decides, so that a team told later
-- changes no earlier week. closed_date is the team's closure or rejection, else the discharge from the whole referral.
with first_team as (
    select
        provider_code,
        referral_id,
        min(known_from) as known_from
    from csds_service_type_history
    group by
        provider_code,
        referral_id
),
with_team as (
    select
        r.person_id,
        r.provider_code,
        r.referral_id,
        r.event_date,
        r.received_time,
        r.source_code,
        r.reason_code,
        r.priority_code,
        s.team_type,
        s.team_id,
        coalesce(s.closure_date, s.rejection_date, r.discharge_date) as closed_date,
        s.closure_reason,
        s.rejection_date,
        greatest(r.known_from, s.known_from) as known_from,
        least(coalesce(r.known_until, date '9999-12-31'), coalesce(s.known_until, date '9999-12-31')) as known_until
    from csds_referral_history as r
    inner join csds_service_type_history as s
        on s.provider_code = r.provider_code
        and s.referral_id = r.referral_id
),
without_team as (
    select
        r.person_id,
        r.provider_code,
        r.referral_id,
        r.event_date,
        r.received_time,
        r.source_code,
        r.reason_code,
        r.priority_code,
        cast(null as varchar) as team_type,
        cast(null as varchar) as team_id,
        r.discharge_date as closed_date,
        cast(null as varchar) as closure_reason,
        cast(null as date) as rejection_date,
        r.known_from,
        least(coalesce(r.known_until, date '9999-12-31'), coalesce(f.known_from, date '9999-12-31')) as known_until
    from csds_referral_history as r
    left join first_team as f
        on f.provider_code = r.provider_code
        and f.referral_id = r.referral_id
),
interval_of_both as (
    select * from with_team
    union all
    select * from without_team
)
select
    person_id,
    provider_code,
    referral_id,
    event_date,
    received_time,
    source_code,
    reason_code,
    priority_code,
    team_type,
    team_id,
    closed_date,
    closure_reason,
    rejection_date,
    known_from,
    nullif(known_until, date '9999-12-31') as known_until
from interval_of_both
where
    person_id is not null
    and known_from < known_until
