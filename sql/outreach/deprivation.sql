-- Grain: one row per small area with its decile of deprivation (1 most deprived), as known on the index Monday.
-- Inputs: place (record).
-- Parameter: $index, a Monday.
select
    lsoa_code,
    imd_decile
from place
where
    known_from <= $index
    and (known_until is null or known_until > $index)
order by lsoa_code
