-- Grain: one row per (person, rule, readable_from, readable_until): the newest day of results, and what they say.
-- Inputs: feature_entry (sql/features/entry_span.sql),
--         feature_measure_code (code, measure, minimum, maximum), feature_measure_unit (measure, unit, factor,
--         lowest, highest), feature_value_rule (measure, rule_bit, comparison, threshold),
--         feature_span (first_week, last_week).
-- A result counts in a unit that is known, turned into the unit of its list, and only when plausible. said packs day and
-- finding in one integer, days since 1800-01-01 * 2 + 1 where not normal, so that the newest day wins and on one day what is
-- not normal. All that the first week can read is one row, so that 52 weeks cost one pass over the events.
with result as (
    select
        e.person_id,
        e.event_date,
        greatest(e.known_from, e.event_date + 1, s.first_week) as readable_from,
        e.known_until as readable_until,
        c.measure,
        c.minimum,
        c.maximum,
        cast(round(e.value * u.factor, 3) as decimal(19, 3)) as value
    from feature_entry as e
    inner join feature_measure_code as c
        on c.code = e.code
    inner join feature_measure_unit as u
        on u.measure = c.measure
        and u.unit = lower(replace(coalesce(e.unit, ''), ' ', ''))
        and e.value >= u.lowest
        and e.value <= u.highest
    cross join feature_span as s
    where
        e.event_date < s.last_week
        and e.known_from <= s.last_week
        and (e.known_until is null or e.known_until > s.first_week)
),

judged as (
    select
        r.person_id,
        v.rule_bit,
        r.readable_from,
        r.readable_until,
        date_diff('day', date '1800-01-01', r.event_date) * 2 + case
            when v.comparison = '<' and r.value < v.threshold then 1
            when v.comparison = '<=' and r.value <= v.threshold then 1
            when v.comparison = '>' and r.value > v.threshold then 1
            when v.comparison = '>=' and r.value >= v.threshold then 1
            else 0
        end as said
    from result as r
    inner join feature_value_rule as v
        on v.measure = r.measure
    where
        r.value >= r.minimum
        and r.value <= r.maximum
)

select
    person_id,
    rule_bit,
    readable_from,
    readable_until,
    cast(max(said) as integer) as said
from judged
group by
    person_id,
    rule_bit,
    readable_from,
    readable_until
