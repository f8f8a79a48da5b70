-- Grain: one row per person aged 65 or over and month, alive as known at the start of the month.
-- Inputs: person, death (record), mart_month.
-- Parameter: $data_date.
-- Meaning: whether the person was registered with a practice of the board that day is asked by marts/attribute.
with born as (
    select
        person_id,
        min(birth_month) as birth_month
    from person
    where known_from <= $data_date
    group by person_id
)
select
    b.person_id,
    m.month_start as day,
    m.month_start,
    1 as value
from born as b
inner join mart_month as m
    on year(m.month_start) * 12 + month(m.month_start) > (year(b.birth_month) + 65) * 12 + month(b.birth_month)
left join death as d
    on d.person_id = b.person_id
    and d.death_date < m.month_start
    and d.known_from <= m.month_start
    and (d.known_until is null or d.known_until > m.month_start)
where d.person_id is null
