-- Grain: one row per (week, person, event group) with at least one event that the week can read.
-- Inputs: feature_event (person_id, group_id, event_date, value, known_from, known_until),
--         feature_week (week, start_30, start_90, start_365, start_730).
-- A week reads rows with event_date < week and known_from <= week < known_until. A window of N days holds the N days
-- before the Monday. latest_status packs day and value in one integer,
-- days since 1900-01-01 * 64 + value, so that the newest event wins and on one day the higher value. ever_held: 1 when any
-- of them has a value other than 0, so that a status that ended can be told from one that never was.
select
    w.week,
    e.person_id,
    e.group_id,
    cast(count(*) filter (where e.event_date >= w.start_30) as integer) as count_30,
    cast(count(*) filter (where e.event_date >= w.start_90) as integer) as count_90,
    cast(count(*) filter (where e.event_date >= w.start_365) as integer) as count_365,
    cast(count(*) filter (where e.event_date >= w.start_730) as integer) as count_730,
    cast(max(date_diff('day', date '1900-01-01', e.event_date) * 64 + e.value) as integer) as latest_status,
    cast(max(least(e.value, 1)) as integer) as ever_held
from feature_week as w
inner join feature_event as e
    on e.event_date < w.week
    and e.known_from <= w.week
    and (e.known_until is null or e.known_until > w.week)
group by
    w.week,
    e.person_id,
    e.group_id
