-- Grain: one row per adult registered with a practice of the board, as known on the index Monday.
-- Inputs: registration, person, death, organisation (record).
-- Parameter: $index, a Monday.
-- Meaning: two registrations at once: the latest start, then the latest known, counts; `registration_count` tells.
-- Age is whole years from the 15th of the birth month. A practice without a PCN is kept, its PCN unknown.
with registration_by_recency as (
    select
        person_id,
        practice_code,
        row_number() over (partition by person_id order by start_date desc, known_from desc, practice_code) as recency,
        count(*) over (partition by person_id) as registration_count
    from registration
    where
        start_date < $index
        and (end_date is null or end_date >= $index)
        and known_from <= $index
        and (known_until is null or known_until > $index)
),
person_by_recency as (
    select
        person_id,
        birth_month,
        sex_code,
        sensitive_flag,
        row_number() over (partition by person_id order by known_from desc, birth_month) as recency
    from person
    where
        known_from <= $index
        and (known_until is null or known_until > $index)
),
practice_by_recency as (
    select
        practice_code,
        practice_name,
        pcn_code,
        pcn_name,
        row_number() over (partition by practice_code order by known_from desc, pcn_code) as recency
    from organisation
    where
        known_from <= $index
        and (known_until is null or known_until > $index)
),
known_dead as (
    select distinct person_id
    from death
    where
        death_date <= $index
        and known_from <= $index
        and (known_until is null or known_until > $index)
),
aged as (
    select
        person_id,
        sex_code,
        coalesce(sensitive_flag, false) as sensitive_flag,
        year($index) - year(birth_month)
        - case when month($index) * 100 + day($index) < month(birth_month) * 100 + day(birth_month) then 1 else 0 end
        as age
    from person_by_recency
    where recency = 1
)
select
    r.person_id,
    r.practice_code,
    o.practice_name,
    o.pcn_code,
    o.pcn_name,
    a.age,
    a.sex_code,
    a.sensitive_flag,
    d.person_id is not null as dead,
    r.registration_count
from registration_by_recency as r
inner join practice_by_recency as o on o.practice_code = r.practice_code and o.recency = 1
inner join aged as a on a.person_id = r.person_id and a.age >= 18
left join known_dead as d on d.person_id = r.person_id
where r.recency = 1
order by r.person_id
