-- Grain: one row per version of one practice.
-- Inputs: organisation_history.
select
    practice_code,
    practice_name,
    pcn_code,
    pcn_name,
    sub_icb_code,
    place_name,
    open_date,
    close_date,
    list_size,
    known_from,
    known_until
from organisation_history
