-- Grain: one row per person and discharge from hospital into council reablement.
-- Inputs: inpatient_spell, care_service, death, person (record), mart_month.
-- Parameters: $data_date; $covered_to; $after_days, the day looked at; $autumn, 1 for discharges of October to December.
-- Meaning: reablement that starts at most 7 days after a discharge other than by death is taken to follow from it
-- (derived). At home is: alive, in no inpatient bed, and not in long-term residential or nursing care. Counted in the
-- month of discharge.
with started as (
    select distinct
        person_id,
        event_date
    from care_service
    where
        service_component = 'Reablement'
        and known_from <= $data_date
        and (known_until is null or known_until > $data_date)
),
stay as (
    select
        person_id,
        admission_date,
        coalesce(discharge_date, date '9999-12-31') as discharge_date,
        discharge_method
    from inpatient_spell
    where
        known_from <= $data_date
        and (known_until is null or known_until > $data_date)
),
entered as (
    select distinct
        h.person_id,
        h.discharge_date,
        cast(h.discharge_date + $after_days * interval 1 day as date) as looked_at
    from stay as h
    inner join started as r
        on r.person_id = h.person_id
        and date_diff('day', h.discharge_date, r.event_date) between 0 and 7
    where
        coalesce(h.discharge_method, '') not in ('4', '5')
        and h.discharge_date <= $data_date
        and ($autumn = 0 or month(h.discharge_date) in (10, 11, 12))
),
away as (
    select
        e.person_id,
        e.discharge_date
    from entered as e
    inner join stay as h on h.person_id = e.person_id and h.admission_date <= e.looked_at and h.discharge_date > e.looked_at
    union
    select
        e.person_id,
        e.discharge_date
    from entered as e
    inner join care_service as c
        on c.person_id = e.person_id
        and c.service_component in ('Long term nursing care', 'Long term residential care')
        and c.event_date <= e.looked_at
        and (c.end_date is null or c.end_date > e.looked_at)
        and c.known_from <= $data_date
        and (c.known_until is null or c.known_until > $data_date)
    union
    select
        e.person_id,
        e.discharge_date
    from entered as e
    inner join death as d
        on d.person_id = e.person_id
        and d.death_date <= e.looked_at
        and d.known_from <= $data_date
        and (d.known_until is null or d.known_until > $data_date)
)
select
    e.person_id,
    e.discharge_date as day,
    m.month_start,
    case when a.person_id is null then 'At home' else 'Not at home' end as afterwards,
    1 as value
from entered as e
left join away as a on a.person_id = e.person_id and a.discharge_date = e.discharge_date
inner join mart_month as m on e.discharge_date >= m.month_start and e.discharge_date < m.next_month
where e.looked_at <= cast($covered_to as date)
