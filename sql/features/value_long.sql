-- Grain: one row per (week, person) with a result that a value rule reads.
-- Inputs: feature_value (person_id, rule_bit, readable_from, readable_until, said), feature_week (week).
-- value_mask: the bits of the rules of which the newest result is not normal (features/measurements.py).
with newest as (
    select
        w.week,
        e.person_id,
        e.rule_bit,
        max(e.said) as said
    from feature_week as w
    inner join feature_value as e
        on e.readable_from <= w.week
        and (e.readable_until is null or e.readable_until > w.week)
    group by
        w.week,
        e.person_id,
        e.rule_bit
)

select
    week,
    person_id,
    bit_or(case when said % 2 = 1 then rule_bit else cast(0 as bigint) end) as value_mask
from newest
group by
    week,
    person_id
