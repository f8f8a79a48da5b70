-- Grain: one row per continuous inpatient spell begun by emergency admission.
-- Inputs: inpatient_spell (record), mart_month.
-- Parameters: $data_date; $as_in_april, 1 for the traits of people as on the last 1 April, 0 as on admission.
-- Meaning: counted in the month of admission, same-day stays included; a transfer between hospitals is no new admission.
-- As in April, somebody who was not yet registered or of age on that day is not counted until the next.
select
    s.person_id,
    case when $as_in_april = 1 then m.year_start else s.admission_date end as day,
    m.month_start,
    1 as value
from inpatient_spell as s
inner join mart_month as m on s.admission_date >= m.month_start and s.admission_date < m.next_month
where
    s.emergency_flag
    and s.admission_date <= $data_date
    and s.known_from <= $data_date
    and (s.known_until is null or s.known_until > $data_date)
