-- Grain: one row per (week, person) with a recorded deficit that could not be read 365 days before.
-- Inputs: feature_deficit (person_id, deficit_bit, happened, entered, readable_from, readable_until),
--         feature_week (week, start_365).
-- Each such deficit is in one mask. new_mask: its first entry is dated within the 365 days. recorded_mask: dated before
-- them, entered within them. delivered_mask: dated and entered before them, and received within them.
with held as (
    select
        w.week,
        w.start_365,
        e.person_id,
        e.deficit_bit,
        min(case when e.readable_until is null or e.readable_until > w.week then e.happened end) as happened,
        min(case when e.readable_until is null or e.readable_until > w.week then e.entered end) as entered,
        max(case when e.readable_from <= w.start_365 then 1 else 0 end) as before
    from feature_week as w
    inner join feature_deficit as e
        on e.readable_from <= w.week
        and (e.readable_until is null or e.readable_until > w.start_365)
    group by
        w.week,
        w.start_365,
        e.person_id,
        e.deficit_bit
)

select
    week,
    person_id,
    bit_or(case when happened >= start_365 then deficit_bit else cast(0 as bigint) end) as new_mask,
    bit_or(
        case when happened < start_365 and entered > start_365 then deficit_bit else cast(0 as bigint) end
    ) as recorded_mask,
    bit_or(
        case when happened < start_365 and entered <= start_365 then deficit_bit else cast(0 as bigint) end
    ) as delivered_mask
from held
where
    before = 0
    and happened is not null
group by
    week,
    person_id
