-- Grain: one row per person and first day of a month on which the newest carer code of the GP record says carer.
-- Inputs: gp_event (record), carer_code (code, carer_flag; from codelists carer_is, carer_is_absent, carer_is_ended),
-- mart_month.
-- Parameter: $data_date.
with said as (
    select
        e.person_id,
        e.event_date,
        max(c.carer_flag) as carer_flag
    from gp_event as e
    inner join carer_code as c on c.code = e.code
    where
        e.known_from <= $data_date
        and (e.known_until is null or e.known_until > $data_date)
    group by
        e.person_id,
        e.event_date
),
spell_of_caring as (
    select
        person_id,
        event_date,
        carer_flag,
        lead(event_date) over (partition by person_id order by event_date) as next_date
    from said
)
select
    s.person_id,
    m.month_start as day,
    m.month_start,
    1 as value
from spell_of_caring as s
inner join mart_month as m on s.event_date < m.month_start and (s.next_date is null or s.next_date >= m.month_start)
where
    s.carer_flag = 1
    and m.month_start <= $data_date
