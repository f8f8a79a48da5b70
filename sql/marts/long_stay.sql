-- Grain: one row per emergency stay of seven nights or more that ended.
-- Inputs: inpatient_spell (record), mart_month.
-- Parameter: $data_date.
-- Meaning: counted in the month of discharge. day is the admission: place, age and frailty are as known then.
select
    s.person_id,
    s.admission_date as day,
    m.month_start,
    case
        when date_diff('day', s.admission_date, s.discharge_date) >= 21 then '21 nights and more'
        when date_diff('day', s.admission_date, s.discharge_date) >= 14 then '14 to 20 nights'
        else '7 to 13 nights'
    end as stay_length,
    1 as value
from inpatient_spell as s
inner join mart_month as m on s.discharge_date >= m.month_start and s.discharge_date < m.next_month
where
    s.emergency_flag
    and date_diff('day', s.admission_date, s.discharge_date) >= 7
    and s.discharge_date <= $data_date
    and s.known_from <= $data_date
    and (s.known_until is null or s.known_until > $data_date)
