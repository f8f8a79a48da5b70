-- Grain: one row per referral to a crisis response team (team type 51).
-- Inputs: community_referral (record), mart_month.
-- Parameter: $data_date.
select distinct
    r.person_id,
    r.referral_id,
    r.event_date as day,
    m.month_start,
    case
        when r.source_code = '01' then 'GP practice'
        when r.source_code in ('02', '03') then 'Self, carer or relative'
        when r.source_code in ('05', '06', '12') then 'Hospital or hospice'
        when r.source_code = '22' then 'Ambulance'
        when r.source_code in ('11', '13') then 'Social care or care home'
        else 'Other or not recorded'
    end as source_of_referral,
    1 as value
from community_referral as r
inner join mart_month as m on r.event_date >= m.month_start and r.event_date < m.next_month
where
    r.team_type = '51'
    and r.event_date <= $data_date
    and r.known_from <= $data_date
    and (r.known_until is null or r.known_until > $data_date)
