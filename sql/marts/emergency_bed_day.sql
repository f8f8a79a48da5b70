-- Grain: one row per continuous inpatient spell begun by emergency admission and month in which it had a midnight.
-- Inputs: inpatient_spell (record), mart_month.
-- Parameters: $data_date; $covered_to, the last day that the hospital extract covers.
-- Meaning: value is the number of midnights in the month, the midnight that ends a day counting for that day; same-day
-- stays have none. A stay without a discharge is counted to the last day covered, and open_value says how much of value
-- that is. day is the admission: place, age and frailty are as known then, never from codes that the stay produced.
with stay as (
    select
        person_id,
        admission_date,
        case
            when discharge_date is null or discharge_date > $covered_to then $covered_to
            else discharge_date
        end as last_day,
        discharge_date is null as open_flag
    from inpatient_spell
    where
        emergency_flag
        and admission_date < $covered_to
        and known_from <= $data_date
        and (known_until is null or known_until > $data_date)
),
stay_month as (
    select
        s.person_id,
        s.admission_date,
        s.open_flag,
        m.month_start,
        case when s.admission_date > m.month_start then s.admission_date else m.month_start end as from_day,
        case when s.last_day < m.next_month then s.last_day else m.next_month end as to_day
    from stay as s
    inner join mart_month as m on s.admission_date < m.next_month and s.last_day > m.month_start
)
select
    person_id,
    admission_date as day,
    month_start,
    date_diff('day', from_day, to_day) as value,
    case when open_flag then date_diff('day', from_day, to_day) else 0 end as open_value
from stay_month
