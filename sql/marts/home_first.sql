-- Grain: one row per referral to reablement or home-based intermediate care (team types 52 and 53) that was closed.
-- Inputs: community_referral (record), mart_month.
-- Parameter: $data_date.
-- Meaning: counted in the month of closing; six weeks are 42 days from receipt of the referral.
with episode as (
    select
        person_id,
        provider_code,
        referral_id,
        min(event_date) as event_date,
        max(closed_date) as closed_date
    from community_referral
    where
        team_type in ('52', '53')
        and rejection_date is null
        and known_from <= $data_date
        and (known_until is null or known_until > $data_date)
    group by
        person_id,
        provider_code,
        referral_id
)
select
    e.person_id,
    e.event_date as day,
    m.month_start,
    case
        when date_diff('day', e.event_date, e.closed_date) <= 42 then 'Up to six weeks'
        else 'Longer than six weeks'
    end as afterwards,
    1 as value
from episode as e
inner join mart_month as m on e.closed_date >= m.month_start and e.closed_date < m.next_month
where
    e.closed_date >= e.event_date
    and e.closed_date <= $data_date
