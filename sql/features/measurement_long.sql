-- Grain: one row per (week, person, measurement group) with two measurements, at least 90 days apart, that the week can
-- read: the newest of the last 365 days, and the earliest of the last 730 days.
-- Inputs: feature_measurement (person_id, group_id, event_date, value, known_from, known_until),
--         feature_week (week, start_365, start_730).
-- Of several on one day the highest counts. Day and value travel in one integer: days since 1900-01-01 * 1000000 + value.
-- latest_730: the newest value; earlier_730: the earliest.
with daily as (
    select
        w.week,
        w.start_365,
        e.person_id,
        e.group_id,
        e.event_date,
        max(e.value) as value
    from feature_week as w
    inner join feature_measurement as e
        on e.event_date < w.week
        and e.event_date >= w.start_730
        and e.known_from <= w.week
        and (e.known_until is null or e.known_until > w.week)
    where e.value between 1 and 999999
    group by
        w.week,
        w.start_365,
        e.person_id,
        e.group_id,
        e.event_date
),

packed as (
    select
        week,
        person_id,
        group_id,
        start_365,
        min(event_date) as earliest,
        max(event_date) as newest,
        min(cast(date_diff('day', date '1900-01-01', event_date) as bigint) * 1000000 + value) as first_value,
        max(cast(date_diff('day', date '1900-01-01', event_date) as bigint) * 1000000 + value) as last_value
    from daily
    group by
        week,
        person_id,
        group_id,
        start_365
)

select
    week,
    person_id,
    group_id,
    cast(last_value % 1000000 as integer) as latest_730,
    cast(first_value % 1000000 as integer) as earlier_730
from packed
where
    newest >= start_365
    and date_diff('day', earliest, newest) >= 90
