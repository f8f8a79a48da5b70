-- Grain: one row per referral to bed-based intermediate care (team type 54).
-- Inputs: community_referral (record), mart_month.
-- Parameters: $data_date; $from_hospital, 1 for referrals from an acute hospital (step down), 0 for others (step up).
select distinct
    r.person_id,
    r.referral_id,
    r.event_date as day,
    m.month_start,
    1 as value
from community_referral as r
inner join mart_month as m on r.event_date >= m.month_start and r.event_date < m.next_month
where
    r.team_type = '54'
    and case when r.source_code = '06' then 1 else 0 end = $from_hospital
    and r.event_date <= $data_date
    and r.known_from <= $data_date
    and (r.known_until is null or r.known_until > $data_date)
