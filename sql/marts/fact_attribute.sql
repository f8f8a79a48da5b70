-- Grain: one row per row of mart_raw whose person was registered with a practice of the board on its day.
-- Inputs: mart_raw (person_id, day, and what the fact says), mart_span (marts/attribute_span).
-- Parameter: $ages, the lowest age that counts.
-- Meaning: the fact with the person's age, Place, neighbourhood and frailty as known on that day. Age is whole years
-- from the 15th of the birth month; frailty is not asked below 65.
with aged as (
    select
        r.*,
        s.place,
        s.pcn,
        s.residence,
        s.deprivation,
        s.sex_code,
        s.frailty_band as recorded_band,
        year(r.day) - year(s.birth_month)
        - case when month(r.day) * 100 + day(r.day) < month(s.birth_month) * 100 + day(s.birth_month) then 1 else 0 end
        as age
    from mart_raw as r
    inner join mart_span as s on s.person_id = r.person_id and s.from_day <= r.day and s.to_day > r.day
)
select
    aged.*,
    case when age < 65 then 'Under 65' else recorded_band end as frailty_band,
    case
        when age < 18 then '0 to 17'
        when age < 65 then '18 to 64'
        when age < 75 then '65 to 74'
        when age < 85 then '75 to 84'
        else '85 and over'
    end as age_band,
    case when age < 18 then '0 to 17' when age < 65 then '18 to 64' else '65 and over' end as age_group
from aged
where age >= $ages
