-- Grain: one row per first of a month, person asked about and event group with an entry that the day can read.
-- Inputs: feature_event (person_id, group_id, event_date, value, known_from, known_until), feature_week (week),
-- phenotype_group (group_id, lookback_days), phenotype_asked (week, person_id).
-- Meaning: as features/event_long, for the months of the marts: a day reads rows with event_date before it and known by
-- it. latest_status packs day and value, days since 1900-01-01 * 64 + value, so that the newest entry wins and on one
-- day the higher value.
select
    a.week,
    e.person_id,
    e.group_id,
    cast(max(date_diff('day', date '1900-01-01', e.event_date) * 64 + e.value) as integer) as latest_status
from phenotype_asked as a
inner join feature_event as e
    on e.person_id = a.person_id
    and e.event_date < a.week
    and e.known_from <= a.week
    and (e.known_until is null or e.known_until > a.week)
inner join phenotype_group as g
    on g.group_id = e.group_id
    and (g.lookback_days is null or date_diff('day', e.event_date, a.week) <= g.lookback_days)
group by
    a.week,
    e.person_id,
    e.group_id
