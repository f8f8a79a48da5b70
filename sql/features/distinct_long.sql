-- Grain: one row per (week, person, group) with at least one item in the last 365 days.
-- Inputs: feature_item (person_id, group_id, item, points, event_date, known_from, known_until), feature_week (week, start_365).
-- distinct_365: how many different items, e.g. medicines issued (sql/features/item_span.sql). started_90: items first seen in the last 90 of
-- the 365 days; stopped_90: items seen at least twice in the 275 days before those, and not in them. points_365: points of the different items together.
with item as (
    select
        w.week,
        e.person_id,
        e.group_id,
        e.item,
        w.start_90,
        min(e.event_date) as first_date,
        max(e.event_date) as last_date,
        max(e.points) as points
    from feature_week as w
    inner join feature_item as e
        on e.event_date < w.week
        and e.event_date >= w.start_365
        and e.known_from <= w.week
        and (e.known_until is null or e.known_until > w.week)
    group by
        w.week,
        e.person_id,
        e.group_id,
        e.item,
        w.start_90
)

select
    week,
    person_id,
    group_id,
    cast(count(*) as integer) as distinct_365,
    cast(count(*) filter (where first_date >= start_90) as integer) as started_90,
    cast(count(*) filter (where last_date < start_90 and last_date > first_date) as integer) as stopped_90,
    cast(sum(points) as integer) as points_365
from item
group by
    week,
    person_id,
    group_id
