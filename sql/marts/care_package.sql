-- Grain: one row per person, kind of long-term care and first day of a month on which it ran.
-- Inputs: care_service (record), mart_month.
-- Parameters: $data_date; $for_carers, 1 for services to unpaid carers, 0 for all others.
select distinct
    c.person_id,
    m.month_start as day,
    m.month_start,
    c.service_component as care_type,
    1 as value
from care_service as c
inner join mart_month as m on c.event_date <= m.month_start and (c.end_date is null or c.end_date > m.month_start)
where
    case when c.client_type = 'Unpaid carer' then 1 else 0 end = $for_carers
    and c.service_component <> 'Reablement'
    and c.event_date <= $data_date
    and m.month_start <= $data_date
    and c.known_from <= $data_date
    and (c.known_until is null or c.known_until > $data_date)
