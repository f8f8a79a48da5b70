-- Grain: one row per council-arranged service and month in which it ran.
-- Inputs: care_service (record), provider_type (commissioning/provider_type.csv, or the site's own), mart_month.
-- Parameter: $data_date.
-- Meaning: value is whole pounds: the weekly cost times the days of the month on which the service ran, by 7. Services
-- without a weekly cost have no row. Days after the data date are not counted. The type of provider is that of the
-- place on the first day counted, by the dated table; not known where no place is named.
select
    c.person_id,
    case when c.event_date > m.month_start then c.event_date else m.month_start end as day,
    m.month_start,
    c.service_component as care_type,
    coalesce(t.provider_type, 'Not known') as provider_type,
    cast(
        round(
            c.weekly_cost * date_diff(
                'day',
                greatest(c.event_date, m.month_start),
                least(coalesce(c.end_date, m.next_month), m.next_month, cast($data_date as date))
            ) / 7,
            0
        ) as bigint
    ) as value
from care_service as c
inner join mart_month as m
    on c.event_date < m.next_month
    and (c.end_date is null or c.end_date > m.month_start)
    and m.month_start < $data_date
left join provider_type as t
    on t.location_id = c.care_home_location_id
    and t.from_date <= greatest(c.event_date, m.month_start)
    and (t.until_date is null or t.until_date > greatest(c.event_date, m.month_start))
where
    c.weekly_cost > 0
    and c.event_date < $data_date
    and c.known_from <= $data_date
    and (c.known_until is null or c.known_until > $data_date)
