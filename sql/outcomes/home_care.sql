-- Grain: one row per person and day on which council-arranged home support began anew or grew, as known on the data date.
-- Inputs: care_service. Parameter: $data_date.
-- New: none was in place in the 28 days before. Grown: more planned units a week are in place than on any of those days.
-- Of a service without planned units no growth is told. A service that ends on the day another begins is followed by it.
with service as (
    select
        person_id,
        event_date,
        coalesce(end_date, date '9999-12-31') as end_date,
        planned_units
    from care_service
    where
        service_component = 'Home support or domiciliary care'
        and event_date < $data_date
        and known_from <= $data_date
        and (known_until is null or known_until > $data_date)
),
begun as (
    select distinct
        person_id,
        event_date
    from service
),
level_now as (
    select
        b.person_id,
        b.event_date,
        case when count(s.planned_units) = count(*) then sum(s.planned_units) end as units
    from begun as b
    inner join service as s
        on s.person_id = b.person_id
        and s.event_date <= b.event_date
        and (s.end_date > b.event_date or s.event_date = b.event_date)
    group by
        b.person_id,
        b.event_date
),
moment as (
    select distinct
        b.person_id,
        b.event_date,
        least(s.end_date, b.event_date - 1) as on_day
    from begun as b
    inner join service as s
        on s.person_id = b.person_id
        and s.event_date < b.event_date
        and s.end_date >= b.event_date - 28
),
level_then as (
    select
        m.person_id,
        m.event_date,
        m.on_day,
        case when count(s.planned_units) = count(*) then sum(s.planned_units) end as units
    from moment as m
    inner join service as s
        on s.person_id = m.person_id
        and s.event_date <= m.on_day
        and s.end_date >= m.on_day
    group by
        m.person_id,
        m.event_date,
        m.on_day
),
level_before as (
    select
        person_id,
        event_date,
        case when count(units) = count(*) then max(units) end as units
    from level_then
    group by
        person_id,
        event_date
)
select
    n.person_id,
    n.event_date
from level_now as n
left join level_before as b
    on b.person_id = n.person_id
    and b.event_date = n.event_date
where
    b.person_id is null
    or n.units > b.units
