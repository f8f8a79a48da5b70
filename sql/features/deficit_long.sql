-- Grain: one row per (week, person) with at least one recorded deficit.
-- Inputs: feature_deficit (person_id, deficit_bit, readable_from, readable_until), feature_week (week).
-- deficit_mask: bit n set when deficit n of features/declared/deficits.yaml is recorded; polypharmacy is added later.
select
    w.week,
    e.person_id,
    bit_or(e.deficit_bit) as deficit_mask
from feature_week as w
inner join feature_deficit as e
    on e.readable_from <= w.week
    and (e.readable_until is null or e.readable_until > w.week)
group by
    w.week,
    e.person_id
