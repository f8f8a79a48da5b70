-- Grain: one row per (week, person, amount group) with at least one event that the week can read.
-- Inputs: feature_amount (person_id, group_id, event_date, value, known_from, known_until),
--         feature_week (week, start_30, start_90, start_365, start_730).
-- sum_N: sum of a whole number (minutes, pounds) over the N days before the Monday; a missing amount adds nothing.
select
    w.week,
    e.person_id,
    e.group_id,
    cast(coalesce(sum(e.value) filter (where e.event_date >= w.start_30), 0) as bigint) as sum_30,
    cast(coalesce(sum(e.value) filter (where e.event_date >= w.start_90), 0) as bigint) as sum_90,
    cast(coalesce(sum(e.value) filter (where e.event_date >= w.start_365), 0) as bigint) as sum_365,
    cast(coalesce(sum(e.value) filter (where e.event_date >= w.start_730), 0) as bigint) as sum_730
from feature_week as w
inner join feature_amount as e
    on e.event_date < w.week
    and e.known_from <= w.week
    and (e.known_until is null or e.known_until > w.week)
group by
    w.week,
    e.person_id,
    e.group_id
