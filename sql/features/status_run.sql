-- Grain: one row per (week, person, status group) with a status that the week can read.
-- Inputs: feature_event (person_id, group_id, event_date, value, known_from, known_until), feature_week (week),
--         feature_status_group (group_id): groups in which the value 0 ends a status.
-- end_date: the newest end; since_date: the first entry other than an end after that (on one day the status wins).
with visible as (
    select
        w.week,
        e.person_id,
        e.group_id,
        e.event_date,
        max(e.value) as value
    from feature_week as w
    inner join feature_event as e
        on e.event_date < w.week
        and e.known_from <= w.week
        and (e.known_until is null or e.known_until > w.week)
    inner join feature_status_group as g
        on g.group_id = e.group_id
    group by
        w.week,
        e.person_id,
        e.group_id,
        e.event_date
),

ended as (
    select
        *,
        max(case when value = 0 then event_date end) over (partition by week, person_id, group_id) as end_date
    from visible
)

select
    week,
    person_id,
    group_id,
    end_date,
    min(event_date) filter (where value > 0 and (end_date is null or event_date > end_date)) as since_date
from ended
group by
    week,
    person_id,
    group_id,
    end_date
