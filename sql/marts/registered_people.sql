-- Grain: one row per month, Place, neighbourhood, residence, deprivation, sex, year of age, frailty band and housebound
-- level with anyone; value is how many people.
-- Inputs: mart_span (marts/attribute_span), death (record), mart_month, mart_housebound (month_start, person_id,
-- housebound_level).
-- Parameters: $data_date; $ages, the lowest age that counts.
-- Meaning: people alive and registered with a practice of the board on the first day of the month, as known that day. A
-- person stands in one row a month, so that rows can be added.
with dead as (
    select
        person_id,
        greatest(cast(death_date + interval 1 day as date), known_from) as from_day,
        coalesce(known_until, date '9999-12-31') as to_day
    from death
),
old_enough as (
    -- Only who can have reached the age by the data date: most people have not.
    select *
    from mart_span
    where year(birth_month) <= year($data_date) - $ages
),
there as (
    select
        s.person_id,
        m.month_start,
        s.place,
        s.pcn,
        s.frailty_band,
        s.residence,
        s.deprivation,
        s.sex_code,
        -- On the first of a month the 15th of the birth month has not come.
        year(m.month_start) - year(s.birth_month) - case when month(m.month_start) <= month(s.birth_month) then 1 else 0 end
        as age
    from old_enough as s
    inner join mart_month as m on m.month_start >= s.from_day and m.month_start < s.to_day
),
alive as (
    select
        t.*,
        coalesce(h.housebound_level, 'Not indicated') as housebound_level
    from there as t
    left join mart_housebound as h on h.person_id = t.person_id and h.month_start = t.month_start
    left join dead as d on d.person_id = t.person_id and d.from_day <= t.month_start and d.to_day > t.month_start
    where
        d.person_id is null
        and t.age >= $ages
)
select
    month_start,
    place,
    pcn,
    residence,
    deprivation,
    sex_code,
    age,
    housebound_level,
    case when age < 65 then 'Under 65' else frailty_band end as frailty_band,
    case
        when age < 18 then '0 to 17'
        when age < 65 then '18 to 64'
        when age < 75 then '65 to 74'
        when age < 85 then '75 to 84'
        else '85 and over'
    end as age_band,
    count(*) as value
from alive
group by
    month_start,
    place,
    pcn,
    residence,
    deprivation,
    sex_code,
    age,
    housebound_level,
    case when age < 65 then 'Under 65' else frailty_band end,
    case
        when age < 18 then '0 to 17'
        when age < 65 then '18 to 64'
        when age < 75 then '65 to 74'
        when age < 85 then '75 to 84'
        else '85 and over'
    end
