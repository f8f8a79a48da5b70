-- Grain: one row per person on the first register that was made in a month.
-- Inputs: register_profile (week, person_id, register_level, seen, review), mart_month.
-- Parameter: $data_date.
with made as (
    select
        m.month_start,
        min(r.week) as week
    from register_profile as r
    inner join mart_month as m on r.week >= m.month_start and r.week < m.next_month
    where r.week <= $data_date
    group by m.month_start
)
select
    r.person_id,
    r.week as day,
    d.month_start,
    1 as value,
    r.register_level,
    r.seen,
    r.review
from register_profile as r
inner join made as d on d.week = r.week
