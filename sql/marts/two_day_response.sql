-- Grain: one row per two-day reablement clock: one (referral, type 06, start).
-- Inputs: response_clock, community_referral (record), mart_month.
-- Parameters: $data_date; $from_hospital, 1 for referrals from a hospital bed, 0 for all others.
-- Meaning: met when the clock ends at most two days after it starts. A clock that ends before it starts is left out.
with referred as (
    select
        person_id,
        referral_id,
        max(case when source_code = '06' then 1 else 0 end) as from_hospital
    from community_referral
    where
        known_from <= $data_date
        and (known_until is null or known_until > $data_date)
    group by
        person_id,
        referral_id
),
clock as (
    select
        person_id,
        referral_id,
        start_date,
        date_diff('day', start_date, end_date) as days,
        row_number() over (
            partition by person_id, referral_id, start_date, start_time
            order by end_date nulls last, end_time nulls last
        ) as repeat
    from response_clock
    where
        trim(measurement_type) = '06'
        and start_date <= $data_date
        and known_from <= $data_date
        and (known_until is null or known_until > $data_date)
)
select
    c.person_id,
    c.start_date as day,
    m.month_start,
    case
        when c.days is null then 'No visit recorded'
        when c.days <= 2 then 'Within two days'
        else 'Later'
    end as response,
    1 as value
from clock as c
inner join referred as r on r.person_id = c.person_id and r.referral_id = c.referral_id
inner join mart_month as m on c.start_date >= m.month_start and c.start_date < m.next_month
where
    c.repeat = 1
    and r.from_hospital = $from_hospital
    and (c.days is null or c.days >= 0)
