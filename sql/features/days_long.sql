-- Grain: one row per (week, person, group) with an entry in the last 730 days, of the groups whose days are counted.
-- Inputs: feature_event (person_id, group_id, event_date, value, known_from, known_until),
--         feature_week (week, start_365, start_730), feature_day_group (group_id, end_group_id),
--         feature_run (week, person_id, group_id, end_date), from status_run.
-- days_N: different days with an entry within the N days before the Monday, later than the newest end of the status
-- group; first_N: the first of them.
with entry as (
    select
        w.week,
        e.person_id,
        e.group_id,
        e.event_date,
        w.start_365
    from feature_week as w
    inner join feature_event as e
        on e.event_date < w.week
        and e.event_date >= w.start_730
        and e.known_from <= w.week
        and (e.known_until is null or e.known_until > w.week)
    inner join feature_day_group as g
        on g.group_id = e.group_id
    left join feature_run as r
        on r.week = w.week
        and r.person_id = e.person_id
        and r.group_id = g.end_group_id
    where
        r.end_date is null
        or e.event_date > r.end_date
    group by
        w.week,
        e.person_id,
        e.group_id,
        e.event_date,
        w.start_365
)

select
    week,
    person_id,
    group_id,
    cast(count(*) filter (where event_date >= start_365) as integer) as days_365,
    cast(count(*) as integer) as days_730,
    min(event_date) filter (where event_date >= start_365) as first_365,
    min(event_date) as first_730
from entry
group by
    week,
    person_id,
    group_id
