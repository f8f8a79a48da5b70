-- Grain: one row per attendance at an emergency department or urgent treatment centre.
-- Inputs: ed_attendance (record), mart_month.
-- Parameter: $data_date.
-- Meaning: department type 05 (same-day emergency care) is left out: it moved into this data set in part, at different
-- dates in different hospitals. An attendance without a type is kept.
select
    a.person_id,
    a.event_date as day,
    m.month_start,
    1 as value
from ed_attendance as a
inner join mart_month as m on a.event_date >= m.month_start and a.event_date < m.next_month
where
    coalesce(a.department_type, '') not in ('05', '5')
    and a.event_date <= $data_date
    and a.known_from <= $data_date
    and (a.known_until is null or a.known_until > $data_date)
