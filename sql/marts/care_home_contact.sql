-- Grain: one row per attended community contact in a care home.
-- Inputs: community_contact (record), mart_month.
-- Parameter: $data_date.
select
    c.person_id,
    c.event_date as day,
    m.month_start,
    1 as value
from community_contact as c
inner join mart_month as m on c.event_date >= m.month_start and c.event_date < m.next_month
where
    c.location_code in ('G01', 'G02', 'G04')
    and c.attendance_code in ('5', '6')
    and c.event_date <= $data_date
    and c.known_from <= $data_date
    and (c.known_until is null or c.known_until > $data_date)
