-- Grain: one row per continuous inpatient spell begun by emergency admission for a condition of the list.
-- Inputs: inpatient_spell (record), admission_group (commissioning/admission_group.csv), mart_month.
-- Parameter: $data_date.
-- Meaning: by the main diagnosis of the first episode, at the length of the listed code.
select
    s.person_id,
    s.admission_date as day,
    m.month_start,
    1 as value
from inpatient_spell as s
inner join admission_group as g on g.admission_group = 'ambulatory' and g.prefix = substr(s.primary_diagnosis, 1, 3)
inner join mart_month as m on s.admission_date >= m.month_start and s.admission_date < m.next_month
where
    s.emergency_flag
    and s.admission_date <= $data_date
    and s.known_from <= $data_date
    and (s.known_until is null or s.known_until > $data_date)
