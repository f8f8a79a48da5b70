-- Grain: one row per (week, person, group) with at least one item in the last 365 days.
-- Inputs: feature_item (person_id, group_id, item, event_date, known_from, known_until), feature_week (week, start_365).
-- distinct_365: how many different items, e.g. medicinal products issued.
with item as (
    select
        w.week,
        e.person_id,
        e.group_id,
        e.item
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
        e.item
)

select
    week,
    person_id,
    group_id,
    cast(count(*) as integer) as distinct_365
from item
group by
    week,
    person_id,
    group_id
