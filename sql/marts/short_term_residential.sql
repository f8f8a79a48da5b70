-- Grain: one row per council-arranged short stay in residential or nursing care, in the month of its start.
-- Inputs: care_service (record), mart_month.
-- Parameter: $data_date.
select distinct
    c.person_id,
    c.event_date as day,
    m.month_start,
    1 as value
from care_service as c
inner join mart_month as m on c.event_date >= m.month_start and c.event_date < m.next_month
where
    c.service_component in ('Short term residential care', 'Short term nursing care')
    and c.event_date <= $data_date
    and c.known_from <= $data_date
    and (c.known_until is null or c.known_until > $data_date)
