-- Grain: one row per version of a GP event whose code belongs to a declared event group.
-- Inputs: feature_entry (sql/features/entry_span.sql),
--         feature_code (code, group_id, value, lookback_days), feature_span (first_week, last_week).
-- Only rows that some week of the span can read; each week filters again. value is the status that the code sets.
select
    e.person_id,
    c.group_id,
    e.event_date,
    c.value,
    e.known_from,
    e.known_until
from feature_entry as e
inner join feature_code as c
    on c.code = e.code
cross join feature_span as s
where
    e.event_date < s.last_week
    and e.known_from <= s.last_week
    and (e.known_until is null or e.known_until > s.first_week)
    and (c.lookback_days is null or e.event_date >= s.first_week - c.lookback_days)
