-- Grain: one row per person and first day of a month on which the newest code of a group in the GP record says yes.
-- Inputs: gp_event (record), code_flag (code_group, code, said_flag; from commissioning/code_group.yaml), mart_month.
-- Parameters: $data_date; $code_group, which group of codes.
-- Meaning: the newest code before the month counts; of several on one day, one that says yes. A code counts in all
-- months after its own day, also those in which it was not yet delivered: late codes restate history.
with said as (
    select
        e.person_id,
        e.event_date,
        max(c.said_flag) as said_flag
    from gp_event as e
    inner join code_flag as c on c.code = e.code and c.code_group = $code_group
    where
        e.known_from <= $data_date
        and (e.known_until is null or e.known_until > $data_date)
    group by
        e.person_id,
        e.event_date
),
stretch as (
    select
        person_id,
        event_date,
        said_flag,
        lead(event_date) over (partition by person_id order by event_date) as next_date
    from said
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
