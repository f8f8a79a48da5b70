-- Grain: one row per (person, day) of mart_moment on which the person was registered with a practice of the board.
-- Inputs: mart_moment (person_id, day), registration, person, organisation, place (record), frailty_status.
-- Parameter: $data_date.
-- Meaning: age, place, neighbourhood and frailty as known on that day. Age is whole years from the 15th of the birth
-- month. Practices are placed in their PCN as known on the data date, so that a series keeps its areas. Frailty is the
-- newest code before the day; below 65 it is not asked.
with registered as (
    select
        m.person_id,
        m.day,
        r.practice_code,
        row_number() over (
            partition by m.person_id, m.day
            order by r.start_date desc, r.known_from desc, r.practice_code
        ) as recency
    from mart_moment as m
    inner join registration as r
        on r.person_id = m.person_id
        and r.start_date <= m.day
        and (r.end_date is null or r.end_date >= m.day)
        and r.known_from <= m.day
        and (r.known_until is null or r.known_until > m.day)
),
practice as (
    select
        practice_code,
        pcn_name || ' (' || pcn_code || ')' as pcn,
        row_number() over (partition by practice_code order by known_from desc, pcn_code) as recency
    from organisation
    where
        known_from <= $data_date
        and (known_until is null or known_until > $data_date)
),
born as (
    select
        person_id,
        min(birth_month) as birth_month
    from person
    where known_from <= $data_date
    group by person_id
),
lived as (
    select
        m.person_id,
        m.day,
        p.lsoa_code,
        row_number() over (partition by m.person_id, m.day order by p.known_from desc, p.lsoa_code) as recency
    from mart_moment as m
    inner join person as p
        on p.person_id = m.person_id
        and p.known_from <= m.day
        and (p.known_until is null or p.known_until > m.day)
),
frail as (
    select
        m.person_id,
        m.day,
        f.band,
        row_number() over (
            partition by m.person_id, m.day
            order by f.event_date desc, f.known_from desc, f.band desc
        ) as recency
    from mart_moment as m
    inner join frailty_status as f
        on f.person_id = m.person_id
        and f.event_date < m.day
        and f.known_from <= m.day
        and (f.known_until is null or f.known_until > m.day)
),
aged as (
    select
        r.person_id,
        r.day,
        r.practice_code,
        year(r.day) - year(b.birth_month)
        - case when month(r.day) * 100 + day(r.day) < month(b.birth_month) * 100 + day(b.birth_month) then 1 else 0 end
        as age
    from registered as r
    inner join born as b on b.person_id = r.person_id
    where r.recency = 1
)
select
    a.person_id,
    a.day,
    a.age,
    case
        when a.age < 18 then '0 to 17'
        when a.age < 65 then '18 to 64'
        when a.age < 75 then '65 to 74'
        when a.age < 85 then '75 to 84'
        else '85 and over'
    end as age_band,
    coalesce(pl.place_name, 'Not known') as place,
    coalesce(o.pcn, 'Not known') as pcn,
    case
        when a.age < 65 then 'Under 65'
        else coalesce(f.band, 'None recorded')
    end as frailty_band
from aged as a
inner join practice as o on o.practice_code = a.practice_code and o.recency = 1
left join lived as l on l.person_id = a.person_id and l.day = a.day and l.recency = 1
left join place as pl on pl.lsoa_code = l.lsoa_code
left join frail as f on f.person_id = a.person_id and f.day = a.day and f.recency = 1
