-- Grain: one row per referral to a crisis response team (team type 51).
-- Inputs: community_referral, community_contact (record), mart_month.
-- Parameter: $data_date.
-- Meaning: from the referral as received, at any hour, to the start of the first attended contact face to face under
-- it. Times are local; a referral without a time of day counts as received at midnight.
with referred as (
    select
        person_id,
        provider_code,
        referral_id,
        min(event_date) as event_date,
        min(received_time) as received_time
    from community_referral
    where
        team_type = '51'
        and event_date <= $data_date
        and known_from <= $data_date
        and (known_until is null or known_until > $data_date)
    group by
        person_id,
        provider_code,
        referral_id
),
reached as (
    select
        r.person_id,
        r.referral_id,
        r.event_date,
        min(
            date_diff('day', r.event_date, c.event_date) * 1440
            + cast(substr(cast(c.contact_time as varchar), 1, 2) as integer) * 60
            + cast(substr(cast(c.contact_time as varchar), 4, 2) as integer)
            - coalesce(
                cast(substr(cast(r.received_time as varchar), 1, 2) as integer) * 60
                + cast(substr(cast(r.received_time as varchar), 4, 2) as integer),
                0
            )
        ) as minutes
    from referred as r
    left join community_contact as c
        on c.person_id = r.person_id
        and c.provider_code = r.provider_code
        and c.referral_id = r.referral_id
        and c.attendance_code in ('5', '6')
        and c.mechanism_code = '01'
        and c.known_from <= $data_date
        and (c.known_until is null or c.known_until > $data_date)
    group by
        r.person_id,
        r.referral_id,
        r.event_date
)
select
    r.person_id,
    r.event_date as day,
    m.month_start,
    case
        when r.minutes is null then 'No visit recorded'
        when r.minutes <= 120 then 'Within two hours'
        else 'Later than two hours'
    end as response,
    1 as value
from reached as r
inner join mart_month as m on r.event_date >= m.month_start and r.event_date < m.next_month
where r.minutes is null or r.minutes >= 0
