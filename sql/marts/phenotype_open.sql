-- Grain: one row per first of a month, person and interval group with a service open on that day, as known on it.
-- Inputs: feature_interval (person_id, group_id, start_date, end_date, known_from, known_until), feature_week (week).
select distinct
    w.week,
    e.person_id,
    e.group_id
from feature_week as w
inner join feature_interval as e
    on e.start_date < w.week
    and (e.end_date is null or e.end_date >= w.week)
    and e.known_from <= w.week
    and (e.known_until is null or e.known_until > w.week)
