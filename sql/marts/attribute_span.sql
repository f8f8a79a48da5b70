-- Grain: one row per person and run of days, from from_day to before to_day, on which the person was registered with a
-- practice of the board and nothing else known about the person changed.
-- Inputs: registration, person, organisation, place (record), frailty_status, mart_removed.
-- Parameter: $data_date.
-- Meaning: what was known on a day about practice, Place and frailty, so that a fact finds its day's attributes by one
-- join. Two registrations at once: the latest start, then the latest known, counts. Practices are placed in their PCN as
-- known on the data date, so that a series keeps its areas. Frailty is the newest code before the day. People who may be
-- counted nowhere have no row.
with registered as (
    select
        r.person_id,
        r.practice_code,
        r.start_date,
        r.known_from,
        greatest(r.start_date, r.known_from) as from_day,
        least(
            coalesce(cast(r.end_date + interval 1 day as date), date '9999-12-31'),
            coalesce(r.known_until, date '9999-12-31')
        ) as to_day
    from registration as r
    left join mart_removed as x on x.person_id = r.person_id
    where x.person_id is null
),
lived as (
    select
        person_id,
        lsoa_code,
        case when residential_institute_code is null then 'Own home' else 'Care home' end as residence,
        known_from as from_day,
        coalesce(known_until, date '9999-12-31') as to_day
    from person
),
frail as (
    select
        person_id,
        band,
        event_date,
        known_from,
        greatest(cast(event_date + interval 1 day as date), known_from) as from_day,
        coalesce(known_until, date '9999-12-31') as to_day
    from frailty_status
),
boundary as (
    select person_id, from_day as day from registered
    union
    select person_id, to_day as day from registered
    union
    select person_id, from_day as day from lived
    union
    select person_id, to_day as day from lived
    union
    select person_id, from_day as day from frail
    union
    select person_id, to_day as day from frail
),
run as (
    select
        person_id,
        day as from_day,
        lead(day) over (partition by person_id order by day) as to_day
    from boundary
),
run_practice as (
    select
        n.person_id,
        n.from_day,
        n.to_day,
        r.practice_code,
        row_number() over (
            partition by n.person_id, n.from_day
            order by r.start_date desc, r.known_from desc, r.practice_code
        ) as recency
    from run as n
    inner join registered as r on r.person_id = n.person_id and r.from_day <= n.from_day and r.to_day > n.from_day
    where n.to_day is not null
),
run_home as (
    select
        n.person_id,
        n.from_day,
        l.lsoa_code,
        l.residence,
        row_number() over (
            partition by n.person_id, n.from_day
            order by l.from_day desc, l.lsoa_code
        ) as recency
    from run as n
    inner join lived as l on l.person_id = n.person_id and l.from_day <= n.from_day and l.to_day > n.from_day
),
run_frailty as (
    select
        n.person_id,
        n.from_day,
        f.band,
        row_number() over (
            partition by n.person_id, n.from_day
            order by f.event_date desc, f.known_from desc, f.band desc
        ) as recency
    from run as n
    inner join frail as f on f.person_id = n.person_id and f.from_day <= n.from_day and f.to_day > n.from_day
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
        min(birth_month) as birth_month,
        min(sex_code) as sex_code
    from person
    where known_from <= $data_date
    group by person_id
)
select
    p.person_id,
    p.from_day,
    p.to_day,
    b.birth_month,
    b.sex_code,
    coalesce(h.residence, 'Own home') as residence,
    case
        when a.imd_decile <= 2 then '1 of 5, most deprived'
        when a.imd_decile <= 4 then '2 of 5'
        when a.imd_decile <= 6 then '3 of 5'
        when a.imd_decile <= 8 then '4 of 5'
        when a.imd_decile <= 10 then '5 of 5, least deprived'
        else 'Not known'
    end as deprivation,
    coalesce(a.place_name, 'Not known') as place,
    coalesce(o.pcn, 'Not known') as pcn,
    coalesce(f.band, 'None recorded') as frailty_band
from run_practice as p
inner join practice as o on o.practice_code = p.practice_code and o.recency = 1
inner join born as b on b.person_id = p.person_id
left join run_home as h on h.person_id = p.person_id and h.from_day = p.from_day and h.recency = 1
left join place as a on a.lsoa_code = h.lsoa_code
left join run_frailty as f on f.person_id = p.person_id and f.from_day = p.from_day and f.recency = 1
where p.recency = 1
