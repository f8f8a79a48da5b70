-- Grain: one row per person and first day of a month on which the newest code of a group in the GP record says yes.
-- Inputs: coded_event (marts/coded_event), mart_month.
-- Parameters: $data_date; $code_group, which group of codes.
-- Meaning: the newest code before the month counts; of several on one day, one that says yes. A code counts in all
-- months after its own day, also those in which it was not yet delivered: late codes restate history.
with stretch as (
    select
        person_id,
        event_date,
        said_flag,
        lead(event_date) over (partition by person_id order by event_date) as next_date
    from coded_event
    where code_group = $code_group
)
select
    s.person_id,
    m.month_start as day,
    m.month_start,
    1 as value
from stretch as s
inner join mart_month as m on s.event_date < m.month_start and (s.next_date is null or s.next_date >= m.month_start)
where
    s.said_flag = 1
    and m.month_start <= $data_date
