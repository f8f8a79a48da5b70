-- Grain: one row per version of one registered care home.
-- Inputs: care_home_register_history.
select
    location_id,
    name_code,
    care_home_type,
    bed_count,
    pcn_code,
    practice_code,
    lsoa_code,
    household_id,
    known_from,
    known_until
from care_home_register_history
