-- Grain: one row per month, group of age and sex, and frailty band with anyone.
-- Inputs: mart_fact_registered_people, mart_fact_emergency_admissions, mart_fact_emergency_bed_days (facts of the marts).
-- Meaning: people at the start of the month; emergency admissions and midnights of the month by age, sex and frailty at
-- admission. ended_nights are of stays with a known end; after_ready_nights are those of them after the ready date.
with counted as (
    select
        month_start,
        age_band || ' ' || coalesce(sex_code, '') as age_sex,
        frailty_band,
        value as people,
        0 as admissions,
        0 as nights,
        0 as ended_nights,
        0 as after_ready_nights
    from mart_fact_registered_people
    union all
    select
        month_start,
        age_band || ' ' || coalesce(sex_code, '') as age_sex,
        frailty_band,
        0 as people,
        value as admissions,
        0 as nights,
        0 as ended_nights,
        0 as after_ready_nights
    from mart_fact_emergency_admissions
    union all
    select
        month_start,
        age_band || ' ' || coalesce(sex_code, '') as age_sex,
        frailty_band,
        0 as people,
        0 as admissions,
        value as nights,
        value - open_value as ended_nights,
        after_ready_value as after_ready_nights
    from mart_fact_emergency_bed_days
)
select
    month_start,
    age_sex,
    frailty_band,
    cast(sum(people) as bigint) as people,
    cast(sum(admissions) as bigint) as admissions,
    cast(sum(nights) as bigint) as nights,
    cast(sum(ended_nights) as bigint) as ended_nights,
    cast(sum(after_ready_nights) as bigint) as after_ready_nights
from counted
group by
    month_start,
    age_sex,
    frailty_band
order by
    month_start,
    age_sex,
    frailty_band
