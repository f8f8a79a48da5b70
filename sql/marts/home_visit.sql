-- Grain: one row per attended visit of a crisis response team (team type 51) to a home or care home.
-- Inputs: community_contact (record), mart_month.
-- Parameter: $data_date.
-- Meaning: part of the day by the local time at which the visit began.
select
    c.person_id,
    c.event_date as day,
    m.month_start,
    case
        when c.contact_time is null then 'Not recorded'
        when substr(cast(c.contact_time as varchar), 1, 2) < '08' then '00 to 08'
        when substr(cast(c.contact_time as varchar), 1, 2) < '12' then '08 to 12'
        when substr(cast(c.contact_time as varchar), 1, 2) < '16' then '12 to 16'
        when substr(cast(c.contact_time as varchar), 1, 2) < '20' then '16 to 20'
        else '20 to 24'
    end as part_of_day,
    1 as value
from community_contact as c
inner join mart_month as m on c.event_date >= m.month_start and c.event_date < m.next_month
where
    c.team_type = '51'
    and c.mechanism_code = '01'
    and c.attendance_code in ('5', '6')
    and substr(c.location_code, 1, 1) in ('A', 'G')
    and c.event_date <= $data_date
    and c.known_from <= $data_date
    and (c.known_until is null or c.known_until > $data_date)
