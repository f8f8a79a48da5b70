-- Grain: one row per (week, person) registered with a practice and not known to have died, as known that Monday.
-- Inputs: feature_week (week), person, registration, death.
-- Two registrations at once: the latest start wins, then the latest known; registration_count tells that it happened.
-- Age is in completed years from the 15th of the birth month. A registration that ends on the Monday itself still
-- counts: that day has not happened yet.
with registered as (
    select
        w.week,
        r.person_id,
        r.practice_code,
        row_number() over (
            partition by w.week, r.person_id
            order by r.start_date desc, r.known_from desc, r.practice_code
        ) as preference,
        count(*) over (partition by w.week, r.person_id) as registration_count
    from feature_week as w
    inner join registration as r
        on r.start_date < w.week
        and (r.end_date is null or r.end_date >= w.week)
        and r.known_from <= w.week
        and (r.known_until is null or r.known_until > w.week)
),

died as (
    select distinct
        w.week,
        d.person_id
    from feature_week as w
    inner join death as d
        on d.death_date < w.week
        and d.known_from <= w.week
        and (d.known_until is null or d.known_until > w.week)
),

described as (
    select
        w.week,
        p.person_id,
        p.birth_month,
        p.sex_code,
        p.ethnic_code,
        p.lsoa_code,
        p.household_id,
        p.residential_institute_code,
        p.sensitive_flag,
        row_number() over (partition by w.week, p.person_id order by p.known_from desc, p.birth_month) as recency
    from feature_week as w
    inner join person as p
        on p.known_from <= w.week
        and (p.known_until is null or p.known_until > w.week)
)

select
    r.week,
    r.person_id,
    r.practice_code,
    cast(r.registration_count as integer) as registration_count,
    cast(
        year(r.week) - year(p.birth_month)
        - case when month(r.week) * 100 + day(r.week) < month(p.birth_month) * 100 + day(p.birth_month) then 1 else 0 end
        as integer
    ) as age,
    case p.sex_code when '1' then 0 when '2' then 1 end as female,
    p.sex_code,
    p.ethnic_code,
    p.lsoa_code,
    p.household_id,
    p.residential_institute_code,
    coalesce(p.sensitive_flag, false) as sensitive_flag
from registered as r
inner join described as p
    on p.week = r.week
    and p.person_id = r.person_id
    and p.recency = 1
left join died as d
    on d.week = r.week
    and d.person_id = r.person_id
where
    r.preference = 1
    and d.person_id is null
order by
    r.week,
    r.person_id
