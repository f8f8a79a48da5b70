-- Grain: one row per row of mart_placed.
-- Inputs: mart_placed (marts/fact_attribute), mart_housebound (month_start, person_id, housebound_level).
-- Parameter: $levels_from, the first month whose levels are known.
-- Meaning: the fact with the person's housebound level as known on the first day of the month in which it began: a stay
-- carries the level that came before it, never one that it produced.
select
    f.*,
    case
        when f.day < $levels_from then 'Not known'
        else coalesce(h.housebound_level, 'Not indicated')
    end as housebound_level
from mart_placed as f
left join mart_housebound as h
    on h.person_id = f.person_id
    and h.month_start = cast(date_trunc('month', f.day) as date)
