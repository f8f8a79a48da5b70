-- Grain: one row per person asked about.
-- Inputs: area_asked (person_id, practice_code, lsoa_code), organisation, place (record).
-- Parameter: $data_date.
-- Meaning: the primary care network of the practice and the Place of the small area, as known on the day.
with practice as (
    select
        practice_code,
        pcn_name || ' (' || pcn_code || ')' as pcn,
        row_number() over (partition by practice_code order by known_from desc, pcn_code) as recency
    from organisation
    where
        known_from <= $data_date
        and (known_until is null or known_until > $data_date)
)
select
    a.person_id,
    coalesce(o.pcn, 'Not known') as pcn,
    coalesce(p.place_name, 'Not known') as place
from area_asked as a
left join practice as o on o.practice_code = a.practice_code and o.recency = 1
left join place as p on p.lsoa_code = a.lsoa_code
order by a.person_id
