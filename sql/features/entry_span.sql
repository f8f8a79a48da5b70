-- Grain: one row per version of a GP event that some declared group, deficit or value rule may read.
-- Inputs: gp_event, feature_asked_code (code), feature_span (first_week, last_week, entries_from).
-- The events are read once and what is asked of them is kept; each statement and each week filters again. Entries of any
-- code are kept from entries_from on (missing: none are asked). Rows withdrawn up to a year before the first week are
-- kept: sql/features/deficit_change.sql compares with what was known 365 days before.
select
    e.person_id,
    e.event_date,
    e.entered_date,
    e.code,
    e.value,
    e.unit,
    e.known_from,
    e.known_until
from gp_event as e
left join feature_asked_code as a
    on a.code = e.code
cross join feature_span as s
where
    e.event_date < s.last_week
    and e.known_from <= s.last_week
    and (e.known_until is null or e.known_until > s.first_week - 365)
    and (a.code is not null or e.event_date >= s.entries_from)
