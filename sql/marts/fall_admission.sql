-- Grain: one row per continuous inpatient spell begun by emergency admission for an injury from a fall.
-- Inputs: inpatient_spell, hospital_episode (record), admission_group (commissioning/admission_group.csv), mart_month.
-- Parameter: $data_date.
-- Meaning: main diagnosis an injury (S00 to T98) and, in the first five other diagnoses of an episode that begins with
-- the stay, a fall (W00 to W19).
with cause as (
    select
        person_id,
        admission_date,
        diagnosis_2 as diagnosis
    from hospital_episode
    where known_from <= $data_date and (known_until is null or known_until > $data_date)
    union all
    select
        person_id,
        admission_date,
        diagnosis_3 as diagnosis
    from hospital_episode
    where known_from <= $data_date and (known_until is null or known_until > $data_date)
    union all
    select
        person_id,
        admission_date,
        diagnosis_4 as diagnosis
    from hospital_episode
    where known_from <= $data_date and (known_until is null or known_until > $data_date)
    union all
    select
        person_id,
        admission_date,
        diagnosis_5 as diagnosis
    from hospital_episode
    where known_from <= $data_date and (known_until is null or known_until > $data_date)
    union all
    select
        person_id,
        admission_date,
        diagnosis_6 as diagnosis
    from hospital_episode
    where known_from <= $data_date and (known_until is null or known_until > $data_date)
),
fallen as (
    select distinct
        c.person_id,
        c.admission_date
    from cause as c
    inner join admission_group as g on g.admission_group = 'fall' and g.prefix = substr(c.diagnosis, 1, 3)
)
select
    s.person_id,
    s.admission_date as day,
    m.month_start,
    1 as value
from inpatient_spell as s
inner join fallen as f on f.person_id = s.person_id and f.admission_date = s.admission_date
inner join mart_month as m on s.admission_date >= m.month_start and s.admission_date < m.next_month
where
    s.emergency_flag
    and substr(s.primary_diagnosis, 1, 1) in ('S', 'T')
    and s.admission_date <= $data_date
    and s.known_from <= $data_date
    and (s.known_until is null or s.known_until > $data_date)
