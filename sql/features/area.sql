-- Grain: one row per small area (LSOA of 2021) of the board.
-- Inputs: place.
-- What the address of a person says. deprivation_decile: 1 is the most deprived tenth of England; rural_area: 1 or 0.
-- For audit: no model sees them (the local authority district decides whether a council can be heard of).
select
    lsoa_code,
    authority_code as district,
    imd_decile as deprivation_decile,
    case when rural_flag then 1 when not rural_flag then 0 end as rural_area
from place
