-- Grain: one row per continuous inpatient spell begun by emergency admission.
-- Inputs: inpatient_spell (record), mart_month.
-- Parameter: $data_date.
-- Meaning: counted in the month of admission, same-day stays included; a transfer between hospitals is no new admission.
select
    s.person_id,
    s.admission_date as day,
    m.month_start,
    1 as value
from inpatient_spell as s
inner join mart_month as m on s.admission_date >= m.month_start and s.admission_date < m.next_month
where
    s.emergency_flag
    and s.admission_date <= $data_date
    and s.known_from <= $data_date
    and (s.known_until is null or s.known_until > $data_date)
