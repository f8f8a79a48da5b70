-- Grain: one row per version of one projected count: area, year, sex, age band.
-- Inputs: population_projection_history.
select
    area_code,
    year,
    sex_code,
    age_band,
    population,
    known_from,
    known_until
from population_projection_history
