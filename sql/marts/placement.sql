-- Grain: one row per person in long-term residential or nursing care and first day of a month.
-- Inputs: care_service, care_home, place (record), mart_month.
-- Parameter: $data_date.
-- Meaning: where the care home lies by the register of homes: inside the board's area, outside it (registered, but in a
-- small area that is not the board's), or not known (no home named, or one that is not on the register).
with home as (
    select
        h.location_id,
        case when p.lsoa_code is null then 'Outside the area' else 'In the area' end as home_area,
        row_number() over (partition by h.location_id order by h.known_from desc) as recency
    from care_home as h
    left join place as p on p.lsoa_code = h.lsoa_code
    where
        h.known_from <= $data_date
        and h.lsoa_code is not null
)
select distinct
    c.person_id,
    m.month_start as day,
    m.month_start,
    coalesce(h.home_area, 'Not known') as home_area,
    1 as value
from care_service as c
inner join mart_month as m on c.event_date <= m.month_start and (c.end_date is null or c.end_date > m.month_start)
left join home as h on h.location_id = c.care_home_location_id and h.recency = 1
where
    c.service_component in ('Long term nursing care', 'Long term residential care')
    and c.event_date <= $data_date
    and m.month_start <= $data_date
    and c.known_from <= $data_date
    and (c.known_until is null or c.known_until > $data_date)
