-- Grain: one row per (person, deficit, readable_until, later_weeks): from which Monday on a recorded deficit could be read, when the
-- first entry of it happened, and when the first was entered (without a day of entry, when it was known).
-- Inputs: feature_entry (sql/features/entry_span.sql),
--         feature_deficit_code (code, deficit_bit bigint, lookback_days), feature_span (first_week, last_week).
-- A deficit once recorded stays (lookback_days is null: ever recorded), until every row that carries it is withdrawn; so
-- only the earliest readable day per end of validity is kept, and 52 weeks cost one pass over the events. What can be read
-- only some weeks after the first (later_weeks) is kept apart, so that no week is told what a later one learnt. One with a
-- look-back of N days is read while its day lies within the N days before the Monday. What was withdrawn in the year before
-- the first week is kept too: sql/features/deficit_change.sql compares with what was known 365 days before.
with recorded as (
    select
        e.person_id,
        c.deficit_bit,
        e.event_date as happened,
        greatest(coalesce(e.entered_date, e.known_from), e.event_date + 1) as entered,
        greatest(e.known_from, e.event_date + 1) as readable_from,
        greatest(
            cast(floor((date_diff('day', s.first_week, greatest(e.known_from, e.event_date + 1)) + 6) / 7) as integer),
            0
        ) as later_weeks,
        case
            when c.lookback_days is null then e.known_until
            when e.known_until is null then e.event_date + c.lookback_days + 1
            else least(e.known_until, e.event_date + c.lookback_days + 1)
        end as readable_until
    from feature_entry as e
    inner join feature_deficit_code as c
        on c.code = e.code
    cross join feature_span as s
    where
        e.event_date < s.last_week
        and e.known_from <= s.last_week
        and (e.known_until is null or e.known_until > s.first_week - 365)
        and (c.lookback_days is null or e.event_date >= s.first_week - 365 - c.lookback_days)
)

select
    person_id,
    deficit_bit,
    min(happened) as happened,
    min(entered) as entered,
    min(readable_from) as readable_from,
    readable_until
from recorded
group by
    person_id,
    deficit_bit,
    readable_until,
    later_weeks
