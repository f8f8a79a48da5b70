-- Grain: one row per person and day on which the practice saw the person at a care home.
-- Inputs: gp_appointment (record), mart_month.
-- Parameter: $data_date.
select distinct
    g.person_id,
    g.event_date as day,
    m.month_start,
    1 as value
from gp_appointment as g
inner join mart_month as m on g.event_date >= m.month_start and g.event_date < m.next_month
where
    g.place_code = 'Care Home'
    and g.status_code = 'Attended'
    and g.event_date <= $data_date
    and g.known_from <= $data_date
    and (g.known_until is null or g.known_until > $data_date)
