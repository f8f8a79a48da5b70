-- Grain: one row per (week, person, interval group) with a stay or service that the week can read and that touches
-- the last 730 days.
-- Inputs: feature_interval (person_id, group_id, start_date, end_date, value, known_from, known_until),
--         feature_week (week, start_90, start_180, start_365, start_730).
-- nights_N: midnights of the stay within the N days before the Monday; a stay without an end is counted to the Monday.
-- open_count, open_sum: services open on the Monday, and the sum of their value; open_sum_N: of those open N days before.
select
    w.week,
    e.person_id,
    e.group_id,
    cast(sum(greatest(
        0, date_diff('day', greatest(e.start_date, w.start_90), least(coalesce(e.end_date, w.week), w.week))
    )) as integer) as nights_90,
    cast(sum(greatest(
        0, date_diff('day', greatest(e.start_date, w.start_365), least(coalesce(e.end_date, w.week), w.week))
    )) as integer) as nights_365,
    cast(sum(greatest(
        0, date_diff('day', greatest(e.start_date, w.start_730), least(coalesce(e.end_date, w.week), w.week))
    )) as integer) as nights_730,
    cast(count(*) filter (where e.end_date is null or e.end_date >= w.week) as integer) as open_count,
    cast(coalesce(sum(e.value) filter (where e.end_date is null or e.end_date >= w.week), 0) as bigint) as open_sum,
    cast(coalesce(sum(e.value) filter (
        where e.start_date < w.start_90 and (e.end_date is null or e.end_date >= w.start_90)
    ), 0) as bigint) as open_sum_90,
    cast(coalesce(sum(e.value) filter (
        where e.start_date < w.start_180 and (e.end_date is null or e.end_date >= w.start_180)
    ), 0) as bigint) as open_sum_180
from feature_week as w
inner join feature_interval as e
    on e.start_date < w.week
    and (e.end_date is null or e.end_date >= w.start_730)
    and e.known_from <= w.week
    and (e.known_until is null or e.known_until > w.week)
group by
    w.week,
    e.person_id,
    e.group_id
