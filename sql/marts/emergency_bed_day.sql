-- Grain: one row per continuous inpatient spell begun by emergency admission and month in which it had a midnight.
-- Inputs: inpatient_spell, hospital_episode (record), mart_month.
-- Parameters: $data_date; $covered_to, the last day that the hospital extract covers; $as_in_april, 1 for the traits of
-- people as on the 1 April before the midnight, 0 as on admission.
-- Meaning: value is the number of midnights in the month, the midnight that ends a day counting for that day; same-day
-- stays have none. A stay without a discharge is counted to the last day covered, and open_value says how much of value
-- that is; after_ready_value, how much lies on or after the discharge-ready date of a stay with a discharge. day is the
-- admission: place, age and frailty are as known then, never from codes that the stay produced. As in April, somebody
-- who was not yet registered or of age on that day is not counted until the next.
with ready as (
    select
        person_id,
        discharge_date,
        max(discharge_ready_date) as ready_date
    from hospital_episode
    where
        discharge_date is not null
        and discharge_ready_date is not null
        and known_from <= $data_date
        and (known_until is null or known_until > $data_date)
    group by
        person_id,
        discharge_date
),
stay as (
    select
        s.person_id,
        s.admission_date,
        case
            when s.discharge_date is null or s.discharge_date > $covered_to then $covered_to
            else s.discharge_date
        end as last_day,
        s.discharge_date is null as open_flag,
        case when r.ready_date > s.admission_date then r.ready_date else s.admission_date end as ready_date,
        r.ready_date is not null as ready_flag
    from inpatient_spell as s
    left join ready as r on r.person_id = s.person_id and r.discharge_date = s.discharge_date
    where
        s.emergency_flag
        and s.admission_date < $covered_to
        and s.known_from <= $data_date
        and (s.known_until is null or s.known_until > $data_date)
),
stay_month as (
    select
        s.person_id,
        s.admission_date,
        s.open_flag,
        s.ready_date,
        s.ready_flag,
        m.month_start,
        m.year_start,
        case when s.admission_date > m.month_start then s.admission_date else m.month_start end as from_day,
        case when s.last_day < m.next_month then s.last_day else m.next_month end as to_day
    from stay as s
    inner join mart_month as m on s.admission_date < m.next_month and s.last_day > m.month_start
)
select
    person_id,
    case when $as_in_april = 1 then year_start else admission_date end as day,
    month_start,
    date_diff('day', from_day, to_day) as value,
    case when open_flag then date_diff('day', from_day, to_day) else 0 end as open_value,
    case
        when not ready_flag or ready_date >= to_day then 0
        when ready_date > from_day then date_diff('day', ready_date, to_day)
        else date_diff('day', from_day, to_day)
    end as after_ready_value
from stay_month
