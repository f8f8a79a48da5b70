-- Grain: one row per small area (LSOA of 2021) of the board.
-- Inputs: lsoa (data_contracts/reference/lsoa.csv).
-- Meaning: a reference table shipped with the product: known at every week. place_verified_flag is false until the
-- map from local authority to Place has been confirmed by the board.
select
    lsoa_code,
    authority_code,
    authority_name,
    place_name,
    place_verified_flag,
    imd_decile,
    rural_flag,
    date '1900-01-01' as known_from,
    cast(null as date) as known_until
from lsoa
