-- Grain: one row per five-year age, sex and projected year.
-- Inputs: population_projection (record).
-- Parameters: $data_date; $last_year, the last year that is read.
-- Meaning: population of all areas together, and that of the first year projected. 90 and over is one age.
with counted as (
    select
        least(cast(regexp_extract(age_band, '^([0-9]+)', 1) as integer), 90) as age_from,
        sex_code,
        year,
        sum(population) as population
    from population_projection
    where
        known_from <= $data_date
        and (known_until is null or known_until > $data_date)
        and year <= $last_year
    group by
        least(cast(regexp_extract(age_band, '^([0-9]+)', 1) as integer), 90),
        sex_code,
        year
),
first_year as (
    select min(year) as year
    from counted
)
select
    cast(c.age_from as bigint) as age_from,
    c.sex_code,
    cast(c.year as bigint) as year,
    cast(c.population as bigint) as population,
    cast(f.population as bigint) as first_population
from counted as c
inner join first_year as y on true
inner join counted as f on f.age_from = c.age_from and f.sex_code = c.sex_code and f.year = y.year
order by
    c.age_from,
    c.sex_code,
    c.year
