-- Grain: one row per person and month with an attended community contact; value is how many.
-- Inputs: community_contact (record), mart_month.
-- Parameter: $data_date.
-- Meaning: attended means attendance status 5 (on time) or 6 (late, seen). day is the start of the month.
select
    c.person_id,
    m.month_start as day,
    m.month_start,
    count(*) as value
from community_contact as c
inner join mart_month as m on c.event_date >= m.month_start and c.event_date < m.next_month
where
    c.attendance_code in ('5', '6')
    and c.event_date <= $data_date
    and c.known_from <= $data_date
    and (c.known_until is null or c.known_until > $data_date)
group by
    c.person_id,
    m.month_start
